"""Work that is done once, however often it is asked for while it is under way.

Clients wait a minute or two for an answer, then ask again. In one process they all wait for one task, which goes on
when they have gone. Of several processes with one database, the one that works holds a lease; the others wait until it
is given back, or has run out because its holder died. Nobody who waits takes up a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, Final

from modelyard.errors import Failure

RENEWAL_SECONDS: Final = 5.0
"""After how long a lease is held for longer: a quarter of what it lasts."""
_PAUSE_SECONDS: Final = 0.5


class UnderWay:
    """The work that is under way in this process, by what it is about."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    async def join(self, key: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401  what comes of the work
        """Wait for the work on this, and begin it where nobody has; whoever gives up waiting does not end it."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def _end(self, key: str, done: asyncio.Task[Any]) -> None:
        del self._tasks[key]
        if not done.cancelled():
            done.exception()  # perhaps nobody is left to hear of it


@contextlib.asynccontextmanager
async def leased(
    claim: Callable[[], Awaitable[bool]], release: Callable[[], Awaitable[object]]
) -> AsyncGenerator[bool]:
    """Hold a lease; what is given says whether somebody else had it first, and so may have done all there was to do."""
    waited = False
    while not await claim():
        waited = True
        await asyncio.sleep(_PAUSE_SECONDS)
    over = asyncio.Event()
    renewing = asyncio.create_task(_renew(claim, over))
    try:
        yield waited
    finally:
        over.set()
        await renewing  # or it could take the lease again after it was given back
        with contextlib.suppress(Failure):  # it runs out by itself, and what was asked is done
            await release()


async def _renew(claim: Callable[[], Awaitable[bool]], over: asyncio.Event) -> None:
    """Hold a lease for longer, again and again; what goes wrong once may work the next time."""
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), RENEWAL_SECONDS)
            return
        with contextlib.suppress(Failure):
            await claim()
