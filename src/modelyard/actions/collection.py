"""Collecting what nobody names any more, a helping at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import METASTORE, Chore, Command, Need, Query, Ref
from modelyard.domain.collection import GRACE_HOURS, Collected, Garbage, Helping, Orphans, Shelved, Weight
from modelyard.domain.privileges import Privilege
from modelyard.domain.trash import DAY
from modelyard.store import collection, holdings, trash
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
        return _take_out(tx, self.grace_hours)


@dataclass(frozen=True)
class ForgetGarbage(Command[Write, Collected]):
    """Note that objects are gone from their stores."""

    helping: Helping
    removed: tuple[Garbage, ...]
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> Collected:
        """Forget them."""
        return _forget(tx, self.helping, self.removed)


@dataclass(frozen=True)
class CollectByItself(Chore[Write, Helping]):
    """Do what `CollectGarbage` does, as the server itself from time to time."""

    def run(self, tx: Write) -> Helping:
        """Take one helping."""
        return _take_out(tx, GRACE_HOURS)


@dataclass(frozen=True)
class ForgetByItself(Chore[Write, Collected]):
    """Do what `ForgetGarbage` does, as the server itself after that."""

    helping: Helping
    removed: tuple[Garbage, ...]

    def run(self, tx: Write) -> Collected:
        """Forget them."""
        return _forget(tx, self.helping, self.removed)


def _due(tx: Look) -> int:
    """When what may be forgotten now was put into the trash at the latest."""
    return tx.now - tx.context.trash_days * DAY


def _take_out(tx: Write, grace_hours: int) -> Helping:
    forgotten = trash.purge(tx, _due(tx), _TRASH)
    manifests = collection.drop_manifests(tx, _MANIFESTS)
    blobs = collection.drop_blobs(tx, tx.now - grace_hours * _HOUR, _BLOBS)
    garbage = collection.due(tx, _BLOBS)
    more = forgotten == _TRASH or manifests == _MANIFESTS or _BLOBS in {blobs, len(garbage)}
    return Helping(manifests, blobs, garbage, more=more, trash=forgotten)


def _forget(tx: Write, helping: Helping, removed: tuple[Garbage, ...]) -> Collected:
    collection.forget(tx, removed)
    spared = len(helping.garbage) - len(removed)
    size = sum(each.size for each in removed)
    # What is spared comes first again: a helping of nothing else would never end.
    more = helping.more and (helping.manifests + helping.trash + len(removed) > 0 or spared == 0)
    return Collected(helping.manifests, len(removed), size, spared, more=more, trash=helping.trash)


# Objects of which the database knows nothing


@dataclass(frozen=True)
class ListStores(Query[Look, tuple[str, ...]]):
    """List the ids of the stores, to look through each for what no row names."""

    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> tuple[str, ...]:
        """List them."""
        return collection.stores(tx)


@dataclass(frozen=True)
class CountOrphans(Query[Look, Orphans]):
    """Count those of the objects on a shelf that no row names."""

    shelved: Shelved
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> Orphans:
        """Count them."""
        return collection.counted(collection.orphans(tx, self.shelved.objects), self.shelved)


@dataclass(frozen=True)
class DiscardOrphans(Command[Write, Orphans]):
    """Note those of the objects on a shelf that no row names as garbage, which is removed next."""

    shelved: Shelved
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> Orphans:
        """Note them."""
        return _discard(tx, self.shelved)


@dataclass(frozen=True)
class DiscardByItself(Chore[Write, Orphans]):
    """Do what `DiscardOrphans` does, as the server itself from time to time."""

    shelved: Shelved

    def run(self, tx: Write) -> Orphans:
        """Note them."""
        return _discard(tx, self.shelved)


def _discard(tx: Write, shelved: Shelved) -> Orphans:
    found = collection.orphans(tx, shelved.objects)
    for each in found:
        holdings.discard(tx, each.store_id, each.key, each.size)
    return collection.counted(found, shelved)
