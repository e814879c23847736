"""The check of stored bytes and manifests while no server runs: as the server does it, without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard.domain.collection import GRACE_HOURS, Shelved, shelf_after
from modelyard.domain.inspection import stretch
from modelyard.store import collection, inspection

if TYPE_CHECKING:
    from modelyard.store.session import Database
    from modelyard.store.stores import Stores


class Inspector:
    """Looks, stretch by stretch, and changes nothing; each answer says where the next stretch begins, or None."""

    def __init__(self, database: Database, stores: Stores, *, verify: bool) -> None:
        self._database = database
        self._stores = stores
        self._verify = verify
        """Whether all bytes of an object are read."""

    def objects(self, after: str) -> dict[str, Any]:
        """Look at objects where they are."""
        most = stretch(verify=self._verify)
        with self._database.look() as tx:
            blobs = inspection.blobs(tx, after, most)
        looked = self._stores.look(blobs, most, verify=self._verify)
        with self._database.look() as tx:
            return inspection.named(tx, looked).told()

    def manifests(self, after: str) -> dict[str, Any]:
        """Compare manifests with their digests."""
        with self._database.look() as tx:
            return inspection.compare(tx, after).told()

    def orphans(self, after: str) -> dict[str, Any]:
        """Count the objects of a shelf that no row names."""
        with self._database.look() as tx:
            shelf = shelf_after(collection.stores(tx), after)
        shelved = self._stores.shelved(shelf, GRACE_HOURS * 3600) if shelf else Shelved()
        with self._database.look() as tx:
            return collection.counted(collection.orphans(tx, shelved.objects), shelved).told()
