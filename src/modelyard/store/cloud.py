"""A store in an object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

<prefix>/
├── store.json                              the version of this layout, and the random id of this store
├── blobs/ab/<32 hex>                       one object; written once under a name that nobody else ever has
└── staging/<upload id>/
    ├── <number>.<etag>                     one part of a multipart upload
    └── done.<key>                          what object a list of parts has become, as JSON

Names are random, so that to remove an object never meets somebody who stores equal bytes at this moment: which of
two equal objects counts is for the database to say. An object appears with its last byte, as object stores promise.
A process that is killed leaves an unfinished upload, which no listing shows: let the bucket remove those after a day
(on S3 the lifecycle rule AbortIncompleteMultipartUpload). Every call waits for the network: make it in a worker
thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import secrets
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store, from_url

from modelyard.domain.files import MAX_PARTS, Condition, Held, Stored
from modelyard.errors import Invalid, TooLarge, Unavailable, WrongState
from modelyard.store.blobs import missing
from modelyard.store.intake import Chunk, Intake

if TYPE_CHECKING:
    from obstore import WritableFile

_VERSION: Final = 1
_MARKER: Final = "store.json"
_BLOBS: Final = "blobs"
_STAGING: Final = "staging"
_UPLOAD: Final = re.compile(r"[0-9a-f]{32}")
_PIECE: Final = 8 << 20
"""Bytes of one request of an upload; S3 takes at least 5 MiB."""
_PIECES: Final = 9_000
"""How many such requests one object takes at most; S3 takes 10,000."""
_UNKNOWN: Final = 64 << 30
"""Bytes for which there is room where a size is not said."""
_AT_ONCE: Final = 3
"""Requests of one upload under way, and so pieces in memory."""
_READ: Final = 1 << 20
_ATTEMPTS: Final = 4
"""How often a read that broke off is begun anew, before it fails."""
_CLIENT: Final = {"connect_timeout": "5s", "read_timeout": "20s", "timeout": "300s"}
_PATIENT: Final = {"connect_timeout": "5s", "read_timeout": "280s", "timeout": "300s"}
"""A store may be silent while it joins the pieces of an object, or reads what it lists or is asked about to tell its
checksum: `rclone serve s3` is, for 12 GB nearly a minute."""
_LARGE: Final = 1 << 30
"""Bytes of an object about which a store may think for long before it says anything."""
_RETRY: Final = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}

_Store = S3Store | GCSStore | AzureStore


@dataclass(frozen=True, slots=True)
class CloudPart:
    """A part that the store has."""

    etag: str


class Cloud:
    """The objects below one prefix of a bucket; `options` are obstore's, client options among them."""

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self.store_id = ""
        """What the database calls it, once it is known there."""
        self.marker = ""
        """The id in its `store.json`."""
        self._store = _connect(self.url, options, _CLIENT)
        self._patient = _connect(self.url, options, _PATIENT)

    def open_store(self) -> Self:
        """Make the empty place a store, or enter the store that it is; anything else is `Invalid`."""
        try:
            with reached():
                self.marker = self._identify()
        except Unavailable as error:
            raise Invalid(f"the storage {self.url} cannot be used: {_first_line(error.__cause__)}") from None
        return self

    def receive(self, *, limit: int, size: int | None) -> CloudIncoming:
        """Take a file in."""
        name = secrets.token_hex(16)
        return CloudIncoming(self, f"{_BLOBS}/{name[:2]}/{name}", Intake(limit, size), size)

    def open(self, stored: Stored) -> CloudReader:
        """Open an object; `NotFound` where it is missing, or has another size."""
        held = self._look(stored.key, stored.size)
        if held is None or held.size != stored.size:
            raise missing()
        return CloudReader(self._client(stored.size), stored.key, stored.size)

    def begin(self, upload_id: str) -> None:
        """Parts need no room made for them."""
        _checked(upload_id)

    def receive_part(self, upload_id: str, number: int, size: int | None) -> CloudPartWriter:
        """Take a part in, under a name that its etag is part of."""
        if not 1 <= number <= MAX_PARTS:
            raise Invalid(f"Parts are numbered from 1 to {MAX_PARTS}.")
        etag = secrets.token_hex(16)
        key = f"{_staging(upload_id)}/{number:05d}.{etag}"
        return CloudPartWriter(self, key, Intake(_UNKNOWN, size), size)

    def join(self, upload_id: str, parts: Sequence[tuple[int, str]], *, limit: int) -> Stored:
        """Make one object of parts; asked again, it answers the same."""
        done = f"{_staging(upload_id)}/done.{_key(parts)}"
        with reached():
            there = {held.key: held.size for held in self._listed(f"{_staging(upload_id)}/")}
            if earlier := self._earlier(there, done):
                return earlier
        chosen = _choose(there, _staging(upload_id), parts)
        size = sum(there[key] for key in chosen)
        if size > limit:
            raise TooLarge(f"The file has {size} bytes, and the limit is {limit}.")
        stored = self._joined(chosen, there, size)
        with reached():
            obstore.put(self._store, done, json.dumps(asdict(stored)).encode())
        return stored

    def drop(self, upload_id: str) -> None:
        """Remove what is left of an upload."""
        with reached():
            self._delete([held.key for held in self._listed(f"{_staging(upload_id)}/")])

    def held(self, shelf: str = "") -> Iterator[Held]:
        """The objects whose names begin with a shelf's two digits, or all."""
        with reached():
            yield from self._listed(f"{_BLOBS}/{shelf}/" if shelf else f"{_BLOBS}/")

    def check(self, stored: Stored, *, verify: bool) -> Condition:
        """How an object is found."""
        held = self._look(stored.key, stored.size)
        if held is None:
            return Condition.MISSING
        whole = held.size == stored.size and (not verify or self._digest(stored) == stored.sha256)
        return Condition.WHOLE if whole else Condition.DAMAGED

    def remove(self, key: str, *, older_than_seconds: float) -> bool:
        """Delete an object, unless it was written lately; whether it is gone."""
        held = self._look(key, _UNKNOWN)
        if held is not None and time.time() - held.written_at < older_than_seconds:
            return False
        self.delete(key)
        return True

    def sweep(self, older_than_seconds: float) -> int:
        """Remove staged parts of uploads to which nobody has written for so long; how many uploads they were."""
        before = time.time() - older_than_seconds
        newest: dict[str, float] = {}
        with reached():
            staged = list(self._listed(f"{_STAGING}/"))
            for held in staged:
                upload = held.key.split("/")[1]
                newest[upload] = max(held.written_at, newest.get(upload, 0.0))
            stale = {upload for upload, written_at in newest.items() if written_at < before}
            self._delete([held.key for held in staged if held.key.split("/")[1] in stale])
        return len(stale)

    def sign_get(self, stored: Stored, seconds: int) -> str | None:
        """A URL by which anybody may fetch an object from the store itself for so long."""
        with reached():
            return obstore.sign(self._store, "GET", stored.key, timedelta(seconds=seconds))

    def close(self) -> None:
        """Connections end by themselves."""

    def writer(self, key: str, size: int | None) -> WritableFile:
        """Begin an object; it is there once the writer is closed."""
        piece = max(_PIECE, -(-(_UNKNOWN if size is None else size) // _PIECES))
        return obstore.open_writer(self._patient, key, buffer_size=piece, max_concurrency=_AT_ONCE)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        with reached():
            self._delete([key])

    def _identify(self) -> str:
        """The id of this store. Where several make one at once and the store does not refuse, the last one counts."""
        if found := self._read_marker():
            return found
        if any(True for _ in self._listed("")):
            raise Invalid(f"{self.url} holds other things; name an empty place, or one that is a store already.")
        text = json.dumps({"version": _VERSION, "id": secrets.token_hex(16)})
        with contextlib.suppress(FileExistsError):
            obstore.put(self._store, _MARKER, text.encode(), mode="create")
        return self._read_marker()

    def _read_marker(self) -> str:
        try:
            said: object = json.loads(bytes(obstore.get(self._store, _MARKER).bytes()))
        except FileNotFoundError:
            return ""
        except ValueError:
            said = None
        match said:
            case {"version": 1, "id": str(found)} if found:
                return found
            case _:
                raise Invalid(f"{self.url}/{_MARKER} is not of this version of Modelyard.")

    def holds(self, key: str, size: int) -> bool:
        """Whether there is an object of this key and size."""
        held = self._look(key, size)
        return held is not None and held.size == size

    def _client(self, size: int) -> _Store:
        """What asks for an object of so many bytes: about a large one a store may be silent for a while."""
        return self._patient if size > _LARGE else self._store

    def _look(self, key: str, size: int) -> Held | None:
        """An object that should have so many bytes, as it is."""
        with reached():
            try:
                meta = obstore.head(self._client(size), key)
            except FileNotFoundError:
                return None
        return Held(key, meta["size"], meta["last_modified"].timestamp())

    def _listed(self, prefix: str) -> Iterator[Held]:
        found = obstore.list(self._patient, prefix=prefix or None, return_arrow=False)
        for some in found:
            for meta in some:
                yield Held(meta["path"], meta["size"], meta["last_modified"].timestamp())

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            # One by one, since not all that speaks like S3 deletes many at once; what is gone already is well.
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, key)

    def _digest(self, stored: Stored) -> str:
        digest = hashlib.sha256()
        for chunk in self._pieces(stored.key, stored.size):
            digest.update(chunk)
        return digest.hexdigest()

    def _pieces(self, key: str, size: int) -> Iterator[bytes]:
        reader = CloudReader(self._client(size), key, size)
        with contextlib.closing(reader):
            for offset in range(0, size, _READ):
                yield reader.read(offset, _READ)

    def _earlier(self, there: Mapping[str, int], done: str) -> Stored | None:
        """What the upload has become already."""
        earlier = [key for key in there if key.rpartition("/")[2].startswith("done.")]
        if not earlier:
            return None
        if done not in earlier:
            raise WrongState("The upload was completed with other parts; begin a new one.")
        return Stored(**json.loads(bytes(obstore.get(self._store, done).bytes())))

    def _joined(self, keys: Sequence[str], sizes: Mapping[str, int], size: int) -> Stored:
        incoming = self.receive(limit=size, size=size)
        try:
            for key in keys:
                for chunk in self._pieces(key, sizes[key]):
                    incoming.write([chunk])
            return incoming.commit()
        finally:
            incoming.abort()


class _Writing:
    """An object while its bytes arrive.

    A cancelled request may end it while its last call still runs: hence the lock.
    """

    def __init__(self, cloud: Cloud, key: str, intake: Intake, size: int | None) -> None:
        self._cloud = cloud
        self._key = key
        self._intake = intake
        self._turn = threading.RLock()
        self._writer: WritableFile | None = cloud.writer(key, size)

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append the chunks."""
        with self._open() as writer:
            self._intake.admit(sum(map(len, chunks)))
            for chunk in chunks:
                writer.write(bytes(chunk))
            self._intake.add(chunks)

    def abort(self) -> None:
        """Leave nothing behind; after a commit it does nothing.

        There is no other way to end an upload of many pieces than to close it and delete what it has become; less
        than a piece was never sent.
        """
        with self._turn:
            writer, self._writer = self._writer, None
            if writer is not None and self._intake.size >= _PIECE:
                with contextlib.suppress(Unavailable), reached():
                    writer.close()
                    self._cloud.delete(self._key)

    def _finish(self) -> str:
        """Close the object; its SHA-256."""
        with self._open() as writer:
            sha256 = self._intake.finish()
            try:
                writer.close()
            except (BaseError, OSError):
                # An answer may be lost: then obstore asks again, and hears that the pieces are gone.
                if not self._cloud.holds(self._key, self._intake.size):
                    raise
            self._writer = None
        return sha256

    @contextlib.contextmanager
    def _open(self) -> Generator[WritableFile]:
        with self._turn:
            if self._writer is None:
                raise Unavailable("The upload has ended; send the file again.")
            try:
                with reached():
                    yield self._writer
            except BaseException:
                self.abort()
                raise


class CloudIncoming(_Writing):
    """A file on its way into the store."""

    def commit(self) -> Stored:
        """Make the bytes an object."""
        sha256 = self._finish()
        return Stored(self._cloud.store_id, sha256, self._intake.size, self._key)


class CloudPartWriter(_Writing):
    """A part on its way into the store."""

    def commit(self) -> CloudPart:
        """Make the part durable."""
        self._finish()
        return CloudPart(self._key.rpartition(".")[2])


class CloudReader:
    """An object that is read, mostly from its beginning to its end: one request goes on as long as reads do."""

    def __init__(self, store: _Store, key: str, size: int) -> None:
        self._store = store
        self._key = key
        self._size = size
        self._turn = threading.Lock()
        self._stream: Iterator[bytes] | None = None
        self._at = 0
        self._left = b""
        """Bytes from `_at` on that came with the last piece."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset`: `length` of them, or as many as there are."""
        wanted = max(0, min(length, self._size - offset))
        with self._turn:
            if offset != self._at:
                self._leave(offset)
            for attempt in itertools.count(1):
                try:
                    with reached():
                        return self._take(wanted)
                except Unavailable:
                    self._leave(self._at)
                    if attempt == _ATTEMPTS:
                        raise
        raise AssertionError  # the loop above ends by itself

    def close(self) -> None:
        """No more."""
        with self._turn:
            self._leave(0)

    def _leave(self, offset: int) -> None:
        """Go on from elsewhere, with a request of its own."""
        self._stream, self._left, self._at = None, b"", offset

    def _take(self, wanted: int) -> bytes:
        found = [self._left]
        count = len(self._left)
        while count < wanted:
            piece = next(self._opened(), b"")
            if not piece:
                raise missing()
            found.append(piece)
            count += len(piece)
        whole = b"".join(found)
        self._left = whole[wanted:]
        self._at += wanted
        return whole[:wanted]

    def _opened(self) -> Iterator[bytes]:
        if self._stream is None:
            try:
                self._stream = self._from(self._at)
            except FileNotFoundError:
                raise missing() from None
        return self._stream

    def _from(self, offset: int) -> Iterator[bytes]:
        try:
            return obstore.get(self._store, self._key, options={"range": (offset, self._size)}).stream(_READ)
        except BaseError as error:
            if "non-partial" not in str(error):
                raise
        # `rclone serve s3` sends a range with status 200, which obstore does not take.
        return _without(offset, obstore.get(self._store, self._key).stream(_READ))


def _without(count: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What follows the first bytes."""
    for piece in pieces:
        if len(piece) > count:
            yield piece[count:]
        count = max(0, count - len(piece))


@contextlib.contextmanager
def reached() -> Generator[None]:
    """What the object store refuses is `Unavailable`; its own words go to the log, as the cause."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise Unavailable("The object store failed or cannot be reached; try again.") from error


def _connect(url: str, options: Mapping[str, str], waiting: Mapping[str, str]) -> _Store:
    """The client of a bucket, with bounded waiting."""
    client: dict[str, Any] = dict(waiting)
    config = dict(options)
    if config.pop("allow_http", "false").lower() == "true":
        client["allow_http"] = True
    try:
        made = from_url(
            url, config=cast("Any", config), client_options=cast("Any", client), retry_config=cast("Any", _RETRY)
        )
    except (BaseError, ValueError, OSError) as error:
        raise Invalid(f"the storage {url} cannot be used: {_first_line(error)}") from None
    return cast("_Store", made)


def _first_line(error: BaseException | None) -> str:
    """What a client library says, without the details that follow."""
    return str(error).partition("\n")[0][:300]


def _checked(upload_id: str) -> str:
    if not _UPLOAD.fullmatch(upload_id):
        raise Invalid("An upload is named by 32 lower-case hex digits.")
    return upload_id


def _staging(upload_id: str) -> str:
    return f"{_STAGING}/{_checked(upload_id)}"


def _key(parts: Sequence[tuple[int, str]]) -> str:
    text = "\n".join(f"{number} {etag}" for number, etag in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _choose(there: Mapping[str, int], folder: str, parts: Sequence[tuple[int, str]]) -> list[str]:
    """The keys of the parts that the caller lists."""
    if not parts or any(first >= second for (first, _), (second, _) in itertools.pairwise(parts)):
        raise Invalid("List at least one part, in ascending order of their numbers.")
    keys = [f"{folder}/{number:05d}.{etag}" for number, etag in parts]
    for (number, _), key in zip(parts, keys, strict=True):
        if key not in there:
            raise Invalid(f"Part {number} is missing or was replaced; send it again.")
    return keys
