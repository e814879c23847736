"""A real object store on loopback: rclone, which speaks S3."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from tests.support import clean_environment

KEY, SECRET = "AKIAMODELYARDTESTS00", "a-secret-of-ordinary-length-for-tests-only"

BUCKET = "models"


@dataclass(frozen=True)
class Place:
    """An empty prefix of a bucket: its URL, how to reach it, and the folder in which rclone keeps it."""

    url: str
    options: dict[str, str]
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a server that keeps its bytes here."""
        return {"storage": self.url, "storage_options": json.dumps({self.url: self.options})}

    def put(self, key: str, content: bytes) -> None:
        """Write an object behind the server's back."""
        obstore.put(self._client, key, content)

    def delete(self, key: str) -> None:
        """Remove an object behind the server's back."""
        obstore.delete(self._client, key)

    @property
    def _client(self) -> S3Store:
        own: Any = {name: value for name, value in self.options.items() if name != "allow_http"}
        return S3Store.from_url(self.url, config=own, client_options={"allow_http": True})

    @property
    def objects(self) -> set[str]:
        """The keys of all objects."""
        return {str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file()}


@dataclass
class ObjectStore:
    """The running server; each test gets a place of its own."""

    endpoint: str
    root: Path

    def place(self, endpoint: str = "") -> Place:
        """A new place, perhaps reached through a proxy."""
        name = f"{BUCKET}/of/{next(_numbers)}"
        return Place(f"s3://{name}", options(endpoint or self.endpoint), self.root / name)


_numbers = itertools.count()


def options(endpoint: str) -> dict[str, str]:
    """What a client of the server must be told."""
    secret = {"access_key_id": KEY, "secret_access_key": SECRET}
    return {"endpoint": endpoint, "region": "us-east-1", "allow_http": "true", **secret}


@contextlib.contextmanager
def serving(root: Path) -> Iterator[ObjectStore]:
    """An object store that keeps its buckets in a folder, which is its own: it remembers what is in there."""
    (root / BUCKET).mkdir()
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    assert program is not None, "rclone is one of the development requirements"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = [program, "serve", "s3", "--addr", address, "--auth-key", f"{KEY},{SECRET}", str(root)]
    with (root.parent / f"{root.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=clean_environment())
    try:
        await_port(port)
        yield ObjectStore(f"http://{address}", root)
    finally:
        process.terminate()
        process.wait(10)


def await_port(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("the object store did not start")
