"""Short answers in one piece: their head and their body leave with one call of the kernel, and in one packet.

Uvicorn writes each of the two messages of ASGI by itself. Where an answer is whole at once, that is one call more
than it needs, and its client wakes twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

EXTENSION: Final = "modelyard.together"
_LONGEST: Final = 64 << 10
"""Of longer bodies a copy would cost more than a call."""

Message: TypeAlias = Mapping[str, Any]


class Together:
    """An ASGI application that is offered the extension; it belongs on top of a `RequestResponseCycle` of Uvicorn."""

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application

    def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> Awaitable[None]:
        """Answer a request."""
        cycle = cast("RequestResponseCycle", getattr(send, "__self__"))  # noqa: B009  a bound method's, which types lack
        cast("dict[str, Any]", scope).setdefault("extensions", {})[EXTENSION] = partial(_send, cycle)
        return self._application(scope, receive, send)


async def send_whole(
    scope: MutableMapping[str, Any], send: Callable[[Message], Awaitable[None]], start: Message, body: bytes
) -> None:
    """Send an answer that is whole, in one piece where that is possible."""
    offered = cast("dict[str, Any]", scope.get("extensions") or {})
    together = offered.get(EXTENSION)
    if together and len(body) <= _LONGEST:
        await together(start, {"type": "http.response.body", "body": body})
        return
    await send(start)
    await send({"type": "http.response.body", "body": body})


class _Held:
    """A transport that keeps what is written, and whether it is to be closed then."""

    def __init__(self, transport: Any) -> None:  # noqa: ANN401  asyncio's or uvloop's
        self.pieces: list[bytes] = []
        self.is_closed = False
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.pieces.append(data)

    def close(self) -> None:
        """Close it later."""
        self.is_closed = True

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever else a transport has
        return getattr(self._transport, name)


async def _send(cycle: RequestResponseCycle, *messages: Any) -> None:  # noqa: ANN401  Uvicorn's types of messages
    transport = cycle.transport
    held = _Held(transport)
    cycle.transport = cast("Any", held)
    try:
        for message in messages:
            await cycle.send(message)
    finally:
        cycle.transport = transport
        if held.pieces:
            transport.write(b"".join(held.pieces))
        if held.is_closed:
            transport.close()
