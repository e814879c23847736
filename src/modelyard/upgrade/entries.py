"""YAML and JSON as one flat list of entries: the path of each, its key and its value, and where they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from modelyard.errors import Malformed
from modelyard.upgrade import jsons, texts
from modelyard.upgrade.documents import Document, Kind
from modelyard.upgrade.jsons import Key

_MOST_DEEP: Final = 100
_MOST_BYTES: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A value under a path of keys and numbers; its text stands from `start` to before `end`, without quotes."""

    path: tuple[Key, ...]
    start: int
    end: int
    value: str
    is_scalar: bool
    is_exact: bool
    """Whether what stands there is what it says, letter for letter, so that a part of it can change."""
    key: tuple[int, int] | None = None
    """Where its key stands, without quotes."""
    line: int = 0
    """Where the line of its key begins."""

    @property
    def name(self) -> str:
        """Its key, or that of the list that it is in."""
        return next((key for key in reversed(self.path) if isinstance(key, str)), "")


def read(document: Document) -> list[Entry]:
    """The entries of a document; `Malformed` where it does not parse."""
    return list(_json(document) if document.kind is Kind.JSON else _yaml(document))


def _json(document: Document) -> Iterator[Entry]:
    buffer = document.buffer
    for leaf in jsons.leaves(buffer, texts.begins(buffer)):
        quote = leaf.is_string
        start, end = leaf.start + quote, leaf.end - quote
        key = (leaf.key[0] + 1, leaf.key[1] - 1) if leaf.key else None
        is_exact = quote and b"\\" not in leaf.raw
        line = document.line_start(key[0] if key else start)
        yield Entry(leaf.path, start, end, leaf.value, leaf.raw not in (b"{", b"["), is_exact, key, line)


def _yaml(document: Document) -> Iterator[Entry]:
    if len(document.buffer) > _MOST_BYTES:
        raise Malformed(f"it is YAML of more than {_MOST_BYTES} bytes: its addresses are read, its structure is not.")
    text = document.buffer.decode(errors="replace")
    places = _Places(text)
    try:
        roots = list(_composed(text))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Malformed("it does not parse as YAML: its addresses are read, its structure is not.") from error
    for root in roots:
        yield from _below(document, places, root, ())


def _composed(text: str) -> Iterator[Any]:
    compose = cast("Any", yaml.compose_all)  # pyright: ignore[reportUnknownMemberType]  PyYAML has no types
    return compose(text, Loader=yaml.SafeLoader)


@dataclass(slots=True)
class _Places:
    """Offsets in bytes for those in characters."""

    text: str
    _bytes: list[int] | None = None

    def __post_init__(self) -> None:
        if not self.text.isascii():
            self._bytes = [0]
            for letter in self.text:
                self._bytes.append(self._bytes[-1] + len(letter.encode()))

    def at(self, index: int) -> int:
        """The offset of a character; a byte order mark was read before the first."""
        return self._bytes[index] if self._bytes else index


def _below(document: Document, places: _Places, root: Any, path: tuple[Key, ...]) -> Iterator[Entry]:  # noqa: ANN401  PyYAML has no types
    waiting: list[tuple[Any, tuple[Key, ...], Any]] = [(root, path, None)]
    seen: set[int] = set()
    while waiting:
        node, where, key = waiting.pop()
        if node is None or id(node) in seen or len(where) > _MOST_DEEP:
            continue
        seen.add(id(node))
        yield _entry(document, places, node, where, key)
        waiting += reversed(_children(node, where))


def _children(node: Any, where: tuple[Key, ...]) -> list[tuple[Any, tuple[Key, ...], Any]]:  # noqa: ANN401  as above
    if isinstance(node, yaml.MappingNode):
        return [(value, (*where, str(key.value)), key) for key, value in cast("list[Any]", node.value)]
    if isinstance(node, yaml.SequenceNode):
        return [(value, (*where, index), None) for index, value in enumerate(cast("list[Any]", node.value))]
    return []


def _entry(document: Document, places: _Places, node: Any, where: tuple[Key, ...], key: Any) -> Entry:  # noqa: ANN401  as above
    start, end, value = places.at(node.start_mark.index), places.at(node.end_mark.index), node.value
    is_scalar = isinstance(node, yaml.ScalarNode)
    if is_scalar and node.style in ("'", '"'):
        start, end = start + 1, end - 1
    span = _span(document, places, key) if key is not None else None
    line = document.line_start(span[0] if span else start)
    said = str(value) if is_scalar else ""
    return Entry(where, start, end, said, is_scalar, is_scalar and document.text(start, end) == said, span, line)


def _span(document: Document, places: _Places, key: Any) -> tuple[int, int]:  # noqa: ANN401  as above
    start, end = places.at(key.start_mark.index), places.at(key.end_mark.index)
    quote = document.buffer[start : start + 1] in (b"'", b'"')
    return start + quote, end - quote


def quoted(document: Document, said: str) -> bytes:
    """A text as it is written inside quotes of the document's format."""
    return (json.dumps(said)[1:-1] if document.kind is Kind.JSON else said).encode()
