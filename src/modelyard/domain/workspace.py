"""Files of the workspace: notebooks, files and directories by their paths, and who may do what with them.

Paths begin at `/Users/<name>`, the home folder of a principal, or at `/Shared`; `/Workspace` before them means nothing.
Levels are those of Databricks' workspace objects. They are inherited by everything below: each principal manages what
is in its home folder, everybody may read and write in `/Shared`, and who has written something there manages it.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from modelyard.domain import files
from modelyard.domain.files import Entry, Stored
from modelyard.errors import Invalid
from modelyard.task.dbruntime import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PREFIX: Final = "/Workspace"
"""Where the workspace is in the file system of tasks."""
ROOT: Final = "/"
USERS: Final = "/Users"
SHARED: Final = "/Shared"
OPEN: Final = frozenset({ROOT, USERS})
"""Directories that everybody sees; what is in them is seen by those who may."""
MOST_LISTED: Final = 10_000
MOST_IMPORTED: Final = 10 << 20
"""Bytes of a file that comes in the body of a request; longer ones are streamed."""
MOST_FILES: Final = 2_000
MOST_BYTES: Final = 200 << 20
"""Of the folder that a task gets a copy of."""
_IDS: Final = 52
_HOME_DEPTH: Final = 2


class ObjectType(StrEnum):
    """What is at a path."""

    NOTEBOOK = "NOTEBOOK"
    FILE = "FILE"
    DIRECTORY = "DIRECTORY"


class Level(StrEnum):
    """What somebody may do; each level includes those before it."""

    CAN_READ = "CAN_READ"
    CAN_RUN = "CAN_RUN"
    CAN_EDIT = "CAN_EDIT"
    CAN_MANAGE = "CAN_MANAGE"

    def includes(self, other: Level) -> bool:
        """Whether who has this level may do what takes the other one."""
        return _RANKS[self] >= _RANKS[other]


_RANKS: Final = {level: rank for rank, level in enumerate(Level)}


def highest(levels: Iterable[Level]) -> Level | None:
    """The most that several levels allow together, or None where there are none."""
    return max(levels, key=_RANKS.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class Object:
    """Something at a path; times are epoch milliseconds, `stored` the bytes of what is no directory.

    `is_kept` is false for directories that are there without anybody having made them.
    """

    id: int
    path: str
    type: ObjectType
    language: str = ""
    created_at: int = 0
    modified_at: int = 0
    owner_id: str = ""
    stored: Stored | None = None
    is_kept: bool = True

    @property
    def is_directory(self) -> bool:
        """Whether it can hold others."""
        return self.type is ObjectType.DIRECTORY

    @property
    def entry(self) -> Entry:
        """Its bytes, as a file below the folder that tasks see."""
        path = PREFIX + self.path
        return Entry.of(path, self.stored, self.modified_at) if self.stored else Entry(path, is_directory=True)


@dataclass(frozen=True, slots=True)
class Access:
    """What one principal was given on one object, by itself or by inheritance from `path`."""

    principal: str
    kind: str
    level: Level
    path: str


@dataclass(frozen=True, slots=True)
class Draft:
    """Something that is to be kept at a path."""

    path: str
    type: ObjectType
    language: str = ""
    overwrite: bool = False


def path(text: str) -> str:
    """A valid path of the workspace, without `/Workspace` and without a slash at its end."""
    if not text.startswith("/"):
        raise Invalid(f"Path ({text[:100]}) doesn't start with '/'.")
    whole = text.rstrip("/") or ROOT
    if whole == PREFIX or whole.startswith(f"{PREFIX}/"):
        whole = whole.removeprefix(PREFIX) or ROOT
    if whole != ROOT:
        files.inner(whole[1:])
    return whole


def parent(of: str) -> str:
    """The path of the directory that something is in; that of the root is the root."""
    return of.rpartition("/")[0] or ROOT


def lineage(of: str) -> list[str]:
    """The paths above something, outermost first, and its own."""
    segments = of.strip("/").split("/") if of != ROOT else []
    return [ROOT, *("/" + "/".join(segments[:depth]) for depth in range(1, len(segments) + 1))]


def home_of(of: str) -> str:
    """The home folder that a path is in or is; empty if it is in none."""
    segments = lineage(of)
    return segments[_HOME_DEPTH] if len(segments) > _HOME_DEPTH and segments[1] == USERS else ""


def home(name: str) -> str:
    """The home folder of a principal; empty if its name is none for a folder."""
    try:
        return path(f"{USERS}/{name}") if "/" not in name else ""
    except Invalid:
        return ""


def common(paths: Sequence[str]) -> str:
    """The folder that holds all of some folders: itself, if there is one."""
    return posixpath.commonpath(paths)


def moved(of: str, base: str, folder: str) -> str:
    """The path of something below `base`, once that is `folder`."""
    return f"{folder}/{posixpath.relpath(of, base)}" if of != base else folder


def is_built_in(of: str) -> bool:
    """Whether a directory is there without anybody having made it, and cannot be deleted."""
    return of in {ROOT, USERS, SHARED}


def built_in(of: str) -> Object:
    """Such a directory."""
    return Object(id_of(of), of, ObjectType.DIRECTORY, is_kept=False)


def id_of(text: str) -> int:
    """A number of 52 bits, which every client can hold."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> (64 - _IDS)


def check_deletable(of: str) -> None:
    """Refuse what has to stay."""
    if is_built_in(of):
        raise Invalid(f"{of} cannot be deleted.")


# Content


def decided(at: str, content: bytes, form: str, language: str) -> tuple[Draft, bytes]:
    """What an import makes of some content: what is kept, and the bytes."""
    where = path(at)
    match form:
        case "SOURCE":
            return _source(where, content, language)
        case "JUPYTER":
            return Draft(where, ObjectType.NOTEBOOK, "PYTHON"), _jupyter(content)
        case "AUTO":
            return _auto(where, content)
        case "RAW":
            return Draft(where, ObjectType.FILE), content
        case _:
            raise Invalid(f"format {form[:40]} is not imported here; use SOURCE, JUPYTER, AUTO or RAW.")


def _source(at: str, content: bytes, language: str) -> tuple[Draft, bytes]:
    if language not in cells.COMMENTS:
        raise Invalid("language must be PYTHON, SQL, SCALA or R for format SOURCE; use AUTO for plain files.")
    text = _text(content)
    if not cells.language_of(text):
        text = f"{cells.COMMENTS[language]} Databricks notebook source\n{text}"
    return Draft(at, ObjectType.NOTEBOOK, language), text.encode()


def _auto(at: str, content: bytes) -> tuple[Draft, bytes]:
    """By its extension and its first line; a notebook loses its extension."""
    stem, dot, extension = at.rpartition(".")
    suffix = f".{extension}".lower() if dot and "/" not in extension else ""
    if suffix == ".ipynb":
        return Draft(stem, ObjectType.NOTEBOOK, "PYTHON"), _jupyter(content)
    language = cells.SUFFIXES.get(suffix, "")
    head = content[:200].decode(errors="replace")
    if language and (cells.language_of(head, suffix) == language):
        return Draft(stem, ObjectType.NOTEBOOK, language), content
    return Draft(at, ObjectType.FILE), content


def _jupyter(content: bytes) -> bytes:
    if not cells.is_jupyter(_text(content)):
        raise Invalid("the content is no Jupyter notebook (.ipynb).")
    return content


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("a notebook is UTF-8; import other content with format RAW or AUTO.") from None


# Projects


def project_roots(of: str) -> list[str]:
    """Folders that may be what a task needs of the workspace, the widest first.

    That is the folder directly below a home folder or `/Shared`, then those on the way down to the task's own file.
    """
    above = lineage(parent(of))
    first = _HOME_DEPTH + 1 if home_of(of) else _HOME_DEPTH
    return above[first:]
