"""The peers: what starts each of them on a model and a port, and what is asked of all of them alike."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from benchmarks import servers
from benchmarks.load import Target
from benchmarks.serving import processes
from benchmarks.serving.side import Side
from benchmarks.serving.wrk import Address

FILES = Path(__file__).with_name("peers")
SILENT = {
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "LITSERVE_DISABLE_ANALYTICS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Nobody is told of a benchmark."""


@dataclass(frozen=True)
class Place:
    """Where a peer finds what it needs."""

    python: Path
    model: Path
    folder: Path
    port: int


@dataclass(frozen=True)
class Peer:
    """One way to run one peer."""

    key: str
    name: str
    command: Callable[[Place], list[str]]
    batching: bool = False
    """Whether its own way to join requests is on."""

    @property
    def title(self) -> str:
        """What it is called in a table."""
        return f"{self.name}, batching" if self.batching else self.name


def _mlflow(place: Place) -> list[str]:
    served = ["models", "serve", "-m", str(place.model), "--env-manager", "local"]
    return [str(place.python), "-m", "mlflow", *served, "--host", servers.LOOPBACK, "--port", str(place.port)]


def _mlserver(place: Place) -> list[str]:
    ports = {"http_port": place.port, "grpc_port": servers.free_port(), "metrics_port": servers.free_port()}
    said = {"host": servers.LOOPBACK, "debug": False, **ports}  # in its favour: no lines per request
    (place.folder / "settings.json").write_text(json.dumps(said))
    model = {"name": "model", "implementation": "mlserver_mlflow.MLflowRuntime"}
    (place.folder / "model-settings.json").write_text(json.dumps({**model, "parameters": {"uri": str(place.model)}}))
    return [str(place.python.with_name("mlserver")), "start", str(place.folder)]


def _bento(service: str) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        served = ["serve", f"bento:{service}", "--working-dir", str(FILES)]
        where = ["--host", servers.LOOPBACK, "--port", str(place.port)]
        return [str(place.python.with_name("bentoml")), *served, *where]

    return command


def _script(name: str) -> Callable[[Place], list[str]]:
    return lambda place: [str(place.python), str(FILES / name)]


PEERS = (
    Peer("mlflow", "MLflow", _mlflow),
    Peer("mlserver", "MLServer", _mlserver),
    Peer("bentoml", "BentoML", _bento("Plain")),
    Peer("bentoml", "BentoML", _bento("Front"), batching=True),
    Peer("litserve", "LitServe", _script("lit.py")),
    Peer("litserve", "LitServe", _script("lit.py"), batching=True),
    Peer("ray", "Ray Serve", _script("rayserve.py")),
    Peer("ray", "Ray Serve", _script("rayserve.py"), batching=True),
)


@contextmanager
def serve(peer: Peer, place: Place, body: bytes) -> Generator[Side]:
    """Run a peer until the end; it is there when it answers."""
    told = {"MODEL": str(place.model), "PORT": str(place.port), "BATCHING": "1" if peer.batching else ""}
    told["PATH"] = f"{place.python.parent}:{os.environ['PATH']}"  # MLflow starts uvicorn by its name
    target = Target(servers.LOOPBACK, place.port)
    server = servers.start(peer.command(place), place.folder, target, {**SILENT, **told}, "server")
    with processes.ended(server):
        address = Address(f"{server.address}/invocations")
        _await(server, address, body)
        yield Side(peer.title, address, server, batching=peer.batching)


def _await(server: servers.Server, address: Address, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for _ in servers.patience(server):
        with suppress(httpx.TransportError):
            if httpx.post(address.url, content=body, headers=headers, timeout=10).status_code == HTTPStatus.OK:
                return
    raise servers.failure(server, "it never answered a prediction with 200")
