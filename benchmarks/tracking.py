"""What the gate costs in front of MLflow's own tracking server: the same requests to both, in turn."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

import typer

_PATIENCE = 300.0
_API = "/api/2.0/mlflow"
_PAGE = "/mlflow"
_WARM_UP = 10
"""Requests of each kind that are not counted."""

Request: TypeAlias = Callable[[int], tuple[str, str, dict[str, Any] | None]]
"""A request by the number of the step."""


class _Socket(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Side:
    """One of the two, with what stands before each path, and the headers that it takes."""

    connection: http.client.HTTPConnection
    before: str
    headers: dict[str, str]

    def ask(self, method: str, path: str, said: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask; the answer to what must go well."""
        body = json.dumps(said).encode() if said is not None else None
        self.connection.request(method, self.before + path, body, {"content-type": "application/json", **self.headers})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return json.loads(content)


@dataclass(frozen=True)
class Found:
    """Milliseconds of one kind of request, by both ways."""

    name: str
    gate: list[float]
    bare: list[float]

    def row(self) -> str:
        """A row of the table."""
        gate, bare = statistics.median(self.gate), statistics.median(self.bare)
        slow = [statistics.quantiles(each, n=20)[-1] for each in (self.gate, self.bare)]
        return f"| {self.name} | {gate:.2f} | {bare:.2f} | {gate - bare:.2f} | {slow[0]:.2f} | {slow[1]:.2f} |"


@contextmanager
def _server(data: Path) -> Generator[tuple[Side, Side]]:
    """A server on SQLite; the gate, and the child behind it."""
    command = [sys.executable, "-m", "modelyard", "serve", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _PATIENCE
        while not (data / "address").exists() or not (data / "admin-token").exists():
            if time.monotonic() > until:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        host = urlsplit((data / "address").read_text().strip()).netloc
        token = (data / "admin-token").read_text().strip()
        gate = Side(http.client.HTTPConnection(host, timeout=_PATIENCE), "", {"authorization": f"Bearer {token}"})
        gate.ask("POST", f"{_API}/experiments/search", {})
        [path] = (data / "tracking").glob("s-*/sock")
        yield gate, Side(_Socket(str(path)), _PAGE, {})
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


def measure(rounds: int) -> Iterator[Found]:
    """Measure each kind of request so many times on both sides, one after the other."""
    with tempfile.TemporaryDirectory(prefix="b-") as folder, _server(Path(folder) / "d") as (gate, bare):
        experiment = gate.ask("POST", f"{_API}/experiments/create", {"name": "bench"})["experiment_id"]
        made = gate.ask("POST", f"{_API}/runs/create", {"experiment_id": experiment, "start_time": 1})
        run = made["run"]["info"]["run_id"]
        yield _measured("get run", rounds, gate, bare, lambda _step: ("GET", f"{_API}/runs/get?run_id={run}", None))
        yield _measured("log_batch, 1 metric", rounds, gate, bare, lambda step: _batch(run, step, 1))
        yield _measured("log_batch, 100 metrics", rounds, gate, bare, lambda step: _batch(run, step, 100))


def _batch(run: str, step: int, count: int) -> tuple[str, str, dict[str, Any]]:
    metrics = [{"key": f"m{each}", "value": 1.0, "timestamp": step, "step": step} for each in range(count)]
    return "POST", f"{_API}/runs/log-batch", {"run_id": run, "metrics": metrics}


def _measured(name: str, rounds: int, gate: Side, bare: Side, request: Request) -> Found:
    found = Found(name, [], [])
    for step in range(rounds + _WARM_UP):
        for side, times in ((gate, found.gate), (bare, found.bare)):
            method, path, said = request(2 * step + (side is bare))
            begun = time.perf_counter()
            side.ask(method, path, said)
            if step >= _WARM_UP:
                times.append((time.perf_counter() - begun) * 1000)
    return found


def tracking_command(
    *, rounds: Annotated[int, typer.Option(min=20, help="Requests of each kind to each of the two.")] = 500
) -> None:
    """Measure what the gate costs in front of MLflow's own tracking server."""
    print("| request | p50, ms | bare p50, ms | gate costs, ms | p95, ms | bare p95, ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for found in measure(rounds):
        print(found.row(), flush=True)
