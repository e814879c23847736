"""How the server and a scorer speak: frames on a unix socket, any number of questions under way at once.

A frame is a header (`HEADER`), then a head and a body of the lengths that the header says:

    length of the head  u16 · length of the body  u32 · kind  u8 · number of the question  u64

The server asks, the scorer answers under the same number, in whatever order answers are ready:

| kind | from | head | body |
|---|---|---|---|
| HELLO | scorer, first | - | JSON: `flavors`, `row_wise`, `pure`, `mlflow`, `python`, `pid`, `streams`, `libraries` |
| PREDICT | server | the content type, `application/json` where empty | as the client sent it |
| STREAM | server | likewise | likewise; answered by PIECEs and a LAST, or by one ANSWER where it cannot begin |
| CANCEL | server | - | - ; nobody waits for this question any more |
| PING | server | - | - |
| ANSWER | scorer | `ANSWER_HEAD` | the answer's body |
| PIECE | scorer | - | one event of a stream, as it is sent on |
| LAST | scorer | `ANSWER_HEAD` | empty, or an error in the middle of a stream as one more event |
| PONG | scorer | - | - |
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = struct.Struct("!HIBQ")
ANSWER_HEAD: Final = struct.Struct("!HBII")
"""Status of HTTP, content type (an index of `CONTENT_TYPES`), microseconds that the model took, microseconds that the
question waited in the scorer before."""

CONTENT_TYPES: Final = ("application/json", "text/plain")

MOST_BYTES: Final = 1 << 30
"""No frame is larger: a length beyond that is none."""


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 1
    PREDICT = 2
    STREAM = 3
    CANCEL = 4
    PING = 5
    ANSWER = 16
    PIECE = 17
    LAST = 18
    PONG = 19


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    kind: int
    number: int
    head: bytes = b""
    body: bytes = b""


class Broken(Exception):
    """What arrives is no frame; the connection is of no use any more."""


def packed(kind: int, number: int, head: bytes = b"", body: bytes = b"") -> bytes:
    """A frame as it goes over the socket."""
    return b"".join((HEADER.pack(len(head), len(body), kind, number), head, body))


class Reading:
    """Frames out of bytes as they arrive, in pieces of any size."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, more: bytes | bytearray | memoryview) -> Iterator[Frame]:
        """The frames that are whole now."""
        buffer = self._buffer
        buffer += more
        at, end = 0, len(buffer)
        try:
            while end - at >= HEADER.size:
                head_size, body_size, kind, number = HEADER.unpack_from(buffer, at)
                if body_size > MOST_BYTES:
                    raise Broken
                head_at = at + HEADER.size
                body_at = head_at + head_size
                if end < body_at + body_size:
                    break
                at = body_at + body_size
                yield Frame(kind, number, bytes(buffer[head_at:body_at]), bytes(buffer[body_at:at]))
        finally:
            del buffer[:at]
