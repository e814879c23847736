"""The oldest MLflow whose client uses the Files API by itself does the main job too, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Server, clean_environment

PYTHON = Path(sys.prefix) / "mlflow-oldest" / "bin" / "python"
STORY = Path(__file__).with_name("oldest_mlflow.py")


@pytest.mark.client("MLflow 2.13.1, `databricks-uc`", "register", "promote", "aliases", "load", "tags", "search")
def test_the_oldest_mlflow_registers_promotes_and_loads(server: Server, tmp_path: Path) -> None:
    assert PYTHON.exists(), "`make test` makes this environment"
    server.make_containers("staging.ml_team", "prod.ml_team")
    environment = clean_environment(**server.environment())
    environment.pop("PYTHONPATH", None)
    command = [PYTHON, "-W", "ignore", STORY]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "version": "2.13.1",
        "predicted": [0.5, 1.0],
        "tags": {"stage": "checked"},
        "listed": ["prod.ml_team.half", "staging.ml_team.half"],
    }
