"""Multipart uploads: parts in any order from many connections, then one object.

incoming/<upload id>/
├── whole.<stride>                             part n at (n - 1) * stride: all parts, as a rule
├── <number>.<attempt>                         the right to write this part; its bytes, if they lie apart
├── <number>.<attempt>.<stride>.<size>.<etag>  empty; says that this part is complete and on disk
├── joined.<random>                            an object being put together from parts that lie elsewhere
└── done.<sha256>.<size>.<key>                 empty; says what object this list of parts has become

The folder is the whole truth: another process, or this one after a crash, completes an upload just as well.

* The stride is the size of the largest part so far, so that as a rule a part is written where it stays, and
  completion renames the file. A part that is sent again gets a file of its own, and is copied at the end.
* A place in a whole is written by one attempt only, the one that made `<number>.1`. Writers share a lock on
  the whole, and completion needs it alone: nobody writes to what has become an object.
* SHA-256 cannot be shared out, so it runs while parts arrive: each write also hashes a little of the complete
  parts that come next, one thread at a time (`_Chase`). Writers wait for it only when it is far behind, so
  that completion is short however fast the network is. It is but a shortcut in memory: completion compares
  what was hashed with its list, etag by etag, and begins anew when they differ.
* An etag names one write of one part, and is random: a checksum would cost another pass over all bytes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import re
import secrets
import sys
import threading
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from modelyard.errors import Changed, Invalid, NotFound, TooLarge, Unavailable, WrongState
from modelyard.store.blobs import (
    CREATE,
    FOLDER,
    READ,
    Arriving,
    BlobStore,
    StoredBlob,
    guarded,
    held,
    make_folder,
    names_in,
    remove_entry,
    write_at,
)
from modelyard.store.intake import Chunk

PARTS: Final = 10_000
"""The highest number of a part, as in S3."""
PART_LIMIT: Final = 5 << 30
"""Bytes of a part at most, as in S3; the Databricks SDK sends at most 4 GiB."""

_ATTEMPTS: Final = 100  # each leaves a small file behind until the upload ends
_FARTHEST: Final = 8 << 40  # bytes; ext4 has no files beyond 16 TiB
_STEP: Final = 4 << 20  # bytes that one write hashes at most: 5 ms
_LAG: Final = 256 << 20  # bytes that may wait to be hashed before writers wait too: 0.3 s of completion
_BUFFER: Final = 1 << 20
_CHASES: Final = 1024  # uploads; the hash of one that has been idle for longest is forgotten
_UPLOAD: Final = re.compile(r"[0-9a-f]{32}")
_PART: Final = re.compile(r"(\d{5})\.(\d+)\.(\d+)\.(\d+)\.([0-9a-f]{32})")
_DONE: Final = re.compile(r"done\.([0-9a-f]{64})\.(\d+)\.([0-9a-f]{32})")
_WHOLE: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_REFLINK: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A complete part: its number from 1, its size in bytes, and the etag that completion must name."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Part(StoredPart):
    """A complete part and where its bytes are; a stride of 0 means a file of its own."""

    attempt: int
    stride: int

    @property
    def name(self) -> str:
        return f"{_claim_name(self.number, self.attempt)}.{self.stride}.{self.size}.{self.etag}"

    @property
    def home(self) -> str:
        return f"whole.{self.stride}" if self.stride else _claim_name(self.number, self.attempt)

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.stride


class PartStore:
    """The multipart uploads of a blob store."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._chases: dict[str, _Chase] = {}
        self._guard = threading.Lock()

    def begin(self, upload_id: str) -> None:
        """Begin an upload under an id of 32 hex digits that the server made; a second time does nothing."""
        with guarded():
            make_folder(_checked(upload_id), self._blobs.incoming)
            os.fsync(self._blobs.incoming)

    def write_part(self, upload_id: str, number: int, size: int | None, *, limit: int = PART_LIMIT) -> PartWriter:
        """A writer of one part of `size` bytes; without a size the part is kept apart, which is slower."""
        if not 1 <= number <= PARTS or (size or 0) < 0:
            raise Invalid(f"Parts are numbered from 1 to {PARTS}, and have no negative size.")
        if (size or 0) > limit:
            raise TooLarge(f"A part has at most {limit} bytes; send smaller ones.")
        chase = self._chase(upload_id)
        with guarded(), contextlib.ExitStack() as undo:
            folder = self._open(upload_id)
            undo.callback(os.close, folder)
            part, descriptor = _claim(folder, number, chase.widen(size) if size else 0)
            undo.pop_all()
        return PartWriter(part, size, limit, folder=folder, descriptor=descriptor, chase=chase)

    def complete(self, upload_id: str, parts: Sequence[tuple[int, str]], *, limit: int | None = None) -> StoredBlob:
        """Make the listed parts, each a number and an etag in ascending order, one object, durably.

        It may be repeated, with the same answer, until `abort` removes what is left: call that when the
        object's row is committed. `Invalid` says which part is missing or was replaced.
        """
        key = _key(parts)
        chase = self._chase(upload_id)
        with guarded(), held(self._open(upload_id)) as folder, chase.turn:
            names = names_in(folder)
            if earlier := self._earlier(names, key):
                return earlier
            chosen = _choose(names, parts)
            size = sum(part.size for part in chosen)
            if limit is not None and size > limit:
                raise TooLarge(f"The file has {size} bytes, and the limit is {limit}.")
            blob = StoredBlob(chase.finish(folder, chosen), size)
            with _assembled(folder, chosen) as (name, descriptor):
                _touch(f"done.{blob.sha256}.{size}.{key}", folder)
                os.fsync(folder)
                self._blobs.publish(blob, name, folder=folder, descriptor=descriptor)
            return blob

    def abort(self, upload_id: str) -> None:
        """Forget the upload's bytes, also after completion; for an unknown upload this does nothing."""
        with self._guard:
            self._chases.pop(_checked(upload_id), None)
        gone = f"gone-{secrets.token_hex(16)}"
        with guarded(), contextlib.suppress(FileNotFoundError):
            # In one step: a part that still arrives then cannot bring half of the folder back.
            incoming = self._blobs.incoming
            os.rename(upload_id, gone, src_dir_fd=incoming, dst_dir_fd=incoming)
            remove_entry(gone, incoming)

    def _open(self, upload_id: str) -> int:
        try:
            return os.open(_checked(upload_id), FOLDER, dir_fd=self._blobs.incoming)
        except FileNotFoundError:
            raise NotFound("There is no such upload; it has ended, or was idle too long. Begin anew.") from None

    def _chase(self, upload_id: str) -> _Chase:
        with self._guard:
            chase = self._chases.pop(_checked(upload_id), None) or _Chase()
            self._chases[upload_id] = chase
            if len(self._chases) > _CHASES:
                self._chases.pop(next(iter(self._chases)))
            return chase

    def _earlier(self, names: Iterable[str], key: str) -> StoredBlob | None:
        """What the upload has become already."""
        for done in filter(None, map(_DONE.fullmatch, names)):
            blob = StoredBlob(done[1], int(done[2]))
            if self._blobs.renew(blob):  # else the process ended before its last step, and all parts are there
                if done[3] == key:
                    return blob
                raise WrongState("The upload was completed with other parts; begin a new one.")
        return None


class PartWriter(Arriving):
    """One part while it arrives; without `commit` it was never there."""

    def __init__(
        self, part: _Part, size: int | None, limit: int, *, folder: int, descriptor: int, chase: _Chase
    ) -> None:
        super().__init__(descriptor)
        self._part = part
        self._size = size
        self._limit = limit
        self._folder = folder
        self._chase = chase

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append the chunks, and hash a little of the parts before this one."""
        with self._aborted_on_failure():
            written = self._part.size + sum(map(len, chunks))
            self._admit(written)
            write_at(self._descriptor, chunks, self._part.offset + self._part.size)
            self._part = replace(self._part, size=written)
            self._chase.advance(self._folder)

    def commit(self) -> StoredPart:
        """Make the part complete, durably, instead of any earlier attempt at the same number.

        `Invalid` when some of its bytes did not come, `Changed` when a later attempt was complete before.
        """
        part = self._part
        with self._aborted_on_failure():
            if self._size not in (None, part.size):
                raise Invalid(f"Only {part.size} of {self._size} bytes arrived; send the part again.")
            os.fsync(self._descriptor)
            _touch(part.name, self._folder)
            _settle(self._folder, part)
            os.fsync(self._folder)
            self._chase.add(part)
            self._chase.advance(self._folder)
            self._release()
        return StoredPart(part.number, part.size, part.etag)

    def _admit(self, written: int) -> None:
        if self._size is not None and written > self._size:
            raise Invalid(f"More than the announced {self._size} bytes arrived; send the part again.")
        if written > self._limit:
            raise TooLarge(f"A part has at most {self._limit} bytes; send smaller ones.")

    def _forget(self) -> None:
        _discard(self._folder, self._part)

    def _release(self) -> bool:
        was_open = super()._release()
        if was_open:
            os.close(self._folder)
        return was_open


class _Chase:
    """The SHA-256 of an upload's first parts, advanced by whichever worker thread comes by."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._noting = threading.Lock()
        self._stride = 0
        self._arrived: dict[int, _Part] = {}
        self._arrived_bytes = 0
        self._useless = False
        self._restart()

    def widen(self, size: int) -> int:
        """The stride for a part of this size: the largest so far, for only the last may be shorter."""
        self._stride = max(self._stride, size)
        return self._stride

    def add(self, part: _Part) -> None:
        """Note a complete part; one that replaces hashed bytes leaves the hashing to completion."""
        with self._noting:
            self._useless |= part.number <= len(self._hashed)
            self._arrived[part.number] = part
            self._arrived_bytes += part.size

    def advance(self, folder: int) -> None:
        """Hash some of what comes next, unless another thread is at it and not far behind."""
        behind = self._arrived_bytes - self._hashed_bytes > _LAG
        if self._useless or not self.turn.acquire(blocking=behind):
            return
        try:
            self._run(folder, _STEP)
        except (OSError, Unavailable):
            self._useless = True  # not this caller's concern; completion meets it again, and says so
        finally:
            self.turn.release()

    def finish(self, folder: int, parts: list[_Part]) -> str:
        """The SHA-256 of these parts, in hex; the caller has the turn."""
        if self._hashed != parts[: len(self._hashed)]:
            self._restart()
        self._arrived = dict(enumerate(parts, 1))
        self._run(folder, sys.maxsize)
        return self._digest.hexdigest()

    def _restart(self) -> None:
        self._digest = hashlib.sha256()
        self._hashed: list[_Part] = []
        self._at = 0  # bytes hashed of the last of them
        self._hashed_bytes = 0

    def _run(self, folder: int, budget: int) -> None:
        while budget > 0 and (part := self._next()):
            with held(os.open(part.home, READ, dir_fd=folder)) as source:
                while budget > 0 and self._at < part.size:
                    data = os.pread(source, min(_BUFFER, part.size - self._at), part.offset + self._at)
                    self._digest.update(data)
                    self._at += _some(len(data))
                    self._hashed_bytes += len(data)
                    budget -= len(data)

    def _next(self) -> _Part | None:
        """The part to hash now, which may be begun already."""
        if self._hashed and self._at < self._hashed[-1].size:
            return self._hashed[-1]
        part = self._arrived.get(len(self._hashed) + 1)
        if part:
            self._hashed.append(part)
            self._at = 0
        return part


def _checked(upload_id: str) -> str:
    if not _UPLOAD.fullmatch(upload_id):
        raise Invalid("An upload is named by 32 lower-case hex digits.")
    return upload_id


def _claim_name(number: int, attempt: int) -> str:
    return f"{number:05}.{attempt}"


def _claim(folder: int, number: int, stride: int) -> tuple[_Part, int]:
    """An attempt at this part that nobody else ever makes, and the open file for its bytes."""
    for attempt in range(1, _ATTEMPTS + 1):
        with contextlib.suppress(FileExistsError), contextlib.ExitStack() as undo:
            own = os.open(_claim_name(number, attempt), CREATE, 0o600, dir_fd=folder)
            undo.callback(os.close, own)
            part = _Part(number, 0, secrets.token_hex(16), attempt, stride)
            if (whole := _enter(folder, part)) >= 0:
                return part, whole
            undo.pop_all()
            return replace(part, stride=0), own
    raise Invalid(f"Part {number} was sent {_ATTEMPTS} times; begin a new upload.")


def _touch(name: str, folder: int) -> None:
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder))


def _enter(folder: int, part: _Part) -> int:
    """The whole where the part has its place, locked against completion; -1 if it must lie apart."""
    if part.attempt > 1 or not part.stride or part.offset + part.stride > _FARTHEST:
        return -1
    return _lock(folder, part.home, _WHOLE | os.O_CREAT, fcntl.LOCK_SH)


def _lock(folder: int, name: str, flags: int, kind: int) -> int:
    """Open and lock the file; -1 where it is not there, is locked, or was an object before it was locked."""
    with contextlib.ExitStack() as undo:
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            descriptor = os.open(name, flags, 0o600, dir_fd=folder)
            undo.callback(os.close, descriptor)
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(name, dir_fd=folder, follow_symlinks=False)):
                undo.pop_all()
                return descriptor
        return -1


def _parts_among(names: Iterable[str]) -> list[_Part]:
    found = filter(None, map(_PART.fullmatch, names))
    return [_Part(int(f[1]), int(f[4]), f[5], int(f[2]), int(f[3])) for f in found]


def _settle(folder: int, mine: _Part) -> None:
    """Of several complete attempts at a part the last one counts, however late the others end.

    Whoever claims the next attempt after this look makes its own look later, and then sees `mine`.
    """
    if mine.attempt == 1 and not _exists(_claim_name(mine.number, 2), folder):
        return
    attempts = [part for part in _parts_among(names_in(folder)) if part.number == mine.number]
    last = max(attempts, key=lambda part: part.attempt)
    for part in attempts:
        if part is not last:
            _discard(folder, part)
    if last != mine:
        raise Changed(f"Part {mine.number} was sent again in the meantime; the later one counts.")


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _discard(folder: int, part: _Part) -> None:
    """Delete a part's record and its own bytes; its claim stays, so that nobody is given its place again."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part.name, dir_fd=folder)
    if not part.stride:
        os.close(os.open(part.home, _WHOLE | os.O_TRUNC, dir_fd=folder))


def _key(parts: Sequence[tuple[int, str]]) -> str:
    text = "\n".join(f"{number} {etag}" for number, etag in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _choose(names: Iterable[str], parts: Sequence[tuple[int, str]]) -> list[_Part]:
    """The parts that the caller lists, if they are the ones that count."""
    if not parts or any(first >= second for (first, _), (second, _) in itertools.pairwise(parts)):
        raise Invalid("List at least one part, in ascending order of their numbers.")
    found = sorted(_parts_among(names), key=lambda part: part.attempt)
    current = {part.number: part for part in found}
    for number, etag in parts:
        if number not in current or current[number].etag != etag:
            raise Invalid(f"Part {number} is missing or was replaced; send it again.")
    return [current[number] for number, _ in parts]


@contextlib.contextmanager
def _assembled(folder: int, parts: list[_Part]) -> Generator[tuple[str, int]]:
    """The name and the descriptor of one file with these parts' bytes, in which nobody else can write."""
    whole = _seize(folder, parts)
    if whole >= 0:
        with held(whole):
            for part in parts:
                if part.stride != parts[0].size:
                    _copy(folder, part, whole, (part.number - 1) * parts[0].size)
            os.ftruncate(whole, sum(part.size for part in parts))
            yield f"whole.{parts[0].size}", whole
        return
    name = f"joined.{secrets.token_hex(16)}"
    try:
        with held(os.open(name, CREATE, 0o600, dir_fd=folder)) as joined:
            ends = itertools.accumulate((part.size for part in parts), initial=0)
            for part, offset in zip(parts, ends, strict=False):
                _copy(folder, part, joined, offset)
            yield name, joined
    finally:
        remove_entry(name, folder)


def _seize(folder: int, parts: list[_Part]) -> int:
    """The whole where these parts lie or can be put, locked; -1 where another part may need any byte of it.

    A place is free for a copy once the attempt that had claimed it does not count any more. So a failure on
    the way harms nothing: every part that counts is still where it was.
    """
    stride = parts[0].size
    sizes = [part.size for part in parts]
    consecutive = parts[-1].number == len(parts)
    if not consecutive or not 0 < sizes[-1] <= stride or any(size != stride for size in sizes[:-1]):
        return -1
    whole = _lock(folder, f"whole.{stride}", _WHOLE, fcntl.LOCK_EX)
    if whole >= 0:
        others = set(_parts_among(names_in(folder))).difference(parts)
        if all(part.stride != stride for part in others):
            return whole
        os.close(whole)
    return -1


def _copy(folder: int, part: _Part, target: int, offset: int) -> None:
    """Copy a part's bytes to `offset` of `target`, in the kernel, or in the disk where it shares blocks."""
    with held(os.open(part.home, READ, dir_fd=folder)) as source:
        done = 0
        while done < part.size:
            done += _some(_copy_some(source, target, part.size - done, part.offset + done, offset + done))


def _copy_some(source: int, target: int, count: int, start: int, offset: int) -> int:
    if sys.platform == "linux":
        try:
            return os.copy_file_range(source, target, count, start, offset)
        except OSError as error:
            if error.errno not in _NO_REFLINK:
                raise
    data = os.pread(source, min(count, _BUFFER), start)
    write_at(target, [data], offset)
    return len(data)


def _some(count: int) -> int:
    """The count of bytes that were read, which is 0 only when a part was cut short meanwhile."""
    if not count:
        raise Unavailable("A part was replaced during completion; complete the upload again.")
    return count
