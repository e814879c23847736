"""Databases that released versions have written are carried forward, and everything in them goes on to work.

`databases/<revision>.<kind>.sql` was dumped (`sqlite3 .dump`, `pg_dump --inserts`) after that release's own server had
made people, grants, models, aliases and tags. Its first line has the tokens.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Postgres
from tests.faults.test_kill import starting
from tests.support import LEGACY, SCIM, UNITY, Server, clean_environment

DATABASES = Path(__file__).parent / "databases"
MODEL = "prod.sales.churn"
MOVES = "SELECT alias, folded, from_version, to_version, reason FROM alias_moves ORDER BY seq"
HISTORY = [
    ("Champion", "champion", None, 1, ""),
    ("Champion", "champion", 1, 2, ""),
    ("Old", "old", None, 1, ""),
    ("old", "old", 1, None, ""),
]


def kept(kind: str) -> str:
    return (DATABASES / f"0001.{kind}.sql").read_text()


def is_used(server: Server, kind: str) -> None:
    """The tokens of that time open it, and it does what it did, and goes on from there."""
    found = re.search(r"admin (\w+), ada@example.com (\w+)", kept(kind))
    assert found is not None
    with server.client(found[1]) as admin, server.client(found[2]) as ada:
        assert admin.get(f"{SCIM}/Me").raise_for_status().json()["userName"] == "admin"
        assert alias(ada)["version"] == "2"
        assert alias(ada)["tags"] == [{"key": "Stage", "value": "live"}]
        assert ada.get(f"{LEGACY}/registered-models/get", params={"name": "dev.sales.churn"}).status_code == 403
        assert [each["name"] for each in ada.get(f"{UNITY}/catalogs").json()["catalogs"]] == ["prod"]
        told = {"name": MODEL, "alias": "CHAMPION", "version": "1"}
        admin.post(f"{LEGACY}/registered-models/alias", json=told).raise_for_status()
        assert alias(ada)["version"] == "1"
        made = admin.post(f"{LEGACY}/model-versions/create", json={"name": MODEL, "source": "somewhere"})
        assert made.raise_for_status().json()["model_version"]["version"] == "4"


def alias(client: Any) -> dict[str, Any]:  # noqa: ANN401  an HTTP client
    asked = {"name": MODEL, "alias": "champion"}
    return client.get(f"{LEGACY}/registered-models/alias", params=asked).raise_for_status().json()["model_version"]


def test_a_sqlite_database_of_the_first_release_is_carried_forward(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with closing(sqlite3.connect(data / "modelyard.db")) as database:
        database.executescript(kept("sqlite"))
    server = start_server()
    is_used(server, "sqlite")
    server.stop()
    (copy,) = data.glob("modelyard.db.0001.*")
    with closing(sqlite3.connect(copy)) as before, closing(sqlite3.connect(data / "modelyard.db")) as after:
        assert before.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert after.execute(MOVES).fetchall()[:4] == HISTORY
        assert after.execute("PRAGMA foreign_key_check").fetchall() == []
        assert after.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_postgresql_database_of_the_first_release_is_carried_forward(
    start_server: Callable[..., Server], postgres: Postgres, tmp_path: Path, workers: str
) -> None:
    url = postgres.make(empty=True)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(kept("postgresql"))  # pyright: ignore[reportArgumentType, reportCallIssue]
    with starting(tmp_path / "early", "--database", url, "--workers", workers) as early:
        told, _ = early.communicate(timeout=60)
    assert early.returncode == 1
    assert b"older schema" in told
    command = [sys.executable, "-m", "modelyard", "migrate", "--data", str(tmp_path / "data"), "--database", url]
    subprocess.run(command, check=True, env=clean_environment())
    is_used(start_server(url, workers=workers), "postgresql")
    with psycopg.connect(url) as database:
        assert database.execute(MOVES).fetchall()[:4] == HISTORY
