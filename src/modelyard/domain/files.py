"""Files of a model version: their paths, their manifest, byte ranges and multipart uploads."""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from modelyard.domain import names
from modelyard.errors import Invalid, NotFound, OutOfRange

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = "Models"
MAX_PATH: Final = 1_024
"""Bytes, as in S3; an index of PostgreSQL holds twice as many."""
MAX_DEPTH: Final = 64
MAX_SEGMENT_BYTES: Final = 255
MAX_PARTS: Final = 10_000
MAX_FILES: Final = 100_000
"""Files of one version that a client brings to an object store by itself."""
_LEVELS: Final = 3

_BAD_SEGMENT = re.compile(r"[\x00-\x1f\x7f\\]")
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a path of the Files API points: a version of a model, and a path inside it (`""` is its root)."""

    model: str
    version: int
    path: str

    def __str__(self) -> str:
        """The absolute path, with the names folded."""
        root = "/".join(["", ROOT, *self.model.split("."), str(self.version)])
        return f"{root}/{self.path}" if self.path else root


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that a store holds: the store's id, their SHA-256 in hex, their size in bytes, the object's name there."""

    store_id: str
    sha256: str
    size: int
    key: str


@dataclass(frozen=True, slots=True)
class Held:
    """An object that is in a store: its name there, its size in bytes, and when it was written (Unix seconds)."""

    key: str
    size: int
    written_at: float


class Condition(enum.Enum):
    """How stored bytes are found."""

    WHOLE = "whole"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a directory of a version; size in bytes, `modified_at` in epoch milliseconds.

    `store_id` and `key` say where the bytes of a file are.
    """

    path: str
    is_directory: bool
    size: int = 0
    sha256: str = ""
    modified_at: int = 0
    store_id: str = ""
    key: str = ""

    @classmethod
    def of(cls, path: str, stored: Stored, modified_at: int = 0) -> Entry:
        """A file of stored bytes."""
        where = {"store_id": stored.store_id, "key": stored.key}
        return cls(path, is_directory=False, size=stored.size, sha256=stored.sha256, modified_at=modified_at, **where)

    @property
    def stored(self) -> Stored:
        """The bytes of a file."""
        return Stored(self.store_id, self.sha256, self.size, self.key)

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload: which file of which version it becomes, and once it has, the bytes that it became."""

    id: str
    version_id: str
    path: str
    overwrite: bool
    principal_id: str
    store_id: str
    sha256: str = ""
    size: int = 0
    key: str = ""
    staged: tuple[tuple[int, str], ...] = ()
    """The numbers and tags of its parts, where they are to be joined only once the version is finalized."""

    @property
    def stored(self) -> Stored | None:
        """What it has become, if it has."""
        return Stored(self.store_id, self.sha256, self.size, self.key) if self.sha256 else None


@dataclass(frozen=True, slots=True)
class Address:
    """A URL of an object store that lets anybody do one thing for a few minutes, and the headers to send along."""

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """Temporary credentials of S3, and when they end (epoch milliseconds)."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class Link:
    """Leave for one principal to do one thing with a file without a token, until a time (epoch milliseconds).

    `query` tells the parts of a file apart; the surface that hands the link out signs it and makes it a URL.
    """

    principal_id: str
    method: str
    path: str
    expires_at: int
    query: tuple[tuple[str, str], ...] = ()


def location(path: str) -> Location:
    """Read an absolute path `/Models/<catalog>/<schema>/<model>/<version>/<path>`, decoded once.

    Raises `NotFound` for a path outside a version, `Invalid` for one that no file may have.
    """
    root, *segments = path.strip("/").split("/")
    if root != ROOT or len(segments) <= _LEVELS or not segments[_LEVELS].isdigit():
        raise NotFound(
            "No such file or directory. Files of model versions are under "
            "/Models/<catalog>/<schema>/<model>/<version>/.",
        )
    model = ".".join(names.simple(level) for level in segments[:_LEVELS])
    return Location(model, names.version(segments[_LEVELS]), inner("/".join(segments[_LEVELS + 1 :])))


def inner(path: str) -> str:
    """A valid path inside a version, as written: relative, at most 1,024 bytes and 64 levels."""
    if not path:
        return path
    segments = path.split("/")
    if len(segments) > MAX_DEPTH or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH:
        raise Invalid(f"a file's path has at most {MAX_PATH} bytes and {MAX_DEPTH} levels.")
    for segment in segments:
        _check_segment(segment)
    return path


def _check_segment(segment: str) -> None:
    if segment in {"", ".", ".."} or _BAD_SEGMENT.search(segment):
        raise Invalid(
            "a file's path cannot hold empty levels, `.`, `..`, backslashes or control characters.",
        )
    names.text(segment, "file's path")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise Invalid(f"each level of a file's path has at most {MAX_SEGMENT_BYTES} bytes.")


def parents(path: str) -> list[str]:
    """The directories above a path, outermost first, without the root: `a/b/c` gives `["a", "a/b"]`."""
    segments = path.split("/")
    return ["/".join(segments[:depth]) for depth in range(1, len(segments))]


def digest(entries: Iterable[Entry]) -> str:
    """The SHA-256 of a manifest: one line for each file, `sha256 size path`, in the order of paths as bytes."""
    lines = sorted((entry.path.encode(), entry) for entry in entries if not entry.is_directory)
    told = hashlib.sha256()
    for path, entry in lines:
        told.update(b"%s %d %s\n" % (entry.sha256.encode(), entry.size, path))
    return told.hexdigest()


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The half-open range `[start, end)` that a Range header asks for (RFC 9110 §14); None is the whole file.

    A header of another form, or with several ranges, is ignored, as the RFC allows.
    """
    asked = _RANGE.match(header.strip()) if header else None
    if asked is None or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    if not first:
        start, end = max(0, size - int(last)), size
        if not size and int(last):
            return None  # a suffix of an empty file is all of it
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise OutOfRange(f"the range lies outside the file, which has {size} bytes.", size)
    return start, end
