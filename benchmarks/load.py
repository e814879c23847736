"""A small closed-loop HTTP load generator: one process, raw sockets, one outstanding request per connection.

It must cost far less than the server it asks, since both share a machine: requests are bytes prepared
beforehand, answers are only framed (status, Content-Length), never parsed. `Sample.own_share` says its cost.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECEIVE_BYTES = 1 << 16
DRAIN_SECONDS = 30.0
"""How long answers still under way at the end of a trial are awaited, lest they disturb the next."""
GOOD = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"


class BadAnswerError(Exception):
    """The server said something that is not HTTP/1.1 with a Content-Length."""


@dataclass(frozen=True)
class Target:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True)
class Sample:
    """What one trial saw: answers within the measured window, the window's length, and what went wrong."""

    seconds: float
    latencies: tuple[float, ...]
    """Seconds per good answer, ascending."""
    errors: int
    complaint: str
    """The first bad answer, shortened; empty when all were good."""
    own_share: float
    """Processor time of the generator over wall time; near 1, it was the limit and not the server."""

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return len(self.latencies) / self.seconds if self.seconds > 0 else 0.0

    def percentile(self, share: float) -> float:
        """Seconds within which `share` (0 to 1) of the good answers came, by nearest rank; 0 without any."""
        if not self.latencies:
            return 0.0
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def request(
    method: str, path: str, target: Target, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> bytes:
    """Return the bytes of one keep-alive request; below 100 kB, to fit a socket's buffer at once."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.host}:{target.port}", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + HEAD_END + body


class Answer:
    """Collects one answer from however many pieces it arrives in."""

    __slots__ = ("_buffer", "_head_length", "_length")

    def __init__(self) -> None:
        """Wait for a first byte."""
        self._buffer = b""
        self._head_length = 0
        self._length = -1

    def feed(self, piece: bytes) -> bool:
        """Take a piece; return whether the answer is complete."""
        self._buffer = self._buffer + piece if self._buffer else piece
        if self._length < 0 and not self._read_head():
            return False
        return len(self._buffer) >= self._length

    def _read_head(self) -> bool:
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return False
        if not self._buffer.startswith(b"HTTP/1.1 "):
            raise BadAnswerError(f"not HTTP/1.1: {self._buffer[:40]!r}")
        found = LENGTH.search(self._buffer, 0, end)
        if found is None and self.status != HTTPStatus.NO_CONTENT:
            raise BadAnswerError(f"an answer without Content-Length: {self._buffer[:end]!r}")
        self._head_length = end + len(HEAD_END)
        self._length = self._head_length + (int(found[1]) if found else 0)
        return True

    @property
    def status(self) -> int:
        """The status code; only once the head has arrived."""
        return int(self._buffer[9:12])

    @property
    def text(self) -> str:
        """Status and the beginning of the body, for a complaint."""
        return f"{self.status} {self._buffer[self._head_length :][:300].decode(errors='replace')}"


@dataclass
class _Tally:
    """What the connections of one trial write down together."""

    since: float
    until: float
    latencies: list[float] = field(default_factory=list[float])
    errors: int = 0
    complaint: str = ""
    last: float = 0.0

    def good(self, began: float, now: float) -> None:
        if self.since <= now <= self.until:
            self.latencies.append(now - began)
            self.last = now

    def bad(self, complaint: str) -> None:
        self.errors += 1
        self.complaint = self.complaint or complaint


class _Connection:
    """One keep-alive connection with at most one request under way."""

    __slots__ = ("answer", "began", "socket", "target")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.socket = self._open()
        self.answer = Answer()
        self.began = 0.0

    def _open(self) -> socket.socket:
        opened = socket.create_connection((self.target.host, self.target.port), timeout=DRAIN_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)  # noqa: FBT003  the standard library's own signature
        return opened

    def reopen(self) -> None:
        self.socket.close()
        self.socket = self._open()

    def ask(self, wire: bytes) -> None:
        self.answer = Answer()
        self.began = time.perf_counter()
        if self.socket.send(wire) != len(wire):
            raise BadAnswerError("the request did not fit the socket's buffer: make it smaller")

    def listen(self) -> bool:
        """Take what has arrived; return whether the answer is complete."""
        piece = self.socket.recv(RECEIVE_BYTES)
        if not piece:
            raise ConnectionResetError
        return self.answer.feed(piece)


class _Trial:
    """Drives the connections of one trial from first request to last answer."""

    def __init__(self, target: Target, requests: Iterator[bytes], tally: _Tally) -> None:
        self.target = target
        self.requests = requests
        self.tally = tally
        self.selector = selectors.DefaultSelector()

    def start(self, connections: int) -> None:
        for _ in range(connections):
            connection = _Connection(self.target)
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._next(connection, time.perf_counter())

    def drive(self) -> None:
        """Answer after answer, until none is under way; connections ask again until the time is up."""
        while self.selector.get_map():
            ready = self.selector.select(DRAIN_SECONDS)
            if not ready:
                self.tally.bad(f"no answer for {DRAIN_SECONDS:.0f} s")
                break
            for key, _ in ready:
                self._hear(key.data)
        self._close()

    def _hear(self, connection: _Connection) -> None:
        try:
            complete = connection.listen()
        except BlockingIOError:
            return
        except OSError as failure:
            self.tally.bad(f"connection lost: {failure!r}")
            self.selector.unregister(connection.socket)
            connection.reopen()
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._next(connection, time.perf_counter())
            return
        if complete:
            now = time.perf_counter()
            if connection.answer.status in GOOD:
                self.tally.good(connection.began, now)
            else:
                self.tally.bad(connection.answer.text)
            self._next(connection, now)

    def _next(self, connection: _Connection, now: float) -> None:
        wire = next(self.requests, None) if now < self.tally.until else None
        if wire is None:
            self.selector.unregister(connection.socket)
            connection.socket.close()
        else:
            connection.ask(wire)

    def _close(self) -> None:
        for key in list(self.selector.get_map().values()):
            key.data.socket.close()
        self.selector.close()


def run(
    target: Target,
    requests: Iterator[bytes],
    connections: int,
    seconds: float = float("inf"),
    warmup: float = 0.0,
) -> Sample:
    """Ask over `connections` at once until `requests` ends or `warmup + seconds` have passed.

    Answers during the warm-up, and those still under way at the end, are awaited and checked but not counted.
    """
    began, spent = time.perf_counter(), time.process_time()
    tally = _Tally(since=began + warmup, until=began + warmup + seconds)
    trial = _Trial(target, requests, tally)
    trial.start(connections)
    trial.drive()
    wall, own = time.perf_counter() - began, time.process_time() - spent
    window = seconds if seconds != float("inf") else max(tally.last - began, 1e-9)
    return Sample(window, tuple(sorted(tally.latencies)), tally.errors, tally.complaint, own / wall)
