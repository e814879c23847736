"""Random transitions, told to this server and to a real `mlflow server`: both answer the same."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.cli.conftest import register
from tests.support import Server, clean_environment

FLAT = "/api/2.0/mlflow"
SCHEMA = "main.flat"
VERSIONS = 4
WORDS = ["None", "Staging", "Production", "Archived", "production", "STAGING", "archived", "nONE", "Shadow"]
ALIASES = {"Production": "champion", "Staging": "challenger", "Archived": "retired"}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """MLflow's own server."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    store = f"sqlite:///{folder / 'mlflow.db'}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", store]
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "mlflow", "server", *options, "--default-artifact-root", str(folder)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=clean_environment())
    try:
        _await(f"{address}/health", process, folder / "log")
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("MLflow's server did not start:\n" + log.read_text())


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("ours") / "data").start()
    made.make_containers(SCHEMA)
    yield made
    made.stop()


class Both(RuleBasedStateMachine):
    """A model of the same name on both servers, with four versions."""

    server: Server
    mlflow: httpx.Client
    made = 0

    @initialize()
    def begin(self) -> None:
        type(self).made += 1
        self.name = f"flat-{type(self).made}"
        self.full_name = f"{SCHEMA}.model{type(self).made}"
        self.client = self.server.client()
        self.touched: dict[str, str] = {}
        created = self.client.post(
            "/api/2.0/mlflow/unity-catalog/registered-models/create", json={"name": self.full_name}
        )
        created.raise_for_status()
        added = {"name": self.name, "full_name": self.full_name, "aliases": ALIASES}
        self.client.post("/api/2.0/modelyard/legacy-names", json=added).raise_for_status()
        self.mlflow.post(f"{FLAT}/registered-models/create", json={"name": self.name}).raise_for_status()
        for _ in range(VERSIONS):
            register(self.server, self.full_name)
            told = {"name": self.name, "source": "s3://bucket/model"}
            self.mlflow.post(f"{FLAT}/model-versions/create", json=told).raise_for_status()

    def both(self, method: str, path: str, **said: Any) -> tuple[httpx.Response, httpx.Response]:  # noqa: ANN401
        where: dict[str, Any] = {"params": said} if method == "GET" else {"json": said}
        answers = [client.request(method, f"{FLAT}/{path}", **where) for client in (self.client, self.mlflow)]
        assert answers[0].is_success == answers[1].is_success, [each.text for each in answers]
        return answers[0], answers[1]

    @rule(number=st.integers(1, VERSIONS + 1), stage=st.sampled_from(WORDS), archive=st.booleans())
    def transition(self, number: int, stage: str, archive: bool) -> None:  # noqa: FBT001  hypothesis names it
        told = {"name": self.name, "version": str(number), "stage": stage, "archive_existing_versions": archive}
        mine, real = self.both("POST", "model-versions/transition-stage", **told)
        if mine.is_success:
            assert stages([mine.json()["model_version"]]) == stages([real.json()["model_version"]])
            self.touched = {stage.lower(): "yes"}

    @rule(number=st.integers(1, VERSIONS))
    def delete(self, number: int) -> None:
        self.both("DELETE", "model-versions/delete", name=self.name, version=str(number))
        self.touched = {}

    @rule(wanted=st.lists(st.sampled_from(WORDS), max_size=3))
    def latest(self, wanted: list[str]) -> None:
        mine, real = self.both("GET", "registered-models/get-latest-versions", name=self.name, stages=wanted)
        if mine.is_success:
            assert stages(mine.json().get("model_versions", [])) == stages(real.json().get("model_versions", []))

    @invariant()
    def everything_stands_as_it_does_there(self) -> None:
        mine, real = self.both("GET", "model-versions/search", filter=f"name = '{self.name}'")
        assert stages(mine.json()["model_versions"]) == stages(real.json().get("model_versions", []))
        mine, real = self.both("GET", "registered-models/get", name=self.name)
        found = mine.json()["registered_model"]
        latest = stages(found["latest_versions"])
        assert latest == stages(real.json()["registered_model"].get("latest_versions", []))
        highest = {stage: version for version, stage in latest.items()}
        pointing = {each["alias"]: each["version"] for each in found["aliases"]}
        for stage, alias in ALIASES.items():
            if stage.lower() in self.touched:
                assert pointing.get(alias) == highest.get(stage), "the alias of a stage follows a transition into it"

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()


def stages(versions: list[dict[str, Any]]) -> dict[str, str]:
    return {each["version"]: each["current_stage"] for each in versions}


def _compare(ours: Server, theirs: httpx.Client, examples: int) -> None:
    machine = type("Machine", (Both,), {"server": ours, "mlflow": theirs})
    told = settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        derandomize=True,
    )
    run_state_machine_as_test(machine, settings=told)


def test_stages_are_those_of_mlflows_own_server(ours: Server, theirs: httpx.Client) -> None:
    _compare(ours, theirs, 8)


@pytest.mark.full
def test_stages_are_those_of_mlflows_own_server_for_long(ours: Server, theirs: httpx.Client) -> None:
    _compare(ours, theirs, 150)


SEARCHES = [
    "",
    "name = 'it'",
    "name LIKE 'i%'",
    "name LIKE 'I%'",
    "name ILIKE 'I%'",
    "name = 'it' AND tags.team = 'risk'",
    "name = 'it' AND tags.`team` != 'risk'",
    "tags.team LIKE 'ri%'",
    "name = 'it' AND version_number > 1",
    "version_number <= 2",
    "run_id IN ('r1', 'r2')",
    "run_id = 'r1'",
    "name != 'it'",
    "source_path = 's'",
    "colour = 'red'",
    "name = it",
    "name LIKE",
    "version_number = 'one'",
    "name = 'it' OR name = 'at'",
    "tags.team IN ('risk')",
]


@pytest.fixture(scope="module")
def searched(ours: Server, theirs: httpx.Client) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """`it` and `at` on both servers, with versions and tags."""
    with ours.client() as mine:
        for name in ("it", "at"):
            full_name = f"{SCHEMA}.{name}"
            mine.post("/api/2.0/mlflow/unity-catalog/registered-models/create", json={"name": full_name})
            mine.post("/api/2.0/modelyard/legacy-names", json={"name": name, "full_name": full_name}).raise_for_status()
            theirs.post(f"{FLAT}/registered-models/create", json={"name": name}).raise_for_status()
            for _ in range(3):
                register(ours, full_name)
                told = {"name": name, "source": "s3://bucket/model"}
                theirs.post(f"{FLAT}/model-versions/create", json=told).raise_for_status()
            tag = {"name": name, "version": "2", "key": "team", "value": "risk" if name == "it" else "sales"}
            for client in (mine, theirs):
                client.post(f"{FLAT}/model-versions/set-tag", json=tag).raise_for_status()
        yield mine, theirs


@pytest.mark.parametrize("filter_", SEARCHES)
def test_searches_find_what_mlflows_own_server_finds(searched: tuple[httpx.Client, httpx.Client], filter_: str) -> None:
    asked = {"filter": filter_, "order_by": ["name DESC", "version_number ASC"]}
    mine, real = (client.get(f"{FLAT}/model-versions/search", params=asked) for client in searched)
    assert mine.is_success == real.is_success, (mine.text, real.text)
    if mine.is_success:
        told = [
            [(each["name"], each["version"]) for each in answer.json().get("model_versions", [])]
            for answer in (mine, real)
        ]
        of_these = [[pair for pair in pairs if pair[0] in {"it", "at"}] for pairs in told]
        assert of_these[0] == of_these[1]
