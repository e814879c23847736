"""The care of stored bytes: collecting what nobody names, and checking what somebody does."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions import collection, inspection
from modelyard.domain.collection import GRACE_HOURS, MOST_HOURS, Collected, Garbage, Helping, Weight
from modelyard.domain.files import Condition
from modelyard.domain.inspection import Blob, Compared, Damage, Looked
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import Bytes, Here, Joining, Row, Translation

_OBJECTS: Final = 200
_VERIFIED: Final = 10
"""How many objects one request looks at; to verify reads all their bytes."""


class Grace(msgspec.Struct, frozen=True):
    """How many hours bytes stay after the last file that named them."""

    grace_hours: int = GRACE_HOURS

    @property
    def hours(self) -> int:
        """The hours, checked."""
        if not 0 <= self.grace_hours <= MOST_HOURS:
            raise Invalid(f"grace_hours must be from 0 to {MOST_HOURS}.")
        return self.grace_hours


class Stretch(msgspec.Struct, frozen=True):
    """Where to go on, as the answer before said; nothing begins at the start."""

    after: str = ""
    verify: bool = False

    @property
    def most(self) -> int:
        """How many objects to look at."""
        return _VERIFIED if self.verify else _OBJECTS


def _remove(store: Bytes, _said: Grace, helping: Helping) -> tuple[Helping, tuple[Garbage, ...]]:
    """Remove the objects; which ones are gone."""
    gone = [each for each in helping.garbage if store.remove(each.store_id, each.key)]
    return helping, tuple(gone)


def _look(store: Bytes, said: Stretch, blobs: tuple[Blob, ...]) -> Looked:
    """Look at objects where they are."""
    found = [(blob, store.check(blob.stored, verify=said.verify)) for blob in blobs]
    damage = [Damage(blob, condition) for blob, condition in found if condition is not Condition.WHOLE]
    size = sum(blob.stored.size for blob in blobs)
    return Looked(len(blobs), size, tuple(damage), blobs[-1].id if len(blobs) == said.most else None)


def _weight(weight: Weight, _here: Here) -> object:
    return msgspec.to_builtins(weight)


def _collected(collected: Collected, _here: Here) -> object:
    return msgspec.to_builtins(collected)


def _looked(looked: Looked, _here: Here) -> object:
    damage = [
        {
            "sha256": each.blob.stored.sha256,
            "size": each.blob.stored.size,
            "store": each.blob.stored.store_id,
            "key": each.blob.stored.key,
            "condition": each.condition.value,
            "files": each.files,
        }
        for each in looked.damage
    ]
    return {"objects": looked.objects, "size": looked.size, "damage": damage, "after": looked.after}


def _compared(compared: Compared, _here: Here) -> object:
    return msgspec.to_builtins(compared)


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
        at("fsck/objects"),
        Stretch,
        ask=lambda said: inspection.ListBlobs(said.after, said.most),
        move=_look,
        keep=lambda _said, looked: inspection.NameDamage(looked),
        write=_looked,
    ),
    Translation(
        "POST",
        at("fsck/manifests"),
        Stretch,
        read=lambda said: inspection.CompareManifests(said.after),
        write=_compared,
    ),
)
