"""What a check of the stores and of the manifests finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from modelyard.domain.files import Condition, Stored

_OBJECTS: Final = 200
_VERIFIED: Final = 10


def stretch(*, verify: bool) -> int:
    """How many objects are looked at together; to verify reads all their bytes."""
    return _VERIFIED if verify else _OBJECTS


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

    def told(self) -> dict[str, Any]:
        """As people and programs read it."""
        stored = self.blob.stored
        where = {"sha256": stored.sha256, "size": stored.size, "store": stored.store_id, "key": stored.key}
        return {**where, "condition": self.condition.value, "files": list(self.files)}


@dataclass(frozen=True, slots=True)
class Looked:
    """A stretch of the stores that was looked at: how many objects and bytes, and where to go on, or None."""

    objects: int
    size: int
    damage: tuple[Damage, ...]
    after: str | None

    def told(self) -> dict[str, Any]:
        """As people and programs read it."""
        damage = [each.told() for each in self.damage]
        return {"objects": self.objects, "size": self.size, "damage": damage, "after": self.after}


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

    def told(self) -> dict[str, Any]:
        """As people and programs read it."""
        return asdict(self)
