"""The disk cannot keep what it took: `fsync` answers EIO, so nothing is acknowledged, and nothing is there by halves.

The kernel's answer is replaced by strace (its manual, "Tampering") in every thread of the server, for one request.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faults.tale import STEPS, Memory, Tale, check
from tests.faults.test_kill import prepare
from tests.support import Server

CALLS = "fsync,fdatasync"


@contextlib.contextmanager
def failing(server: Server, which: str) -> Iterator[None]:
    """Let each thread's fsyncs of these numbers fail; `1+` is all of them."""
    tracer = shutil.which("strace")
    if tracer is None:
        pytest.skip("strace is not installed")
    tampering = ["-e", f"trace={CALLS}", "-e", f"inject={CALLS}:error=EIO:when={which}"]
    command = [tracer, "-f", "-qqq", "-o", "/dev/null", *tampering, "-p", str(server.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracing:
        try:
            _await_all_threads(server, tracing)
            yield
        finally:
            tracing.terminate()


def _await_all_threads(server: Server, tracing: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if tracing.poll() is not None:
            _, said = tracing.communicate()
            pytest.skip(f"no process may be traced here: {said.decode().strip()}")
        tasks = Path(f"/proc/{server.pid}/task").iterdir()
        if all("TracerPid:\t0" not in (task / "status").read_text() for task in tasks):
            return
        time.sleep(0.01)
    raise AssertionError("strace did not attach to every thread")


@dataclass
class Failures:
    """Which fsyncs fail while which request of a tale runs, and how many requests were refused."""

    which: Callable[[int], str | None]
    refused: int = 0


class FailingTale(Tale):
    """A tale whose requests meet a failing disk, and are made once more when they were refused."""

    failures: Failures

    def _ask(self, client: httpx.Client, method: str, path: str, **said: object) -> httpx.Response:
        which = self.failures.which(self.acknowledged + 1)
        if which is None:
            return super()._ask(client, method, path, **said)
        with failing(self.server, which):
            answer = client.request(method, path, **said)  # pyright: ignore[reportArgumentType]
        if answer.is_success:
            self.acknowledged += 1
            return answer
        assert answer.status_code in {500, 503}, f"{method} {path}: {answer.status_code} {answer.text}"
        self.failures.refused += 1
        return super()._ask(client, method, path, **said)


def tell(server: Server, memory: Memory, seed: int, which: Callable[[int], str | None]) -> int:
    """Tell the tale on a failing disk, and look at everything; how many requests were refused."""
    tale = FailingTale(server, memory, seed)
    tale.failures = Failures(which)
    tale.tell()
    return tale.failures.refused


def look(server: Server, memory: Memory, token: str) -> None:
    """All that was acknowledged is there, before and after a start."""
    for _ in range(2):
        memory.whole.clear()
        with server.client(token) as reader:
            check(server, memory, reader)
        server.kill()
        server.start()


def test_nothing_is_acknowledged_that_the_disk_did_not_keep(sqlite_server: Server) -> None:
    token, memory = prepare(sqlite_server), Memory()
    assert tell(sqlite_server, memory, 1, lambda _: "1+") == STEPS
    look(sqlite_server, memory, token)


SAMPLE = frozenset({1, 2, 9, 19, 20, 21})
"""A version is made, a file put, it is finalized, an alias set, a copy made, and the version deleted."""


@pytest.mark.parametrize("which", ["1", "2"])
def test_a_disk_that_fails_once_costs_nothing_that_was_acknowledged(server: Server, which: str) -> None:
    token, memory = prepare(server), Memory()
    assert tell(server, memory, 1, lambda number: which if number in SAMPLE else None) > 0
    look(server, memory, token)


@pytest.mark.full
@pytest.mark.parametrize("which", ["1", "2", "3+"])
def test_a_disk_that_fails_at_any_request_costs_nothing(server: Server, which: str) -> None:
    token, memory = prepare(server), Memory()
    tell(server, memory, 1, lambda _: which)
    look(server, memory, token)
