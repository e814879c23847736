"""The stores of an installation: each holds the bytes of some versions, and is reached by its id.

Every call may wait for a disk or a network: make it in a worker thread, and outside of any transaction.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from modelyard.domain import files as manifest
from modelyard.domain.cards import Card, Draft, Examined, with_taken
from modelyard.domain.collection import Garbage, Shelf, Shelved
from modelyard.domain.files import Address, Condition, Entry, Held, Lease, Stored, Upload
from modelyard.domain.inspection import Blob, Damage, Looked
from modelyard.domain.models import MODEL_FILE, Status, Version, model_id_in
from modelyard.domain.tables import Comparing, Comparison, PayloadFile, Reading, Rows
from modelyard.errors import Unavailable
from modelyard.store import parquet
from modelyard.store.examiner import Examiner
from modelyard.store.packing import Packer

ADDRESS_SECONDS: Final = 300
"""How long an address of an object store lives at most: nobody decides again when it is used."""
_HEAD: Final = 1 << 20
"""Bytes of an `MLmodel` file that are looked at."""


class Reader(Protocol):
    """What gives bytes out."""

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes from a place on."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class Part(Protocol):
    """A part of an upload that is on disk: what its client must name it by."""

    @property
    def etag(self) -> str:
        """Its tag."""
        ...


class PartWriter(Protocol):
    """What takes a part in."""

    def write(self, chunks: Sequence[bytes]) -> None:
        """Take some more."""
        ...

    def commit(self) -> Part:
        """Make it durable."""
        ...

    def abort(self) -> None:
        """Leave nothing behind; after a commit it does nothing."""
        ...


class Incoming(Protocol):
    """What takes a file in; nothing is kept before `commit`."""

    def write(self, chunks: Sequence[bytes]) -> None:
        """Take some more."""
        ...

    def commit(self) -> Stored:
        """Make the bytes durable, and say what and where they are."""
        ...

    def abort(self) -> None:
        """Leave nothing behind; after a commit it does nothing."""
        ...


class Backend(Protocol):
    """One store: a folder of a disk, or a place in an object store."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def marker(self) -> str:
        """The id that its `store.json` gives it."""
        ...

    def receive(self, *, limit: int, size: int | None) -> Incoming:
        """Take a file in, of at most `limit` bytes, and of just `size` where that is known."""
        ...

    def open(self, stored: Stored) -> Reader:
        """Open an object; `NotFound` where it is missing, or has another size."""
        ...

    def begin(self, upload_id: str) -> None:
        """Make room for the parts of an upload."""
        ...

    def receive_part(self, upload_id: str, number: int, size: int | None) -> PartWriter:
        """Take a part in."""
        ...

    def join(self, upload_id: str, parts: Sequence[tuple[int, str]], *, limit: int) -> Stored:
        """Make one object of parts, each a number and a tag; asked again, it answers the same."""
        ...

    def drop(self, upload_id: str) -> None:
        """Remove what is left of an upload."""
        ...

    def held(self, shelf: str = "") -> Iterator[Held]:
        """The objects on a shelf, or on all, whether the database knows them or not."""
        ...

    def check(self, stored: Stored, *, verify: bool) -> Condition:
        """How an object is found; to `verify` reads all its bytes, else its size must do."""
        ...

    def remove(self, key: str, *, older_than_seconds: float) -> bool:
        """Delete an object that no row names, unless it was written more recently than that; whether it is gone.

        Where equal bytes have one name, an object that was written just now is spared: its row is on its way.
        """
        ...

    def sweep(self, older_than_seconds: float) -> int:
        """Remove what was left of uploads to which nobody has written for so long; how many they were."""
        ...

    def close(self) -> None:
        """Leave the store; what is open stays readable."""
        ...


@runtime_checkable
class Direct(Protocol):
    """A store that clients reach by themselves, at addresses that end soon."""

    def address_of(self, stored: Stored, seconds: int) -> Address | None:
        """Where an object can be fetched."""
        ...

    def address_for(self, version_id: str, path: str, seconds: int) -> Address | None:
        """Where a whole file of a version can be put."""
        ...

    def address_for_part(self, upload_id: str, number: int, seconds: int) -> Address | None:
        """Where a part of an upload can be put."""
        ...

    def lend_folder(self, version_id: str) -> Lease | None:
        """Credentials to put files of a version into a folder; None where there is no token service."""
        ...

    def lend_copies(self, version_id: str, entries: Sequence[Entry]) -> Lease | None:
        """Credentials to read copies of files in a folder."""
        ...

    def folder(self, version_id: str, *, write: bool) -> str:
        """The URL of either folder; empty where there is no token service."""
        ...

    def chosen(self, upload_id: str, parts: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """The parts that a client lists, by the tags that `join` knows."""
        ...

    def take(self, version_id: str, limit: int) -> Iterator[Entry]:
        """Take in every whole file that was put there."""
        ...

    def forget(self, version_id: str) -> None:
        """Remove those."""
        ...


class Stores:
    """The open stores, by id; `limit` is the most bytes that a file may have.

    With `addresses`, clients are sent to stores that they can reach by themselves.
    """

    def __init__(self, limit: int, *, addresses: bool = True, examiner: Examiner | None = None) -> None:
        self._limit = limit
        self._examiner = examiner
        self._packer = Packer()
        self._addresses = addresses
        self._open: dict[str, Backend] = {}

    def add(self, store_id: str, backend: Backend) -> None:
        """Know a store by its id."""
        self._open[store_id] = backend

    @property
    def known(self) -> Collection[str]:
        """The ids of the stores that are open."""
        return self._open.keys()

    def close(self) -> None:
        """Leave every store, and end what looks into files."""
        if self._examiner:
            self._examiner.close()
        self._packer.close()
        for backend in self._open.values():
            backend.close()

    def open(self, entry: Entry) -> Reader:
        """Open the bytes of a file."""
        return self.backend(entry.store_id).open(entry.stored)

    def receive(self, store_id: str, size: int | None) -> Incoming:
        """Take a file in."""
        return self.backend(store_id).receive(limit=self._limit, size=size)

    def bring(self, store_id: str, content: bytes) -> Stored:
        """Store some bytes that are whole."""
        incoming = self.receive(store_id, len(content))
        try:
            incoming.write([content])
            return incoming.commit()
        finally:
            incoming.abort()

    def begin(self, upload: Upload) -> None:
        """Make room for the parts of an upload."""
        self.backend(upload.store_id).begin(upload.id)

    def receive_part(self, upload: Upload, number: int, size: int | None) -> PartWriter:
        """Take a part in."""
        return self.backend(upload.store_id).receive_part(upload.id, number, size)

    def join(self, upload: Upload, parts: Sequence[tuple[int, str]]) -> Stored:
        """Make one file of parts."""
        return self.backend(upload.store_id).join(upload.id, parts, limit=self._limit)

    def drop(self, upload: Upload) -> None:
        """Remove what is left of an upload."""
        self.backend(upload.store_id).drop(upload.id)

    def examine(self, draft: Draft) -> Examined:
        """Look into the files of a version that is to be finalized, with those that clients sent to its store."""
        if draft.version.status is not Status.PENDING_REGISTRATION:
            return Examined()
        taken = tuple(self._arrived(draft))
        draft = replace(draft, files=with_taken(draft.files, taken))
        card = self._examiner.examine(draft.files, self.open) if self._examiner else Card()
        return Examined(manifest.digest(draft.files), card, self._model_id(draft), taken)

    def tidy(self, draft: Draft) -> None:
        """Remove what clients sent for a version, once it is finalized."""
        for upload in draft.staged:
            self.drop(upload)
        direct = self._direct(draft.version.store_id)
        if direct:
            direct.forget(draft.version.id)

    def _arrived(self, draft: Draft) -> Iterator[Entry]:
        """The files that clients sent to the store by themselves."""
        direct = self._direct(draft.version.store_id)
        if direct:
            yield from direct.take(draft.version.id, self._limit)
        for upload in draft.staged:
            yield Entry.of(upload.path, upload.stored or self.join(upload, upload.staged))

    def address_of(self, entry: Entry, seconds: int) -> Address | None:
        """Where a client fetches a file from its store; None where it must ask the server."""
        direct = self._direct(entry.store_id) if self._addresses else None
        return direct.address_of(entry.stored, min(seconds, ADDRESS_SECONDS)) if direct else None

    def address_for(self, version: Version, path: str, seconds: int) -> Address | None:
        """Where a client puts a file of a version by itself."""
        direct = self._direct(version.store_id) if self._addresses else None
        return direct.address_for(version.id, path, min(seconds, ADDRESS_SECONDS)) if direct else None

    def addresses_for(self, upload: Upload, numbers: Sequence[int], seconds: int) -> tuple[Address, ...]:
        """Where a client puts parts by itself, one address for each; none where it must send them to the server."""
        direct = self._direct(upload.store_id) if self._addresses else None
        most = min(seconds, ADDRESS_SECONDS)
        found = [direct.address_for_part(upload.id, number, most) for number in numbers] if direct else []
        return () if None in found else tuple(each for each in found if each)

    def complete(self, upload: Upload, parts: Sequence[tuple[int, str]]) -> Stored | tuple[tuple[int, str], ...]:
        """What an upload has become, or, if its client sent parts to the store, of which parts it is to be made."""
        if upload.stored:
            return upload.stored
        direct = self._direct(upload.store_id)
        chosen = direct.chosen(upload.id, parts) if direct else parts
        return self.join(upload, parts) if list(chosen) == list(parts) else tuple(chosen)

    def lend_in_store(self, version: Version, entries: Sequence[Entry] | None = None) -> Lease | None:
        """Credentials to bring the files of a version into its store, or to read copies of those that are given."""
        direct = self._direct(version.store_id)
        if direct is None:
            return None
        return direct.lend_folder(version.id) if entries is None else direct.lend_copies(version.id, entries)

    def folder(self, version: Version, *, write: bool) -> str:
        """The URL of the folder that such credentials are for; empty where there are none."""
        direct = self._direct(version.store_id)
        return direct.folder(version.id, write=write) if direct else ""

    def _direct(self, store_id: str) -> Direct | None:
        """A store, if clients may be able to reach it by themselves."""
        backend = self.backend(store_id)
        return backend if isinstance(backend, Direct) else None

    def _model_id(self, draft: Draft) -> str:
        entry = next((each for each in draft.files if each.path == MODEL_FILE), None)
        if entry is None:
            return ""
        with contextlib.closing(self.open(entry)) as file:
            return model_id_in(file.read(0, _HEAD)) or ""

    def clear(self, garbage: Sequence[Garbage]) -> tuple[Garbage, ...]:
        """Delete objects that no row names; those that are gone."""
        return tuple(each for each in garbage if self.backend(each.store_id).remove(each.key, older_than_seconds=0))

    def shelved(self, shelf: Shelf, older_than_seconds: float) -> Shelved:
        """The objects on a shelf that were written so long ago; younger ones may be on their way into the database."""
        before = time.time() - older_than_seconds
        held = self.backend(shelf.store_id).held(shelf.name)
        old = (Garbage(shelf.store_id, each.key, each.size) for each in held if each.written_at <= before)
        return Shelved(tuple(old), str(shelf))

    def sweep(self, older_than_seconds: float) -> None:
        """Remove from every open store what was left of uploads to which nobody has written for so long."""
        for store_id in tuple(self._open):
            self.backend(store_id).sweep(older_than_seconds)

    def look(self, blobs: Sequence[Blob], most: int, *, verify: bool) -> Looked:
        """Look at objects where they are; fewer than `most` are the last ones. To `verify` reads all their bytes."""
        found = [(blob, self.backend(blob.stored.store_id).check(blob.stored, verify=verify)) for blob in blobs]
        damage = [Damage(blob, condition) for blob, condition in found if condition is not Condition.WHOLE]
        size = sum(blob.stored.size for blob in blobs)
        return Looked(len(blobs), size, tuple(damage), blobs[-1].id if len(blobs) == most else None)

    # Inference tables

    def rows_in(self, path: Path) -> Mapping[str, Sequence[str]]:
        """Which endpoints have rows of inference tables in a spooled file, by the ids of the tables."""
        return self._packer.sorted(path)

    def bring_rows(self, store_id: str, path: Path, table: str, batch: str, endpoints: Sequence[str]) -> PayloadFile:
        """Store a table's rows of some endpoints in a spooled file as a file with an id."""
        told, content = self._packer.packed(path, table, endpoints)
        return PayloadFile(batch, told.rows, told.first_at, told.last_at, self.bring(store_id, content))

    def rows(self, reading: Reading) -> Rows:
        """A page of rows of an inference table."""
        return parquet.page(reading, self._whole)

    def compare(self, asked: Comparing) -> Comparison:
        """How often two served entities answered the same, by an inference table."""
        return parquet.comparison(asked, self._whole)

    def _whole(self, file: PayloadFile) -> bytes:
        pieces: list[bytes] = []
        at, size = 0, file.stored.size
        with contextlib.closing(self.backend(file.stored.store_id).open(file.stored)) as reader:
            while at < size and (piece := reader.read(at, size - at)):
                pieces.append(piece)
                at += len(piece)
        return b"".join(pieces)

    def backend(self, store_id: str) -> Backend:
        """A store by its id; `Unavailable` for one that is not open."""
        backend = self._open.get(store_id)
        if backend is None:
            raise Unavailable("the store of these bytes is not open; the server's log says why.")
        return backend
