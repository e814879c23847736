"""Notebooks as Databricks keeps them in source files, and as Jupyter keeps them in JSON; one is made of the other.

A source file begins with `# Databricks notebook source`; its cells are parted by `# COMMAND ----------`, and what is
not in the notebook's own language stands behind `# MAGIC ` (public documentation; protocol notes §1.11). Everything
here is text in and text out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

COMMENTS: Final = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
"""What begins a comment in each language that a notebook can have."""
SUFFIXES: Final = {".py": "PYTHON", ".sql": "SQL", ".scala": "SCALA", ".r": "R"}
_HEADER: Final = "Databricks notebook source"
_BREAK: Final = "COMMAND ----------"
_TITLE: Final = re.compile(r"DBTITLE \d+,(.*)")
_MARKDOWN: Final = re.compile(r"%md(?:-sandbox)?\b[ \t]*\n?")
_LANGUAGE: Final = re.compile(r"%(sql|scala|r|python)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """One cell; `is_text` where it is Markdown."""

    source: str
    title: str = ""
    is_text: bool = False


def language_of(source: str, suffix: str = "") -> str:
    """The language of a source file that is a notebook; empty if it is none."""
    first = source.lstrip("\ufeff").partition("\n")[0].strip()
    found = [name for name, comment in COMMENTS.items() if first == f"{comment} {_HEADER}"]
    if not found:
        return ""
    return "R" if suffix.lower() == ".r" and "R" in found else found[0]


def is_jupyter(content: str) -> bool:
    """Whether a text is a Jupyter notebook."""
    return content.lstrip()[:1] == "{" and isinstance(_object(content).get("cells"), list)


def read(content: str) -> list[Cell]:
    """The cells of a notebook in either form; a text that is neither is one cell of code."""
    if is_jupyter(content):
        return list(_jupyter_cells(_object(content)))
    language = language_of(content)
    if not language:
        return [Cell(content)]
    comment = COMMENTS[language]
    lines = content.lstrip("\ufeff").splitlines()[1:]
    return [cell for part in _parts(lines, f"{comment} {_BREAK}") if (cell := _cell(part, comment)).source.strip()]


def _parts(lines: Sequence[str], mark: str) -> Iterator[list[str]]:
    part: list[str] = []
    for line in lines:
        if line.strip() == mark:
            yield part
            part = []
        else:
            part.append(line)
    yield part


def _cell(lines: Sequence[str], comment: str) -> Cell:
    magic = f"{comment} MAGIC"
    kept: list[str] = []
    title = ""
    for line in lines:
        if not kept and (found := _TITLE.fullmatch(line.removeprefix(f"{comment} ").strip())):
            title = found[1]
        elif line == magic or line.startswith(f"{magic} "):
            kept.append(line[len(magic) + 1 :])
        elif kept or line.strip():
            kept.append(line)
    source = "\n".join(kept).rstrip()
    return _as_text(source, title)


def _as_text(source: str, title: str = "") -> Cell:
    if found := _MARKDOWN.match(source):
        return Cell(source[found.end() :], title, is_text=True)
    return Cell(source, title)


def _jupyter_cells(notebook: Mapping[str, Any]) -> Iterator[Cell]:
    for each in cast("list[object]", notebook["cells"]):
        if isinstance(each, dict):
            cell = cast("dict[str, Any]", each)
            source = cell.get("source", "")
            text = "".join(map(str, cast("list[object]", source))) if isinstance(source, list) else str(source)
            kind = cell.get("cell_type")
            if kind == "code":
                yield _as_text(text)
            else:
                yield Cell(text, is_text=True)


def jupyter(cells: Sequence[Cell], language: str = "PYTHON") -> dict[str, Any]:
    """A Jupyter notebook (format 4.5) of some cells."""
    made = [_jupyter_cell(number, cell) for number, cell in enumerate(cells)]
    about = {"language_info": {"name": language.lower()}}
    return {"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def _jupyter_cell(number: int, cell: Cell) -> dict[str, Any]:
    metadata = {"title": cell.title} if cell.title else {}
    told: dict[str, Any] = {"id": f"cell-{number}", "metadata": metadata, "source": cell.source}
    if cell.is_text:
        return {"cell_type": "markdown", **told}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **told}


def source(cells: Sequence[Cell], language: str = "PYTHON") -> str:
    """A source file of some cells."""
    comment = COMMENTS[language]
    parts = ["\n".join(_source_lines(cell, comment, language)) for cell in cells]
    return f"{comment} {_HEADER}\n" + f"\n\n{comment} {_BREAK}\n\n".join(parts) + "\n"


def _source_lines(cell: Cell, comment: str, language: str) -> Iterator[str]:
    if cell.title:
        yield f"{comment} DBTITLE 1,{cell.title}"
    text = f"%md\n{cell.source}" if cell.is_text else cell.source
    other = _LANGUAGE.match(text.lstrip())
    is_other = cell.is_text or (other is not None and other[1].upper() != language)
    is_other = is_other or text.lstrip().startswith(("%sh", "%fs", "%run", "%pip"))
    for line in text.splitlines():
        if is_other or line.startswith("%"):
            yield f"{comment} MAGIC {line}".rstrip()
        else:
            yield line


def _object(content: str) -> dict[str, Any]:
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
