"""MLflow's own server killed while runs are logged, one that does not start, and another one beside ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import Server, clean_environment
from tests.tracking import API, admin


def processes_of(server: Server) -> list[int]:
    """The processes of MLflow's server below a server's own."""
    told = subprocess.run(["ps", "-eo", "pid,ppid,args"], check=True, capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in told.splitlines()[1:]]
    found, level = list[int](), {server.pid}
    while level:
        level = {int(pid) for pid, parent, _ in rows if int(parent) in level}
        found += [int(pid) for pid, _, command in rows if int(pid) in level and "mlflow" in command]
    return found


def test_nothing_acknowledged_is_lost_when_it_is_killed_while_a_run_logs(sqlite_server: Server) -> None:
    who = admin(sqlite_server)
    run = who.run(who.experiment("killed"))
    acknowledged: list[int] = []
    stop = threading.Event()

    def log() -> None:
        step = 0
        while not stop.is_set():
            metric = {"key": "m", "value": float(step), "timestamp": step, "step": step}
            answer = who.ask("POST", f"{API}/runs/log-batch", run_id=run, metrics=[metric])
            if answer.is_success:
                acknowledged.append(step)
                step += 1
            else:
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"])
                time.sleep(0.2)

    thread = threading.Thread(target=log)
    thread.start()
    try:
        for _ in range(2):
            before = len(acknowledged)
            await_true(lambda before=before: len(acknowledged) > before + 5)
            found = processes_of(sqlite_server)
            assert found
            for pid in found:
                os.kill(pid, signal.SIGKILL)
        before = len(acknowledged)
        await_true(lambda: len(acknowledged) > before + 5)
    finally:
        stop.set()
        thread.join()
    kept = who.get("metrics/get-history", run_id=run, metric_key="m")["metrics"]
    assert {metric["step"] for metric in kept} >= set(acknowledged)
    who.client.close()


def await_true(condition: Callable[[], bool], seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    "database",
    [
        pytest.param("nowhere://nobody@127.0.0.1:1/none", id="it ends at once"),
        pytest.param("postgresql://nobody@127.0.0.1:1/none", id="it tries for long", marks=pytest.mark.full),
    ],
)
def test_one_that_does_not_start_is_told_as_such_and_logged(start_server: Callable[..., Server], database: str) -> None:
    server = start_server(tracking_database=database)
    with server.client() as client:
        for _ in range(2):
            answer = client.get(f"{API}/experiments/get", params={"experiment_id": "0"}, timeout=300)
            assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE"), answer.text
            assert "does not start" in answer.json()["message"]
            assert int(answer.headers["retry-after"])
        assert client.get("/health").is_success
    assert "the tracking server could not be started" in (server.data / "log").read_text()


def test_it_ends_with_the_server(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        client.post(f"{API}/experiments/search", json={}, timeout=300).raise_for_status()
    found = processes_of(server)
    assert found
    server.kill()
    await_true(lambda: not any(Path(f"/proc/{pid}").exists() for pid in found), 60)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[str]:
    """A stock MLflow server that somebody runs already; its address."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", "0", "--workers", "1"]
    port = free_port()
    command[5] = str(port)
    database = f"sqlite:///{tmp_path / 'theirs.db'}"
    process = subprocess.Popen(
        [*command, "--backend-store-uri", database, "--default-artifact-root", str(tmp_path / "artifacts")],
        env=clean_environment(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    await_true(lambda: answers(url))
    yield url
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    import socket  # noqa: PLC0415  nothing else here needs it

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_another_server_is_asked_instead_where_one_is_named(start_server: Callable[..., Server], another: str) -> None:
    server = start_server(tracking_url=another, outbound_allowed="127.0.0.1")
    who = admin(server)
    run = who.run("0")
    assert who.get("runs/get", run_id=run)["run"]["info"]["experiment_id"] == "0"
    direct = httpx.get(f"{another}{API}/runs/get", params={"run_id": run}, trust_env=False)
    assert direct.raise_for_status().json()["run"]["info"]["run_id"] == run
    who.client.close()
    with server.client("") as stranger:
        assert stranger.get(f"{API}/runs/get", params={"run_id": run}).status_code == 401
    assert "is not decided here" in (server.data / "log").read_text()
