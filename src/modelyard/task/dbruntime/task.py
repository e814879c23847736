"""What a task knows of itself, and what it leaves behind: files in a folder of the attempt."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any, Dict

FOLDER = os.environ.get("MODELYARD_TASK", "")


@lru_cache(maxsize=None)
def told() -> Dict[str, Any]:
    """What was said about the task: path, context, widgets, values of tasks before it."""
    try:
        with open(os.path.join(FOLDER, "task.json"), encoding="utf-8") as file:
            return json.load(file)
    except OSError:
        return {"path": "", "root": "", "context": {}, "widgets": {}, "values": {}, "packages": {}, "python": ""}


def context(name: str, default: str = "") -> str:
    """One fact of the run."""
    return str(told()["context"].get(name, default))


def write(name: str, text: str) -> None:
    """Leave a file behind, in one step."""
    fresh = os.path.join(FOLDER, "." + name)
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(fresh, os.path.join(FOLDER, name))


def real(path: str) -> str:
    """Where a path of the workspace is: where there is no view of its own, it is in the attempt's folder."""
    root = told()["root"]
    whole = os.path.normpath(path)
    return root + whole if root and whole.split("/")[1:2] in (["Workspace"], ["Volumes"]) else whole
