"""Large files leave by `sendfile`: whole, on connections that live on, and without harm by clients that do not read."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import LEGACY, Server

MIB = 1 << 20
SIZE = 24 * MIB + 12_345
CONTENT = random.Random(3).randbytes(SIZE)  # noqa: S311  contents, nothing secret
UNREAD = 40
"""More clients that do not read than the server has threads."""


@pytest.fixture
def url(sqlite_server: Server) -> str:
    """A file's address on a server of its own."""
    sqlite_server.make_containers("bytes.out")
    path = "/api/2.0/fs/files/Models/bytes/out/large/1/weights.bin"
    with sqlite_server.client() as admin:
        admin.post(f"{LEGACY}/registered-models/create", json={"name": "bytes.out.large"}).raise_for_status()
        said = {"name": "bytes.out.large", "source": "s3://elsewhere"}
        admin.post(f"{LEGACY}/model-versions/create", json=said).raise_for_status()
        admin.put(path, content=CONTENT).raise_for_status()
    return path


@contextlib.contextmanager
def unread(server: Server, url: str) -> Iterator[socket.socket]:
    """A connection on which a file was asked for, and of whose answer only the first bytes are read."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.token}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        yield connection


def descriptors(server: Server) -> list[str]:
    """What the server has open."""
    found: list[str] = []
    for each in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            found.append(str(each.readlink()))
    return found


def open_files(server: Server) -> int:
    return sum("/objects/" in each for each in descriptors(server))


def sockets(server: Server) -> int:
    return sum(each.startswith("socket:") for each in descriptors(server))


def test_large_files_and_ranges_are_whole_on_one_connection(sqlite_server: Server, url: str) -> None:
    with sqlite_server.client() as client:
        before = sockets(sqlite_server)
        for _ in range(2):
            assert hashlib.sha256(client.get(url).content).digest() == hashlib.sha256(CONTENT).digest()
            part = client.get(url, headers={"range": f"bytes=5-{20 * MIB}"})
            assert (part.status_code, part.content) == (206, CONTENT[5 : 20 * MIB + 1])
            assert client.get(f"{LEGACY}/registered-models/search").is_success
        assert sockets(sqlite_server) == before + 1
    assert open_files(sqlite_server) == 0


def test_requests_that_are_sent_at_once_are_answered_in_turn(sqlite_server: Server, url: str) -> None:
    host, _, port = sqlite_server.url.removeprefix("http://").partition(":")
    head = f"GET {url} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {sqlite_server.token}\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection, connection.makefile("rb") as answer:
        connection.sendall(f"{head}\r\n{head}Connection: close\r\n\r\n".encode())
        for _ in range(2):
            while answer.readline().strip():
                pass
            assert answer.read(SIZE) == CONTENT
        assert answer.read() == b""


def test_clients_that_do_not_read_hold_up_nobody(sqlite_server: Server, url: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(UNREAD):
            stack.enter_context(unread(sqlite_server, url))
        assert open_files(sqlite_server) == UNREAD
        with sqlite_server.client() as client:
            assert client.get(url).content == CONTENT
            assert client.get(f"{LEGACY}/registered-models/search").is_success


def test_nothing_stays_open_of_a_client_that_is_gone(sqlite_server: Server, url: str) -> None:
    idle = sockets(sqlite_server)
    for _ in range(5):
        with unread(sqlite_server, url):
            pass
    until = time.monotonic() + 10
    while (open_files(sqlite_server) or sockets(sqlite_server) > idle) and time.monotonic() < until:
        time.sleep(0.02)
    assert not open_files(sqlite_server)
    assert sockets(sqlite_server) <= idle, "more sockets than before, when others may have been open that now are not"
    assert httpx.get(f"{sqlite_server.url}/health", trust_env=False).is_success
