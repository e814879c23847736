"""`serve --workers N`: several processes behind one address, a parent that looks after them, one first start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import Postgres
from tests.faults.tale import SOURCE, TARGET, Memory, Tale, check, file
from tests.faults.test_kill import prepare, send_part, starting
from tests.faults.test_seals import eventually_sealed
from tests.support import LEGACY, SCIM, Server, clean_environment

Starter = Callable[..., Server]
WORKERS = 4


@pytest.fixture
def several(start_server: Starter, postgres: Postgres) -> Server:
    """A server of four processes on PostgreSQL."""
    server = start_server(postgres.make(), workers=str(WORKERS), threads="4")
    ready(server)
    return server


def workers(server: Server) -> set[int]:
    """The processes that serve; the interpreter starts another one beside them that tracks its semaphores."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return {int(pid) for pid in children if b"spawn_main" in command_line(pid)}


def command_line(pid: str | int) -> bytes:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def wait_for(holds: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


@contextlib.contextmanager
def alone(server: Server, pid: int) -> Iterator[None]:
    """Only this process answers for a while: the others are stopped."""
    others = workers(server) - {pid}
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGCONT)


def ready(server: Server, number: int = WORKERS) -> None:
    """Wait until each of the processes serves."""

    def told() -> bool:
        log = (server.data / "log").read_text()
        return len(workers(server)) == number and all(f"worker {pid} serves" in log for pid in workers(server))

    wait_for(told, 60)


def test_every_worker_serves_and_refuses_a_revoked_token_within_a_second(several: Server) -> None:
    token = several.make_user("leaver@example.com")
    with several.client() as admin, several.client(token) as leaver:
        for pid in workers(several):
            with alone(several, pid), several.client(token) as client:
                assert client.get(f"{SCIM}/Me").is_success
        held = leaver.get("/api/2.0/token/list").raise_for_status().json()["token_infos"][0]["token_id"]
        admin.delete(f"/api/2.0/token-management/tokens/{held}").raise_for_status()
        revoked = time.monotonic()
        for pid in workers(several):
            with alone(several, pid), several.client(token) as client:
                assert client.get(f"{SCIM}/Me").status_code == 401
        assert time.monotonic() - revoked < 1
        assert leaver.get(f"{SCIM}/Me").status_code == 401


def test_the_main_job_goes_through_any_of_the_workers(several: Server) -> None:
    token = prepare(several)
    memory = Memory()
    Tale(several, memory, 1).tell()
    with several.client(token) as reader:
        check(several, memory, reader)


def test_parts_that_came_to_different_workers_make_one_file(several: Server) -> None:
    prepare(several)
    one, two, three, four = workers(several)
    where = file(SOURCE, 1, "big")
    with alone(several, one), several.client() as admin:
        told = {"name": SOURCE, "source": "somewhere"}
        admin.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
        begun = admin.post(where, params={"action": "initiate-upload"}).raise_for_status().json()
    session = begun["multipart_upload"]["session_token"]
    with alone(several, two), several.client() as admin:
        first = send_part(admin, where, session, 1, b"1" * 100_000)
    with alone(several, three), several.client() as admin:
        second = send_part(admin, where, session, 2, b"2" * 1_000)
    with alone(several, four), several.client() as admin:
        parts = [{"part_number": 1, "etag": first}, {"part_number": 2, "etag": second}]
        query = {"action": "complete-upload", "session_token": session}
        admin.post(where, params=query, json={"parts": parts}).raise_for_status()
        assert admin.get(where).content == b"1" * 100_000 + b"2" * 1_000


def test_a_link_that_one_worker_signed_is_good_at_another(several: Server) -> None:
    prepare(several)
    Tale(several, Memory(), 1).tell()
    one, two, *_ = workers(several)
    told = {"path": f"/Models/{TARGET.replace('.', '/')}/1/MLmodel"}
    with alone(several, one), several.client() as admin:
        link = admin.post("/api/2.0/fs/create-download-url", params=told).raise_for_status().json()["url"]
    with alone(several, two):
        assert httpx.get(link, trust_env=False).content.startswith(b"model_id")


def test_a_worker_that_is_killed_is_started_again(several: Server) -> None:
    victim = min(workers(several))
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in workers(several) and len(workers(several)) == WORKERS)
    ready(several)


def test_a_hangup_changes_all_workers_while_requests_are_answered(several: Server) -> None:
    before = workers(several)
    os.kill(several.pid, signal.SIGHUP)
    with several.client() as admin:
        wait_for(lambda: admin.get(f"{SCIM}/Me").is_success and not workers(several) & before, 60)
    wait_for(lambda: len(workers(several)) == WORKERS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_all_workers_and_finishes_what_is_under_way(several: Server, number: int) -> None:
    prepare(several)
    there = workers(several)
    with several.client() as admin:
        admin.post(f"{LEGACY}/model-versions/create", json={"name": SOURCE, "source": "s"}).raise_for_status()

    def slow() -> Iterator[bytes]:
        yield b"1" * 1_000
        os.kill(several.pid, number)
        time.sleep(1)
        yield b"2" * 1_000

    with several.client() as admin:
        assert admin.put(file(SOURCE, 1, "slow"), content=slow()).is_success
    assert several.wait(20) == 0
    assert not any(command_line(pid) for pid in there)


def test_workers_leave_with_a_parent_that_is_killed(several: Server) -> None:
    there = workers(several)
    several.kill()
    wait_for(lambda: not any(b"spawn_main" in command_line(pid) for pid in there))
    several.start()
    with several.client() as admin:
        assert admin.get(f"{SCIM}/Me").is_success


def test_workers_that_cannot_start_end_the_server(several: Server) -> None:
    """The schema is carried forward by a newer version while this one runs, and then a worker dies."""
    with psycopg.connect(several.database, autocommit=True) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    os.kill(min(workers(several)), signal.SIGKILL)
    assert several.wait(60) == 1
    assert "newer Modelyard" in (several.data / "log").read_text()


@pytest.mark.parametrize("prepared", ["wrong schema", "no database"])
def test_a_server_that_cannot_start_says_why_once(postgres: Postgres, tmp_path: Path, prepared: str) -> None:
    database = postgres.make(empty=True)
    if prepared == "no database":
        database = "postgresql://nobody@127.0.0.1:1/nothing"
    with starting(tmp_path / "data", "--database", database, "--workers", "3") as begun:
        told, _ = begun.communicate(timeout=60)
    assert begun.returncode == 1
    expected = b"modelyard migrate" if prepared == "wrong schema" else b"the database cannot be reached"
    assert expected in told.replace(b"\n", b" ")
    assert b"Traceback" not in told


def test_sqlite_is_served_by_one_process(tmp_path: Path) -> None:
    with starting(tmp_path / "data", "--workers", "2") as begun:
        told, _ = begun.communicate(timeout=60)
    assert begun.returncode == 1
    assert b"SQLite is served by one process" in told


def test_servers_that_meet_in_an_empty_database_make_one_admin(
    start_server: Starter, postgres: Postgres, tmp_path: Path
) -> None:
    database, storage = postgres.make(), str(tmp_path / "bytes")
    names = ["one", "two", "three"]

    def start(name: str) -> Server:
        return start_server(database, name, storage=storage, secret_key="ab" * 32, workers="2", threads="2")

    with ThreadPoolExecutor(len(names)) as pool:
        servers = list(pool.map(start, names))
    (maker,) = [server for server in servers if (server.data / "admin-token").exists()]
    for server in servers:
        with server.client(maker.token) as admin:
            users = admin.get(f"{SCIM}/Users").raise_for_status().json()
            assert [user["userName"] for user in users["Resources"]] == ["admin"]


def test_migrations_that_meet_carry_the_database_forward_once(postgres: Postgres, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modelyard", "migrate", "--data", str(tmp_path / "data")]
    command += ["--database", postgres.make(empty=True)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], told


def test_the_server_does_its_own_work_also_with_several_processes(several: Server) -> None:
    several.make_containers("dev.s")
    with several.client() as admin:
        assert eventually_sealed(admin)
