"""Puts many registered models into each server's database.

Every model has one READY version with the alias, and a few have many (`benchmarks.names`). MLflow's rows are
written straight into its SQLite file, exactly those its own REST calls leave behind: 200,000 calls would take
it an hour.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks import load, names
from benchmarks.servers import MLFLOW_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HTTP_CONNECTIONS = 8


class FillError(Exception):
    """The server refused a call that should have filled it."""


def fill_mlflow(folder: Path, models: int) -> None:
    """Make MLflow's database in `folder` and fill it; the server must not run yet."""
    database = folder / "mlflow.db"
    subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{database}"],
        cwd=folder,
        env={**os.environ, **MLFLOW_ENVIRONMENT},
        check=True,
        capture_output=True,
    )
    now = time.time_ns() // 1_000_000
    listed = names.all_models(models)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO registered_models (name, creation_time, last_updated_time, description, workspace)"
            " VALUES (?, ?, ?, '', 'default')",
            ((name, now, now) for name, _ in listed),
        )
        connection.executemany(
            "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description,"
            " current_stage, source, run_id, status, run_link, storage_location, workspace)"
            " VALUES (?, ?, ?, ?, '', 'None', ?, '', 'READY', '', ?, 'default')",
            (
                (name, version, now, now, names.SOURCE, names.SOURCE)
                for name, versions in listed
                for version in range(1, versions + 1)
            ),
        )
        connection.executemany(
            "INSERT INTO registered_model_aliases (alias, version, name, workspace) VALUES (?, ?, ?, 'default')",
            ((names.ALIAS, versions, name) for name, versions in listed),
        )


def fill_modelyard(data: Path, models: int) -> None:
    """Write the models straight into Modelyard's database under `data`; its server must not run meanwhile.

    The server has been started once before, so its tables, the catalog `bench` and its schema `main` are
    there, owned by the first administrator. Until this is written, `fill_modelyard_over_http` does the same.
    """
    raise NotImplementedError(f"cannot yet write {models} models into {data} directly")


def fill_modelyard_over_http(target: load.Target, token: str, models: int) -> None:
    """Fill a running Modelyard by its own REST calls: five per model, some minutes for 100,000."""
    prefix = "/api/2.0/mlflow/unity-catalog"
    authorized = {"Authorization": f"Bearer {token}"}
    listed = names.all_models(models)

    def post(path: str, said: Mapping[str, str]) -> bytes:
        headers = {**authorized, "Content-Type": "application/json"}
        return load.request("POST", f"{prefix}/{path}", target, headers, json.dumps(said).encode())

    def phase(requests: Iterator[bytes]) -> None:
        sample = load.run(target, requests, HTTP_CONNECTIONS)
        if sample.errors:
            raise FillError(f"{sample.errors} calls failed, the first with: {sample.complaint}")

    phase(post("registered-models/create", {"name": name}) for name, _ in listed)
    for version in range(1, names.DEEP_VERSIONS + 1):
        present = [name for name, versions in listed if versions >= version]
        number = str(version)
        asked = {"source": names.SOURCE, "run_id": "", "feature_deps": ""}
        phase(post("model-versions/create", {"name": name, **asked}) for name in present)
        paths = (names.file_path(name, number, "MLmodel") for name in present)
        phase(load.request("PUT", path, target, authorized, names.MLMODEL) for path in paths)
        phase(post("model-versions/finalize", {"name": name, "version": number}) for name in present)
    phase(
        post("registered-models/alias", {"name": name, "alias": names.ALIAS, "version": str(versions)})
        for name, versions in listed
    )
