"""Collecting what nobody names any more, a helping at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain.collection import Collected, Garbage, Helping, Weight
from modelyard.domain.privileges import Privilege
from modelyard.store import collection
from modelyard.store.tx import Look, Write

_HOUR: Final = 3_600_000
_MANIFESTS: Final = 50
_BLOBS: Final = 500
"""How much one transaction removes at most, so that writers come in between."""


@dataclass(frozen=True)
class WeighGarbage(Query[Look, Weight]):
    """Tell what collecting would remove, of bytes that no file has named for so many hours."""

    grace_hours: int
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> Weight:
        """Count it."""
        return collection.weigh(tx, tx.now - self.grace_hours * _HOUR)


@dataclass(frozen=True)
class CollectGarbage(Command[Write, Helping]):
    """Take out of the database what nobody names any more; the objects are removed after it, and forgotten then."""

    grace_hours: int
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> Helping:
        """Take one helping."""
        manifests = collection.drop_manifests(tx, _MANIFESTS)
        blobs = collection.drop_blobs(tx, tx.now - self.grace_hours * _HOUR, _BLOBS)
        garbage = collection.due(tx, _BLOBS)
        return Helping(manifests, blobs, garbage, more=manifests == _MANIFESTS or _BLOBS in {blobs, len(garbage)})


@dataclass(frozen=True)
class ForgetGarbage(Command[Write, Collected]):
    """Note that objects are gone from their stores."""

    helping: Helping
    removed: tuple[Garbage, ...]
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> Collected:
        """Forget them."""
        collection.forget(tx, self.removed)
        spared = len(self.helping.garbage) - len(self.removed)
        size = sum(each.size for each in self.removed)
        # What is spared comes first again: a helping of nothing else would never end.
        more = self.helping.more and (bool(self.removed) or spared == 0)
        return Collected(self.helping.manifests, len(self.removed), size, spared, more=more)
