"""What nobody names any more: manifests that no version has, and stored bytes that no file names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

GRACE_HOURS: Final = 24
"""How long bytes stay after the last file that named them is gone, unless an operator says otherwise."""
MOST_HOURS: Final = 24 * 365
_SHELVES: Final = tuple(f"{number:02x}" for number in range(256))
"""Every store keeps its objects by the first two digits of their names."""


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


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf of a store: the store's id, and two hex digits."""

    store_id: str
    name: str

    def __str__(self) -> str:
        """As `shelf_after` reads it."""
        return f"{self.store_id}/{self.name}"


def shelf_after(stores: Iterable[str], before: str) -> Shelf | None:
    """The shelf that comes after another one, which is written `store/shelf`; None after the last one."""
    shelves = (Shelf(store_id, name) for store_id in sorted(stores) for name in _SHELVES)
    return next((shelf for shelf in shelves if str(shelf) > before), None)


@dataclass(frozen=True, slots=True)
class Shelved:
    """The objects on a shelf that are old enough to be orphans, and where to go on, or None."""

    objects: tuple[Garbage, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Orphans:
    """Objects of which the database knows nothing: how many, their bytes together, and where to go on, or None."""

    objects: int
    size: int
    after: str | None

    def told(self) -> dict[str, Any]:
        """As people and programs read it."""
        return asdict(self)
