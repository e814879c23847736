"""The files of versions on this machine: brought once for all processes, and never used unchecked."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final, Protocol

from modelyard.domain.files import MAX_DEPTH, Entry
from modelyard.domain.files import digest as manifest_digest
from modelyard.engines.local.trouble import Trouble

_PIECE: Final = 1 << 20
_SPARE: Final = 4
"""Folders of models that are kept although nobody needs them now."""
_DIFFERS: Final = "its files are not those that were registered; it is not served. Ask an admin to run modelyard fsck."
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Reader(Protocol):
    """What gives the bytes of a file out."""

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes from a place on."""
        ...

    def close(self) -> None:
        """No more."""
        ...


OpenFile = Callable[[Entry], Reader]


class Files:
    """Folders of models, by the digests of their manifests."""

    def __init__(self, folder: Path, open_file: OpenFile) -> None:
        self._folder = folder
        self._open = open_file
        self._turns = defaultdict[str, asyncio.Lock](asyncio.Lock)
        self._needed = Counter[str]()
        self._checked: set[str] = set()

    @contextlib.contextmanager
    def needed(self, digest: str) -> Generator[None]:
        """Keep a folder while it is used."""
        self._needed[digest] += 1
        try:
            yield
        finally:
            self._needed[digest] -= 1
            self.tidy()

    async def bring(self, digest: str, entries: Sequence[Entry]) -> Path:
        """The folder with these files, whose bytes were checked since the engine was started."""
        if manifest_digest(entries) != digest:
            raise Trouble(_DIFFERS, is_final=True)
        async with self._turns[digest]:
            place = self._folder / digest
            if digest not in self._checked:
                await asyncio.to_thread(self._ensure, place, entries)
                self._checked.add(digest)
            os.utime(place)
            return place

    def tidy(self, spare: int = _SPARE) -> None:
        """Remove what nobody needs, but for a few that were used last."""
        unneeded = [each for each in self._folder.iterdir() if not self._needed[each.name]]
        unneeded.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        for each in unneeded[spare:]:
            self._checked.discard(each.name)
            remove(each)

    def _ensure(self, place: Path, entries: Sequence[Entry]) -> None:
        if place.exists():
            if _is_whole(place, entries):
                return
            remove(place)
        fresh = Path(tempfile.mkdtemp(prefix=".", dir=self._folder))
        try:
            for entry in entries:
                self._bring(fresh, entry)
            _freeze(fresh)
            fresh.rename(place)
        except OSError as error:
            raise Trouble(f"its files could not be brought to this machine: {os.strerror(error.errno or 0)}.") from None
        finally:
            remove(fresh)

    def _bring(self, folder: Path, entry: Entry) -> None:
        path = folder / confined(entry.path)
        if entry.is_directory:
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        told, size = hashlib.sha256(), 0
        with open(os.open(path, _NEW, 0o444), "wb") as file, contextlib.closing(self._open(entry)) as source:  # noqa: PTH123  a path cannot be opened with these flags
            while size < entry.size and (more := source.read(size, min(_PIECE, entry.size - size))):
                file.write(more)
                told.update(more)
                size += len(more)
        if size != entry.size or told.hexdigest() != entry.sha256:
            raise Trouble(_DIFFERS, is_final=True)


def linked(model: Path, place: Path) -> None:
    """The same files in another folder of this disk, which take no room there."""
    try:
        shutil.copytree(model, place, copy_function=os.link)
        _freeze(place)
    except OSError as error:
        raise Trouble(f"its files could not be given to its process: {os.strerror(error.errno or 0)}.") from None


def confined(path: str) -> str:
    """A path inside a folder, whatever somebody has named a file."""
    segments = path.split("/")
    if any(each in {"", ".", ".."} or "\0" in each for each in segments) or len(segments) > MAX_DEPTH:
        raise Trouble("one of its files has a name that leads out of its folder.", is_final=True)
    return path


def remove(place: Path) -> None:
    """Remove a folder, also one that nobody may write to."""
    if not place.is_dir() or place.is_symlink():
        place.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o700)
    shutil.rmtree(place, ignore_errors=True)


def _freeze(place: Path) -> None:
    for folder, _, files in os.walk(place):
        for name in files:
            Path(folder, name).chmod(0o444)
        Path(folder).chmod(0o555)


def _is_whole(place: Path, entries: Sequence[Entry]) -> bool:
    files = {entry.path: entry for entry in entries if not entry.is_directory}
    there = {str(each.relative_to(place)) for each in place.rglob("*") if each.is_symlink() or not each.is_dir()}
    return there == files.keys() and all(_is_entry(place / path, entry) for path, entry in files.items())


def _is_entry(path: Path, entry: Entry) -> bool:
    if path.is_symlink() or path.stat().st_size != entry.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
