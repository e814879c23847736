"""The two servers as real processes on free ports, and what memory they take."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from benchmarks.load import Target

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

START_SECONDS = 90.0
STOP_SECONDS = 20.0
LOOPBACK = "127.0.0.1"
MLFLOW_ENVIRONMENT = {
    # In its favour: its job runner is a process of its own and would only slow it down and fatten it.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


class ServerError(Exception):
    """A server did not come up; the message ends with what it last said."""


@dataclass(frozen=True)
class Memory:
    """Bytes, summed over a server's whole process tree (pages shared between processes count in each)."""

    resident: int
    peak: int
    processes: int


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    target: Target
    log: Path

    @property
    def address(self) -> str:
        """Its address as `http://host:port`."""
        return f"http://{self.target.host}:{self.target.port}"

    def memory(self) -> Memory:
        """Return what the tree holds now, and the sum of each living process's peak."""
        pids = tree(self.process.pid)
        return Memory(
            sum(_kibibytes(pid, "VmRSS") for pid in pids) * 1024,
            sum(_kibibytes(pid, "VmHWM") for pid in pids) * 1024,
            len(pids),
        )

    def stop(self) -> None:
        """End the process tree: politely, then not."""
        _signal_group(self.process, signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(self.process, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)


@contextmanager
def mlflow_server(folder: Path, *, artifacts: Path | None = None) -> Generator[Server]:
    """Run `mlflow server` with one worker on `folder`/mlflow.db, proxying artifacts to a folder."""
    port = free_port()
    command = [
        *(
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--workers",
            "1",
            "--host",
            LOOPBACK,
            "--port",
            str(port),
        ),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(artifacts or folder / "artifacts")),
        # In its favour: no line per request in its log.
        *("--uvicorn-opts", "--no-access-log"),
    ]
    server = start(command, folder, Target(LOOPBACK, port), MLFLOW_ENVIRONMENT)
    with running(server, "/health"):
        yield server


@contextmanager
def modelyard_server(data: Path, settings: Mapping[str, str] | None = None) -> Generator[Server]:
    """Run `modelyard serve` on the folder `data`; its admin token is then in `data`/admin-token.

    `settings` are variables of its environment.
    """
    data.mkdir(parents=True, exist_ok=True)
    announced = data / "address"
    announced.unlink(missing_ok=True)
    command = [sys.executable, "-m", "modelyard", "serve", "--data", str(data), "--port", "0"]
    server = start(command, data.parent, Target("", 0), settings or {})
    try:
        target = _announced_target(server, announced)
    except BaseException:
        server.stop()
        raise
    server = Server(server.process, target, server.log)
    with running(server, "/.well-known/databricks-config"):
        yield server


@contextmanager
def rclone_server(protocol: str, folder: Path, *options: str) -> Generator[Server]:
    """Run `rclone serve` on a folder, without looking into it for each answer: in its favour."""
    port = free_port()
    command = ["rclone", "serve", protocol, str(folder), "--addr", f"{LOOPBACK}:{port}", *options]
    server = start(command, folder.parent, Target(LOOPBACK, port), {})
    try:
        for _ in patience(server):
            with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
                break
        else:
            raise failure(server, "it never listened")
        yield server
    finally:
        server.stop()


def admin_token(data: Path) -> str:
    """Return the token of the first administrator, as the server wrote it."""
    return (data / "admin-token").read_text().strip()


@contextmanager
def running(server: Server, health: str) -> Generator[None]:
    """Wait until the path `health` answers 200, and stop the server in the end."""
    try:
        _await_health(server, health)
        yield
    finally:
        server.stop()


def start(command: list[str], folder: Path, target: Target, extra: Mapping[str, str], name: str = "") -> Server:
    """Start a command in `folder`, where what it says is kept, with `extra` in its environment."""
    log = folder / f"{name or Path(command[2]).name}.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **extra},
            stdout=sink,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # so that stopping ends its children too, and nobody else's
        )
    return Server(process, target, log)


def _announced_target(server: Server, announced: Path) -> Target:
    for _ in patience(server):
        if announced.exists() and (said := announced.read_text().strip()):
            parts = urlsplit(said)
            return Target(parts.hostname or LOOPBACK, parts.port or 80)
    raise failure(server, "it wrote no address")


def _await_health(server: Server, path: str) -> None:
    for _ in patience(server):
        try:
            if httpx.get(server.address + path, timeout=5).status_code == HTTPStatus.OK:
                return
        except httpx.TransportError:
            continue
    raise failure(server, f"{path} never answered 200")


def patience(server: Server) -> Iterator[None]:
    """Yield every 50 ms while the server lives, for at most START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        yield
        time.sleep(0.05)


def failure(server: Server, what: str) -> ServerError:
    """Return why a server did not come up, with what it said last."""
    last = server.log.read_text(errors="replace")[-2000:]
    return ServerError(f"{what} (exit code {server.process.poll()}); its last words:\n{last}")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def tree(root: int) -> list[int]:
    """Return `root` and all its living descendants."""
    pids = [root]
    for pid in pids:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            pids.extend(int(child) for child in _read(children).split())
    return pids


def _kibibytes(pid: int, name: str) -> int:
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def _read(path: Path) -> str:
    """Return a /proc file's text; empty when its process has just ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
