"""JSON with places: every string of a document, where it stands and under which keys. Duplicates and all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelyard.errors import Malformed

Key = str | int

_TOKEN: Final = re.compile(
    rb'[ \t\r\n]*(?:("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")|([{}\[\],:])|([-+.\w]+))', re.DOTALL
)
_MOST_DEEP: Final = 500


@dataclass(frozen=True, slots=True)
class Leaf:
    """A string, another scalar, or a `{` or `[`, at the end of a path of keys and numbers; the span has its quotes."""

    path: tuple[Key, ...]
    start: int
    end: int
    raw: bytes
    key: tuple[int, int] | None
    """Where the key that it is the value of stands, with its quotes."""

    @property
    def is_string(self) -> bool:
        """Whether it stands in quotes."""
        return self.raw.startswith(b'"')

    @property
    def value(self) -> str:
        """What it says."""
        return json.loads(self.raw) if self.is_string else self.raw.decode(errors="replace")


@dataclass(slots=True)
class _Level:
    """A list or an object that is being read."""

    is_list: bool
    count: int = 0
    key: str | None = None
    span: tuple[int, int] | None = None


def leaves(data: bytes, start: int = 0) -> Iterator[Leaf]:
    """The scalars of a document, and where its lists and objects begin, in order; `Malformed` if it is not JSON."""
    levels: list[_Level] = []
    position, seen = start, False
    while found := _TOKEN.match(data, position):
        position = found.end()
        string, mark, _ = found.groups()
        seen = True
        if mark:
            if mark in b"{[":
                yield _leaf(levels, found)
            _step(levels, mark, position)
        elif string and levels and not levels[-1].is_list and levels[-1].key is None:
            levels[-1].key, levels[-1].span = _name(string, position), found.span(1)
        else:
            yield _leaf(levels, found)
    if levels or not seen or data[position:].strip():
        raise Malformed(f"it is not JSON: nothing makes sense after byte {position}.")


def _name(string: bytes, position: int) -> str:
    try:
        return json.loads(string)
    except ValueError as error:
        raise Malformed(f"it is not JSON: a string before byte {position} is broken.") from error


def _leaf(levels: list[_Level], found: re.Match[bytes]) -> Leaf:
    group = next(index for index in (1, 2, 3) if found[index])
    key = levels[-1].span if levels and not levels[-1].is_list else None
    return Leaf(_path(levels), *found.span(group), found[group], key)


def _path(levels: list[_Level]) -> tuple[Key, ...]:
    return tuple(level.count if level.is_list else (level.key or "") for level in levels)


def _step(levels: list[_Level], mark: bytes, position: int) -> None:
    if mark in b"{[":
        if len(levels) >= _MOST_DEEP:
            raise Malformed(f"it is nested more than {_MOST_DEEP} levels deep.")
        levels.append(_Level(mark == b"["))
    elif not levels:
        raise Malformed(f"it is not JSON: a mark too many before byte {position}.")
    elif mark in b"}]":
        levels.pop()
    elif mark == b",":
        levels[-1].count += 1
        levels[-1].key = None
