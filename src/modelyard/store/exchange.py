"""Folders of this machine through which a client brings and fetches files by itself, as MLflow's `uc:` client does.

root/                   0700: only the server's own user comes in
├── brought/<id>/       a client writes the files of a version here, and the server takes them in
└── lent/<random>-<n>/  copies of files, `n` bytes together, for one client; it may even delete them

The client gets copies, never the stored bytes: it removes what it has fetched (protocol notes §0.3). What it wrote is
read like anything hostile: no link is followed, and nothing but a regular file of its own is opened (law 2). What
somebody left behind is swept whenever a folder is made. Every call may wait for the disk: make it in a worker thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from modelyard.domain.files import MAX_DEPTH, Entry, inner
from modelyard.domain.models import Version
from modelyard.errors import Invalid, TooLarge, WrongState
from modelyard.store.blobs import CREATE, FOLDER, READ, guarded, held, names_in, write_at
from modelyard.store.stores import Stores

MOST_FILES: Final = 10_000
LENT_SECONDS: Final = 3_600
"""How long a client has to use a copy."""
BROUGHT_SECONDS: Final = 24 * 3_600
"""How long a client has to bring files, from the last time that it wrote into the version's outermost folder."""
_CHUNK: Final = 1 << 20
_ID: Final = re.compile(r"[0-9a-f]{32}")
_CHANGED: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.ENXIO})


class Exchange:
    """The folders, below one that the server chose; `room` bounds all copies together, in bytes."""

    def __init__(self, root: Path, stores: Stores, *, room: int) -> None:
        self._root = root
        self._brought = root / "brought"
        self._lent = root / "lent"
        self._stores = stores
        self._room = room

    def open(self) -> Self:
        """Make the folders private, and sweep them."""
        for folder in (self._root, self._brought, self._lent):
            folder.mkdir(0o700, exist_ok=True)
            folder.chmod(0o700)
        self.sweep()
        return self

    def sweep(self) -> None:
        """Remove what was lent or promised too long ago."""
        now = time.time()
        for folder, seconds in ((self._lent, LENT_SECONDS), (self._brought, BROUGHT_SECONDS)):
            for entry in os.scandir(folder):
                if _age(entry, now) > seconds:
                    _remove(Path(entry.path))

    def place(self, version_id: str) -> str:
        """The URL of the folder into which a client brings the files of a version."""
        folder = self._folder(version_id)
        with guarded():
            self.sweep()
            folder.mkdir(0o700, exist_ok=True)
        return folder.as_uri()

    def take(self, version: Version) -> tuple[Entry, ...]:
        """Take in what a client brought; `WrongState` when that is nothing, `Invalid` for what is no plain file."""
        with guarded(), held(os.open(self._brought, FOLDER)) as brought:
            name = self._folder(version.id).name
            there = name in names_in(brought)
            taken = tuple(self._taken(brought, name, version.store_id)) if there else ()
        if not taken:
            raise WrongState(
                "No files came into the exchange. MLflow's `uc:` client must run on the server's own machine, as the "
                'server\'s user; elsewhere use mlflow.set_registry_uri("databricks-uc").',
            )
        return taken

    def forget(self, version_id: str) -> None:
        """Remove what a client brought, once it is kept."""
        _remove(self._folder(version_id))

    def lend(self, entries: Sequence[Entry]) -> str:
        """The URL of a folder with copies of files, made for one client; `TooLarge` when too much is lent already."""
        size = sum(entry.size for entry in entries)
        folder = self._lent / f"{secrets.token_hex(16)}-{size}"
        try:
            with guarded():
                self.sweep()
                folder.mkdir(0o700)
            self._check_room()
            for entry in entries:
                self._copy(entry, folder)
        except BaseException:
            _remove(folder)
            raise
        return folder.as_uri()

    def _folder(self, version_id: str) -> Path:
        if not _ID.fullmatch(version_id):
            raise Invalid("a version's id has 32 hex digits.")
        return self._brought / version_id

    def _check_room(self) -> None:
        """Whether all copies together, the one just begun included, stay within bounds."""
        sizes = [folder.name.rpartition("-")[2] for folder in self._lent.iterdir()]
        if sum(int(size) for size in sizes if size.isdecimal()) > self._room:
            raise TooLarge(
                "Too many copies of models are in the exchange. Use databricks-uc, which needs none, or try again "
                "within an hour; an operator can raise exchange_limit.",
            )

    def _copy(self, entry: Entry, folder: Path) -> None:
        target = folder / inner(entry.path)
        with contextlib.closing(self._stores.open(entry)) as blob, guarded():
            target.parent.mkdir(0o700, parents=True, exist_ok=True)
            with held(os.open(target, CREATE, 0o600)) as copy:
                for offset in range(0, entry.size, _CHUNK):
                    write_at(copy, [blob.read(offset, _CHUNK)], offset)

    def _taken(self, brought: int, name: str, store_id: str) -> Iterator[Entry]:
        """Every file in a version's folder, by path, as it is stored."""
        with held(_opened(name, brought, name, FOLDER)) as root:
            for count, (path, folder, file) in enumerate(_found(root, "")):
                if count == MOST_FILES:
                    raise TooLarge(f"a version has at most {MOST_FILES} files.")
                yield self._take(path, folder, file, store_id)

    def _take(self, path: str, folder: int, name: str, store_id: str) -> Entry:
        with held(_opened(path, folder, name, READ)) as file:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise _refused(path)
            incoming = self._stores.receive(store_id, status.st_size)
            try:
                while chunk := _read(file):
                    incoming.write([chunk])
                return Entry.of(path, incoming.commit())
            finally:
                incoming.abort()


def _found(folder: int, prefix: str) -> Iterator[tuple[str, int, str]]:
    """Everything below an open folder that is no folder: its path, and the open folder and name to open it by."""
    if prefix.count("/") > MAX_DEPTH:
        raise TooLarge(f"a file's path has at most {MAX_DEPTH} levels.")
    with guarded():
        names = sorted(names_in(folder))
    for name in names:
        path = inner(prefix + name)
        with guarded():
            status = _status(folder, name, path)
        if stat.S_ISDIR(status.st_mode):
            with held(_opened(path, folder, name, FOLDER)) as below:
                yield from _found(below, f"{path}/")
        else:
            yield path, folder, name


def _status(folder: int, name: str, path: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise _refused(path) from None


def _opened(path: str, folder: int, name: str, how: int) -> int:
    """Open what a client wrote, and no link; `Invalid` when it is not what it seemed, or not readable."""
    with guarded():
        try:
            return os.open(name, how, dir_fd=folder)
        except PermissionError:
            raise Invalid(f"'{path[:200]}' cannot be read by the server; its client must be the same user.") from None
        except OSError as error:
            if error.errno in _CHANGED:
                raise _refused(path) from None
            raise


def _read(file: int) -> bytes:
    with guarded():
        return os.read(file, _CHUNK)


def _refused(path: str) -> Invalid:
    return Invalid(f"'{path[:200]}' is not a plain file; a version holds no links, pipes or devices.")


def _age(entry: os.DirEntry[str], now: float) -> float:
    """Seconds since something was last put into a folder; one that is just being removed is young."""
    try:
        return now - entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0


def _remove(folder: Path) -> None:
    """Delete a folder as far as it can be, without following links; the next sweep comes back for the rest."""
    shutil.rmtree(folder, ignore_errors=True)
