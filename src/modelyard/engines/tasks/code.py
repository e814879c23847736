"""The code of a task on this machine: a copy of its own for each attempt, in the places that it knows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
from pathlib import Path
from typing import Final

from modelyard.domain.files import Entry
from modelyard.engines.attempts import Brief, Work
from modelyard.engines.local.files import OpenFile, confined
from modelyard.engines.local.trouble import Trouble

ROOTS: Final = ("/Workspace", "/Volumes")
"""Where governed files are, for the code as for people."""
CHECKOUT: Final = "/Workspace/Repos/.internal"
_PIECE: Final = 1 << 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_NOTEBOOKS: Final = ("", ".py", ".ipynb")


class Code:
    """The files of one attempt below a folder: `/Workspace/x` is `Workspace/x` there."""

    def __init__(self, folder: Path, brief: Brief) -> None:
        self.folder = folder
        self._brief = brief

    @property
    def base(self) -> str:
        """From where relative paths are meant: the checkout, or the workspace."""
        return f"{CHECKOUT}/{self._brief.checkout.commit}" if self._brief.checkout else ROOTS[0]

    @property
    def checkout(self) -> Path:
        """Where the checkout is to be."""
        return self.at(self.base)

    def bring(self, open_file: OpenFile) -> None:
        """Bring the governed files; trouble, if one is not what it was."""
        for root in ROOTS:
            (self.folder / root[1:]).mkdir(mode=0o755, exist_ok=True)
        for path, entry in self._brief.files.items():
            if not path.startswith(tuple(f"{root}/" for root in ROOTS)):
                raise Trouble("a file of the task is outside of /Workspace and /Volumes.", is_final=True)
            _bring(self.folder / confined(path[1:]), entry, open_file)

    def at(self, path: str) -> Path:
        """Where something is on this machine."""
        return self.folder / confined(posixpath.normpath(path).lstrip("/"))

    def find(self, path: str, beside: str = "") -> Path | None:
        """A file by its path as code or requirements name it; None if there is none, or it leads elsewhere."""
        whole = posixpath.normpath(posixpath.join(beside or self.base, path))
        if not whole.startswith(tuple(f"{root}/" for root in ROOTS)):
            return None
        with contextlib.suppress(OSError, Trouble):
            place = self.at(whole)
            if place.is_file() and place.resolve().is_relative_to(self.folder.resolve()):
                return place
        return None

    def main(self) -> str:
        """The path of the notebook or the script, for the code; empty if there is none."""
        suffixes = _NOTEBOOKS if self._brief.work is Work.NOTEBOOK else ("",)
        for suffix in suffixes:
            if self.find(self._brief.path + suffix):
                return posixpath.normpath(posixpath.join(self.base, self._brief.path + suffix))
        return ""


def _bring(place: Path, entry: Entry, open_file: OpenFile) -> None:
    if entry.is_directory:
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    told, size = hashlib.sha256(), 0
    with os.fdopen(os.open(place, _NEW, 0o644), "wb") as file, contextlib.closing(open_file(entry)) as source:
        while size < entry.size and (more := source.read(size, min(_PIECE, entry.size - size))):
            file.write(more)
            told.update(more)
            size += len(more)
    if size != entry.size or told.hexdigest() != entry.sha256:
        raise Trouble("a file of the task is not what was stored; ask an admin to run modelyard fsck.", is_final=True)
