"""The care of stored bytes: collecting what nobody names, and checking what somebody does."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions import collection, inspection
from modelyard.domain.collection import (
    GRACE_HOURS,
    MOST_HOURS,
    Collected,
    Garbage,
    Helping,
    Orphans,
    Shelved,
    Weight,
    shelf_after,
)
from modelyard.domain.inspection import Compared, Looked, stretch
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import Bytes, Here, Joining, Row, Translation


class Grace(msgspec.Struct, frozen=True):
    """How many hours bytes stay after the last file that named them."""

    grace_hours: int = GRACE_HOURS

    @property
    def hours(self) -> int:
        """The hours, checked."""
        if not 0 <= self.grace_hours <= MOST_HOURS:
            raise Invalid(f"grace_hours must be from 0 to {MOST_HOURS}.")
        return self.grace_hours


class Hunt(Grace, frozen=True):
    """Where to go on, as the answer before said, and how old an object must be that nobody knows, in hours."""

    after: str = ""


class Stretch(msgspec.Struct, frozen=True):
    """Where to go on, as the answer before said; nothing begins at the start."""

    after: str = ""
    verify: bool = False

    @property
    def most(self) -> int:
        """How many objects to look at."""
        return stretch(verify=self.verify)


def _remove(store: Bytes, _said: Grace, helping: Helping) -> tuple[Helping, tuple[Garbage, ...]]:
    """Remove the objects; which ones are gone."""
    return helping, store.clear(helping.garbage)


def _shelve(store: Bytes, said: Hunt, stores: tuple[str, ...]) -> Shelved:
    """Look through the next shelf."""
    shelf = shelf_after(stores, said.after)
    return store.shelved(shelf, said.hours * 3600) if shelf else Shelved()


def _weight(weight: Weight, _here: Here) -> object:
    return msgspec.to_builtins(weight)


def _collected(collected: Collected, _here: Here) -> object:
    return msgspec.to_builtins(collected)


def _told(found: Looked | Compared | Orphans, _here: Here) -> object:
    return found.told()


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("gc"), Grace, read=lambda said: collection.WeighGarbage(said.hours), write=_weight),
    Joining(
        "POST",
        at("gc"),
        Grace,
        ask=lambda said: collection.CollectGarbage(said.hours),
        move=_remove,
        keep=lambda _said, moved: collection.ForgetGarbage(*moved),
        write=_collected,
    ),
    Joining(
        "POST",
        at("gc/orphans"),
        Hunt,
        ask=lambda _said: collection.ListStores(),
        move=_shelve,
        keep=lambda _said, shelved: collection.DiscardOrphans(shelved),
        write=_told,
    ),
    Joining(
        "POST",
        at("fsck/orphans"),
        Hunt,
        ask=lambda _said: collection.ListStores(),
        move=_shelve,
        keep=lambda _said, shelved: collection.CountOrphans(shelved),
        write=_told,
    ),
    Joining(
        "POST",
        at("fsck/objects"),
        Stretch,
        ask=lambda said: inspection.ListBlobs(said.after, said.most),
        move=lambda store, said, blobs: store.look(blobs, said.most, verify=said.verify),
        keep=lambda _said, looked: inspection.NameDamage(looked),
        write=_told,
    ),
    Translation(
        "POST",
        at("fsck/manifests"),
        Stretch,
        read=lambda said: inspection.CompareManifests(said.after),
        write=_told,
    ),
)
