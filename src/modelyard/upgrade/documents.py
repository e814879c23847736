"""Documents: what kind a file is, what rules read of it, its cells, and the way back to its bytes."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import PurePath
from typing import Final

from modelyard.upgrade import notebooks, texts
from modelyard.upgrade.findings import Edit
from modelyard.upgrade.notebooks import Cell
from modelyard.upgrade.texts import Same, Splice, Ways


class Kind(StrEnum):
    """How a document is read."""

    PYTHON = "python"
    DATABRICKS = "databricks-notebook"
    NOTEBOOK = "ipynb"
    YAML = "yaml"
    JSON = "json"
    SHELL = "shell"
    TERRAFORM = "terraform"
    OTHER = "other"
    PROSE = "prose"


_SUFFIXES: Final = {
    ".py": Kind.PYTHON, ".pyw": Kind.PYTHON, ".ipynb": Kind.NOTEBOOK,
    ".yml": Kind.YAML, ".yaml": Kind.YAML, ".json": Kind.JSON,
    ".sh": Kind.SHELL, ".bash": Kind.SHELL, ".zsh": Kind.SHELL, ".ksh": Kind.SHELL, ".env": Kind.SHELL,
    ".mk": Kind.SHELL, ".dockerfile": Kind.SHELL, ".groovy": Kind.SHELL, ".bat": Kind.SHELL, ".ps1": Kind.SHELL,
    ".tf": Kind.TERRAFORM, ".hcl": Kind.TERRAFORM,
    ".r": Kind.OTHER, ".rmd": Kind.OTHER, ".java": Kind.OTHER, ".scala": Kind.OTHER, ".kt": Kind.OTHER,
    ".js": Kind.OTHER, ".ts": Kind.OTHER, ".tsx": Kind.OTHER, ".go": Kind.OTHER, ".jl": Kind.OTHER,
    ".sql": Kind.OTHER, ".toml": Kind.OTHER, ".ini": Kind.OTHER, ".cfg": Kind.OTHER, ".properties": Kind.OTHER,
    ".md": Kind.PROSE, ".rst": Kind.PROSE,
}  # fmt: skip
_NAMES: Final = re.compile(r"(Dockerfile|Containerfile|Makefile|Jenkinsfile|Procfile|\.env)(\..+)?", re.IGNORECASE)
_SOURCE: Final = b"# Databricks notebook source"


def kind_of(name: str) -> Kind | None:
    """The kind that a file's name says; `None` for what is not read."""
    path = PurePath(name)
    return Kind.SHELL if _NAMES.fullmatch(path.name) else _SUFFIXES.get(path.suffix.lower())


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, for people: counted from one; `cell` is that of a notebook, with the line in it."""

    line: int
    column: int
    cell: int | None = None
    cell_line: int | None = None


@dataclass(eq=False)
class Document:
    """A file as rules read it."""

    name: str
    kind: Kind
    data: bytes
    buffer: bytes
    ways: Ways = field(default_factory=Same)
    cells: tuple[Cell, ...] = ()

    def text(self, start: int, end: int) -> str:
        """What stands between two offsets."""
        return self.buffer[start:end].decode(errors="replace")

    def cell(self, offset: int) -> int:
        """The index of the cell that an offset is in."""
        return max(0, bisect_right([cell.start for cell in self.cells], offset) - 1)

    def place(self, offset: int) -> Place:
        """Where an offset is."""
        at = self.ways.at(offset)
        line = bisect_right(self._lines, at)
        column = at - self._lines[line - 1] + 1
        if self.kind not in (Kind.DATABRICKS, Kind.NOTEBOOK):
            return Place(line, column)
        number = self.cell(offset)
        return Place(line, column, number + 1, self.buffer.count(b"\n", self.cells[number].start, offset) + 1)

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(b"\n", self.data))]

    def line_start(self, offset: int) -> int:
        """The beginning of the line that an offset is in."""
        return self.buffer.rfind(b"\n", 0, offset) + 1

    def rewritten(self, edits: tuple[Edit, ...]) -> bytes:
        """The file's bytes with edits made."""
        splices: list[Splice] = []
        for edit in edits:
            splices += self.ways.back(edit.start, edit.end, edit.text)
        return texts.spliced(self.data, splices)


def read(name: str, data: bytes) -> Document:
    """The document of a file; `Malformed` where its bytes make no sense."""
    kind = kind_of(name) or Kind.OTHER
    if kind is Kind.NOTEBOOK:
        buffer, ways, cells = notebooks.read(data)
        return Document(name, kind, data, buffer, ways, cells)
    buffer, ways = texts.read(data, cookie=kind is Kind.PYTHON)
    if kind is Kind.PYTHON and buffer.removeprefix(texts.BOM).startswith(_SOURCE):
        return Document(name, Kind.DATABRICKS, data, buffer, ways, notebooks.source_cells(buffer))
    whole = Cell(texts.begins(buffer), len(buffer), "python" if kind is Kind.PYTHON else kind)
    return Document(name, kind, data, buffer, ways, (whole,))
