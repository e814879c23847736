"""Collecting what nobody names any more, a helping at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain.collection import Collected, Garbage, Helping, Weight
from modelyard.domain.privileges import Privilege
from modelyard.domain.trash import DAY
from modelyard.store import collection, trash
from modelyard.store.tx import Look, Write

_HOUR: Final = 3_600_000
_TRASH: Final = 50
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
        return collection.weigh(tx, tx.now - self.grace_hours * _HOUR, _due(tx))


@dataclass(frozen=True)
class CollectGarbage(Command[Write, Helping]):
    """Take out of the database what nobody names any more; the objects are removed after it, and forgotten then."""

    grace_hours: int
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> Helping:
        """Take one helping."""
        forgotten = trash.purge(tx, _due(tx), _TRASH)
        manifests = collection.drop_manifests(tx, _MANIFESTS)
        blobs = collection.drop_blobs(tx, tx.now - self.grace_hours * _HOUR, _BLOBS)
        garbage = collection.due(tx, _BLOBS)
        more = forgotten == _TRASH or manifests == _MANIFESTS or _BLOBS in {blobs, len(garbage)}
        return Helping(manifests, blobs, garbage, more=more, trash=forgotten)


def _due(tx: Look) -> int:
    """When what may be forgotten now was put into the trash at the latest."""
    return tx.now - tx.context.trash_days * DAY


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
        took = self.helping.manifests + self.helping.trash + len(self.removed)
        more = self.helping.more and (took > 0 or spared == 0)
        return Collected(self.helping.manifests, len(self.removed), size, spared, more=more, trash=self.helping.trash)
