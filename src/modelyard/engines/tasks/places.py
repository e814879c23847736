"""The folder of tasks on this machine: what is where, for every process of the server that runs them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import modelyard.task
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.config import Settings

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z", re.ASCII)
_OPEN: Final = 0o711
"""Whoever knows a name inside may reach it: the users that tasks run as."""


class TaskPlaces:
    """Attempts, environments, checkouts, and the program that runs beside the code of a task."""

    def __init__(self, settings: Settings) -> None:
        settings.run_folder.mkdir(parents=True, exist_ok=True)
        settings.run_folder.chmod(_OPEN)
        self.folder = _made(settings.run_folder / "tasks", _OPEN)
        self.attempts = _made(self.folder / "attempts", _OPEN)
        self.environments = _made(self.folder / "envs", _OPEN)
        self.logs = _made(self.folder / "logs", 0o700)
        self.users = _made(self.folder / "users", 0o700)
        self.checkouts = _made(self.folder / "git", _OPEN)
        self.program = _program(self.folder)

    @property
    def library(self) -> Path:
        """What the code of tasks can import besides its environment."""
        return self.program / "lib"

    def attempt(self, attempt_id: str) -> Path:
        """The folder of an attempt, which need not be there."""
        if not _ID.match(attempt_id):
            raise Invalid("the id of an attempt has letters, digits, dashes and underscores only.")
        return self.attempts / attempt_id


def _made(folder: Path, mode: int) -> Path:
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
    return folder


def _program(folder: Path) -> Path:
    """A copy of what runs beside tasks, where they can read it; it is named by its content, and stays as it is."""
    source = Path(modelyard.task.__file__).parent
    files = {f"modelyard/task/{each.name}": each.read_bytes() for each in sorted(source.glob("*.py"))}
    inside = {each.name: each.read_bytes() for each in sorted((source / "dbruntime").glob("*.py"))}
    places = ("lib/dbruntime", "modelyard/task/dbruntime")
    library = {f"{place}/{name}": each for place in places for name, each in inside.items()}
    content = {"modelyard/__init__.py": b"", **files, **library}
    told = hashlib.sha256()
    for name, each in content.items():
        told.update(b"%s %d\n%s" % (name.encode(), len(each), each))
    place = folder / f"program-{told.hexdigest()[:16]}"
    if not place.exists():
        _write_program(place, content)
    return place


def _write_program(place: Path, content: dict[str, bytes]) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=".program-", dir=place.parent))
    try:
        for name, each in content.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each)
            path.chmod(0o444)
        for each, _, _ in os.walk(fresh):
            Path(each).chmod(0o755)
        with contextlib.suppress(OSError):  # another process was faster
            fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def give(place: Path, uid: int) -> None:
    """Give a folder with all that is in it to a user."""
    os.chown(place, uid, uid)
    for folder, folders, files in os.walk(place):
        for name in (*folders, *files):
            os.chown(Path(folder, name), uid, uid, follow_symlinks=False)
