"""Large bodies that go from the socket straight into the store, past Uvicorn's parser and its buffers.

By the usual way the event loop copies each piece of a body three times, starts and stops reading for every 64 KiB, and
hands each mebibyte to a worker thread and waits for it: on a busy machine that waiting is most of an upload. Of a body
whose size is told the parser has nothing more to say, so once it is well under way bursts of reading and writing run in
a worker thread; the event loop waits for the client, so that a slow one holds no thread. `zerocopy` is the way back.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from modelyard.surfaces.transfer import ClientGone, InThread, Write

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, Scope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_BURST: Final = 8 << 20
"""Bytes after which a worker thread is given back, however fast the client is."""
_PIECE: Final = 1 << 20
"""Bytes that are read at once: they are hashed and written while the processor's cache still has them."""
_WORTHWHILE: Final = 1 << 19
"""Bytes that a waiting socket gathers before a worker thread is asked to come."""


class Connection(Protocol):
    """What has the parser of a connection."""

    def pass_over(self, count: int) -> None:
        """The parser is to see nothing more of this request, whose last `count` bytes are still to come."""
        ...


class StraightBodies:
    """An ASGI application that may `pour` bodies; it belongs on top of a `RequestResponseCycle` of Uvicorn."""

    def __init__(self, application: ASGI3Application, connection: Connection) -> None:
        self._application = application
        self._connection = connection

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer a request; where it came by TLS, or does not tell its size, its body comes the usual way."""
        if scope["type"] == "http" and scope["scheme"] == "http" and (length := _length(scope)) > _BURST:
            cycle = cast("RequestResponseCycle", getattr(receive, "__self__"))  # noqa: B009  a bound method's, which types lack
            receive = _Body(cycle, self._connection, length)
        await self._application(scope, receive, send)


class _Body:
    """The `receive` of one request, which is Uvicorn's own until `pour` is called."""

    def __init__(self, cycle: RequestResponseCycle, connection: Connection, length: int) -> None:
        self._cycle = cycle
        self._connection = connection
        self._left = length

    async def __call__(self) -> ASGIReceiveEvent:
        message = await self._cycle.receive()
        if message["type"] == "http.request":
            self._left -= len(message["body"])
        return message

    async def pour(self, write: Write, in_thread: InThread) -> None:
        """Hand the rest of the body to `write`, in a worker thread; `ClientGone` when the client gives up half-way."""
        self._cycle.flow.pause_reading()
        came, self._cycle.body = bytes(self._cycle.body), bytearray()
        self._left -= len(came)
        await in_thread(lambda: write([came]))
        if self._left:
            await self._pour_rest(write, in_thread)

    async def _pour_rest(self, write: Write, in_thread: InThread) -> None:
        transport = self._cycle.transport
        if transport.is_closing():
            raise ClientGone
        # The transport closes its own descriptor when the client goes, and the next file to open would bear its number.
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as client:
            try:
                await self._bursts(client, write, in_thread)
            except ClientGone:
                self._cycle.disconnected = True
                transport.close()
                raise
            finally:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
                self._connection.pass_over(self._left)

    async def _bursts(self, client: socket.socket, write: Write, in_thread: InThread) -> None:
        while self._left:
            burst = asyncio.ensure_future(in_thread(lambda: self._burst(client, write)))
            try:
                await asyncio.wait([burst])
            finally:
                await asyncio.wait([burst])  # also when cancelled: the socket must live until the thread is done
            if burst.result() and self._left:
                await _readable(client, min(_WORTHWHILE, self._left))
            if self._cycle.disconnected:
                raise ClientGone

    def _burst(self, client: socket.socket, write: Write) -> bool:
        """Read and write until the socket is empty, or much is done; whether the socket is empty."""
        end = max(0, self._left - _BURST)
        while self._left > end:
            try:
                piece = client.recv(min(_PIECE, self._left))
            except BlockingIOError:
                return True
            except OSError as error:
                raise ClientGone from error
            if not piece:
                raise ClientGone
            self._left -= len(piece)
            write([piece])
        return False


def _length(scope: Any) -> int:  # noqa: ANN401  Uvicorn's own
    """The size that a request's head tells of its body, or 0."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _readable(client: socket.socket, count: int) -> None:
    """Wait until the client has sent so many bytes, or is gone."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(client.fileno(), lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(client.fileno())
