"""What a check of the stores and of the manifests finds."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain.files import Condition, Stored


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes, and the id of their row."""

    id: str
    stored: Stored


@dataclass(frozen=True, slots=True)
class Damage:
    """Stored bytes that are not as they were: the object, what is wrong, and where in models it is missed."""

    blob: Blob
    condition: Condition
    files: tuple[str, ...] = ()
    """`catalog.schema.model/version/path`, some of them."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A stretch of the stores that was looked at: how many objects and bytes, and where to go on, or None."""

    objects: int
    size: int
    damage: tuple[Damage, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class WrongManifest:
    """A manifest that is not what its version was finalized with."""

    id: str
    problem: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A stretch of the manifests that was compared: how many, which are wrong, and where to go on, or None."""

    manifests: int
    wrong: tuple[WrongManifest, ...]
    after: str | None
