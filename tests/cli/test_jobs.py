"""`modelyard jobs`: what it asks for, and what it prints."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.jobs import SETTINGS, code
from tests.support import Server

SAID: dict[str, Any] = {
    "name": "nightly",
    "tasks": [
        {"task_key": "train", "python_wheel_task": code("print('hello {{job.parameters.day}}')").as_dict()},
        {
            "task_key": "score",
            "condition_task": {"op": "EQUAL_TO", "left": "{{job.parameters.day}}", "right": "friday"},
        },
    ],
    "parameters": [{"name": "day", "default": "monday"}],
    "schedule": {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC", "pause_status": "PAUSED"},
}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server") / "data", settings=SETTINGS).start()
    yield server
    server.stop()


@pytest.fixture
def modelyard(stocked: Server, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(stocked, monkeypatch)


def test_a_job_is_made_run_read_repaired_cloned_and_deleted(modelyard: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "nightly.json"
    file.write_text(json.dumps(SAID))
    number = modelyard.ask("jobs", "create", str(file))["job_id"]
    told = modelyard.do("jobs", "list").out
    assert "0 0 3 * * ? (UTC)" in told
    run = modelyard.ask("jobs", "run", "nightly", "--param", "day=friday", "--wait")
    assert run["state"]["result_state"] == "SUCCESS"
    assert modelyard.do("jobs", "logs", str(run["run_id"]), "--task", "train", "--follow").out.strip() == "hello friday"
    assert "name one of the run's tasks: train, score" in modelyard.misuse("jobs", "logs", str(run["run_id"]))
    shown = modelyard.do("jobs", "show", str(run["run_id"])).out
    assert "train" in shown
    assert str(run["run_id"]) in modelyard.do("jobs", "runs", "nightly").out
    assert "has no task that failed" in modelyard.refusal("jobs", "repair", str(run["run_id"]))
    again = modelyard.ask("jobs", "repair", str(run["run_id"]), "--task", "score", "--wait")
    assert again["state"]["result_state"] == "SUCCESS"
    made = modelyard.do("jobs", "clone", "nightly", "--name", "copy", "--map-model", "old=prod.ml.fraud")
    assert "prod.ml.fraud: " in made.err
    copy = modelyard.ask("jobs", "get", "copy")
    assert copy["settings"]["tasks"] == modelyard.ask("jobs", "get", str(number))["settings"]["tasks"]
    for name in ("copy", "nightly"):
        modelyard.do("jobs", "delete", name, "--yes")
    assert not {"copy", "nightly"} & {each["settings"]["name"] for each in modelyard.ask("jobs", "list")}


OLD = """# Databricks notebook source
import mlflow
from helpers import say

# COMMAND ----------

model = mlflow.pyfunc.load_model("models:/fraud/Production")
"""
HELPERS = "import mlflow\nmlflow.MlflowClient().transition_model_version_stage('fraud', 1, 'Production')\n"
SAYS = """{
  "name": "scoring",
  "tasks": [{
    "task_key": "score",
    "notebook_task": {"notebook_path": "/Workspace/Shared/fraud/score", "base_parameters": {"code": "/Shared/fraud"}},
    "environment_key": "it"
  }],
  "environments": [{"environment_key": "it", "spec": {"dependencies": ["-r /Workspace/Shared/fraud/needs.txt"]}}]
}"""


@pytest.mark.parametrize("how", ["with the extra", "without it"])
def test_a_clone_takes_its_code_along_and_says_what_stands_in_it(
    modelyard: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with modelyard.server.client() as admin:
        admin.post("/api/2.0/workspace/mkdirs", json={"path": "/Shared/fraud"}).raise_for_status()
        for name, text in (("score.py", OLD), ("helpers.py", HELPERS), ("needs.txt", "")):
            told = {"path": f"/Shared/fraud/{name}", "format": "AUTO", "overwrite": True}
            content = base64.b64encode(text.encode()).decode()
            admin.post("/api/2.0/workspace/import", json={**told, "content": content}).raise_for_status()
    (tmp_path / "job.json").write_text(SAYS)
    number = str(modelyard.ask("jobs", "create", str(tmp_path / "job.json"))["job_id"])
    if how == "without it":
        monkeypatch.setattr("modelyard.cli.job_sources.find_spec", lambda _name: None)

    folder = f"/Shared/{tmp_path.name}"
    words = ("jobs", "clone", number, "--name", "new", "--copy-notebooks", folder)
    made = modelyard.ask(*words, "--map-model", "fraud=prod.ml.fraud")
    [task] = modelyard.ask("jobs", "get", str(made["job_id"]))["settings"]["tasks"]
    assert task["notebook_task"]["notebook_path"] == f"/Workspace{folder}/score"
    assert task["notebook_task"]["base_parameters"] == {"code": folder}
    environment = modelyard.ask("jobs", "get", str(made["job_id"]))["settings"]["environments"][0]
    assert environment["spec"]["dependencies"] == [f"-r /Workspace{folder}/needs.txt"]
    told = {(each["place"].partition(":")[0], each["text"]) for each in made["report"]["source_findings"]}
    places = {place for place, _ in told}
    assert places >= {f"/Workspace{folder}/helpers.py"}
    assert any("models:/fraud/Production" in text for _, text in told)
    assert ("upgrade scan" in str(made["report"]["notes"])) is (how == "without it")
    assert f"{folder}/helpers.py is there already" in modelyard.refusal(*words)
    assert "say one of them" in modelyard.refusal(*words, "--git-branch", "main")
    for each in (number, str(made["job_id"])):
        modelyard.do("jobs", "delete", each, "--yes")


def test_what_goes_wrong_is_told_in_one_sentence(modelyard: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("tasks: [{task_key: a, condition_task: {op: EQUAL_TO, left: a, right: b}}]\nname: unequal\n")
    modelyard.do("jobs", "create", str(file))
    file.write_text("tasks: [{task_key: a}]\n")
    assert "tasks[a] does not say what it does" in modelyard.refusal("jobs", "create", str(file))
    file.write_text("tasks: [\n")
    assert "is neither JSON nor YAML" in modelyard.refusal("jobs", "create", str(file))
    assert "no job that you may see is called nobody" in modelyard.refusal("jobs", "run", "nobody")
    assert "does not exist" in modelyard.refusal("jobs", "cancel", "123")
    assert "the job has no parameter" in modelyard.refusal("jobs", "run", "unequal", "--param", "x=1")
    modelyard.do("jobs", "delete", "unequal", "--yes")
