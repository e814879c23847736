"""A scorer as a child of the tests, and what asks it: frames over a real socket."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from modelyard.scorer.frames import ANSWER_HEAD, CONTENT_TYPES, Frame, Kind, Reading, packed
from modelyard.scorer.loop import Loop, listener
from modelyard.scorer.model import Model

PATIENCE = 30.0


@dataclass(frozen=True)
class Said:
    """An answer, taken apart."""

    status: int
    content_type: str
    body: bytes
    microseconds: int
    waited: int

    @classmethod
    def of(cls, frame: Frame) -> Self:
        status, kind, took, waited = ANSWER_HEAD.unpack(frame.head)
        return cls(status, CONTENT_TYPES[kind], frame.body, took, waited)

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the model answers
        return json.loads(self.body)


class Connection:
    """One connection of a server to a scorer."""

    def __init__(self, path: str) -> None:
        self.stream = socket.socket(socket.AF_UNIX)
        self.stream.settimeout(PATIENCE)
        try:
            self.stream.connect(path)
        except OSError:
            self.stream.close()
            raise
        self._reading = Reading()
        self._frames: list[Frame] = []

    def send(self, *frames: bytes) -> None:
        self.stream.sendall(b"".join(frames))

    def receive(self) -> Frame:
        while not self._frames:
            more = self.stream.recv(1 << 20)
            if not more:
                raise ConnectionResetError
            self._frames += self._reading.feed(more)
        return self._frames.pop(0)

    def answers(self, count: int) -> dict[int, Said]:
        """The next answers, by the numbers of their questions."""
        frames = [self.receive() for _ in range(count)]
        assert {frame.kind for frame in frames} == {Kind.ANSWER}
        assert len({frame.number for frame in frames}) == count
        return {frame.number: Said.of(frame) for frame in frames}

    def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing arrives for a while."""
        self.stream.settimeout(seconds)
        try:
            self._frames.append(self.receive())
        except TimeoutError:
            return True
        finally:
            self.stream.settimeout(PATIENCE)
        return False

    def closed(self) -> bool:
        """Whether the other end has gone; waits for that."""
        with contextlib.suppress(ConnectionResetError):
            self.receive()
            return False
        return True


class Running:
    """A scorer that serves a model in a process of its own."""

    def __init__(self, model: Model, seconds: float | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self._folder.name, "s"))
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen()
        gc.collect()  # the child must not close what the tests have forgotten
        self.process = os.fork()
        if self.process == 0:
            self._serve(listening, model, seconds)
        listening.close()
        self._ended = False
        self._connections: list[Connection] = []

    def _serve(self, listening: socket.socket, model: Model, seconds: float | None) -> None:
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            Loop(listener(listening.detach()), model, seconds).run()
        except BaseException:  # noqa: BLE001  nothing may come back into the tests
            traceback.print_exc()
        finally:
            os._exit(1)

    def connect(self) -> Connection:
        """A new connection, behind its HELLO."""
        connection = self.open()
        assert connection.receive().kind == Kind.HELLO
        return connection

    def open(self) -> Connection:
        """A new connection."""
        self._connections.append(Connection(self.path))
        return self._connections[-1]

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Within, the process gets no processor: what is sent waits in its sockets."""
        os.kill(self.process, signal.SIGSTOP)
        os.waitid(os.P_PID, self.process, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            os.kill(self.process, signal.SIGCONT)

    def wait(self) -> int:
        """Wait for the end of the process, and tell how it ended."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            pid, status = os.waitpid(self.process, os.WNOHANG)
            if pid:
                self._ended = True
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        raise TimeoutError

    def close(self) -> None:
        """End all of it."""
        self.kill()
        for connection in self._connections:
            connection.stream.close()

    def kill(self) -> None:
        if not self._ended:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            self._ended = True
        self._folder.cleanup()


def predict(number: int, document: object, content_type: str = "") -> bytes:
    """A question as a frame; bytes are sent as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return packed(Kind.PREDICT, number, content_type.encode(), body)


def split(columns: list[str], *rows: list[Any]) -> dict[str, Any]:
    """A question of some rows."""
    return {"dataframe_split": {"columns": columns, "data": list(rows)}}
