"""A store that clients reach by themselves, at addresses that the server signs, or with credentials for one folder.

<prefix>/
├── brought/<version id>/<path>         a whole file, as its client sent it
├── lent/<version id>/<path>            a copy of a file, for clients with credentials that let them read this folder
└── staging/<upload id>/<number>.<tag>  a part, also of those that came through the server

An address of a part of an upload, or of a whole file, can be used until it ends, whatever has become of the version.
So nothing in there is a model's: to finalize a version is to read it once, to hash what was read on its way into an
object that no address has ever named, and not to look there again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore

from modelyard.domain.files import MAX_FILES, Address, Entry, Held, Lease, Stored, inner
from modelyard.errors import Invalid, NotFound, TooLarge, Unavailable, WrongState
from modelyard.store.cloud import Cloud, reached

if TYPE_CHECKING:
    from modelyard.store.sts import TokenService

_BROUGHT, _LENT = "brought", "lent"
_LENT_SECONDS: Final = 24 * 3_600
"""After how long a copy is made anew; it is swept later still, so never while somebody has credentials for it."""
_LARGEST_COPY: Final = 5 << 30
"""Bytes of an object that S3 copies by itself."""
_LONGEST: Final = 900
"""Bytes of a key that is signed for a file: S3 takes 1,024, the store's own prefix included."""
_HEADERS: Final = {"az": (("x-ms-blob-type", "BlockBlob"),)}
"""What must be sent along with an upload, by scheme."""


class DirectCloud(Cloud):
    """An object store with addresses for clients, and credentials where there is a token service."""

    def __init__(self, url: str, options: Mapping[str, str], tokens: TokenService | None = None) -> None:
        super().__init__(url, options)
        self._tokens = tokens

    def lend_folder(self, version_id: str) -> Lease | None:
        """Credentials to put files of a version into a folder; None where there is no token service."""
        return self._tokens.lease(self.folder(version_id, write=True), write=True) if self._tokens else None

    def lend_copies(self, version_id: str, entries: Sequence[Entry]) -> Lease | None:
        """Credentials to read copies of files in a folder."""
        if self._tokens is None:
            return None
        with reached():
            self._copy(f"{_LENT}/{version_id}/", entries)
        return self._tokens.lease(self.folder(version_id, write=False), write=False)

    def folder(self, version_id: str, *, write: bool) -> str:
        """The URL of either folder; empty where there are no credentials for it."""
        return f"{self.url}/{_BROUGHT if write else _LENT}/{version_id}" if self._tokens else ""

    def _copy(self, prefix: str, entries: Sequence[Entry]) -> None:
        """Copy what is not there yet, or was copied long ago; nobody else can write there."""
        fresh = time.time() - _LENT_SECONDS
        there = {held.key for held in self._listed(prefix) if held.written_at > fresh}
        for entry in entries:
            if prefix + entry.path in there:
                continue
            if entry.size <= _LARGEST_COPY:
                obstore.copy(self._store, entry.key, prefix + entry.path)
            else:
                with self.writer(prefix + entry.path, entry.size) as copy:
                    for piece in self._pieces(entry.key, entry.size):
                        copy.write(piece)

    def address_of(self, stored: Stored, seconds: int) -> Address | None:
        """Where an object can be fetched for so long; None where the server's credentials cannot sign."""
        try:
            url = self.sign_get(stored, seconds)
        except Unavailable:
            return None
        return Address(url) if url else None

    def address_for(self, version_id: str, path: str, seconds: int) -> Address | None:
        """Where a whole file of a version can be put; None for a path that is too long to be a key."""
        key = f"{_BROUGHT}/{version_id}/{path}"
        return self._signed(key, seconds) if len(key.encode()) <= _LONGEST else None

    def address_for_part(self, upload_id: str, number: int, seconds: int) -> Address | None:
        """Where a part of an upload can be put: a place of its own for each address."""
        self.begin(upload_id)
        return self._signed(f"staging/{upload_id}/{number:05d}.{secrets.token_hex(16)}", seconds)

    def chosen(self, upload_id: str, parts: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """The parts that a client lists, by our own tags; it may name them by those that the store gave it."""
        self.begin(upload_id)
        names: dict[tuple[int, str], str] = {}
        with reached():
            for name, tag in self._tagged(f"staging/{upload_id}/"):
                number, _, own = name.partition(".")
                if number.isdecimal():
                    names[int(number), own] = own
                    names[int(number), tag] = own
        for part in parts:
            if part not in names:
                raise Invalid(f"Part {part[0]} is missing or was replaced; send it again.")
        return [(part[0], names[part]) for part in parts]

    def take(self, version_id: str, limit: int) -> Iterator[Entry]:
        """Every file that a client brought, taken in as it is now."""
        for count, (held, path) in enumerate(self._brought(version_id)):
            if count == MAX_FILES or held.size > limit:
                raise TooLarge(f"a version has at most {MAX_FILES} files, and each at most {limit} bytes.")
            try:
                yield Entry.of(inner(path), self._joined([held.key], {held.key: held.size}, held.size))
            except NotFound:
                raise WrongState("The files changed while they were examined; finalize the version again.") from None

    def forget(self, version_id: str) -> None:
        """Remove what a client brought."""
        with reached():
            self._delete([held.key for held, _ in self._brought(version_id)])

    def sweep(self, older_than_seconds: float) -> int:
        """Remove also what was brought for versions that nobody finalized, and old copies."""
        lent = self._sweep(_LENT, max(older_than_seconds, 2 * _LENT_SECONDS))
        return super().sweep(older_than_seconds) + self._sweep(_BROUGHT, older_than_seconds) + lent

    def _sweep(self, root: str, older_than_seconds: float) -> int:
        newest: dict[str, float] = {}
        with reached():
            there = list(self._listed(f"{root}/"))
            for held in there:
                folder = held.key.split("/")[1]
                newest[folder] = max(held.written_at, newest.get(folder, 0.0))
            stale = {folder for folder, written_at in newest.items() if written_at < time.time() - older_than_seconds}
            self._delete([held.key for held in there if held.key.split("/")[1] in stale])
        return len(stale)

    def _signed(self, key: str, seconds: int) -> Address | None:
        try:
            with reached():
                url = obstore.sign(self._store, "PUT", key, timedelta(seconds=seconds))
        except Unavailable:
            return None
        return Address(url, _HEADERS.get(self.url.partition(":")[0], ()))

    def _brought(self, version_id: str) -> Iterator[tuple[Held, str]]:
        """What a client brought, with the paths inside the version."""
        prefix = f"{_BROUGHT}/{version_id}/"
        with reached():
            for held in self._listed(prefix):
                yield held, held.key.removeprefix(prefix)

    def _tagged(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The last level of the name of each object, and the store's own tag of it."""
        found = obstore.list(self._store, prefix=prefix, return_arrow=False)
        for some in found:
            for meta in some:
                yield meta["path"].rpartition("/")[2], (meta["e_tag"] or "").strip('"')
