"""Uvicorn's HTTP protocol with a bound on what comes before the body: constant memory whatever a stranger sends."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 65_536
"""Bytes that the request line and all headers may have."""

_SAYS: Final = b'{"error_code":"INVALID_PARAMETER_VALUE","message":"the URL and headers are longer than 64 KiB."}'
_REFUSAL: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_SAYS), _SAYS)
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection on which the head of a request does not end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head = 0

    def data_received(self, data: bytes) -> None:
        """Count what comes before a body."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD:
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._in_head = False
        self._head = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are those of another head."""
        self._in_head = True
        super().on_message_complete()
