"""The server is killed with SIGKILL while the main job is under way, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx
import pytest

from modelyard.store.disk import SETTLING_SECONDS
from tests.faults.tale import (
    FILES,
    OURS,
    SOURCE,
    STEPS,
    TARGET,
    Killed,
    Memory,
    Tale,
    check,
    file,
    kill_after,
    kill_during,
)
from tests.support import LEGACY, SCIM, Server, clean_environment

Starter = Callable[..., Server]
SAMPLE = 6


def prepare(server: Server) -> str:
    """The two models of the tale, and the token of somebody who may read them."""
    server.make_containers("dev.s", "prod.s")
    with server.client() as admin:
        for model in (SOURCE, TARGET):
            admin.post(f"{LEGACY}/registered-models/create", json={"name": model}).raise_for_status()
    token = server.make_user("reader@example.com")
    for catalog in ("dev", "prod"):
        server.grant("catalog", catalog, "reader@example.com", "USE_CATALOG", "USE_SCHEMA", "EXECUTE")
    return token


def survive(server: Server, kills: Iterable[Callable[[Tale], None]]) -> None:
    """Kill the server again and again on the same data, look at what is left, and finish the job each time."""
    token = prepare(server)
    memory = Memory()
    seed = 0
    for arm in kills:
        tale = Tale(server, memory, seed := seed + 1)
        arm(tale)
        with contextlib.suppress(Killed):
            tale.tell()
        server.wait(10)
        server.start()
        with server.client(token) as reader:
            check(server, memory, reader)
            copy = Tale(server, memory, seed := seed + 1).tell()
            assert reader.get(file(TARGET, copy, "MLmodel")).is_success
    memory.whole.clear()
    with server.client(token) as reader:
        check(server, memory, reader)


def killing_after(number: int) -> Callable[[Tale], None]:
    return lambda tale: kill_after(tale, number)


def killing_during(number: int, seconds: float) -> Callable[[Tale], None]:
    return lambda tale: kill_during(tale, number, seconds)


def sample(seed: int) -> list[Callable[[Tale], None]]:
    """Some kills, half of them right after an answer, and half while one is awaited."""
    dice = random.Random(seed)  # noqa: S311  which moments, nothing secret
    after = [killing_after(number) for number in dice.sample(range(1, STEPS + 1), SAMPLE // 2)]
    during = [killing_during(number, dice.uniform(0, 0.02)) for number in dice.sample(range(1, STEPS + 1), SAMPLE // 2)]
    return after + during


def test_what_was_acknowledged_survives_a_kill(server: Server) -> None:
    survive(server, sample(2026))


@pytest.mark.full
@pytest.mark.timeout(1_200)
def test_what_was_acknowledged_survives_a_kill_after_any_answer(server: Server) -> None:
    survive(server, [killing_after(number) for number in range(1, STEPS + 1)])


@pytest.mark.full
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_survives_a_kill_during_any_request(server: Server, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  which moments, nothing secret
    survive(server, [killing_during(number, dice.uniform(0, 0.03)) for number in range(1, STEPS + 1)])


def test_the_number_of_steps_is_right(sqlite_server: Server) -> None:
    prepare(sqlite_server)
    tale = Tale(sqlite_server, Memory(), 1)
    tale.tell()
    assert tale.acknowledged == STEPS


def test_parts_that_were_acknowledged_survive_a_kill(server: Server) -> None:
    prepare(server)
    with server.client() as admin:
        told = {"name": SOURCE, "source": "somewhere"}
        admin.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
        where = file(SOURCE, 1, "big")
        begun = admin.post(where, params={"action": "initiate-upload"}).raise_for_status().json()
        session = begun["multipart_upload"]["session_token"]
        first = send_part(admin, where, session, 1, b"1" * 100_000)
    server.kill()
    server.start()
    with server.client() as admin:
        second = send_part(admin, where, session, 2, b"2" * 1_000)
        server.kill()
        server.start()
    with server.client() as admin:
        parts = [{"part_number": 1, "etag": first}, {"part_number": 2, "etag": second}]
        query = {"action": "complete-upload", "session_token": session}
        admin.post(where, params=query, json={"parts": parts}).raise_for_status()
        server.kill()
        server.start()
    with server.client() as admin:
        assert admin.get(where).content == b"1" * 100_000 + b"2" * 1_000


def send_part(client: httpx.Client, where: str, session: str, number: int, content: bytes) -> str:
    query = {"action": "upload-part", "session_token": session, "part_number": str(number)}
    return client.put(where, params=query, content=content).raise_for_status().headers["etag"]


@pytest.mark.parametrize("seconds", [0.0, 0.004, 0.008, 0.016])
def test_a_kill_while_garbage_is_collected_loses_nothing(server: Server, seconds: float) -> None:
    collect_and_be_killed(server, seconds, lambda: settle(server.data / "blobs"))
    assert len([path for path in (server.data / "blobs" / "objects").rglob("*") if path.is_file()]) == 7


def collect_and_be_killed(server: Server, seconds: float, pass_time: Callable[[], None] = lambda: None) -> None:
    """Bytes that are needed are all there, and what was half removed is removed the next time."""
    token, memory = prepare(server), Memory()
    Tale(server, memory, 1).tell()
    with server.client() as admin:
        for number in range(2, 8):
            told = {"name": SOURCE, "source": "somewhere"}
            admin.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
            admin.put(file(SOURCE, number, "MLmodel"), content=b"gone %d" % number).raise_for_status()
            told = {"name": SOURCE, "version": str(number)}
            admin.request("DELETE", f"{LEGACY}/model-versions/delete", json=told).raise_for_status()
            memory.perhaps_deleted.add((SOURCE, number))
        pass_time()
        threading.Timer(seconds, server.kill).start()
        with contextlib.suppress(httpx.TransportError):
            admin.post(f"{OURS}/gc", json={"grace_hours": 0}).raise_for_status()
    server.wait(10)
    server.start()
    with server.client() as admin, server.client(token) as reader:
        check(server, memory, reader)
        admin.post(f"{OURS}/gc", json={"grace_hours": 0}).raise_for_status()
        check(server, memory, reader)
        assert admin.get(f"{OURS}/gc", params={"grace_hours": 0}).json()["waiting"] == 0


def settle(folder: Path) -> None:
    """Let time pass for everything stored."""
    long_ago = time.time() - SETTLING_SECONDS - 60
    for path in folder.rglob("*"):
        os.utime(path, (long_ago, long_ago))


# Starting


def starting(data: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "modelyard", "serve", "--data", str(data), "--port", "0", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())


def first_start_survives(start_server: Starter, tmp_path: Path, moments: Iterable[float]) -> None:
    """A first start that is killed at any moment leaves a folder in which the next one succeeds."""
    for number, seconds in enumerate(moments):
        name = f"data{number}"
        with starting(tmp_path / name) as begun:
            time.sleep(seconds)
            begun.send_signal(signal.SIGKILL)
        server = start_server(name=name)
        with server.client() as admin:
            assert admin.get(f"{SCIM}/Me").raise_for_status().json()["userName"] == "admin"
        server.stop()


def test_a_first_start_survives_a_kill(start_server: Starter, tmp_path: Path) -> None:
    first_start_survives(start_server, tmp_path, (0.5, 0.8))


@pytest.mark.parametrize("pages", [1, 25, 50])
def test_a_kill_while_the_tables_are_made_leaves_a_folder_that_starts(
    start_server: Starter, tmp_path: Path, pages: int
) -> None:
    data = tmp_path / "data"
    journal = data / "modelyard.db-wal"
    with starting(data) as begun:
        until = time.monotonic() + 30
        while begun.poll() is None and time.monotonic() < until:
            with contextlib.suppress(FileNotFoundError):
                if journal.stat().st_size >= pages * 4_096:
                    break
        begun.send_signal(signal.SIGKILL)
    server = start_server()
    with server.client() as admin:
        assert admin.get(f"{SCIM}/Me").is_success


@pytest.mark.full
@pytest.mark.timeout(1_200)
def test_a_first_start_survives_a_kill_at_any_moment(start_server: Starter, tmp_path: Path) -> None:
    first_start_survives(start_server, tmp_path, (number / 40 for number in range(8, 80)))


def test_a_restart_finds_everything_as_it_was(server: Server) -> None:
    token = prepare(server)
    memory = Memory()
    Tale(server, memory, 1).tell()
    discovery = "/.well-known/databricks-config"
    with server.client() as admin:
        before = admin.get(discovery).json()["workspace_id"]
        told = {"path": f"/Models/{TARGET.replace('.', '/')}/1/MLmodel"}
        link = admin.post("/api/2.0/fs/create-download-url", params=told).json()["url"]
    admin_token = server.token
    server.stop()
    server.start()
    assert server.token == admin_token
    with server.client() as admin, server.client(token) as reader:
        check(server, memory, reader)
        assert admin.get(discovery).json()["workspace_id"] == before
        moved = httpx.URL(link).copy_with(port=httpx.URL(server.url).port)
        assert httpx.get(moved, trust_env=False).content.startswith(b"model_id")


def test_a_second_server_on_the_same_folder_does_not_start(sqlite_server: Server) -> None:
    address = sqlite_server.url
    with starting(sqlite_server.data) as second:
        told, _ = second.communicate(timeout=60)
    assert second.returncode not in {0, None}
    assert b"another Modelyard process uses this data folder" in told.replace(b"\n", b" ")
    assert b"Traceback" not in told
    assert sqlite_server.url == address
    with sqlite_server.client() as admin:
        assert admin.get(f"{SCIM}/Me").is_success
    sqlite_server.kill()
    sqlite_server.start()


def test_several_servers_share_one_postgresql(start_server: Starter, postgres, tmp_path: Path) -> None:  # noqa: ANN001  a fixture
    database, storage = postgres.make(), str(tmp_path / "bytes")
    one = start_server(database, "one", storage=storage, secret_key="ab" * 32)
    prepare(one)
    two = start_server(database, "two", storage=storage, secret_key="ab" * 32)
    Tale(one, Memory(), 1).tell()
    with two.client(one.token) as client:
        assert client.get(file(TARGET, 1, "empty")).status_code == 200
        client.get(f"{LEGACY}/registered-models/alias", params={"name": TARGET, "alias": "champion"}).raise_for_status()
        assert client.get(FILES + "/Models/prod/s/model/1/data/weights.bin").headers["content-length"] == str(3 << 20)
