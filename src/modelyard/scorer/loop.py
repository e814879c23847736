"""The sockets of a scorer: one thread that takes in all that has arrived, then lets the model answer some of it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
from typing import TYPE_CHECKING, Final

from modelyard.scorer.frames import Broken, Frame, Kind, Reading, packed
from modelyard.scorer.work import Work

if TYPE_CHECKING:
    from modelyard.scorer.model import Model

ALONE_SECONDS: Final = 30.0
"""Whoever starts a scorer connects at once and stays; the kernel does not end what was only being started with them."""
_STRETCH: Final = 1 << 20
_MOST_AT_ONCE: Final = 32 << 20
"""A connection that sends more in one go lets the others have their turn first."""
_MOST_UNSENT: Final = 16 << 20
"""Who does not take that many bytes of answers is not heard until it does."""


class _Gone(Exception):
    """The other end of a connection is no more."""


def listener(descriptor: int) -> socket.socket:
    """The inherited socket on which servers connect. No child of ours will have it."""
    listening = socket.socket(fileno=descriptor)
    listening.set_inheritable(False)
    listening.settimeout(0)
    os.register_at_fork(after_in_child=listening.close)
    return listening


class _Connection:
    """One server process."""

    def __init__(self, stream: socket.socket) -> None:
        stream.settimeout(0)
        self.stream = stream
        self._reading = Reading()
        self._unsent = bytearray()

    @property
    def unsent(self) -> int:
        """Bytes that wait until the other end takes them."""
        return len(self._unsent)

    def frames(self, space: memoryview) -> list[Frame]:
        """What has arrived. Raises `_Gone` at the end and for what is no frame."""
        found = list[Frame]()
        taken = 0
        try:
            while taken < _MOST_AT_ONCE:
                size = self.stream.recv_into(space)
                if not size:
                    raise _Gone
                found += self._reading.feed(space[:size])
                taken += size
                if size < len(space):
                    break
        except BlockingIOError:
            pass
        except (OSError, Broken):
            raise _Gone from None
        return found

    def put(self, data: bytes) -> None:
        """Have bytes sent with the next `flush`."""
        self._unsent += data

    def flush(self) -> None:
        """Send what the other end takes."""
        try:
            while self._unsent:
                del self._unsent[: self.stream.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            raise _Gone from None


class Loop:
    """Serves whoever connects. PINGs are answered here, between two calls of the model: a model that hangs does not."""

    def __init__(self, listening: socket.socket, model: Model, seconds: float | None = None) -> None:
        self._listening = listening
        self._hello = packed(Kind.HELLO, 0, b"", json.dumps(model.about()).encode())
        self._model = model
        self._work = Work(model, self._put, seconds)
        self._connections = dict[int, _Connection]()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ, None)
        self._count = 0
        self._space = memoryview(bytearray(_STRETCH))
        os.register_at_fork(after_in_child=self._let_go)

    def run(self) -> None:
        """Serve until the process is ended, or nobody is there any more: who has started it was killed, then."""
        busy = False
        while True:
            alone = None if busy or self._connections else ALONE_SECONDS
            self._take_in(0 if busy else alone)
            if alone and not self._connections:
                return
            busy = self._work.turn(self._held)
            for key in list(self._connections):
                self._flush(key)

    def _take_in(self, timeout: float | None) -> None:
        for selected, events in self._selector.select(timeout):
            if selected.data is None:
                self._accept()
            elif events & selectors.EVENT_READ:
                self._receive(selected.data)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self._listening.accept()
                self._count += 1
                self._connections[self._count] = _Connection(stream)
                self._selector.register(stream, selectors.EVENT_READ, self._count)
                self._put(self._count, self._hello)

    def _receive(self, key: int) -> None:
        connection = self._connections.get(key)
        try:
            for frame in connection.frames(self._space) if connection else ():
                self._take(key, frame)
        except _Gone:
            self._close(key)

    def _take(self, key: int, frame: Frame) -> None:
        if frame.kind in {Kind.PREDICT, Kind.STREAM}:
            self._work.add(key, frame)
        elif frame.kind == Kind.CANCEL:
            self._work.cancel(key, frame.number)
        elif frame.kind == Kind.PING:
            self._put(key, packed(Kind.PONG, frame.number))
        else:
            raise _Gone

    def _put(self, key: int, data: bytes) -> None:
        connection = self._connections.get(key)
        if connection:
            connection.put(data)

    def _flush(self, key: int) -> None:
        connection = self._connections[key]
        before = connection.unsent
        if not before:
            return
        try:
            connection.flush()
        except _Gone:
            self._close(key)
            return
        events = selectors.EVENT_READ if connection.unsent < _MOST_UNSENT else 0
        events |= selectors.EVENT_WRITE if connection.unsent else 0
        if self._selector.get_key(connection.stream).events != events:
            self._selector.modify(connection.stream, events, key)

    def _held(self, key: int) -> bool:
        connection = self._connections.get(key)
        return connection is not None and connection.unsent > _MOST_UNSENT

    def _close(self, key: int) -> None:
        connection = self._connections.pop(key)
        self._selector.unregister(connection.stream)
        connection.stream.close()
        self._work.forget(key)

    def _let_go(self) -> None:
        """In a child that the model's code forked: it has no part in any of this."""
        self._model.forked = True
        for connection in self._connections.values():
            connection.stream.close()
        self._selector.close()
