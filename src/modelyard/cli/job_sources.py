"""What the code of a job says of models in the old way: fetched from the workspace, and looked into here.

The server does not need the libraries that read code. Where they are not here either, what any text can tell is told.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from modelyard.cli.client import OURS, Client, Told
from modelyard.domain.jobs.cloning import Finding, findings
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_READ: Final = frozenset({".py", ".ipynb", ".yml", ".yaml", ".json", ".sh", ".toml", ".cfg", ".ini", ".sql", ".r"})
MOST_BYTES: Final = 5 << 20
"""A file above this is not fetched: nobody writes one by hand."""
_NOTEBOOK: Final = b"# Databricks notebook source"
_CLOSER: Final = 'Look closer with `modelyard upgrade scan`: pip install "modelyard[upgrade]".'


def looked_into(
    server: Client, sources: Iterable[str], names: Mapping[str, str]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """What stands in the projects of some sources, as far as one may read them; and words on what was not looked into.

    `names` are the new names of models by their old ones.
    """
    with tempfile.TemporaryDirectory(prefix="modelyard-sources-") as room:
        folder, notes = Path(room), list[str]()
        for source in sources:
            try:
                notes += _fetch(server, source, folder)
            except Told as refusal:
                notes.append(f"{source} was not looked into: {refusal.message}")
        if not any(folder.iterdir()):
            return (), tuple(notes)
        if find_spec("tree_sitter") is None or find_spec("tree_sitter_python") is None:
            return tuple(_by_signs(folder)), (*notes, _CLOSER)
        found, troubles = _by_rules(folder, names)
        return tuple(found), (*notes, *troubles)


def _fetch(server: Client, source: str, folder: Path) -> list[str]:
    """Fetch the project of a source; a line for each file that is too large to be looked into."""
    large: list[str] = []
    project = server.ask("GET", f"{OURS}/workspace-project", path=source)
    for each in project["files"]:
        path = PurePosixPath(each["path"])
        suffix = path.suffix.lower()
        if suffix not in {*_READ, ""}:
            continue
        if each["size"] > MOST_BYTES:
            large.append(f"{path} was not looked into: it has more than {MOST_BYTES} bytes.")
            continue
        there = folder / str(path).removeprefix("/Workspace/")
        if ".." in path.parts or not path.is_relative_to("/Workspace"):
            raise Invalid(f"the server names a file that is none of the workspace's: {path}.")
        if not there.exists():
            at = quote(str(path).removeprefix("/Workspace/"))
            _keep(there, b"".join(server.pieces(f"{OURS}/workspace-files/{at}")))
    return large


def _keep(there: Path, content: bytes) -> None:
    """Keep a file; a notebook, which has no extension in the workspace, under that of its format."""
    if not there.suffix:
        there = there.with_name(there.name + suffix_of(content))
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(content)


def suffix_of(content: bytes) -> str:
    """The extension of a notebook's format; nothing for what is none."""
    return ".ipynb" if is_jupyter(content) else ".py" if content.startswith(_NOTEBOOK) else ""


def is_jupyter(content: bytes) -> bool:
    """Whether a notebook is kept in Jupyter's format."""
    return content.lstrip()[:1] == b"{"


def _by_signs(folder: Path) -> Iterator[Finding]:
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        yield from findings(_named(file.relative_to(folder)), file.read_text(encoding="utf-8", errors="replace"))


def _by_rules(folder: Path, names: Mapping[str, str]) -> tuple[list[Finding], list[str]]:
    # tree-sitter is an extra, and the other commands start without it.
    from modelyard.upgrade import engine, walk  # noqa: PLC0415
    from modelyard.upgrade.plan import Plan  # noqa: PLC0415

    outcome = engine.run(walk.files([folder]), Plan(names=dict(names)), engine.Options())
    found = [_told(each) for each in outcome.references]
    return found, [f"{_named(each.name)} was not looked into: {each.message}" for each in outcome.troubles]


def _told(each: Any) -> Finding:  # noqa: ANN401  a reference of an extra
    cell = f"cell {each.place.cell}, line {each.place.cell_line}" if each.place.cell else str(each.place.line)
    advice = f"{each.finding.message.rstrip('.')} ({each.finding.rule})"
    return Finding(f"{_named(each.finding.document)}:{cell}", each.line.strip(), advice)


def _named(path: Path | str) -> str:
    return f"/Workspace/{path}"
