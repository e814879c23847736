"""The whole way from a flat registry to the catalog: each step is taken by a command, and proved before the next one.

An old world first: a real MLflow server with models in stages, code in git, a job, and MLflow's own scoring server.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.cli.conftest import CommandLine
from tests.jobs import SETTINGS
from tests.old_registry import OldRegistry, old_registry
from tests.serving import Load, ask, numbers, save_linear, wait_for
from tests.support import Server, clean_environment

DAY = 86_400_000
FULL = "prod.ml.fraud"
SCORE = """import mlflow
import pandas as pd

model = mlflow.pyfunc.load_model("models:/fraud/Production")
print(model.predict(pd.DataFrame({"x": [1.0, 2.0]})).tolist())
"""
PROMOTE = """from mlflow import MlflowClient

client = MlflowClient()
newest = client.get_latest_versions("fraud", stages=["Production"])[0]
print(newest.version)
"""
JOB_SCRIPT = """import os
import sys

import mlflow
import pandas as pd
from databricks.sdk.runtime import dbutils

mlflow.set_tracking_uri("{old}")
mlflow.set_registry_uri("{old}")
model = mlflow.pyfunc.load_model("models:/fraud/Production")
rows = pd.DataFrame({{"id": range(50), "x": [float(number) for number in range(50)]}})
rows["prediction"] = model.predict(rows[["x"]])
dbutils.fs.put(sys.argv[1], rows.to_csv(index=False), True)
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldRegistry]:
    """A registry whose models multiply by their numbers; the second one is in Production."""
    folder = tmp_path_factory.mktemp("models")
    with old_registry(tmp_path_factory.mktemp("old")) as made:
        made.model("fraud", "Finds fraud")
        for number, stage in ((1, "Archived"), (2, "Production"), (3, "Staging")):
            save_linear(folder / str(number), number)
            made.version("fraud", folder / str(number), stage)
        yield made


@pytest.fixture(scope="module")
def old_scorer(old: OldRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own server of what is in Production."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/fraud/Production"]
    command += ["--env-manager", "local", "--port", str(port), "--workers", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls uvicorn by its name
    environment = clean_environment(MLFLOW_TRACKING_URI=old.url, MLFLOW_DISABLE_TELEMETRY="true", PATH=path)
    with (tmp_path_factory.mktemp("scorer") / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        wait_for(lambda: _is_up(f"http://127.0.0.1:{port}/ping") or process.poll() is not None, 180)
        assert process.poll() is None, "it did not start"
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_up(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=2, trust_env=False).is_success
    return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {**SETTINGS, "serving_env": "local", "outbound_allowed": "127.0.0.1"}
    made = Server(tmp_path_factory.mktemp("new") / "data", settings=settings).start()
    made.make_containers("prod.ml")
    yield made
    made.stop()


@pytest.fixture
def modelyard(server: Server, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(server, monkeypatch)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with code that says flat names and stages."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "score.py").write_text(SCORE)
    (folder / "promote.py").write_text(PROMOTE)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Score")
    return folder


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=it", "-c", "user.email=it@example.com"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True)


def run(script: Path, **variables: str) -> str:
    """What a script prints, in a process of its own."""
    environment = clean_environment(MLFLOW_DISABLE_TELEMETRY="true", **variables)
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def through_the_door(server: Server) -> dict[str, str]:
    return {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_TOKEN": server.token}


def in_the_catalog(server: Server) -> dict[str, str]:
    return {**server.environment(), "MLFLOW_TRACKING_URI": "databricks", "MLFLOW_REGISTRY_URI": "databricks-uc"}


def old_job(modelyard: CommandLine, old: OldRegistry, folder: Path) -> None:
    """A job that scores with what the old registry has in Production."""
    content = base64.b64encode(JOB_SCRIPT.format(old=old.url).encode()).decode()
    with modelyard.server.client() as admin:
        said = {"catalog_name": "prod", "schema_name": "ml", "name": "scores", "volume_type": "MANAGED"}
        admin.post("/api/2.1/unity-catalog/volumes", json=said).raise_for_status()
        admin.post("/api/2.0/workspace/mkdirs", json={"path": "/Shared/nightly"}).raise_for_status()
        told = {"path": "/Shared/nightly/score.py", "format": "RAW", "content": content}
        admin.post("/api/2.0/workspace/import", json=told).raise_for_status()
    script, output = "/Workspace/Shared/nightly/score.py", "/Volumes/prod/ml/scores/{{job.name}}.csv"
    task = {"task_key": "score", "spark_python_task": {"python_file": script, "parameters": [output]}}
    settings = {"name": "nightly", "tasks": [task]}
    (folder / "job.json").write_text(json.dumps(settings))
    modelyard.do("jobs", "create", str(folder / "job.json"))


def begun(server: Server, *words: str) -> subprocess.Popen[bytes]:
    """A command in a process of its own."""
    command = [sys.executable, "-m", "modelyard", *words, "--data", str(server.data)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment())


def killed_on_the_way(server: Server, plan: Path) -> None:
    """Begin to carry a plan out, and die."""
    process = begun(server, "upgrade", "apply", str(plan))
    wait_for(lambda: list(plan.parent.glob(f"{plan.name}*"))[1:] or process.poll() is not None)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def answers(server: Server) -> bool:
    """Whether the endpoint is there."""
    with server.client() as client:
        return ask(client, "fraud", numbers(1.0)).is_success


def shift_requests(modelyard: CommandLine, old_scorer: str) -> None:
    """All requests come from the old scorer to the catalog's version, though the command dies on the way."""
    server = modelyard.server
    shift = ("upgrade", "shift", "fraud", "--from-url", old_scorer, "--to", f"{FULL}@2", "--steps", "50,100")
    shift += ("--bake", "1s", "--min-requests", "10", "--max-p95-ratio", "1000", "--timeout", "200")
    dying = begun(server, *shift)
    wait_for(lambda: answers(server))
    with Load(server, "fraud", people=1, most=1_000_000, seconds=250) as load:
        dying.kill()
        assert dying.wait() == -signal.SIGKILL
        assert modelyard.ask(*shift)["percentage"] == 100
        load.go_on(10)
    assert not load.bad
    assert {each.factor for each in load.heard} == {2.0}


def state(modelyard: CommandLine, *words: str) -> str:
    (found,) = modelyard.ask("upgrade", "status", "fraud", "--no-traffic", *words)["names"]
    return found["state"]


def test_old_workflows_come_into_the_catalog_step_by_step(
    modelyard: CommandLine, old: OldRegistry, old_scorer: str, checkout: Path, tmp_path: Path
) -> None:
    server = modelyard.server
    old_job(modelyard, old, tmp_path)
    before = run(checkout / "score.py", MLFLOW_TRACKING_URI=old.url)
    assert before == "[2.0, 4.0]"

    # What is there, and what is to become of it
    seen = modelyard.alone("upgrade", "scan", str(checkout), "--registry", old.url, "--json").json
    assert {each["rule"] for each in seen["code"]["references"]} == {"U09", "U17"}
    assert [each["name"] for each in seen["registry"]["models"]] == ["fraud"]
    plan = tmp_path / "plan.yaml"
    assert modelyard.alone("upgrade", "plan", old.url, "--schema", "prod.ml", "-o", str(plan)).status == 0
    assert yaml.safe_load(plan.read_text())["names"] == {"fraud": FULL}
    assert modelyard.ask("models", "list") == []

    # The models come, whatever dies on the way; old code does not notice
    killed_on_the_way(server, plan)
    report = modelyard.ask("upgrade", "apply", str(plan))
    assert sorted(each["version"] for each in report["versions"]) == [1, 2, 3]
    assert run(checkout / "score.py", **through_the_door(server)) == before
    assert run(checkout / "promote.py", **through_the_door(server)) == "2"

    # The code, on a branch
    scan = tmp_path / "scan.json"
    words = ("upgrade", "code", str(checkout), "--map-file", str(plan))
    assert modelyard.alone(*words, "--branch", "upgrade/fraud").status == 0
    git(checkout, "checkout", "--quiet", "upgrade/fraud")
    assert "models:/prod.ml.fraud@champion" in (checkout / "score.py").read_text()
    assert modelyard.alone(*words, "--check").status == 0
    assert run(checkout / "score.py", **in_the_catalog(server)) == before
    assert run(checkout / "promote.py", **in_the_catalog(server)) == "2"

    # The job, beside the old one, on the same rows
    both = ("--compare", "/Volumes/prod/ml/scores/nightly.csv", "/Volumes/prod/ml/scores/nightly-uc.csv", "--key", "id")
    workflow = ("upgrade", "workflow", "nightly", "--name", "nightly-uc", "--copy-notebooks", "/Shared/nightly-uc")
    done = modelyard.ask(*workflow, "--map-file", str(plan), "--run", *both, "--timeout", "300")
    assert done["runs"] == {"old": "SUCCESS", "new": "SUCCESS"}
    assert done["verdict"]["verdict"] == "identical"

    shift_requests(modelyard, old_scorer)

    # Nobody calls by the old name any more: it goes, and then there is no way back
    wait_for(lambda: state(modelyard) == "seen")
    scan.write_text(modelyard.alone("upgrade", "scan", str(checkout), "--map-file", str(plan), "--json").out)
    assert state(modelyard, "--scan", str(scan)) == "rewritten"
    retire = ("upgrade", "retire", "fraud", "--scan", str(scan))
    assert "has not been silent for 30 days" in modelyard.refusal(*retire)
    let_pass(server, 40)
    assert state(modelyard, "--scan", str(scan)) == "silent"
    assert modelyard.ask(*retire)["state"] == "retired"
    assert "retired" in modelyard.refusal("upgrade", "undo", str(plan))
    (tmp_path / "late.py").write_text(SCORE)
    with pytest.raises(AssertionError, match="retired"):
        run(tmp_path / "late.py", **through_the_door(server))
    assert run(checkout / "score.py", **in_the_catalog(server)) == before


def let_pass(server: Server, days: int) -> None:
    """What was seen was seen longer ago."""
    with contextlib.closing(sqlite3.connect(server.data / "modelyard.db", timeout=60)) as database, database:
        database.execute("UPDATE sightings SET last_at = last_at - ?", (days * DAY,))
