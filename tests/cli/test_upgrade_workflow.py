"""`modelyard upgrade workflow`: a job with code in the workspace is taken into the catalog beside the old one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.jobs import SETTINGS
from tests.support import Server

LABEL = "# Databricks notebook source\n"
NOTEBOOK = f"""{LABEL}from helpers import NAME

print("models:/fraud/Production", NAME)  # what a load would be told
import mlflow
loaded = lambda: mlflow.pyfunc.load_model("models:/fraud/Production")
"""
HELPERS = """NAME = "fraud"


def promote(client, version):
    client.transition_model_version_stage(NAME, version, "Production", archive_existing_versions=True)


def raw(client):
    return client.get_latest_versions(NAME)
"""
JOB = """{"name": "nightly", "tasks": [
  {"task_key": "score", "notebook_task": {"notebook_path": "/Workspace/Shared/nightly/score"}}
]}"""


@pytest.fixture
def modelyard(start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    server = start_server("", **SETTINGS)
    server.make_containers("prod.ml")
    return CommandLine(server, monkeypatch)


def put(server: Server, path: str, text: str) -> None:
    content = base64.b64encode(text.encode()).decode()
    with server.client() as admin:
        admin.post("/api/2.0/workspace/mkdirs", json={"path": str(Path(path).parent)}).raise_for_status()
        told = {"path": path, "format": "AUTO", "content": content, "overwrite": True}
        admin.post("/api/2.0/workspace/import", json=told).raise_for_status()


def kept(server: Server, path: str) -> str:
    with server.client() as admin:
        return admin.get(f"/api/2.0/modelyard/workspace-files{path}").raise_for_status().text


def test_the_copy_is_rewritten_run_beside_the_old_one_and_gone_on_with(modelyard: CommandLine, tmp_path: Path) -> None:
    server = modelyard.server
    put(server, "/Shared/nightly/score.py", NOTEBOOK)
    put(server, "/Shared/nightly/helpers.py", HELPERS)
    (tmp_path / "job.json").write_text(JOB)
    modelyard.do("jobs", "create", str(tmp_path / "job.json"))
    words = ("upgrade", "workflow", "nightly", "--name", "nightly-uc", "--map", "fraud=prod.ml.fraud")
    assert "say where the new code is" in modelyard.refusal(*words)
    words += ("--copy-notebooks", "/Shared/nightly-uc")
    found: dict[str, Any] = modelyard.ask(*words, "--run", "--timeout", "300")
    assert found["runs"] == {"old": "SUCCESS", "new": "SUCCESS"}
    assert {each["path"] for each in found["rewritten"]} == {
        "/Shared/nightly-uc/score",
        "/Shared/nightly-uc/helpers.py",
    }
    assert kept(server, "/Shared/nightly/score") == NOTEBOOK
    assert kept(server, "/Shared/nightly/helpers.py") == HELPERS
    new = kept(server, "/Shared/nightly-uc/score")
    assert new.startswith(LABEL)
    assert 'load_model("models:/prod.ml.fraud@champion")' in new
    assert "set_registered_model_alias" in kept(server, "/Shared/nightly-uc/helpers.py")
    assert any("get_latest_versions" in each["text"] for each in found["left"])

    again = modelyard.ask(*words)
    assert (again["job_id"], again["rewritten"], again["was_there"]) == (found["job_id"], [], True)
    other = ("upgrade", "workflow", "nightly-uc", "--name", "nightly", "--copy-notebooks", "/Shared/elsewhere")
    assert "choose another --name" in modelyard.refusal(*other)


def test_the_old_job_is_never_taken_for_its_own_clone(modelyard: CommandLine, tmp_path: Path) -> None:
    server = modelyard.server
    put(server, "/Shared/nightly/score.py", NOTEBOOK)
    (tmp_path / "job.json").write_text(JOB)
    modelyard.do("jobs", "create", str(tmp_path / "job.json"))
    (tmp_path / "job.json").write_text(JOB.replace("nightly", "other", 1))
    modelyard.do("jobs", "create", str(tmp_path / "job.json"))
    there = ("--copy-notebooks", "/Shared/nightly", "--map", "fraud=prod.ml.fraud")
    assert "choose another --name" in modelyard.refusal("upgrade", "workflow", "nightly", "--name", "nightly", *there)
    assert "name another folder" in modelyard.refusal("upgrade", "workflow", "nightly", "--name", "other", *there)
    assert kept(server, "/Shared/nightly/score") == NOTEBOOK


def test_code_in_git_is_left_to_a_branch(modelyard: CommandLine, tmp_path: Path) -> None:
    source = {"git_url": "https://git.example/it", "git_branch": "main", "git_provider": "gitHub"}
    job = JOB.replace('"name"', f'"git_source": {json.dumps(source)}, "name"')
    (tmp_path / "job.json").write_text(job.replace("/Workspace/Shared/nightly/score", "score"))
    modelyard.do("jobs", "create", str(tmp_path / "job.json"))
    words = ("upgrade", "workflow", "nightly", "--name", "new", "--git-branch", "upgrade/fraud")
    found = modelyard.ask(*words, "--map", "fraud=prod.ml.fraud")
    assert "upgrade code . --branch upgrade/fraud" in found["left"][0]["advice"]
    settings = modelyard.ask("jobs", "get", str(found["job_id"]))["settings"]
    assert settings["git_source"]["git_branch"] == "upgrade/fraud"
