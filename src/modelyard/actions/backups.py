"""Backups: the whole database in one consistent state, and the bytes that its files name."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import METASTORE, Need, Query, Ref
from modelyard.domain.files import Entry
from modelyard.domain.privileges import Privilege
from modelyard.store import backups
from modelyard.store.tx import Look


@dataclass(frozen=True)
class DumpDatabase(Query[Look, backups.Dump]):
    """Write every row of the database, hashes of tokens and the audit among them, as it is at one moment."""

    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    @property
    def is_brief(self) -> bool:
        """It reads everything."""
        return False

    def run(self, tx: Look) -> backups.Dump:
        """The open file that it is written to."""
        return backups.dump(tx)


@dataclass(frozen=True)
class FindObject(Query[Look, Entry]):
    """Find stored bytes by their SHA-256, for a backup."""

    sha256: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> Entry:
        """Where they are, or `NotFound`."""
        return backups.find_object(tx, self.sha256)
