"""A flat registry as people have them: a real `mlflow server` on SQLite, with models in stages and what goes wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support import clean_environment

API = "/api/2.0/mlflow"
HOSTILE = ("../x", "a/b", "x" * 1_000_000)
"""Names that no server takes any more, and that old databases may have."""


@dataclass
class OldRegistry:
    """The server, its database, and the folder of the artifacts that it hands out."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> OldRegistry:
        self.artifacts.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(self.port)]
        command += ["--backend-store-uri", self.database, "--artifacts-destination", str(self.artifacts), *self.options]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
                env=clean_environment(**quiet, **self.environment),
            )  # fmt: skip
        until = time.monotonic() + 180
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success:
                    return self
            time.sleep(0.1)
        raise AssertionError("MLflow's server did not start:\n" + (self.folder / "log").read_text()[-2000:])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(20)

    def ask(self, path: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401  JSON values
        answer = httpx.post(f"{self.url}{API}/{path}", json=said, timeout=60, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    def model(self, name: str, description: str = "", **tags: str) -> None:
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        self.ask("registered-models/create", name=name, description=description, tags=pairs)

    def version(self, name: str, files: Path | None, stage: str = "", **more: Any) -> int:  # noqa: ANN401  JSON values
        """Register a folder; its number. Without one, the version's files are missing."""
        run = self.ask("runs/create", experiment_id="0", start_time=1)["run"]["info"]
        place = self.artifacts / run["artifact_uri"].removeprefix("mlflow-artifacts:/") / "model"
        if files:
            shutil.copytree(files, place)
        said = {"name": name, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"], **more}
        number = self.ask("model-versions/create", **said)["model_version"]["version"]
        if stage:
            said = {"name": name, "version": number, "stage": stage, "archive_existing_versions": False}
            self.ask("model-versions/transition-stage", **said)
        return int(number)

    def alias(self, name: str, alias: str, version: int) -> None:
        self.ask("registered-models/alias", name=name, alias=alias, version=str(version))

    def plant(self, *names: str) -> None:
        """Put models into the database that its server would not take."""
        with sqlite3.connect(self.folder / "mlflow.db", timeout=60) as database:
            columns = [row[1] for row in database.execute("PRAGMA table_info(registered_models)")]
            for name in names:
                told = {"name": name, "creation_time": 1, "last_updated_time": 1, "description": ""}
                told |= {"workspace": "default"} if "workspace" in columns else {}
                named, marks = ", ".join(told), ", ".join("?" * len(told))
                statement = f"INSERT INTO registered_models ({named}) VALUES ({marks})"  # noqa: S608  both are ours
                database.execute(statement, [*told.values()])


@contextlib.contextmanager
def old_registry(folder: Path, *options: str, **environment: str) -> Iterator[OldRegistry]:
    """A server that is stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    made = OldRegistry(folder, environment, options)
    try:
        yield made.start()
    finally:
        made.stop()
