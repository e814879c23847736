"""The disk is full: nothing is there by halves, clients are told to come back, and it works once there is space."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.faults.tale import DIRECTORIES, SOURCE, TARGET, Memory, Tale, file
from tests.faults.test_kill import prepare
from tests.support import LEGACY, Server

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MiB."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or not mount or not unmount:
        pytest.skip("mounting a small disk takes root")
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run([unmount, "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file_:
        while True:
            file_.write(bytes(4096))
    return filler


def is_full(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert int(answer.headers["retry-after"]) > 0


def names(client: httpx.Client, number: int) -> list[str]:
    where = f"{DIRECTORIES}/Models/{SOURCE.replace('.', '/')}/{number}"
    return [entry["name"] for entry in client.get(where).raise_for_status().json()["contents"]]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_disk_of_bytes_is_told_and_leaves_nothing(
    start_server: Callable[..., Server], small_disk: Path, database: str
) -> None:
    server = start_server(database, storage=str(small_disk / "bytes"))
    prepare(server)
    incoming = small_disk / "bytes" / "incoming"
    with server.client() as admin:
        told = {"name": SOURCE, "source": "somewhere"}
        admin.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
        admin.put(file(SOURCE, 1, "kept"), content=b"k" * MIB).raise_for_status()
        is_full(admin.put(file(SOURCE, 1, "large"), content=b"l" * 16 * MIB))
        is_full(admin.put(file(SOURCE, 1, "chunks"), content=iter([b"c" * MIB] * 16)))
        begun = admin.post(file(SOURCE, 1, "parts"), params={"action": "initiate-upload"}).raise_for_status().json()
        part = {
            "action": "upload-part",
            "session_token": begun["multipart_upload"]["session_token"],
            "part_number": "1",
        }
        is_full(admin.put(file(SOURCE, 1, "parts"), params=part, content=b"p" * 16 * MIB))
        part["action"] = "abort-upload"
        admin.delete(file(SOURCE, 1, "parts"), params=part).raise_for_status()
        filler = fill(small_disk)
        is_full(admin.put(file(SOURCE, 1, "small"), content=b"s" * 10_000))
        is_full(admin.put(file(SOURCE, 1, "kept"), content=b"s" * 10_000, params={"overwrite": "true"}))
        assert names(admin, 1) == ["kept"]
        assert list(incoming.iterdir()) == []
        assert admin.get(file(SOURCE, 1, "kept")).content == b"k" * MIB
        filler.unlink()
        admin.put(file(SOURCE, 1, "large"), content=b"l" * 4 * MIB).raise_for_status()
        assert admin.get(file(SOURCE, 1, "large")).content == b"l" * 4 * MIB
    Tale(server, Memory(), 1).tell()


def test_a_full_disk_of_everything_loses_nothing(start_server: Callable[..., Server], small_disk: Path) -> None:
    server = start_server(name="disk/data")
    prepare(server)
    with server.client() as admin:
        filler = fill(small_disk)
        known = made_until_full(admin)
        is_full(admin.put(file(SOURCE, known, "a"), content=b"x" * 50_000) if known else made(admin))
        assert admin.get(f"{LEGACY}/registered-models/get", params={"name": SOURCE}).is_success
        assert versions(admin) == list(range(1, known + 1))
        filler.unlink()
        made(admin).raise_for_status()
        assert versions(admin) == list(range(1, known + 2))
    server.kill()
    server.start()
    with server.client() as admin:
        assert versions(admin) == list(range(1, known + 2))
        filler = fill(small_disk)
        assert admin.get(f"{LEGACY}/registered-models/get", params={"name": TARGET}).is_success
        filler.unlink()


def made(admin: httpx.Client) -> httpx.Response:
    told = {"name": SOURCE, "source": "somewhere", "description": "d" * 50_000}
    return admin.post(f"{LEGACY}/model-versions/create", json=told)


def made_until_full(admin: httpx.Client) -> int:
    """Make versions until there is no space; how many were acknowledged."""
    for number in range(100):
        answer = made(admin)
        if not answer.is_success:
            is_full(answer)
            return number
    raise AssertionError("the disk is never full")


def versions(admin: httpx.Client) -> list[int]:
    found = admin.get(f"{LEGACY}/model-versions/search", params={"filter": f"name = '{SOURCE}'"}).raise_for_status()
    return sorted(int(version["version"]) for version in found.json()["model_versions"])
