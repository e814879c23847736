"""The local-disk byte store: objects named by their SHA-256, written once and never changed.

root/                   0700, and its marker says that the folder is ours
├── store.json          the version of this layout, and the random id of this store
├── objects/ab/ab12…    0600, one object; all 256 folders are made when the store opens
└── incoming/           what still arrives: never visible; `sweep` removes what was left behind
    ├── blob-<random>   one `Incoming`
    └── <upload id>/    one multipart upload, see `parts.py`

An object appears by one rename after its bytes are on disk, and its folder is on disk before anybody hears
of it (promises P1 to P3). No caller's path is ever opened: names are made or checked here, and opened without
following links below a folder that is open already (law 2). Every call may wait for the disk: make it in a
worker thread. Everything here may be shared by threads, and the store by processes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from modelyard.domain.files import Held
from modelyard.errors import Invalid, NotFound, Unavailable
from modelyard.store.intake import Chunk, Intake

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Without waiting, because a pipe could bear an object's name."""
CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_VERSION: Final = 1
_MARKER: Final = "store.json"
_SHELVES: Final = frozenset(f"{number:02x}" for number in range(256))
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_BUFFERS: Final = 1024  # the kernel takes no more in one call (IOV_MAX)
_EARLY: Final = 32 << 20  # bytes after which the disk begins to write, so that the fsync at the end is short
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_ABSENT: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO})


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """An object: its SHA-256 in lower-case hex, and its size in bytes."""

    sha256: str
    size: int


class BlobStore:
    """The objects below one folder of the local disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = -1
        self.store_id = ""
        self.incoming = -1
        """The descriptor of the folder of what still arrives."""
        self.hashers = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="hash")
        """Hash what arrives while it is written; its threads begin with the first large batch."""

    def open(self) -> Self:
        """Make the empty folder a store, or enter the store that it is; anything else is `Invalid`."""
        try:
            with _setting_blamed():
                self._enter()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Leave the store; its blobs that are open stay readable."""
        for descriptor in (self._objects, self.incoming):
            if descriptor >= 0:
                os.close(descriptor)
        self._objects = self.incoming = -1
        self.hashers.shutdown()

    def receive(self, *, limit: int, expected_size: int | None = None) -> Incoming:
        """A new object's bytes, at most `limit` of them, and exactly `expected_size` where that is known."""
        intake = Intake(limit, expected_size)
        name = f"blob-{secrets.token_hex(16)}"
        with guarded():
            descriptor = os.open(name, CREATE, 0o600, dir_fd=self.incoming)
        return Incoming(self, name, descriptor, intake)

    def publish(self, blob: StoredBlob, name: str, *, folder: int, descriptor: int) -> None:
        """Make the finished file `name` of `folder`, also open as `descriptor`, an object, durably.

        An equal object is replaced: its readers keep what they have open, equal bytes are on disk once, and
        sending a file again heals an object that has rotted. When the last step fails the object stays, for
        somebody else may have stored it too; nobody was told of it, so it is the garbage collector's.
        """
        with guarded():
            if os.fstat(descriptor).st_size != blob.size:
                raise Unavailable("The upload changed on the disk; nothing was stored. Send the file again.")
            os.utime(descriptor)
            os.fsync(descriptor)
            with self._shelf(blob.sha256) as shelf:
                fcntl.flock(shelf, fcntl.LOCK_SH)
                os.rename(name, blob.sha256, src_dir_fd=folder, dst_dir_fd=shelf)
                os.fsync(shelf)

    def renew(self, blob: StoredBlob) -> bool:
        """Whether the object is there; if so it counts as just stored, so that `remove` spares it."""
        with guarded(), self._shelf(blob.sha256) as shelf:
            fcntl.flock(shelf, fcntl.LOCK_SH)
            try:
                found = self.open_blob(blob.sha256, blob.size)
            except NotFound:
                return False
            with found:
                os.utime(found.fileno())
            os.fsync(shelf)
            return True

    def open_blob(self, sha256: str, size: int | None = None) -> Blob:
        """The object for reading; `NotFound` when it is missing or has not the size that the caller knows."""
        with guarded():
            descriptor = self._open_object(sha256)
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and size in (None, status.st_size):
                return Blob(sha256, status.st_size, descriptor)
            os.close(descriptor)
            raise missing()

    def look(self, sha256: str) -> Held | None:
        """An object, without opening it."""
        with guarded(), self._shelf(sha256) as shelf:
            try:
                status = os.stat(sha256, dir_fd=shelf, follow_symlinks=False)
            except FileNotFoundError:
                return None
        return Held(sha256, status.st_size if stat.S_ISREG(status.st_mode) else -1, status.st_mtime)

    def verify(self, sha256: str) -> bool:
        """Whether the object is there and its bytes have its name; reads them all."""
        try:
            with (
                self.open_blob(sha256) as blob,
                guarded(),
                open(blob.fileno(), "rb", buffering=0, closefd=False) as file,
            ):
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except NotFound:
            return False

    def remove(self, sha256: str, *, older_than_seconds: float = 0.0) -> bool:
        """Delete the object unless it was stored more recently than that; whether it was deleted.

        The caller has made sure that no row names it. Whoever stores the same bytes at this moment either
        comes first, and the object is too young, or comes after, and stores it anew: hence the lock.
        """
        with guarded(), self._shelf(sha256) as shelf:
            fcntl.flock(shelf, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                stored = os.stat(sha256, dir_fd=shelf, follow_symlinks=False).st_mtime
                if time.time() - stored >= older_than_seconds:
                    os.unlink(sha256, dir_fd=shelf)
                    return True
            return False

    def held(self, shelf: str = "") -> Iterator[Held]:
        """The objects whose names begin with a shelf's two digits, or all, in the order of those."""
        for name in sorted(_SHELVES.intersection({shelf}) if shelf else _SHELVES):
            with (
                guarded(),
                held(os.open(name, FOLDER, dir_fd=self._objects)) as folder,
                os.scandir(folder) as entries,
            ):
                found = [_listed(entry) for entry in entries if _SHA256.fullmatch(entry.name)]
            yield from filter(None, found)

    def sweep(self, older_than_seconds: float) -> int:
        """Remove the uploads to which nobody has written for so long; how many they were."""
        before = time.time() - older_than_seconds
        with guarded():
            stale = [name for name in names_in(self.incoming) if _newest(name, self.incoming) < before]
            for name in stale:
                remove_entry(name, self.incoming)
        return len(stale)

    def _enter(self) -> None:
        self._root.mkdir(0o700, parents=True, exist_ok=True)
        with held(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as root:
            self.store_id = _identify(root)
            os.fchmod(root, 0o700)
            self._objects = _subfolder("objects", root)
            self.incoming = _subfolder("incoming", root)
            # All of them now: a shelf that is made by one upload and used by another could be lost by both.
            for shelf in _SHELVES.difference(names_in(self._objects)):
                make_folder(shelf, self._objects)
            os.fsync(self._objects)
            os.fsync(root)
        with held(os.open(self._root.resolve().parent, os.O_RDONLY | os.O_CLOEXEC)) as parent:
            os.fsync(parent)

    @contextlib.contextmanager
    def _shelf(self, sha256: str) -> Generator[int]:
        """The folder of the object, opened anew, so that a lock on it is this call's own."""
        if not _SHA256.fullmatch(sha256):
            raise Invalid("An object is named by the 64 lower-case hex digits of its SHA-256.")
        with held(os.open(sha256[:2], FOLDER, dir_fd=self._objects)) as shelf:
            yield shelf

    def _open_object(self, sha256: str) -> int:
        try:
            with self._shelf(sha256) as shelf:
                return os.open(sha256, READ, dir_fd=shelf)
        except OSError as error:
            if error.errno in _ABSENT:
                raise missing() from None
            raise


class Handle:
    """An open file, which a context ends with `close`.

    A cancelled request ends its handle while its last call still runs in a worker thread. The descriptor must
    live until that call is done, for the next file to open would bear the same number: hence the lock.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = threading.RLock()

    def fileno(self) -> int:
        """The descriptor, for `os.sendfile` and its like; -1 when closed."""
        return self._descriptor

    def close(self) -> None:
        """End it; a second time does nothing."""
        self._release()

    def _release(self) -> bool:
        """Close the descriptor; whether it was open."""
        with self._turn:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)
            return descriptor >= 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Arriving(Handle):
    """Bytes that arrive. Any failure aborts them, and so does the end of the context before `commit`."""

    def abort(self) -> None:
        """Forget the bytes; after a commit this does nothing."""
        with self._turn:
            if self._descriptor >= 0:
                with contextlib.suppress(OSError):
                    self._forget()
                self._release()

    def close(self) -> None:
        """Abort, unless it was committed."""
        self.abort()

    def _forget(self) -> None:
        """Remove what is on the disk; the descriptor is open still."""
        raise NotImplementedError

    @contextlib.contextmanager
    def _aborted_on_failure(self) -> Generator[None]:
        try:
            with self._turn, guarded():
                yield
        except BaseException:
            self.abort()
            raise


class Incoming(Arriving):
    """A new object's bytes while they arrive; a killed process leaves one file in `incoming/`."""

    def __init__(self, store: BlobStore, name: str, descriptor: int, intake: Intake) -> None:
        super().__init__(descriptor)
        self._store = store
        self._name = name
        self._intake = intake

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self._intake.size

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append the chunks; about a mebibyte at a time keeps all cores busy."""
        with self._aborted_on_failure():
            before, count = self.size, sum(map(len, chunks))
            self._intake.admit(count)
            with self._intake.adding(chunks, self._store.hashers):
                write_at(self._descriptor, chunks, before)
                if (before + count) // _EARLY > before // _EARLY:
                    _write_early(self._descriptor, ((before + count) // _EARLY - 1) * _EARLY)

    def commit(self) -> StoredBlob:
        """Make the bytes an object, durably; `Invalid` when some of the expected ones did not come."""
        with self._aborted_on_failure():
            blob = StoredBlob(self._intake.finish(), self.size)
            self._store.publish(blob, self._name, folder=self._store.incoming, descriptor=self._descriptor)
            self._release()
            return blob

    def _forget(self) -> None:
        remove_entry(self._name, self._store.incoming)


class Blob(Handle):
    """An object that is open for reading; it stays whole while open, also when it is removed."""

    def __init__(self, sha256: str, size: int, descriptor: int) -> None:
        super().__init__(descriptor)
        self.sha256 = sha256
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`: `length` of them (a gibibyte at most), or as many as there are."""
        wanted = max(0, min(length, self.size - offset, 1 << 30))
        with self._turn, guarded():
            data = os.pread(self._descriptor, wanted, offset)
        if len(data) < wanted:
            raise missing()
        return data


@contextlib.contextmanager
def guarded() -> Generator[None]:
    """What the disk refuses is `Unavailable`: the system's own words would name files."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Unavailable("The server's disk is full; nothing was stored. Free space, then try again.") from error
        raise Unavailable("The server's disk failed; nothing was stored. Trying again may help.") from error


@contextlib.contextmanager
def held(descriptor: int) -> Generator[int]:
    """The descriptor, which is closed at the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_at(descriptor: int, chunks: Sequence[Chunk], offset: int) -> None:
    """Write all chunks, one after the other, beginning at `offset`."""
    for first in range(0, len(chunks), _BUFFERS):
        batch = chunks[first : first + _BUFFERS]
        size = sum(map(len, batch))
        written = os.pwritev(descriptor, batch, offset)
        while written < size:  # the disk is nearly full, or a signal came: rare, so the copy does not matter
            rest = memoryview(b"".join(batch))[written:]
            written += os.pwrite(descriptor, rest, offset + written)
        offset += size


def make_folder(name: str, parent: int) -> None:
    """Make the folder unless it is there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent)


def names_in(folder: int) -> list[str]:
    """The names in an open folder."""
    return os.listdir(folder)


def remove_entry(name: str, parent: int) -> None:
    """Delete a file, or a folder of files, as far as it can be; `sweep` comes back for the rest."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
        with held(os.open(name, FOLDER, dir_fd=parent)) as folder:
            for file in names_in(folder):
                with contextlib.suppress(OSError):
                    os.unlink(file, dir_fd=folder)
        os.rmdir(name, dir_fd=parent)


def _write_early(descriptor: int, offset: int) -> None:
    """Let the disk begin to write this stretch; Linux documents it and keeps the dirty pages in memory."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, offset, _EARLY, os.POSIX_FADV_DONTNEED)


def missing() -> NotFound:
    """What is said of bytes that a store does not have, or not whole."""
    return NotFound("The stored bytes of this file are missing or damaged; the operator should run `modelyard fsck`.")


def _listed(entry: os.DirEntry[str]) -> Held | None:
    with contextlib.suppress(FileNotFoundError):
        if entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            return Held(entry.name, status.st_size, status.st_mtime)
    return None


def _newest(name: str, parent: int) -> float:
    """When somebody last wrote to the upload; never long ago when it ends at this moment."""
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            return status.st_mtime
        with held(os.open(name, FOLDER, dir_fd=parent)) as folder:
            files = [os.stat(file, dir_fd=folder, follow_symlinks=False) for file in names_in(folder)]
        return max(file.st_mtime for file in [status, *files])
    except FileNotFoundError:
        return time.time()


@contextlib.contextmanager
def _setting_blamed() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise Invalid(
            f"The `data` setting names a folder that the server cannot use ({os.strerror(error.errno or 0)})."
        ) from error


def _subfolder(name: str, parent: int) -> int:
    make_folder(name, parent)
    folder = os.open(name, FOLDER, dir_fd=parent)
    os.fchmod(folder, 0o700)
    return folder


def _identify(root: int) -> str:
    """The id of the store that this folder is, or becomes if it is empty."""
    names = set(names_in(root))
    if _MARKER not in names:
        # A new disk has `lost+found`; a first start that was killed leaves its unfinished marker.
        if any(name != "lost+found" and not name.startswith(f"{_MARKER}.") for name in names):
            raise Invalid("The `data` setting names a folder with other things in it; name an empty folder.")
        _mark(root)
    return _read_marker(root)


def _mark(root: int) -> None:
    name = f"{_MARKER}.{secrets.token_hex(8)}"
    with held(os.open(name, CREATE, 0o600, dir_fd=root)) as marker:
        write_at(marker, [json.dumps({"version": _VERSION, "id": secrets.token_hex(16)}).encode()], 0)
        os.fsync(marker)
    with contextlib.suppress(FileExistsError):  # another process was faster, and its marker counts
        os.link(name, _MARKER, src_dir_fd=root, dst_dir_fd=root, follow_symlinks=False)
    os.unlink(name, dir_fd=root)


def _read_marker(root: int) -> str:
    with held(os.open(_MARKER, READ, dir_fd=root)) as marker:
        text = os.read(marker, 4096)
    try:
        fields: dict[str, Any] = json.loads(text)
        version, store_id = fields["version"], str(fields["id"])
    except (ValueError, LookupError, TypeError):
        raise Invalid("The `data` setting names a folder whose `store.json` cannot be read.") from None
    if version != _VERSION:
        raise Invalid("The `data` setting names a store of another version; use the server that fits it.")
    return store_id
