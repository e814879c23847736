"""Files that the kernel sends by itself: the ASGI extension `http.response.zerocopysend` for Uvicorn on plain TCP.

The extension is that of the ASGI specification: a message with a file, an offset and a count of bytes, in place of
`http.response.body`. Uvicorn has none, and uvloop no `sendfile`, so here bursts of `os.sendfile` run in a worker
thread, which may wait for the disk; the event loop waits for the client, so that a slow one holds no thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

EXTENSION: Final = "http.response.zerocopysend"
_BURST: Final = 8 << 20
"""Bytes after which a worker thread is given back, however fast the client is."""
_COUNT: Final = 1 << 20
"""Bytes for one call: the kernel looks for signals and other work in between."""

Message: TypeAlias = Mapping[str, Any]


class ZeroCopy:
    """An ASGI application that is offered the extension; it belongs on top of a `RequestResponseCycle` of Uvicorn."""

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer a request; where it came by TLS, the extension is missing, and files go the usual way."""
        if scope["type"] != "http" or scope["scheme"] != "http":
            await self._application(scope, receive, send)
            return
        cycle = cast("RequestResponseCycle", getattr(send, "__self__"))  # noqa: B009  a bound method's, which types lack

        async def sending(message: Any) -> None:  # noqa: ANN401  the extension's message has no type of Uvicorn's
            if message["type"] == EXTENSION:
                message = await _send_file(cycle, message)
            await send(message)

        cast("dict[str, Any]", scope).setdefault("extensions", {})[EXTENSION] = {}
        await self._application(scope, receive, sending)


async def _send_file(cycle: RequestResponseCycle, message: Message) -> Message:
    """Send what a message names; the empty `http.response.body` that ends it for Uvicorn."""
    count = int(message["count"])
    if count > cycle.expected_content_length:
        raise RuntimeError("Response content longer than Content-Length")
    await _drained(cycle)
    # The transport closes its own descriptor when the client goes, and the next file to open would bear its number.
    client = os.dup(cycle.transport.get_extra_info("socket").fileno())
    try:
        await _pump(client, message["file"].fileno(), int(message["offset"]), count)
    finally:
        os.close(client)
    cycle.expected_content_length -= count
    return {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}


async def _drained(cycle: RequestResponseCycle) -> None:
    """Wait until the socket has all that the transport was given, the response's head above all."""
    cycle.transport.set_write_buffer_limits(high=0)
    try:
        await cycle.flow.drain()
    finally:
        cycle.transport.set_write_buffer_limits()
    if cycle.disconnected:
        raise ConnectionResetError


async def _pump(client: int, file: int, offset: int, count: int) -> None:
    loop, end = asyncio.get_running_loop(), offset + count
    while offset < end:
        burst = loop.run_in_executor(None, _send_burst, client, file, offset, min(_BURST, end - offset))
        try:
            await asyncio.wait([burst])
        finally:
            await asyncio.wait([burst])  # also when cancelled: both descriptors must live until the thread is done
        offset, is_full = burst.result()
        if is_full:
            await _writable(loop, client)


def _send_burst(client: int, file: int, offset: int, count: int) -> tuple[int, bool]:
    """Send until the socket is full, or all is sent; the new offset, and whether the socket is full."""
    end = offset + count
    while offset < end:
        try:
            sent = os.sendfile(client, file, offset, min(_COUNT, end - offset))
        except BlockingIOError:
            return offset, True
        if not sent:
            raise OSError("the file is shorter than its size")
        offset += sent
    return offset, False


async def _writable(loop: asyncio.AbstractEventLoop, client: int) -> None:
    """Wait until the client has taken something, or is gone."""
    ready = loop.create_future()
    loop.add_writer(client, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(client)
