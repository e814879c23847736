"""Servers that are forked from one process which has imported them already.

Imports are most of what starting a server takes, and hundreds of tests start one. Whatever comes after them is the
command line's, in a process of its own, with arguments and an environment of its own.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
from functools import cache
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from unittest import mock

import typer.main

import modelyard.app
import modelyard.cli.workers  # noqa: F401  as the application: what only `serve` imports
from modelyard.cli.main import app, main

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_ROOT = Path(__file__).parents[1]
_COMMAND = typer.main.get_command(app)


def begin(arguments: list[str], environment: dict[str, str], log: Path) -> BaseProcess:
    """`modelyard` with some arguments and exactly this environment; what it prints is appended to the log."""
    _prepare()
    process = multiprocessing.get_context("forkserver").Process(target=_run, args=(arguments, environment, str(log)))
    with mock.patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):  # or each would import pytest's
        process.start()
    return process


@cache
def _prepare() -> None:
    multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
    with mock.patch.dict(os.environ, PYTHONPATH=str(_ROOT)):  # a test may be anywhere when it starts the first server
        ensure_running()
    atexit.register(_end)


def _end() -> None:
    """Python waits for all of them when it ends, also for one that a test has forgotten."""
    for each in multiprocessing.active_children():
        each.kill()


def _run(arguments: list[str], environment: dict[str, str], log: str) -> None:
    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor, place in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(descriptor, place)
    sys.stdin = os.fdopen(0)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["modelyard", *arguments]
    typer.main.get_command = lambda _: _COMMAND  # making it takes a fifth of a second
    main()
