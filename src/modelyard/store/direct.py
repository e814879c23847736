"""A store that clients reach by themselves, at addresses that the server signs.

<prefix>/
├── brought/<version id>/<path>         a whole file, as its client sent it
└── staging/<upload id>/<number>.<tag>  a part, also of those that came through the server

An address of a part of an upload, or of a whole file, can be used until it ends, whatever has become of the version.
So nothing in there is a model's: to finalize a version is to read it once, to hash what was read on its way into an
object that no address has ever named, and not to look there again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import obstore

from modelyard.domain.files import MAX_FILES, Address, Entry, Held, Stored, inner
from modelyard.errors import Invalid, NotFound, TooLarge, WrongState
from modelyard.store.cloud import Cloud, reached

_BROUGHT: Final = "brought"
_LONGEST: Final = 900
"""Bytes of a key that is signed for a file: S3 takes 1,024, the store's own prefix included."""
_HEADERS: Final = {"az": (("x-ms-blob-type", "BlockBlob"),)}
"""What must be sent along with an upload, by scheme."""


class DirectCloud(Cloud):
    """An object store with addresses for clients."""

    def address_of(self, stored: Stored, seconds: int) -> Address | None:
        """Where an object can be fetched for so long."""
        url = self.sign_get(stored, seconds)
        return Address(url) if url else None

    def address_for(self, version_id: str, path: str, seconds: int) -> Address | None:
        """Where a whole file of a version can be put; None for a path that is too long to be a key."""
        key = f"{_BROUGHT}/{version_id}/{path}"
        return self._signed(key, seconds) if len(key.encode()) <= _LONGEST else None

    def address_for_part(self, upload_id: str, number: int, seconds: int) -> Address:
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
        """Remove also what was brought for versions that nobody finalized."""
        return super().sweep(older_than_seconds) + self._sweep(_BROUGHT, older_than_seconds)

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

    def _signed(self, key: str, seconds: int) -> Address:
        with reached():
            url = obstore.sign(self._store, "PUT", key, timedelta(seconds=seconds))
        return Address(url, _HEADERS.get(self.url.partition(":")[0], ()))

    def _brought(self, version_id: str) -> Iterator[tuple[Held, str]]:
        """What a client brought, with the paths inside the version."""
        prefix = f"{_BROUGHT}/{version_id}/"
        with reached():
            for held in self._listed(prefix):
                yield held, held.key.removeprefix(prefix)

    def _tagged(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The last level of the name of each object, and the store's own tag of it."""
        found = obstore.list(self._store, prefix=prefix, return_arrow=False)  # pyright: ignore[reportUnknownMemberType]  of its other overloads
        for some in found:
            for meta in some:
                yield meta["path"].rpartition("/")[2], (meta["e_tag"] or "").strip('"')
