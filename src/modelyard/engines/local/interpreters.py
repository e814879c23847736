"""Which Python runs a model: that of the server, or another one that is installed here."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelyard.engines.local.trouble import Trouble

_SECONDS: Final = 30
_PACKAGES: Final = Path(__file__).parents[3]
"""Where this package is."""
_ASK: Final = "import json, platform, sys; print(json.dumps([sys.base_prefix, platform.python_version()]))"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and the folders without which it does not run."""

    python: Path
    reads: tuple[Path, ...]
    version: str = ""


def own() -> Interpreter:
    """The server's Python with all that is installed for it, also this package where it is installed in place."""
    reads = (Path(sys.prefix), Path(sys.base_prefix))
    if not _PACKAGES.is_relative_to(sys.prefix):
        reads = (*reads, _PACKAGES)
    return Interpreter(Path(sys.executable), reads, _version(sys.version_info))


def _version(parts: Sequence[object]) -> str:
    return ".".join(map(str, parts[:3]))


@functools.cache
def of_version(minor: str) -> tuple[Interpreter, tuple[str, ...]]:
    """A Python of a minor version, without packages; else the server's, and a note that says so."""
    base = Path(os.path.realpath(sys.executable))
    ours = Interpreter(base, (Path(sys.base_prefix),), _version(sys.version_info))
    if not minor or ours.version.startswith(f"{minor}."):
        return ours, ()
    found = _found(minor)
    if found:
        return found, ()
    return ours, (f"It is made for Python {minor}, which is not installed here; this one is used instead.",)


def _found(minor: str) -> Interpreter | None:
    command = [uv(), "python", "find", "--no-config", "--no-project", "--no-python-downloads", "--system", minor]
    try:
        python = Path(_said(command))
        prefix, version = json.loads(_said([str(python), "-I", "-S", "-c", _ASK]))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(Path(os.path.realpath(python)), (Path(prefix),), version)


def _said(command: Sequence[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    done = subprocess.run(  # noqa: S603  uv, or a Python that it has found where programs are installed
        command, env=environment, capture_output=True, text=True, check=True, timeout=_SECONDS, cwd="/"
    )
    return done.stdout.strip()


def uv() -> str:
    """The builder's program; trouble, where it is not installed."""
    try:
        import uv as package  # noqa: PLC0415  of an optional extra: servers that serve no models do without it

        return package.find_uv_bin()
    except (ImportError, FileNotFoundError):
        message = (
            'environments of models cannot be built: install uv (pip install "modelyard[serving]"), or set '
            "serving_env = local."
        )
        raise Trouble(message, is_final=True) from None
