"""One large file by curl, which adds next to nothing: Modelyard beside MLflow's proxy, a static file server and S3.

The static file server is `rclone serve http`, the S3 server `rclone serve s3`, both on a folder of the same disk. The
server of S3 checks a signature and takes an MD5; only Modelyard takes a SHA-256, and only it has the bytes on disk for
certain when it answers. Downloads go to /dev/null.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import names, prepare, servers

_KEY, _SECRET = "benchmarkaccesskey", "benchmarksecretkey"
_BUCKET = "bench"
_COPIES = 9
_TARGET = names.model(2)


class CurlError(Exception):
    """A transfer by curl failed."""


@dataclass(frozen=True)
class Route:
    """Where curl sends a file and fetches it; an empty address is a way that a server does not have."""

    name: str
    up: Callable[[int], str]
    down: Callable[[int], str]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class ByCurl:
    """Median seconds by the server's name; 0 where a server has no such way."""

    name: str
    upload: float
    download: float


def measure(source: Path, rounds: int, routes: list[Route], tell: Callable[[str], None]) -> tuple[ByCurl, ...]:
    """Send and fetch a file, each server in turn within each round."""
    seen: Mapping[str, list[tuple[float, float]]] = {route.name: [] for route in routes}
    for number in range(1, rounds + 1):
        for route in routes:
            tell(f"curl and {route.name}, round {number}")
            up = _timed(["-T", str(source), *route.options], route.up(number))
            down = _timed(["-o", os.devnull, *route.options], route.down(number))
            seen[route.name].append((up, down))
    return tuple(
        ByCurl(name, *(statistics.median(seconds) for seconds in zip(*trials, strict=True)))
        for name, trials in seen.items()
    )


def routes(folder: Path, source: Path, stack: ExitStack) -> list[Route]:
    """The two servers of rclone's, running on new folders; none where rclone is not installed."""
    if shutil.which("rclone") is None:
        return []
    static, buckets = folder / "static", folder / "s3"
    static.mkdir()
    (buckets / _BUCKET).mkdir(parents=True)
    (static / source.name).hardlink_to(source)
    plain = stack.enter_context(servers.rclone_server("http", static))
    s3 = stack.enter_context(servers.rclone_server("s3", buckets, "--auth-key", f"{_KEY},{_SECRET}"))
    signed = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{_KEY}:{_SECRET}")
    unsigned_body = ("-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD")

    def s3_url(number: int) -> str:
        return f"{s3.address}/{_BUCKET}/{number}"

    return [
        Route("static files", lambda _number: "", lambda _number: f"{plain.address}/{source.name}"),
        Route("S3 (rclone)", s3_url, s3_url, signed + unsigned_body),
    ]


def mlflow_route(server: servers.Server) -> Route:
    """MLflow's proxied artifacts."""

    def url(number: int) -> str:
        return f"{server.address}/api/2.0/mlflow-artifacts/artifacts/curl/{number}"

    return Route("MLflow", url, url)


def modelyard_route(server: servers.Server, administrator: prepare.Caller, token: str, model: str) -> Route:
    """The Files API: each round fills a version of its own."""
    versions: dict[int, str] = {}

    def up(number: int) -> str:
        versions[number] = administrator.pending_version(model)
        return down(number)

    def down(number: int) -> str:
        return server.address + names.file_path(model, versions[number], "weights.bin")

    return Route("Modelyard", up, down, ("-H", f"Authorization: Bearer {token}"))


def copied(administrator: prepare.Caller, model: str, version: str) -> float:
    """Median seconds of a copy of a version into another model, which the server makes."""
    administrator.call("POST", "/api/2.0/mlflow/unity-catalog/registered-models/create", {"name": _TARGET})
    seconds: list[float] = []
    for _ in range(_COPIES):
        began = time.perf_counter()
        administrator.call(
            "POST", f"/api/2.0/modelyard/models/{model}/versions/{version}/copy", {"destination": _TARGET}
        )
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _timed(options: list[str], url: str) -> float:
    if not url:
        return 0.0
    os.sync()  # what an earlier transfer left to write must not be charged to this one
    began = time.perf_counter()
    command = ["curl", "-sSf", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise CurlError(done.stderr.strip())
    return seconds
