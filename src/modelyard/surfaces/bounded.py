"""Uvicorn's HTTP protocol with a bound on what comes before the body: constant memory whatever a stranger sends."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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
        self.app = ZeroCopy(self.app)
        self._unused = 0

    def data_received(self, data: bytes) -> None:
        """Count what has come since the last head or piece of a body ended."""
        self._unused += len(data)
        super().data_received(data)
        if self._unused > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response(f"the URL and headers are longer than {MAX_HEAD} bytes.")

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
