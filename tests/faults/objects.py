"""A proxy before an object store that answers some requests as a store in trouble does.

Requests are passed on as they are, `Host` included, since their signatures cover it.
"""

from __future__ import annotations

import contextlib
import enum
import http.client
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

SLOW_SECONDS: Final = 1.5
_PIECE: Final = 1 << 16
_OF_A_CONNECTION: Final = frozenset({"connection", "keep-alive", "transfer-encoding"})


class Trouble(enum.Enum):
    """What happens to a request."""

    BUSY = "503 before the store sees it"
    SLOW = "the answer comes late"
    TRUNCATED = "the answer ends in its middle"
    LOST = "the store does it, and its answer is lost"
    EXPIRED = "the credentials are no longer good"


_SAID: Final = {
    Trouble.BUSY: (503, "SlowDown", "Please reduce your request rate."),
    Trouble.EXPIRED: (403, "ExpiredToken", "The provided token has expired."),
}


@dataclass
class Fault:
    """A trouble for the next `times` requests that are meant."""

    trouble: Trouble
    times: int = 1
    meant: Callable[[str, str], bool] = lambda _method, _path: True


@dataclass
class Objects:
    """Listens on a port of its own before the store at `target`; `struck` counts the troubles made."""

    target: str
    faults: list[Fault] = field(default_factory=list)
    struck: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    """The method and path of every request."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def listening(self) -> Iterator[str]:
        """The proxy's URL, while it runs."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    def trouble(self, method: str, path: str) -> Trouble | None:
        """What is to happen to a request."""
        with self._turn:
            self.seen.append((method, path))
            fault = next((each for each in self.faults if each.times and each.meant(method, path)), None)
            if fault is None:
                return None
            fault.times -= 1
            self.struck += 1
            return fault.trouble


def _handler(objects: Objects) -> type[http.server.BaseHTTPRequestHandler]:
    """The class of handlers of one proxy."""
    return type("Handler", (_Handler,), {"objects": objects})


class _Handler(http.server.BaseHTTPRequestHandler):
    objects: Objects
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """Any method."""
        self.raw_requestline = self.rfile.readline(65537)
        understood = bool(self.raw_requestline) and self.parse_request()
        self.close_connection = True  # one request each, so that no connection outlives the proxy
        if understood:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._serve(self.objects.trouble(self.command, self.path))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that it has above
        """Nothing."""

    def _serve(self, trouble: Trouble | None) -> None:
        if trouble in _SAID:
            self._refuse(trouble)
            return
        if trouble is Trouble.SLOW:
            time.sleep(SLOW_SECONDS)
        target = urlsplit(self.objects.target)
        store = http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=60)
        with contextlib.closing(store), self._asked(store) as answer:
            if trouble is Trouble.LOST:
                answer.read()
            else:
                self._pass_on(answer, cut=trouble is Trouble.TRUNCATED)

    def _refuse(self, trouble: Trouble) -> None:
        for _ in self._body():
            pass
        status, code, message = _SAID[trouble]
        said = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    def _body(self) -> Iterator[bytes]:
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read(min(left, _PIECE))
            if not piece:
                raise ConnectionResetError
            left -= len(piece)
            yield piece

    def _asked(self, store: http.client.HTTPConnection) -> http.client.HTTPResponse:
        store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OF_A_CONNECTION:
                store.putheader(name, value)
        store.endheaders()
        for piece in self._body():
            store.send(piece)
        return store.getresponse()

    def _pass_on(self, answer: http.client.HTTPResponse, *, cut: bool) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_A_CONNECTION:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        left = int(answer.headers.get("Content-Length") or 0) // (2 if cut else 1)
        while left > 0 and (piece := answer.read(min(left, _PIECE))):
            self.wfile.write(piece)
            left -= len(piece)
