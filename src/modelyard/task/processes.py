"""The processes below this one, however they were started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_WRAPPER: Final = "bwrap"
_PAUSE: Final = 0.01


def adopt() -> None:
    """Be the parent of whatever below loses its own, so that it stays in sight."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def below() -> Iterator[tuple[int, str]]:
    """The ids and names of all processes below this one."""
    children: dict[int, list[tuple[int, str]]] = {}
    for pid, name, parent in _all():
        children.setdefault(parent, []).append((pid, name))
    waiting = [os.getpid()]
    while waiting:
        for pid, name in children.get(waiting.pop(), []):
            yield pid, name
            waiting.append(pid)


def ask_to_end() -> None:
    """Send SIGTERM to all of them, but not to what keeps them in a view of their own: they would die with it."""
    for pid, name in below():
        if name != _WRAPPER:
            _send(pid, signal.SIGTERM)


def end(seconds: float = 10.0) -> None:
    """Kill all of them, and those that they start meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        alive = [pid for pid, _ in below()]
        if not alive:
            return
        for pid in alive:
            _send(pid, signal.SIGKILL)
        _reap()
        time.sleep(_PAUSE)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _all() -> Iterator[tuple[int, str, int]]:
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                head, _, rest = (place / "stat").read_bytes().rpartition(b")")
                yield int(place.name), head.partition(b"(")[2].decode(errors="replace"), int(rest.split()[1])
