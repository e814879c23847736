"""Large bodies come straight from the socket: whole, on connections that live on, without harm by clients that go."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import uvicorn

from modelyard.errors import Failure, TooLarge
from modelyard.surfaces import transfer
from modelyard.surfaces.bounded import BoundedProtocol
from modelyard.surfaces.wire import Reply

Value = TypeVar("Value")

MIB = 1 << 20
SIZE = 24 * MIB + 12_345
CONTENT = random.Random(4).randbytes(SIZE)  # noqa: S311  contents, nothing secret
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Kept:
    """A writer that hashes, and refuses what is beyond its limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._digest = hashlib.sha256()
        self.aborted = threading.Event()
        self.threads: set[str] = set()

    def write(self, chunks: Sequence[bytes]) -> None:
        self.threads.add(threading.current_thread().name)
        self._size += sum(map(len, chunks))
        if self._size > self._limit:
            raise TooLarge("too much")
        self._digest.update(b"".join(chunks))

    def commit(self) -> object:
        return self._digest.hexdigest()

    def abort(self) -> None:
        self.aborted.set()


class Application:
    """Takes bodies in as the server does, and answers with their SHA-256."""

    def __init__(self) -> None:
        self.limit = 1 << 40
        self.writers: list[Kept] = []
        self.poured: list[bool] = []
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="worker")

    def _begin(self) -> Kept:
        self.writers.append(Kept(self.limit))
        return self.writers[-1]

    async def _in_thread(self, work: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def __call__(self, _scope: object, receive: transfer.Receive, send: transfer.Send) -> None:
        self.poured.append(isinstance(receive, transfer.Pourable))
        try:
            reply = await transfer.take_in(
                receive, self._begin, lambda sha: Reply(200, str(sha).encode()), self._in_thread
            )
        except Failure as failure:
            reply = Reply(413, failure.message.encode())
        except transfer.ClientGone:
            return
        length = str(len(reply.body)).encode()
        await send({"type": "http.response.start", "status": reply.status, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": reply.body})


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def address(application: Application) -> Iterator[tuple[str, int]]:
    """Where the application is served, by a thread of this process."""
    config = uvicorn.Config(application, http=BoundedProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@contextlib.contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=30) as connection:
        yield connection


def head(size: int) -> bytes:
    return b"PUT / HTTP/1.1\r\nhost: here\r\ncontent-length: %d\r\n\r\n" % size


def answer(connection: socket.socket) -> tuple[int, str]:
    """The status and the body of one answer, which is read to its end and no further."""
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += connection.recv(1)
    fields = dict(line.lower().split(b": ", 1) for line in said.split(b"\r\n")[1:] if line)
    body = connection.recv(int(fields[b"content-length"]), socket.MSG_WAITALL)
    return int(said.split()[1]), body.decode()


def test_large_bodies_are_whole_on_one_connection(address: tuple[str, int], application: Application) -> None:
    with connected(address) as client:
        for content in (CONTENT, b"small", CONTENT, CONTENT[: 9 * MIB]):
            client.sendall(head(len(content)) + content)
            assert answer(client) == (200, hashlib.sha256(content).hexdigest())
    assert application.poured == [True, False, True, True]
    assert all(name.startswith("worker") for writer in application.writers for name in writer.threads)


def test_requests_that_are_sent_at_once_are_answered_in_turn(address: tuple[str, int]) -> None:
    with connected(address) as client:
        sending = threading.Thread(target=client.sendall, args=((head(SIZE) + CONTENT) * 2 + head(5) + b"small",))
        sending.start()
        assert [answer(client) for _ in range(2)] == [(200, SHA256)] * 2
        assert answer(client) == (200, hashlib.sha256(b"small").hexdigest())
        sending.join()


def test_a_body_that_comes_slowly_is_whole(address: tuple[str, int]) -> None:
    with connected(address) as client:
        client.sendall(head(SIZE) + CONTENT[: 20 * MIB])
        for start in range(20 * MIB, SIZE, MIB):
            time.sleep(0.05)
            client.sendall(CONTENT[start : start + MIB])
        assert answer(client) == (200, SHA256)


def test_a_body_without_a_size_comes_the_usual_way(address: tuple[str, int], application: Application) -> None:
    with connected(address) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n")
        client.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, CONTENT))
        assert answer(client) == (200, SHA256)
    assert application.poured == [False]


@pytest.mark.parametrize("limit", [0, 5 * MIB, SIZE - 1])
def test_a_refusal_half_way_does_not_confuse_the_next_request(
    address: tuple[str, int], application: Application, limit: int
) -> None:
    application.limit = limit
    with connected(address) as client:
        client.sendall(head(SIZE) + CONTENT)
        assert answer(client) == (413, "too much")
        application.limit = SIZE
        client.sendall(head(SIZE) + CONTENT)
        assert answer(client) == (200, SHA256)
    assert application.writers[0].aborted.is_set()


@pytest.mark.parametrize("sent", [MIB, 3 * MIB, 20 * MIB, SIZE - 1])
@pytest.mark.parametrize("abrupt", [True, False])
def test_a_client_that_goes_leaves_nothing(
    address: tuple[str, int],
    application: Application,
    caplog: pytest.LogCaptureFixture,
    sent: int,
    abrupt: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    with connected(address) as client:
        client.sendall(head(SIZE) + CONTENT[:sent])
        time.sleep(0.2)
        if abrupt:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    for writer in application.writers:
        assert writer.aborted.wait(10)
    assert len(application.writers) == (sent > 2 * MIB)
    assert not caplog.records
