"""Uvicorn's HTTP protocol with a bound on what comes before the body: constant memory whatever a stranger sends."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 65_536
"""Bytes that the request line and all headers may have, and so all trailers."""

_SAYS: Final = b'{"error_code":"INVALID_PARAMETER_VALUE","message":"the URL and headers are longer than 64 KiB."}'
_REFUSAL: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_SAYS), _SAYS)
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection on which the head of a request, or the trailer of its body, does not end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **kwargs)
        self._unused = 0

    def data_received(self, data: bytes) -> None:
        """Count what has come since the last head or piece of a body ended."""
        self._unused += len(data)
        super().data_received(data)
        if self._unused > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
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
