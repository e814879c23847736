"""The engine's own connection to a process: whether it is there yet, and whether it is still well."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Final, cast

from modelyard.scorer.frames import Broken, Frame, Kind, Reading, packed

_PIECE: Final = 64 << 10


class Lost(Exception):
    """The connection is at its end, and with it the process."""


class Line:
    """Asks one question at a time: are you there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = Reading()
        self._waiting: list[Frame] = []
        self._number = 0

    @classmethod
    async def open(cls, address: str) -> Line:
        """A connection to a process, which may not have begun to listen to it."""
        try:
            return cls(*await asyncio.open_unix_connection(address))
        except OSError:
            raise Lost from None

    async def hello(self) -> dict[str, Any]:
        """Wait until the model is loaded; what its process says of itself, which can be anything."""
        while (frame := await self._next()).kind != Kind.HELLO:
            pass
        try:
            told: object = json.loads(frame.body)
        except ValueError:
            raise Lost from None
        return cast("dict[str, Any]", told) if isinstance(told, dict) else {}

    async def ping(self) -> None:
        """Ask, and wait for the answer."""
        self._number += 1
        try:
            self._writer.write(packed(Kind.PING, self._number))
            await self._writer.drain()
        except OSError:
            raise Lost from None
        while (frame := await self._next()).kind != Kind.PONG or frame.number != self._number:
            pass

    def close(self) -> None:
        """No more."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.transport.abort()

    async def _next(self) -> Frame:
        while not self._waiting:
            try:
                more = await self._reader.read(_PIECE)
                self._waiting += self._frames.feed(more)
            except (OSError, Broken):
                raise Lost from None
            if not more:
                raise Lost
        return self._waiting.pop(0)
