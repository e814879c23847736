"""Notebooks: the cells of `.ipynb` files and of Databricks' source format, and the way back into JSON strings."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from modelyard.errors import Malformed
from modelyard.upgrade import jsons
from modelyard.upgrade.jsons import Leaf
from modelyard.upgrade.texts import Splice, begins

_COMMAND: Final = re.compile(rb"^# COMMAND -+[ \t]*\r?\n", re.MULTILINE)
_MAGIC: Final = re.compile(rb"\s*(?:# MAGIC[ \t]+)?%%?([A-Za-z_]\w*)")
_LINE_MAGIC: Final = re.compile(rb"^[ \t]*(?:%[A-Za-z_]|!(?!=))", re.MULTILINE)
_GOES_ON: Final = re.compile(rb"[(\[{,\\+\-*/%=&|][ \t]*\r?\n[ \t]*\Z")
_RUN: Final = re.compile(rb"""^[ \t]*(?:# MAGIC[ \t]+)?%run[ \t]+["']?([^\s"'$]+)""", re.MULTILINE)
_ESCAPE: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]+")
_BEFORE: Final = 200  # bytes of the lines before a magic that are looked at
_LANGUAGES: Final = {
    "md": "markdown", "markdown": "markdown", "sql": "sql", "sh": "shell", "bash": "shell",
    "scala": "scala", "r": "r", "fs": "other", "html": "other", "javascript": "other", "js": "other",
    "writefile": "other", "script": "other", "latex": "other", "svg": "other",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a document that is read alone, in a language of its own."""

    start: int
    end: int
    language: str


def source_cells(buffer: bytes) -> tuple[Cell, ...]:
    """The cells of a notebook in Databricks' source format."""
    ends = [found.span() for found in _COMMAND.finditer(buffer)]
    starts = [begins(buffer), *(end for _, end in ends)]
    return tuple(
        Cell(start, stop, _language(buffer, start, stop))
        for start, stop in zip(starts, [*(begin for begin, _ in ends), len(buffer)], strict=True)
    )


def _language(buffer: bytes, start: int, end: int) -> str:
    """The language that a magic in the first line that says something sets for a cell."""
    for line in buffer[start:end].splitlines():
        if not line.strip() or (line.startswith(b"#") and not line.startswith(b"# MAGIC")):
            continue
        found = _MAGIC.match(line)
        return _LANGUAGES.get(found[1].decode().lower(), "python") if found else "python"
    return "python"


def included(buffer: bytes) -> Iterator[str]:
    """The notebooks that a notebook runs, as it names them."""
    return (found[1].decode(errors="replace") for found in _RUN.finditer(buffer))


def masked(buffer: bytes) -> bytes:
    """The text with the magics in it as comments, so that every offset stays what it was."""
    text = bytearray(buffer)
    for found in _LINE_MAGIC.finditer(buffer):
        if not _GOES_ON.search(buffer, max(0, found.start() - _BEFORE), found.start()):
            text[found.start() : found.start() + 1] = b"#"
    return bytes(text)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One JSON string of a cell's source: where rules read it, and where it stands in the file."""

    start: int
    end: int
    leaf: Leaf

    def at(self, offset: int) -> int:
        """The file's offset for one inside."""
        left, position = offset - self.start, self.leaf.start + 1
        for found in _ESCAPE.finditer(self.leaf.raw[1:-1]):
            said = _said(found[0])
            if left < len(said):
                return position + (left if found[0][:1] != b"\\" else 0)
            left -= len(said)
            position += len(found[0])
        return position


def _said(escape: bytes) -> bytes:
    """What an escape of JSON says, in UTF-8."""
    return json.loads(b'"%b"' % escape).encode(errors="replace") if escape[:1] == b"\\" else escape


@dataclass(frozen=True, slots=True)
class Strings:
    """The way back into the strings of JSON."""

    pieces: tuple[_Piece, ...]
    starts: tuple[int, ...]
    is_ascii: bool

    def back(self, start: int, end: int, text: bytes) -> Iterator[Splice]:
        """The new text goes into the first string that the change touches; the rest is taken out of the others."""
        index = self._index(start)
        first = self.pieces[index]
        said = json.dumps(text.decode(), ensure_ascii=self.is_ascii)[1:-1].encode()
        yield first.at(start), first.at(min(end, first.end)), said
        for piece in islice(self.pieces, index + 1, None):
            if piece.start >= end:
                return
            yield piece.at(piece.start), piece.at(min(end, piece.end)), b""

    def at(self, offset: int) -> int:
        """The file's offset."""
        return self.pieces[self._index(offset)].at(offset) if self.pieces else 0

    def _index(self, offset: int) -> int:
        return max(0, bisect_right(self.starts, offset) - 1)


def read(data: bytes) -> tuple[bytes, Strings, tuple[Cell, ...]]:
    """The sources of a notebook's cells, one after the other; `Malformed` where it is no notebook."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("it is not JSON: it is not written in UTF-8.") from error
    found = list(jsons.leaves(data, begins(data)))
    if not any(leaf.path == ("nbformat",) for leaf in found):
        raise Malformed("it is no notebook that can be read: it has no nbformat.")
    return _joined(_sources(found), _kinds(found), _default(found), is_ascii=data.isascii())


def _sources(found: list[Leaf]) -> list[tuple[int, list[Leaf]]]:
    """The strings of each source, in order, with the number of its cell; a key that comes twice gives two."""
    sources: list[tuple[int, list[Leaf]]] = []
    last: tuple[object, ...] = ()
    for leaf in found:
        match leaf.path:
            case ("cells", int(number), "source", int(line)) if leaf.is_string:
                if line == 0 or last[:3] != leaf.path[:3]:
                    sources.append((number, []))
                sources[-1][1].append(leaf)
            case ("cells", int(number), "source") if leaf.is_string:
                sources.append((number, [leaf]))
            case _:
                continue
        last = leaf.path
    return sources


def _kinds(found: list[Leaf]) -> dict[int, str]:
    """What each cell says that it is."""
    kinds: dict[int, str] = {}
    for leaf in found:
        match leaf.path:
            case ("cells", int(number), "cell_type"):
                kinds[number] = leaf.value
            case _:
                pass
    return kinds


def _default(found: list[Leaf]) -> str:
    """The notebook's language."""
    for leaf in found:
        if leaf.path in {("metadata", "kernelspec", "language"), ("metadata", "language_info", "name")}:
            return leaf.value.lower()
    return "python"


def _joined(
    sources: list[tuple[int, list[Leaf]]], kinds: dict[int, str], default: str, *, is_ascii: bool
) -> tuple[bytes, Strings, tuple[Cell, ...]]:
    buffer = bytearray()
    pieces: list[_Piece] = []
    cells: list[Cell] = []
    for number, strings in sources:
        start = len(buffer)
        for leaf in strings:
            begin = len(buffer)
            buffer += leaf.value.encode(errors="replace")
            pieces.append(_Piece(begin, len(buffer), leaf))
        language = (
            _language(bytes(buffer[start:]), 0, len(buffer) - start) if kinds.get(number) == "code" else "markdown"
        )
        cells.append(Cell(start, len(buffer), default if language == "python" else language))
        buffer += b"\n"
    return bytes(buffer), Strings(tuple(pieces), tuple(piece.start for piece in pieces), is_ascii), tuple(cells)
