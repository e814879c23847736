"""What a server's processes have used, and how they are put to sleep while another server is measured."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.servers import Server, tree

TICKS = os.sysconf("SC_CLK_TCK")
USED = slice(11, 13)
"""utime and stime among the fields of /proc/PID/stat that follow the command."""
BORN = slice(19, 20)
"""starttime among them."""


def used(root: int) -> dict[int, float]:
    """Processor seconds so far of `root` and of each living descendant."""
    return {pid: _seconds(pid) for pid in tree(root)}


def between(before: dict[int, float], after: dict[int, float]) -> float:
    """Processor seconds that all of them have taken; what began meanwhile began at none."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def pause(root: int) -> None:
    """Stop the whole tree: an idle server that still looks around would disturb the others."""
    _signal(tree(root), signal.SIGSTOP)


def resume(root: int) -> None:
    """Let the whole tree go on."""
    _signal(tree(root), signal.SIGCONT)


@contextmanager
def ended(server: Server) -> Generator[None]:
    """Stop a server in the end, and kill what it leaves behind in sessions of its own."""
    try:
        yield
    finally:
        resume(server.process.pid)
        born = {pid: _born(pid) for pid in tree(server.process.pid)}
        server.stop()
        # Another process that has got the same number meanwhile is spared.
        _signal((pid for pid, when in born.items() if when and _born(pid) == when), signal.SIGKILL)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _seconds(pid: int) -> float:
    return sum(int(ticks) for ticks in _fields(pid)[USED]) / TICKS


def _born(pid: int) -> str:
    """When it began, or nothing if it has ended."""
    return "".join(_fields(pid)[BORN])


def _fields(pid: int) -> list[str]:
    """The fields of its stat that follow the command; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
