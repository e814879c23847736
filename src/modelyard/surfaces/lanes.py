"""Where work runs, so that neither a slow disk nor Python's one lock holds up what is quick.

On PostgreSQL every action waits for the network, so all run in a pool of threads. On SQLite a read of a few rows takes
less time than handing it to a thread and back (each step of a statement gives up Python's lock, and two threads then
wait for each other), so it runs at once; commands queue for one thread, as the database has one writer, and lists and
bytes go to the pool. What waits for other servers has a small pool of its own, so that a slow one holds up nobody else;
so has work on whole versions, which may take minutes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from modelyard.action import Action

Value = TypeVar("Value")

_TURN_SECONDS: Final = 0.0005
"""How long a thread may keep Python's lock while another one wants it. With Python's own 5 ms the event loop waits
so long at each step while a thread computes: 99 of 100 predictions on 8 connections took up to 36 ms beside what writes
inference tables, and take 11 now."""
_MOST_OUTBOUND: Final = 4
"""How many other servers are waited for at once."""
_MOST_LONG: Final = 4
"""How many versions are worked on at once."""


class Lanes:
    """A pool of threads, and for SQLite one more for commands."""

    def __init__(self, threads: int, *, one_writer: bool) -> None:
        sys.setswitchinterval(_TURN_SECONDS)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="worker")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer") if one_writer else None
        self._outbound = ThreadPoolExecutor(_MOST_OUTBOUND, thread_name_prefix="outbound")
        self._long = ThreadPoolExecutor(_MOST_LONG, thread_name_prefix="long")

    @property
    def is_alone(self) -> bool:
        """Whether no other process works with the database."""
        return self._writer is not None

    async def run(self, work: Callable[[], Value]) -> Value:
        """Run what may wait, for the disk or for long, in the pool."""
        return await _in(self._pool, work)

    async def run_outbound(self, work: Callable[[], Value]) -> Value:
        """Run what waits for another server."""
        return await _in(self._outbound, work)

    async def run_long(self, work: Callable[[], Value]) -> Value:
        """Run what may take minutes."""
        return await _in(self._long, work)

    async def do(self, action: Action[Any, Any], work: Callable[[], Value]) -> Value:
        """Run what does this action where it belongs."""
        if self._writer is None:
            return await _in(self._pool, work)
        if action.is_change:
            return await _in(self._writer, work)
        if action.is_brief:
            return work()
        return await _in(self._pool, work)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()
        self._long.shutdown(cancel_futures=True)
        self._outbound.shutdown(cancel_futures=True)
        if self._writer:
            self._writer.shutdown()


async def _in(executor: Executor, work: Callable[[], Value]) -> Value:
    return await asyncio.get_running_loop().run_in_executor(executor, work)
