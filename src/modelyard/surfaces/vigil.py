"""Whether a client is still there while it waits for an answer."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from modelyard.surfaces.transfer import ClientGone, Receive

QUICK: Final = 0.05
"""Seconds after which a client is looked after; what is answered earlier costs a timer, and nothing else."""


class Vigil:
    """Ends a wait with `ClientGone` once the client has closed its connection: `with Vigil(receive): await …`.

    The body has to be read before: what `receive` brings afterwards is nothing but the end of the connection.
    """

    __slots__ = ("_is_gone", "_receive", "_task", "_timer", "_watch")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._is_gone = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(QUICK, self._begin)

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if self._timer:
            self._timer.cancel()
        if self._watch:
            self._watch.cancel()
        # As `asyncio.timeout` does: a cancellation that came from here goes no further.
        if self._is_gone and self._task and self._task.uncancel() <= 0 and kind is asyncio.CancelledError:
            raise ClientGone

    def _begin(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_gone = True
        if self._task:
            self._task.cancel()
