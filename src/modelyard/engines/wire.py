"""A client of HTTP/1.1 over a unix socket, for a server that is a child of ours: connections stay open for the next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Final, cast

import httptools

from modelyard.domain.relays import Asked, Heard
from modelyard.errors import TooLarge

MOST: Final = 256 << 20
"""Bytes of an answer."""
_IDLE: Final = 16
"""How many connections wait for the next request."""


class Lost(Exception):
    """The connection ended before the answer had come; `untouched` says that the server has not seen the request."""

    def __init__(self, *, untouched: bool = False) -> None:
        super().__init__("the connection was lost")
        self.untouched = untouched


class _Line(asyncio.Protocol):
    """A connection, with one request on it at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Heard] | None = None
        self._begin()

    def _begin(self) -> None:
        self._parser = cast("Any", httptools).HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0

    @property
    def is_open(self) -> bool:
        """Whether it takes another request."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio says that it is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio brings bytes."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  whatever the reason, it is over
        """Asyncio says that it is closed."""
        self._transport = None
        self._fail(Lost())

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header."""
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """The parser has read a piece of the body."""
        self._size += len(body)
        if self._size > MOST:
            self._fail(TooLarge(f"the answer has more than {MOST} bytes; ask for fewer things at once."))
            self.close()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The parser has read the whole answer."""
        answer = Heard(self._parser.get_status_code(), tuple(self._headers), b"".join(self._body))
        if not self._parser.should_keep_alive():
            self.close()
        self._begin()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)

    def _fail(self, why: Exception) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(why)

    def ask(self, asked: Asked) -> asyncio.Future[Heard]:
        """Send a request."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self._transport is None:
            self._fail(Lost(untouched=True))
        else:
            self._transport.writelines(_written(asked))
        return self._waiting

    def close(self) -> None:
        """Close it now."""
        if self._transport:
            self._transport.close()


def _written(asked: Asked) -> Iterable[bytes]:
    head = f"{asked.method} {asked.target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(asked.body)}\r\n"
    told = "".join(f"{name}: {value}\r\n" for name, value in asked.headers)
    yield f"{head}{told}\r\n".encode("latin-1")
    if asked.body:
        yield asked.body


class Wire:
    """Connections to one socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[_Line] = []

    async def ask(self, asked: Asked, seconds: float) -> Heard:
        """The answer; `Lost` where there is none, `TimeoutError` where it takes too long."""
        line = await self._line()
        try:
            async with asyncio.timeout(seconds):
                answer = await line.ask(asked)
        except BaseException:
            line.close()
            raise
        if line.is_open and len(self._idle) < _IDLE:
            self._idle.append(line)
        else:
            line.close()
        return answer

    async def _line(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if line.is_open:
                return line
        try:
            _, made = await asyncio.get_running_loop().create_unix_connection(_Line, self._path)
        except OSError:
            raise Lost(untouched=True) from None
        return made

    def close(self) -> None:
        """Close them all."""
        idle, self._idle = self._idle, []
        for line in idle:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                line.close()
