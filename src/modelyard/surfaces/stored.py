"""The stored bytes, as far as the tables of the protocols see them: what brings, gives, moves and removes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.cards import Draft, Examined
from modelyard.domain.collection import Garbage, Shelf, Shelved
from modelyard.domain.files import Address, Entry, Lease, Stored, Upload
from modelyard.domain.inspection import Blob, Looked
from modelyard.domain.models import Version
from modelyard.domain.tables import Comparing, Comparison, Reading, Rows


class Writer(Protocol):
    """What takes bytes in: batches of chunks, then a commit that makes them durable, or an abort."""

    def write(self, chunks: Sequence[bytes]) -> None:
        """Take some more."""
        ...

    def commit(self) -> object:
        """Make them durable; what is returned goes to the row's `keep` or `write`."""
        ...

    def abort(self) -> None:
        """Leave nothing behind; after a commit it does nothing."""
        ...


class Reader(Protocol):
    """What gives bytes out."""

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes from a place on."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class Source(Protocol):
    """What opens the bytes of an entry."""

    def open(self, entry: Entry) -> Reader:
        """Open them."""
        ...


class Bytes(Protocol):
    """The stored bytes, as far as rows see them; the composition root brings the real ones."""

    def open(self, entry: Entry) -> Reader:
        """Open the bytes of a file."""
        ...

    def receive(self, store_id: str, size: int | None) -> Writer:
        """Take a file in; `size` in bytes where it is known."""
        ...

    def bring(self, store_id: str, content: bytes) -> Stored:
        """Take in some bytes that are whole."""
        ...

    def clear(self, garbage: Sequence[Garbage]) -> tuple[Garbage, ...]:
        """Delete objects that no row names; those that are gone."""
        ...

    def shelved(self, shelf: Shelf, older_than_seconds: float) -> Shelved:
        """The objects on a shelf that were written so long ago, whether the database knows them or not."""
        ...

    def look(self, blobs: Sequence[Blob], most: int, *, verify: bool) -> Looked:
        """Look at objects where they are; to `verify` reads all their bytes."""
        ...

    def begin(self, upload: Upload) -> None:
        """Make room for the parts of an upload."""
        ...

    def receive_part(self, upload: Upload, number: int, size: int | None) -> Writer:
        """Take a part in."""
        ...

    def complete(self, upload: Upload, parts: list[tuple[int, str]]) -> Stored | tuple[tuple[int, str], ...]:
        """What an upload has become, or, if its client sent parts to the store, of which parts it is to be made."""
        ...

    def address_of(self, entry: Entry, seconds: int) -> Address | None:
        """Where a client fetches a file from its store; None where it must ask the server."""
        ...

    def address_for(self, version: Version, path: str, seconds: int) -> Address | None:
        """Where a client puts a file of a version by itself."""
        ...

    def addresses_for(self, upload: Upload, numbers: Sequence[int], seconds: int) -> tuple[Address, ...]:
        """Where a client puts parts by itself, one address for each; none where it must send them to the server."""
        ...

    def tidy(self, draft: Draft) -> None:
        """Remove what clients sent to the store for a version, once it is finalized."""
        ...

    def lend_in_store(self, version: Version, entries: Sequence[Entry] | None = None) -> Lease | None:
        """Credentials to bring the files of a version into its store, or to read copies of those that are given."""
        ...

    def folder(self, version: Version, *, write: bool) -> str:
        """The URL of the folder that such credentials are for; empty where there are none."""
        ...

    def drop(self, upload: Upload) -> None:
        """Remove what is left of an upload."""
        ...

    def examine(self, draft: Draft) -> Examined:
        """Look into the files of a version that is to be finalized."""
        ...

    def place(self, version_id: str) -> str:
        """The URL of a folder of this machine into which a client brings the files of a version."""
        ...

    def take(self, version: Version) -> tuple[Entry, ...]:
        """Take in what a client brought there."""
        ...

    def forget(self, version_id: str) -> None:
        """Remove that folder."""
        ...

    def lend(self, entries: Sequence[Entry]) -> str:
        """The URL of a folder of this machine with copies of files, for one client to use and throw away."""
        ...

    def rows(self, reading: Reading) -> Rows:
        """A page of rows of an inference table."""
        ...

    def page(self, notebook: bytes) -> str:
        """A notebook (.ipynb) as HTML without scripts."""
        ...

    def compare(self, asked: Comparing) -> Comparison:
        """How often two served entities answered the same, by an inference table."""
        ...
