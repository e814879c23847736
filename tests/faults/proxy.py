"""A proxy before PostgreSQL that cuts a connection at a chosen message, or all of them.

It understands just enough of the protocol: a client's first messages have a length and no type, all others a type, a
length and a body (PostgreSQL's documentation, "Message Formats").
"""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LATE_SECONDS = 1.0


class Cut(enum.Enum):
    """When a connection is cut, seen from the message that is chosen."""

    UNSENT = "before the message reaches the database"
    SENT = "right after the message is sent on"
    ANSWERED = "once the database has answered, before its answer is passed on"
    HALF_HEARD = "after the first message of the answer"
    LATE = "before, and the message reaches the database a second later"
    NEVER = "before, and the database never learns that its client is gone"


MARK = b"a-client-of-the-test"
"""The `User-Agent` of clients whose commits are meant, as it stands in their audit rows: the server has chores, too."""


def is_commit(message: bytes) -> bool:
    return message.startswith(b"Q") and message[5:].startswith(b"COMMIT")


def is_statement(message: bytes) -> bool:
    """A simple query, or the end of one with parameters."""
    return message[:1] in {b"Q", b"S"}


@dataclass
class Fault:
    """Cut at the message of this number among those that are meant."""

    cut: Cut
    number: int = 1
    meant: Callable[[bytes], bool] = is_commit
    marked: bool = False
    """Only in a transaction in which `MARK` was said."""


@dataclass
class _Link:
    """One connection: the client's end and the database's."""

    client: socket.socket
    database: socket.socket
    fault: Cut | None = None
    marked: bool = False
    """Whether `MARK` was said in this transaction."""

    def close(self) -> None:
        _close(self.client)
        _close(self.database)


@dataclass
class Proxy:
    """Listens on a port of its own; `fault` is armed for one cut."""

    target: str
    fault: Fault | None = None
    seen: int = 0
    """How many of the meant messages have passed since the fault was armed."""
    port: int = 0
    _listening: socket.socket | None = None
    _links: list[_Link] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def up(self) -> None:
        """Begin, or go on, to take connections."""
        self._listening = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listening], daemon=True).start()

    def down(self) -> None:
        """Cut all connections and take no more."""
        if self._listening is not None:
            _close(self._listening)
        for link in self._links:
            link.close()
        self._links.clear()

    def arm(self, fault: Fault | None) -> None:
        """Cut once, as told, and count from now on."""
        with self._turn:
            self.fault, self.seen = fault, 0

    def uri(self, database: str) -> str:
        """The URL of a database behind this proxy."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                self._link(client)

    def _link(self, client: socket.socket) -> None:
        """Connect a client with the database; a database that is away ends this connection, and no other."""
        link = _Link(client, socket.socket(socket.AF_UNIX))
        try:
            link.database.connect(self.target)
        except OSError:
            link.close()
            return
        self._links.append(link)
        threading.Thread(target=self._to_database, args=[link], daemon=True).start()
        threading.Thread(target=self._to_client, args=[link], daemon=True).start()

    def _to_database(self, link: _Link) -> None:
        with contextlib.suppress(OSError, EOFError):
            link.database.sendall(_first(link.client))
            while True:
                message = _message(link.client)
                link.fault = self._strikes(link, message)
                if not _pass_on(link, message):
                    return
        _close(link.database)

    def _strikes(self, link: _Link, message: bytes) -> Cut | None:
        marked = link.marked
        link.marked = (marked or MARK in message) and not is_commit(message)
        with self._turn:
            if self.fault is None or not self.fault.meant(message) or (self.fault.marked and not marked):
                return None
            self.seen += 1
            if self.seen != self.fault.number:
                return None
            return self.fault.cut

    def _to_client(self, link: _Link) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                message = _message(link.database)
                if link.fault is not Cut.ANSWERED:
                    link.client.sendall(message)
                if link.fault in {Cut.ANSWERED, Cut.HALF_HEARD}:
                    link.close()
        _close(link.client)


def _pass_on(link: _Link, message: bytes) -> bool:
    """Do with a message of the client what is to be done; whether the connection goes on."""
    if link.fault is Cut.UNSENT:
        link.close()
        return False
    if link.fault in {Cut.LATE, Cut.NEVER}:
        _close(link.client)
        if link.fault is Cut.NEVER:
            return False
        time.sleep(LATE_SECONDS)
    link.database.sendall(message)
    if link.fault in {Cut.SENT, Cut.LATE}:
        link.close()
        return False
    return True


def _first(end: socket.socket) -> bytes:
    length = _exactly(end, 4)
    return length + _exactly(end, int.from_bytes(length) - 4)


def _message(end: socket.socket) -> bytes:
    head = _exactly(end, 5)
    return head + _exactly(end, int.from_bytes(head[1:]) - 4)


def _exactly(end: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = end.recv(size - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
