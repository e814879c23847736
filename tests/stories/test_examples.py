"""The ready-made workflows: their scripts and notebooks against a server, and their jobs in the words of the SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.jobs import JobSettings

from tests.support import LEGACY, Server, clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
FRAUD = EXAMPLES / "fraud"
MODEL = "prod.ml_team.fraud_detection"
NOTEBOOK = """
import sys

class Done(Exception):
    pass

class Widgets:
    def __init__(self, given):
        self.values = given
    def text(self, name, default):
        self.values.setdefault(name, default)
    def get(self, name):
        return self.values[name]

class Notebook:
    def exit(self, value):
        raise Done(value)

class Utilities:
    pass

path, *given = sys.argv[1:]
dbutils = Utilities()
dbutils.widgets = Widgets(dict(each.split("=", 1) for each in given))
dbutils.notebook = Notebook()
try:
    exec(compile(open(path).read(), path, "exec"), {"dbutils": dbutils})
except Done as done:
    print("exit:", done)
"""
"""As much of a notebook's surroundings as these notebooks need."""


def run(server: Server, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A script, as somebody would start it by hand."""
    variables = {
        **server.environment(),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/runs.db",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONWARNINGS": "ignore",
    }
    return subprocess.run(
        [sys.executable, *command],
        env=clean_environment(**variables),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def notebook(server: Server, folder: Path, name: str, **widgets: str) -> str:
    """A notebook of version 1, with widgets; how it ended."""
    given = {"model_name": MODEL, "model_version": "1", "code": str(FRAUD), **widgets}
    words = [f"{key}={value}" for key, value in given.items()]
    done = run(server, folder, "-c", NOTEBOOK, str(FRAUD / "notebooks" / f"{name}.py"), *words)
    return done.stdout.splitlines()[-1] if done.returncode == 0 else done.stderr.splitlines()[-1]


def test_a_model_is_trained_validated_approved_deployed_and_scores(sqlite_server: Server, tmp_path: Path) -> None:
    server = sqlite_server
    server.make_containers("prod.ml_team")
    trained = run(server, tmp_path, str(FRAUD / "train.py"), "--model", MODEL, "--rows", "2000")
    assert trained.returncode == 0, trained.stderr
    assert f"{MODEL} version 1: ROC AUC 0.9" in trained.stdout

    assert "stays where it is" in notebook(server, tmp_path, "validate", threshold="0.999")
    assert notebook(server, tmp_path, "validate").startswith("exit: 0.")
    assert "is not approved yet: the tag approval is None" in notebook(server, tmp_path, "approval")
    with server.client() as admin:
        said = {"name": MODEL, "version": "1", "key": "approval", "value": "Approved"}
        admin.post(f"{LEGACY}/model-versions/set-tag", json=said).raise_for_status()
    assert notebook(server, tmp_path, "approval") == "exit: approved"
    assert notebook(server, tmp_path, "deploy") == "exit: 1"

    brought = run(server, tmp_path, str(FRAUD / "payments_to_score.py"), "--volume", "prod.ml_team.fraud_payments")
    assert brought.returncode == 0, brought.stderr
    parameters = settings("batch")["tasks"][0]["python_wheel_task"]["parameters"]
    scored = run(server, tmp_path, "-m", "modelyard.batch", *parameters, "--json")
    assert scored.returncode == 0, scored.stderr
    told = json.loads(scored.stdout)
    assert (told["rows"], told["version"]) == (2_000, "1")
    assert told["published"].startswith("/Volumes/prod/ml_team/fraud_scores/outputs/")


def settings(name: str) -> dict[str, Any]:
    command = [sys.executable, str(EXAMPLES / "deploy.py"), "--dry-run", "--model", MODEL]
    shown: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return shown[name]


@pytest.mark.parametrize("name", ["train", "deployment", "batch"])
def test_jobs_are_understood_by_the_sdk_word_for_word(name: str) -> None:
    told = settings(name)
    assert JobSettings.from_dict(told).as_dict() == told
    assert "${" not in json.dumps(told)
    for task in told["tasks"]:
        where = (task.get("notebook_task") or {}).get("notebook_path") or task.get("spark_python_task", {}).get(
            "python_file"
        )
        if where:
            inside = where.removeprefix("/Workspace/Shared/fraud/")
            assert (FRAUD / inside).with_suffix(".py").is_file()
