"""Uvicorn's HTTP protocol with a bound on what comes before the body: constant memory whatever a stranger sends."""

from __future__ import annotations

from typing import Any, Final

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from modelyard.surfaces.straight import StraightBodies
from modelyard.surfaces.together import Together
from modelyard.surfaces.zerocopy import ZeroCopy

MAX_HEAD: Final = 65_536
"""Bytes that the request line and all headers may have, and so all trailers."""

_REFUSAL: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection on which the head of a request, or the trailer of its body, does not end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **kwargs)
        self.app = Together(ZeroCopy(StraightBodies(self.app, self)))
        self._unused = 0
        self._passed = 0

    def data_received(self, data: bytes) -> None:
        """Count what has come since the last head or piece of a body ended."""
        if self._passed:
            data = self._pass(data)
        self._unused += len(data)
        super().data_received(data)
        if self._unused > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response(f"the URL and headers are longer than {MAX_HEAD} bytes.")

    def pass_over(self, count: int) -> None:
        """The parser is to see nothing more of this request, whose last `count` bytes are still to come."""
        self._passed = count
        if not count:
            self._begin_anew()

    def _pass(self, data: bytes) -> bytes:
        """What comes after the bytes that nobody wants."""
        rest = data[self._passed :]
        self._passed -= len(data) - len(rest)
        if self._passed:
            self._unset_keepalive_if_required()
        else:
            self._begin_anew()
        return rest

    def _begin_anew(self) -> None:
        """End the request for a parser that did not see its end, by a new parser for the next one."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as Uvicorn does
        self.on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too much of it, in the envelope of every other refusal."""
        body = msgspec.json.encode({"error_code": "MALFORMED_REQUEST", "message": msg})
        self.transport.write(_REFUSAL % (len(body), body))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._unused = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body has ended."""
        self._unused = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._unused = 0
        super().on_message_complete()
