"""Upload and download of one large file by MLflow's client, through Modelyard and through `mlflow server`.

Beside them what the machine can do at best: a copy with fsync, and the SHA-256 that Modelyard takes of
every file.
"""

import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import curl, names, prepare, servers
from benchmarks.registry import Product

FILE = "weights.bin"
CHUNK = 1 << 24
MODEL = names.model(1)
TUNED = {
    "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "true",
    "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(2 << 20),
}
"""The other way down, at its best: by the SDK's stream, which joins what is asked for from 2 MiB pieces by copying
all that it has for each. With the client's default of 100 MiB at a time that takes many seconds per GiB."""
UNITY_CATALOG = "/api/2.0/mlflow/unity-catalog"


class TransferError(Exception):
    """The client failed, or brought back other bytes than it took."""


@dataclass(frozen=True)
class Transfer:
    """One product's medians, in seconds, and its server's memory over all transfers, in bytes."""

    product: Product
    upload: float
    download: float
    tuned_download: float
    """With TUNED in the client's environment."""
    resident_before: int
    peak: int


@dataclass(frozen=True)
class Results:
    """Everything one run found; seconds and bytes."""

    size: int
    copy: float
    """A copy to the same disk, with fsync."""
    sha256: float
    transfers: tuple[Transfer, ...]
    by_curl: tuple[curl.ByCurl, ...] = ()
    server_copy: float | None = None
    """A copy of a version into another model, which Modelyard makes itself."""


@dataclass
class Side:
    """A running server and how to bring a file there and back."""

    server: servers.Server
    environment: dict[str, str]
    administrator: prepare.Caller | None = None

    def place(self, round_number: int) -> list[str]:
        """Return where this round's file goes, as arguments of `benchmarks.transfer`."""
        if self.administrator is None:
            return ["--place", f"bench/{round_number}"]
        return ["--place", MODEL, "--version", self.administrator.pending_version(MODEL)]

    def route(self) -> curl.Route:
        """Return the way that curl takes."""
        if self.administrator is None:
            return curl.mlflow_route(self.server)
        token = self.environment["DATABRICKS_TOKEN"]
        return curl.modelyard_route(self.server, self.administrator, token, MODEL)

    def finish(self, place: list[str]) -> None:
        """Make what was uploaded downloadable."""
        if self.administrator:
            said = {"name": MODEL, "version": place[-1]}
            self.administrator.call("POST", f"{UNITY_CATALOG}/model-versions/finalize", said)


def measure(
    folder: Path, size: int, rounds: int, products: tuple[Product, ...], tell: Callable[[str], None]
) -> Results:
    """Move a file of `size` random bytes to and fro, each product in turn within each round."""
    source = folder / FILE
    tell("writing the file")
    digest = _write_random(source, size)
    copy, sha256 = _copied(source, folder / "copy", rounds), _hashed(source, rounds)
    seen: dict[Product, list[tuple[float, float, float]]] = {product: [] for product in products}
    with ExitStack() as stack:
        sides = {product: _open(product, folder, stack) for product in products}
        before = {product: side.server.memory().resident for product, side in sides.items()}
        for number in range(1, rounds + 1):
            for product, side in sides.items():
                tell(f"{product}, round {number}")
                seen[product].append(_there_and_back(side, number, source, digest))
        transfers = tuple(
            _transfer(product, seen[product], before[product], side.server.memory().peak)
            for product, side in sides.items()
        )
        routes = [*curl.routes(folder, source, stack), *(side.route() for side in sides.values())]
        by_curl = curl.measure(source, rounds, routes, tell)
        administrator = sides[Product.MODELYARD].administrator if Product.MODELYARD in sides else None
        server_copy = curl.copied(administrator, MODEL, "1") if administrator else None
    return Results(size, copy, sha256, transfers, by_curl, server_copy)


def _transfer(product: Product, seen: list[tuple[float, float, float]], before: int, peak: int) -> Transfer:
    up, down, tuned = (statistics.median(seconds) for seconds in zip(*seen, strict=True))
    return Transfer(product, up, down, tuned, before, peak)


def _open(product: Product, folder: Path, stack: ExitStack) -> Side:
    place = folder / product.lower()
    place.mkdir()
    if product is Product.MLFLOW:
        server = stack.enter_context(servers.mlflow_server(place))
        return Side(server, {"MLFLOW_TRACKING_URI": server.address})
    data = place / "data"
    server = stack.enter_context(servers.modelyard_server(data))
    token = servers.admin_token(data)
    administrator = prepare.Caller(server.address, token)
    administrator.open_catalog()
    administrator.call("POST", f"{UNITY_CATALOG}/registered-models/create", {"name": MODEL})
    environment = {
        "DATABRICKS_HOST": server.address,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_TRACKING_URI": f"sqlite:///{place / 'tracking.db'}",
    }
    return Side(server, environment, administrator)


def _there_and_back(side: Side, number: int, source: Path, digest: str) -> tuple[float, float, float]:
    """Return the seconds of an upload, a download and a tuned download."""
    place = side.place(number)
    up = _client("upload", source, place, side.environment)
    side.finish(place)
    back = source.parent / "back" / FILE
    down = _fetched(back, place, side.environment, digest)
    return up, down, _fetched(back, place, {**side.environment, **TUNED}, digest)


def _fetched(back: Path, place: list[str], environment: Mapping[str, str], digest: str) -> float:
    """Return the seconds of one download, having compared what came back."""
    back.parent.mkdir()
    seconds = _client("download", back, place, environment)
    if _digest(back) != digest:
        raise TransferError(f"{back} is not what was uploaded")
    shutil.rmtree(back.parent)
    return seconds


def _client(direction: str, file: Path, place: list[str], environment: Mapping[str, str]) -> float:
    os.sync()  # what an earlier transfer left to write must not be charged to this one
    command = [sys.executable, "-m", "benchmarks.transfer", direction, str(file), *place]
    done = subprocess.run(
        command,
        env={**os.environ, **environment, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TransferError(f"the client's {direction} failed:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def _write_random(path: Path, size: int) -> str:
    """Fill `path` with `size` bytes that do not compress; return their SHA-256."""
    generator, taken = random.Random(size), hashlib.sha256()
    with path.open("wb") as file:
        for begin in range(0, size, CHUNK):
            chunk = generator.randbytes(min(CHUNK, size - begin))
            taken.update(chunk)
            file.write(chunk)
    return taken.hexdigest()


def _copied(source: Path, target: Path, rounds: int) -> float:
    """Return the median seconds of a copy with fsync."""
    seconds: list[float] = []
    for _ in range(rounds):
        os.sync()
        began = time.perf_counter()
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())
        seconds.append(time.perf_counter() - began)
        target.unlink()
    return statistics.median(seconds)


def _hashed(source: Path, rounds: int) -> float:
    """Return the median seconds of a SHA-256 over the file."""
    seconds: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        _digest(source)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
