"""Volumes: paths of files in them, the outputs that they publish, and the pointer to the current one.

A volume that has outputs reserves two names at its top: `outputs/<name>/…` are its outputs, which never change once
they are complete, and `current/…` is whichever of them the pointer names.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from modelyard.domain import names
from modelyard.domain.files import inner
from modelyard.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = "Volumes"
CURRENT: Final = "current"
OUTPUTS: Final = "outputs"
RESERVED: Final = frozenset({CURRENT, OUTPUTS})
MOST_ABOUT: Final = 64 << 10
"""Bytes of what is said of an output."""
_LEVELS: Final = 3
_OUTPUT: Final = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}\Z", re.ASCII)


class State(StrEnum):
    """How it stands with an output."""

    OPEN = "OPEN"
    """Files come; only who may write in the volume sees it."""
    COMPLETE = "COMPLETE"
    """It is whole, and never changes."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A managed volume; times are epoch milliseconds. `current` is the name of its current output, if it has one."""

    id: str
    full_name: str
    owner: str
    comment: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    manifest_id: str
    store_id: str
    publishes: bool
    current: str
    browse_only: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """Files that belong together, such as the predictions of one batch job; `about` says what made them (JSON)."""

    id: str
    volume: str
    name: str
    manifest_id: str
    state: State
    about: str
    created_at: int
    created_by: str
    completed_at: int | None
    digest: str
    files: int
    size: int
    is_current: bool

    @property
    def path(self) -> str:
        """Where its files are."""
        return f"{root(self.volume)}/{OUTPUTS}/{self.name}"


@dataclass(frozen=True, slots=True)
class Move:
    """A move of the pointer to the current output: from where to where (empty: nowhere), when, by whom and why."""

    seq: int
    from_output: str
    to_output: str
    moved_at: int
    moved_by: str
    reason: str
    request_id: str


@dataclass(frozen=True, slots=True)
class VolumePath:
    """A path in a volume (`""` is its top)."""

    volume: str
    path: str

    def __str__(self) -> str:
        """The absolute path, with the names folded."""
        return f"{root(self.volume)}/{self.path}" if self.path else root(self.volume)


@dataclass(frozen=True, slots=True)
class Area:
    """Which part of a volume a path is in: its own files, all its outputs, or the output of a name."""

    path: str
    """Inside that part."""
    output: str = ""
    is_current: bool = False
    is_shelf: bool = False
    """Whether it is the folder of all outputs itself."""


def root(volume: str) -> str:
    """The path of a volume."""
    return "/".join(["", ROOT, *volume.split(".")])


def is_in_volume(path: str) -> bool:
    """Whether an absolute path of the Files API is one of volumes."""
    return path.strip("/").split("/", 1)[0] == ROOT


def location(path: str) -> VolumePath:
    """Read an absolute path `/Volumes/<catalog>/<schema>/<volume>/<path>`, decoded once.

    Raises `NotFound` for a path outside a volume, `Invalid` for one that no file may have.
    """
    first, *segments = path.strip("/").split("/")
    if first != ROOT or len(segments) < _LEVELS:
        raise NotFound("No such file or directory. Files are in volumes, under /Volumes/<catalog>/<schema>/<volume>/.")
    volume = ".".join(names.simple(level) for level in segments[:_LEVELS])
    return VolumePath(volume, inner("/".join(segments[_LEVELS:])))


def area(path: str, *, publishes: bool) -> Area:
    """Which part of a volume a path is in; only volumes that publish have other parts than their own files."""
    head, _, rest = path.partition("/")
    if not publishes or head not in RESERVED:
        return Area(path)
    if head == CURRENT:
        return Area(rest, is_current=True)
    name, _, inside = rest.partition("/")
    return Area(inside, name) if name else Area("", is_shelf=True)


def new_output(now: int) -> str:
    """A name for an output that begins at a time (epoch milliseconds): names sort by time."""
    return f"{datetime.fromtimestamp(now // 1000, UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def output_name(text: str) -> str:
    """The name of an output, checked."""
    if not _OUTPUT.match(text):
        raise Invalid(f'"{text[:60]}" is no name of an output; `modelyard outputs list` shows them.')
    return text


def about(said: Mapping[str, Any] | None) -> str:
    """What a client says of an output, as JSON."""
    told = json.dumps(dict(said or {}), ensure_ascii=False, sort_keys=True)
    if len(told.encode("utf-8", "surrogatepass")) > MOST_ABOUT:
        raise Invalid(f"what is said about an output has at most {MOST_ABOUT} bytes.")
    return names.text(told, "about")
