"""How much of this machine processes take, with all that they have started: read from `/proc`."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_SOONEST: Final = 1.0
"""Seconds in which the answer stays the same: percentages of shorter times say nothing."""
_FORGOTTEN: Final = 3_600.0


class Usage:
    """Tells the use of processors since it was asked last, and of memory now, both in per cent.

    Processors are all that the machine has. Memory is what the processes may have: `limit` bytes for each, as far as
    the machine has so much.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._looks: dict[str, tuple[float, Mapping[int, int], tuple[float, float]]] = {}

    def of(self, name: str, pids: Sequence[int]) -> tuple[float, float]:
        """Of some processes under a name, by the ids of the outermost ones."""
        now = time.monotonic()
        with self._lock:
            at, before, told = self._looks.get(name, (0.0, {}, (0.0, 0.0)))
            if at and now - at < _SOONEST:
                return told
            seen = _looked(_family(pids))
            ticks = {pid: spent for pid, (spent, _) in seen.items()}
            spent = sum(each - before.get(pid, 0) for pid, each in ticks.items()) if before else 0
            processor = 100 * spent / _HERTZ / (now - at) / (os.cpu_count() or 1)
            memory = 100 * sum(size for _, size in seen.values()) / self._most(len(pids))
            told = (min(processor, 100.0), min(memory, 100.0))
            self._looks = {each: look for each, look in self._looks.items() if now - look[0] < _FORGOTTEN}
            self._looks[name] = (now, ticks, told)
            return told

    def _most(self, processes: int) -> int:
        whole = os.sysconf("SC_PHYS_PAGES") * _PAGE
        return min(whole, self._limit * max(processes, 1)) if self._limit else whole


_HERTZ: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def _family(pids: Iterable[int]) -> set[int]:
    """Processes and all that they have started."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found, waiting = set[int](), list(pids)
    while waiting:
        pid = waiting.pop()
        if pid > 0 and pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def _looked(pids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The ticks that each process has spent, and the bytes of memory that it has."""
    found: dict[int, tuple[int, int]] = {}
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            told = _stat(pid)
            found[pid] = (int(told[11]) + int(told[12]), int(told[21]) * _PAGE)
    return found


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold anything (proc(5)): first the state, then the parent."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
