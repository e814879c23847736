"""Begins a script or an entry point of a wheel in the environment of a task: `main` with `script PATH …` as arguments.

It runs the code in the real `__main__`, so that pickles and child processes find what they look for.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

_OUT = os.environ.get("MODELYARD_TASK", "")


def main() -> None:
    """Begin what the arguments say."""
    kind, *rest = sys.argv[1:]
    try:
        (_script if kind == "script" else _wheel)(*rest)
    except SystemExit as leaving:
        if leaving.code not in {None, 0}:
            _report(f"SystemExit: {leaving.code}", "")
        raise
    except _NoCode as error:
        _report(str(error), "", "NO_CODE")
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    except BaseException as error:  # noqa: BLE001  whatever the code raises is its result
        trace = _trace(error)
        _report("".join(traceback.format_exception_only(type(error), error)).strip(), trace)
        sys.stderr.write(trace)
        sys.stderr.flush()
        raise SystemExit(1) from None


def _script(path: str, *arguments: str) -> None:
    folder = os.path.dirname(path)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = [path, *arguments]
    space = _main_module(path)
    _note()
    exec(code, space)


def _main_module(path: str) -> dict[str, Any]:
    """The real `__main__`, as if Python had begun with the script."""
    space = sys.modules["__main__"].__dict__
    for name in [each for each in space if not each.startswith("__")]:
        del space[name]
    space.update({"__file__": path, "__spec__": None, "__doc__": None, "__cached__": None})
    return space


def _wheel(package: str, entry_point: str, *arguments: str) -> None:
    sys.path[0] = os.getcwd()
    sys.argv = [entry_point, *arguments]
    function = _entry_point(package, entry_point)
    _note()
    result = function()
    if isinstance(result, int) and result:
        raise SystemExit(result)


def _entry_point(package: str, name: str) -> Any:
    """An entry point of the package's metadata, in any group; else what the package itself has under that name."""
    from importlib import import_module, metadata

    try:
        entry_points = metadata.distribution(package).entry_points
    except metadata.PackageNotFoundError:
        raise _NoCode(f"There is no package {package!r} in the task's environment; name its wheel there.") from None
    for found in entry_points:
        if found.name == name:
            return found.load()
    try:
        return getattr(import_module(package.replace("-", "_")), name)
    except (ImportError, AttributeError):
        raise _NoCode(f"The package {package!r} has no entry point {name!r}, and no function of that name.") from None


class _NoCode(Exception):
    """There is nothing to run."""


def _note() -> None:
    """Say that the code itself begins."""
    with open(os.path.join(_OUT, "began"), "wb"):
        pass


def _trace(error: BaseException) -> str:
    """The traceback without the frames of this file."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _report(error: str, trace: str, trouble: str = "RAISED") -> None:
    with open(os.path.join(_OUT, "error.json"), "w") as file:
        json.dump({"error": error, "trace": trace, "trouble": trouble}, file)
