"""Comparing the database with the stores, and manifests with their digests, for whoever runs the server."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import METASTORE, Need, Query, Ref
from modelyard.domain.inspection import Blob, Compared, Looked
from modelyard.domain.privileges import Privilege
from modelyard.store import inspection
from modelyard.store.tx import Look


@dataclass(frozen=True)
class ListBlobs(Query[Look, tuple[Blob, ...]]):
    """List stored bytes that files name, or have named lately, from one on."""

    after: str
    most: int
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> tuple[Blob, ...]:
        """List them."""
        return inspection.blobs(tx, self.after, self.most)


@dataclass(frozen=True)
class NameDamage(Query[Look, Looked]):
    """Say which files of which versions miss the bytes that were found missing or damaged."""

    looked: Looked
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> Looked:
        """Name them."""
        return inspection.named(tx, self.looked)


@dataclass(frozen=True)
class CompareManifests(Query[Look, Compared]):
    """Compare the files of finalized versions with the digests that were noted of them."""

    after: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    @property
    def is_brief(self) -> bool:
        """A manifest may list very many files."""
        return False

    def run(self, tx: Look) -> Compared:
        """Compare some."""
        return inspection.compare(tx, self.after)
