"""Receivers of webhooks: real HTTP servers on loopback that do as a test wants."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

Answer = tuple[int, dict[str, str]]
OK: Answer = (200, {})


@dataclass(frozen=True)
class Heard:
    """A request as it came in."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> None:
        """As receivers do, with the library of the standard; raises what is not signed with the secret."""
        Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Hears requests; `answers` are given in turn, and then the last one again and again."""

    answers: list[Answer] = field(default_factory=lambda: [OK])
    wait: threading.Event | None = None
    """What is waited for before an answer is given, if anything is."""
    heard: list[Heard] = field(default_factory=list[Heard])
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, request: Heard) -> Answer:
        with self._lock:
            self.heard.append(request)
            answer = self.answers[min(len(self.heard), len(self.answers)) - 1]
        if self.wait:
            self.wait.wait(60)
        return answer

    def await_(self, count: int, seconds: float = 30) -> list[Heard]:
        """What was heard, once there are so many."""
        until(lambda: len(self.heard) >= count, seconds)
        return list(self.heard)


def until(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


@contextlib.contextmanager
def receiving(receiver: Receiver | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A receiver that listens."""
    it = receiver or Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = it.hear(Heard(time.time(), self.path, headers, body))
            with contextlib.suppress(OSError):  # the other side may have given up
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's word
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Listener((host, 0), Handler) as listener:
        it.url = f"http://{host}:{listener.server_address[1]}/hook?token=hidden-in-the-url"
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield it
        finally:
            if it.wait:
                it.wait.set()
            listener.shutdown()
