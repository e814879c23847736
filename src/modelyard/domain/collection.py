"""What nobody names any more: manifests that no version has, and stored bytes that no file names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GRACE_HOURS: Final = 24
"""How long bytes stay after the last file that named them is gone, unless an operator says otherwise."""
MOST_HOURS: Final = 24 * 365


@dataclass(frozen=True, slots=True)
class Garbage:
    """An object that no row names: the id of its store, its name there, its size in bytes."""

    store_id: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Helping:
    """What one step of collecting took out of the database, and the objects that may go now."""

    manifests: int
    blobs: int
    garbage: tuple[Garbage, ...]
    more: bool
    trash: int = 0
    """How much of the trash was forgotten."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What one step of collecting has done; sizes in bytes. `spared` objects go later."""

    manifests: int
    objects: int
    size: int
    spared: int
    more: bool
    trash: int = 0


@dataclass(frozen=True, slots=True)
class Weight:
    """What collecting would do: manifests and objects that nobody names, and how many bytes those are.

    `waiting` is what was taken out of the database before and is in a store still. `trash` is how much of the trash has
    been there for long enough; what only that names is counted, too.
    """

    manifests: int
    objects: int
    size: int
    waiting: int
    waiting_size: int
    trash: int = 0
