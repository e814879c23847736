"""Puts many registered models into each server's database.

Every model has one READY version with the alias, and a few have many (`benchmarks.names`). MLflow's rows are
written straight into its SQLite file, exactly those its own REST calls leave behind: 200,000 calls would take
it an hour.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks import names
from benchmarks.servers import MLFLOW_ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path


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
    """Write the models straight into Modelyard's SQLite file under `data`; its server must not run meanwhile.

    The server has been started once before, so its tables, the catalog `bench` and its schema `main` are there. Files
    are left out: no measured call reads them.
    """
    now = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(data / "modelyard.db")) as connection, connection:
        schema_id, owner_id = connection.execute(
            "SELECT id, owner_id FROM securables WHERE full_name = ?", (f"{names.CATALOG}.{names.SCHEMA}",)
        ).fetchone()
        listed = [(uuid.uuid4().hex, name, versions) for name, versions in names.all_models(models)]
        connection.executemany(
            "INSERT INTO securables VALUES (?, 'FUNCTION', ?, ?, ?, '', '{}', ?, 'admin', ?, 'admin')",
            ((id_, schema_id, name, owner_id, now, now) for id_, name, _ in listed),
        )
        connection.executemany("INSERT INTO models VALUES (?, ?, '')", ((id_, many) for id_, _, many in listed))
        for id_, _, versions in listed:
            _add_versions(connection, id_, versions, owner_id, now)


def _add_versions(connection: sqlite3.Connection, model_id: str, versions: int, owner_id: str, now: int) -> None:
    ids = [uuid.uuid4().hex for _ in range(versions)]
    connection.executemany(
        "INSERT INTO versions (id, model_id, number, status, status_message, source, run_id, run_tracking_server_id,"
        " comment, logged_model_id, dependencies, creator_id, created_at, created_by, updated_at, updated_by, digest)"
        " VALUES (?, ?, ?, 'READY', '', ?, '', '', '', ?, '[]', ?, ?, 'admin', ?, 'admin', '')",
        (
            (id_, model_id, number, names.SOURCE, f"m-{id_}", owner_id, now, now)
            for number, id_ in enumerate(ids, start=1)
        ),
    )
    connection.execute("INSERT INTO aliases VALUES (?, ?, ?, ?)", (model_id, names.ALIAS.lower(), names.ALIAS, ids[-1]))
