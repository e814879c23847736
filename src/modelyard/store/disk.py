"""A store on this machine's disk, as the other layers see it: `blobs` and `parts` do the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from modelyard.domain.files import Condition, Held, Stored
from modelyard.store.blobs import Blob, BlobStore, Incoming, StoredBlob
from modelyard.store.parts import PartStore, PartWriter

SETTLING_SECONDS: Final = 15 * 60
"""How long an object that was written again is spared: the row that names it may not be committed yet."""


class Disk:
    """A folder of objects, each named by its SHA-256."""

    def __init__(self, root: Path) -> None:
        self.url = root.as_uri()
        self.store_id = ""
        """What the database calls it, once it is known there."""
        self.blobs = BlobStore(root)
        self._parts = PartStore(self.blobs)

    def open_store(self) -> Self:
        """Make the empty folder a store, or enter the store that it is."""
        self.blobs.open()
        return self

    @property
    def marker(self) -> str:
        """The id in its `store.json`."""
        return self.blobs.store_id

    def receive(self, *, limit: int, size: int | None) -> DiskIncoming:
        """Take a file in."""
        return DiskIncoming(self, self.blobs.receive(limit=limit, expected_size=size))

    def open(self, stored: Stored) -> Blob:
        """Open an object."""
        return self.blobs.open_blob(stored.key, stored.size)

    def begin(self, upload_id: str) -> None:
        """Make room for the parts of an upload."""
        self._parts.begin(upload_id)

    def receive_part(self, upload_id: str, number: int, size: int | None) -> PartWriter:
        """Take a part in."""
        return self._parts.write_part(upload_id, number, size)

    def join(self, upload_id: str, parts: Sequence[tuple[int, str]], *, limit: int) -> Stored:
        """Make one object of parts."""
        return self.stored(self._parts.complete(upload_id, parts, limit=limit))

    def drop(self, upload_id: str) -> None:
        """Remove what is left of an upload."""
        self._parts.abort(upload_id)

    def held(self, shelf: str = "") -> Iterator[Held]:
        """The objects whose names begin with a shelf's two digits, or all."""
        return self.blobs.held(shelf)

    def check(self, stored: Stored, *, verify: bool) -> Condition:
        """How an object is found."""
        held = self.blobs.look(stored.key)
        if held is None:
            return Condition.MISSING
        whole = held.size == stored.size and (not verify or self.blobs.verify(stored.key))
        return Condition.WHOLE if whole else Condition.DAMAGED

    def remove(self, key: str, *, older_than_seconds: float) -> bool:
        """Delete an object, unless it was written lately; whether it is gone."""
        removed = self.blobs.remove(key, older_than_seconds=max(older_than_seconds, SETTLING_SECONDS))
        return removed or self.blobs.look(key) is None

    def sweep(self, older_than_seconds: float) -> int:
        """Remove what was left of uploads."""
        return self.blobs.sweep(older_than_seconds)

    def stored(self, blob: StoredBlob) -> Stored:
        """An object, and where it is."""
        return Stored(self.store_id, blob.sha256, blob.size, key=blob.sha256)

    def close(self) -> None:
        """Leave the folder."""
        self.blobs.close()


class DiskIncoming:
    """A file on its way to the disk."""

    def __init__(self, disk: Disk, incoming: Incoming) -> None:
        self._disk = disk
        self._incoming = incoming
        self.write = incoming.write
        self.abort = incoming.abort

    def commit(self) -> Stored:
        """Make the bytes an object, durably."""
        return self._disk.stored(self._incoming.commit())
