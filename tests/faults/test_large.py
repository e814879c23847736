"""Very large files, and very many: the server's memory stays small, and nothing is lost."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.tale import DIRECTORIES, OURS, SOURCE, TARGET, file
from tests.faults.test_kill import prepare
from tests.object_stores import Place
from tests.support import LEGACY, Server
from tests.surfaces.test_hostile import peak
from tests.surfaces.world import FILES
from tests.tracking import admin

MIB = 1 << 20
MOST = 300 * MIB
SOME, ALL, ARTIFACT = 12 * MIB, 12_000 * MIB, 5_000 * MIB
PROXIED = "/api/2.0/mlflow-artifacts/artifacts"
FEW, MANY = 300, 100_000


@pytest.fixture(params=["disk", "object store"])
def server(request: pytest.FixtureRequest, start_server: Callable[..., Server]) -> Server:
    """A server on SQLite, with its bytes on a disk or in an object store."""
    if request.param == "disk":
        return start_server()
    place: Place = request.getfixturevalue("object_store").place()
    return start_server("", "data", **place.settings)


def begin(admin: httpx.Client) -> None:
    made = admin.post(f"{LEGACY}/model-versions/create", json={"name": SOURCE, "source": "somewhere"})
    assert made.raise_for_status().json()["model_version"]["version"] == "1"
    admin.put(file(SOURCE, 1, "MLmodel"), content=b"flavors: {}\n").raise_for_status()


def finish(admin: httpx.Client) -> None:
    done = admin.post(f"{LEGACY}/model-versions/finalize", json={"name": SOURCE, "version": "1"}, timeout=600)
    assert done.raise_for_status().json()["model_version"]["status"] == "READY"
    there = {"destination": TARGET}
    admin.post(f"{OURS}/models/{SOURCE}/versions/1/copy", json=there).raise_for_status()


@pytest.mark.parametrize("size", [SOME, pytest.param(ALL, marks=[pytest.mark.full, pytest.mark.timeout(1_800)])])
def test_a_file_of_any_size_takes_little_memory(server: Server, size: int) -> None:
    prepare(server)
    sent, got = hashlib.sha256(), hashlib.sha256()
    with server.client() as admin:
        begin(admin)
        where, headers = file(SOURCE, 1, "weights.bin"), {"Content-Length": str(size)}
        admin.put(where, content=zeros(size, sent), headers=headers, timeout=600).raise_for_status()
        finish(admin)
        with admin.stream("GET", file(TARGET, 1, "weights.bin"), timeout=600) as answer:
            for piece in answer.raise_for_status().iter_bytes(MIB):
                got.update(piece)
    assert got.digest() == sent.digest()
    assert peak(server) < MOST


@pytest.mark.full
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("door", ["Files API", "mlflow-artifacts"])
def test_an_artifact_of_five_gigabytes_takes_little_memory(server: Server, door: str) -> None:
    somebody = admin(server)
    experiment = somebody.experiment(door)
    run = somebody.run(experiment)
    where = {
        "Files API": f"{FILES}/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/{run}/artifacts/weights.bin",
        "mlflow-artifacts": f"{PROXIED}/{experiment}/{run}/artifacts/weights.bin",
    }[door]
    sent, got = hashlib.sha256(), hashlib.sha256()
    headers = {"Content-Length": str(ARTIFACT)}
    with contextlib.closing(somebody.client) as client:
        client.put(where, content=zeros(ARTIFACT, sent), headers=headers, timeout=600).raise_for_status()
        with client.stream("GET", where, timeout=600) as answer:
            for piece in answer.raise_for_status().iter_bytes(MIB):
                got.update(piece)
    assert got.digest() == sent.digest()
    assert peak(server) < MOST


def zeros(size: int, digest: hashlib._Hash) -> Iterator[bytes]:
    """What a sparse file of this size reads like; the last byte is none."""
    for _ in range(size // MIB - 1):
        digest.update(piece := bytes(MIB))
        yield piece
    digest.update(last := bytes(MIB - 1) + b"x")
    yield last


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=[pytest.mark.full, pytest.mark.timeout(3_600)])])
def test_a_version_of_any_number_of_files_is_whole(server: Server, count: int) -> None:
    prepare(server)
    with server.client() as admin, ThreadPoolExecutor(4) as threads:
        begin(admin)
        list(threads.map(lambda number: put(admin, number), range(count), chunksize=100))
        finish(admin)
        assert sorted(listed(admin)) == sorted(f"{number:06d}" for number in range(count))
        for number in range(0, count, max(1, count // 100)):
            assert admin.get(file(TARGET, 1, f"many/{number:06d}")).content == content(number)
    assert peak(server) < MOST


def content(number: int) -> bytes:
    """Every third file is like no other."""
    return str(number if number % 3 else -1).encode()


def put(admin: httpx.Client, number: int) -> None:
    admin.put(file(SOURCE, 1, f"many/{number:06d}"), content=content(number)).raise_for_status()


def listed(admin: httpx.Client) -> Iterator[str]:
    """The names in the folder, page by page."""
    where = f"{DIRECTORIES}/Models/{TARGET.replace('.', '/')}/1/many"
    page: str | None = ""
    while page is not None:
        told = admin.get(where, params={"page_token": page} if page else None).raise_for_status().json()
        yield from (entry["name"] for entry in told["contents"])
        page = told.get("next_page_token")
