"""The files under paths: what is read, and a line for each that is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from modelyard.errors import NotFound
from modelyard.upgrade.documents import Kind, kind_of
from modelyard.upgrade.texts import WIDE

MOST_BYTES: Final = 20_000_000
"""A file above this is told and not read: nobody writes one by hand."""
_SKIPPED: Final = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", "site-packages", ".tox", ".nox",
        ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints", ".terraform", ".eggs", ".idea",
    }
)  # fmt: skip
_RELEVANT: Final = (
    b"mlflow", b"models:/", b"registered_model", b"registeredmodel", b"served_model", b"servedmodel",
    b"stage_or_version", b"model_version", b"modelversion", b"current_stage", b"latest_versions",
    b"registry-webhooks", b"transition-requests",
)  # fmt: skip
"""Words that any rule begins with, in lower case."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a file, or a part of it, was passed over; one line for people."""

    name: str
    message: str


@dataclass(slots=True)
class Files:
    """What was found under the paths."""

    root: Path
    bytes: dict[str, bytes] = field(default_factory=dict[str, bytes])
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    counted: int = 0
    repositories: list[str] = field(default_factory=list[str])
    """Folders below the root that are git repositories of their own."""

    def relevant(self) -> list[str]:
        """The files that may say something of models, in order."""
        return sorted(name for name, data in self.bytes.items() if is_relevant(data))


def is_relevant(data: bytes) -> bool:
    """Whether bytes hold a word that any rule begins with."""
    if data.startswith(WIDE):
        data = data.replace(b"\0", b"")
    folded = data.lower()
    return any(word in folded for word in _RELEVANT)


def files(paths: list[Path]) -> Files:
    """The files under paths, by their names from the folder that holds them all."""
    found = Files(root(paths))
    for path in _whole(paths):
        for file in [path] if path.is_file() else _below(path, found):
            _read(file, found)
    return found


def root(paths: list[Path]) -> Path:
    """The folder that names are told from: the one that holds all paths."""
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path} does not exist.")
    return Path(os.path.commonpath([path if path.is_dir() else path.parent for path in _whole(paths)]))


def _whole(paths: list[Path]) -> list[Path]:
    return [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  links stay, so that names are the user's


def _below(folder: Path, found: Files) -> Iterator[Path]:
    for here, folders, names in os.walk(folder, onerror=lambda error: _failed(found, error)):
        if ".git" in (*folders, *names) and Path(here) != found.root:
            found.repositories.append(_named(found.root, Path(here)))
        kept = [name for name in sorted(folders) if name not in _SKIPPED]
        for name in [name for name in kept if (Path(here) / name).is_symlink()]:
            _tell(found, Path(here) / name, "a link to a folder: not followed.")
        folders[:] = [name for name in kept if not (Path(here) / name).is_symlink()]
        yield from (Path(here) / name for name in sorted(names))


def _failed(found: Files, error: OSError) -> None:
    _tell(found, Path(str(error.filename)), f"cannot be read: {error.strerror}.")


def _tell(found: Files, path: Path, message: str) -> None:
    found.troubles.append(Trouble(_named(found.root, path), message))


def _named(root: Path, path: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.name


def _read(path: Path, found: Files) -> None:
    kind = kind_of(path.name)
    if kind is None:
        return
    found.counted += 1
    try:
        if path.is_symlink():
            _tell(found, path, "a link: what it leads to is read where it is.")
        elif not path.is_file():
            _tell(found, path, "not a file: not read.")
        elif path.stat().st_size > MOST_BYTES:
            _tell(found, path, f"more than {MOST_BYTES // 1_000_000} MB: not read.")
        else:
            _keep(path, kind, found)
    except OSError as error:
        _tell(found, path, f"cannot be read: {error.strerror}.")


def _keep(path: Path, kind: Kind, found: Files) -> None:
    """Python is kept whole, for what imports it; of the rest only what may say something."""
    data = path.read_bytes()
    is_code = kind is Kind.PYTHON or (kind in (Kind.YAML, Kind.JSON, Kind.SHELL, Kind.NOTEBOOK))
    if is_code or is_relevant(data):
        found.bytes[_named(found.root, path)] = data
