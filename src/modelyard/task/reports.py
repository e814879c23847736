"""What the code of a task leaves behind in its folder: read with care, because the code can write anything there."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

BEGAN: Final = "began"
"""A file that is there once the code itself has begun."""
TASK: Final = "task.json"
"""What the code may know: context, parameters, values of other tasks."""
VALUES: Final = "values.json"
EXIT: Final = "exit"
"""What a notebook said with `dbutils.notebook.exit`."""
ERROR: Final = "error.json"
"""`error`, `trace`, and `trouble` where it is not that the code has raised."""
NOTEBOOK: Final = "notebook.ipynb"

MOST_VALUES: Final = 48 << 10
_MOST_EXIT: Final = 5 << 20
_MOST_ERROR: Final = 1 << 20
_LONGEST_ERROR: Final = 2_000
MOST_NOTEBOOK: Final = 64 << 20
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TROUBLES: Final = frozenset({"RAISED", "NO_CODE", "NO_ENVIRONMENT", "MISCONFIGURED"})


def content(folder: Path, name: str, most: int) -> bytes | None:
    """A plain file in a folder, its first bytes; None if there is none."""
    try:
        descriptor = os.open(folder / name, _OPEN)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def began_at(folder: Path) -> int:
    """When the code itself began, in milliseconds since the epoch; 0 before that."""
    try:
        found = (folder / BEGAN).lstat()
    except OSError:
        return 0
    return int(found.st_mtime * 1000) if stat.S_ISREG(found.st_mode) else 0


def values(folder: Path) -> dict[str, Any]:
    """What it has left for later tasks."""
    found = content(folder, VALUES, MOST_VALUES + 1) or b"{}"
    return _object(found) if len(found) <= MOST_VALUES else {}


def result(folder: Path) -> str:
    """What a notebook said at its end."""
    return (content(folder, EXIT, _MOST_EXIT) or b"").decode(errors="replace")


def failure(folder: Path, otherwise: str) -> dict[str, str]:
    """Why it failed, as it says itself, or else in other words."""
    said = _object(content(folder, ERROR, _MOST_ERROR) or b"{}")
    trouble = said.get("trouble")
    return {
        "trouble": trouble if trouble in _TROUBLES else "RAISED",
        "error": _text(said, "error")[:_LONGEST_ERROR] or otherwise,
        "trace": _text(said, "trace"),
    }


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    return found if isinstance(found, str) else ""


def _object(found: bytes) -> dict[str, Any]:
    try:
        read: object = json.loads(found)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}
