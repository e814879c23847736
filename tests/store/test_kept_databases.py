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
from tests.faults.tale import OURS
from tests.faults.test_kill import starting
from tests.support import LEGACY, SCIM, UNITY, Server, clean_environment

DATABASES = Path(__file__).parent / "databases"
REVISIONS = ["0001", "0002"]
MODEL = "prod.sales.churn"
MOVES = "SELECT folded, from_version, to_version, reason FROM alias_moves WHERE seq <= 4 ORDER BY folded, seq"
HISTORY = [
    ("champion", None, 1, ""),
    ("champion", 1, 2, ""),
    ("old", None, 1, ""),
    ("old", 1, None, ""),
]


def kept(revision: str, kind: str) -> str:
    return (DATABASES / f"{revision}.{kind}.sql").read_text()


def is_used(server: Server, dump: str) -> None:
    """The tokens of that time open it, and it does what it did, and goes on from there."""
    found = re.search(r"admin (\w+), ada@example.com (\w+)", dump)
    assert found is not None
    with server.client(found[1]) as admin, server.client(found[2]) as ada:
        assert admin.get(f"{SCIM}/Me").raise_for_status().json()["userName"] == "admin"
        assert alias(ada)["version"] == "2"
        assert alias(ada)["tags"] == [{"key": "Stage", "value": "live"}]
        assert ada.get(f"{LEGACY}/registered-models/get", params={"name": "dev.sales.churn"}).status_code == 403
        has_its_files(ada)
        assert [each["name"] for each in ada.get(f"{UNITY}/catalogs").json()["catalogs"]] == ["prod"]
        told = {"name": MODEL, "alias": "CHAMPION", "version": "1"}
        admin.post(f"{LEGACY}/registered-models/alias", json=told).raise_for_status()
        assert alias(ada)["version"] == "1"
        made = admin.post(f"{LEGACY}/model-versions/create", json={"name": MODEL, "source": "somewhere"})
        assert made.raise_for_status().json()["model_version"]["version"] == "4"


def has_its_files(client: Any) -> None:  # noqa: ANN401  an HTTP client
    for number in (1, 2):
        card = client.get(f"{OURS}/models/{MODEL}/versions/{number}/card").raise_for_status().json()
        assert card["files"] > 0
        assert card["digest"] != ""


def alias(client: Any) -> dict[str, Any]:  # noqa: ANN401  an HTTP client
    asked = {"name": MODEL, "alias": "champion"}
    return client.get(f"{LEGACY}/registered-models/alias", params=asked).raise_for_status().json()["model_version"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_sqlite_database_of_an_earlier_release_is_carried_forward(
    start_server: Callable[..., Server], tmp_path: Path, revision: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with closing(sqlite3.connect(data / "modelyard.db")) as database:
        database.executescript(kept(revision, "sqlite"))
    server = start_server()
    is_used(server, kept(revision, "sqlite"))
    server.stop()
    (copy,) = data.glob(f"modelyard.db.{revision}.*")
    with closing(sqlite3.connect(copy)) as before, closing(sqlite3.connect(data / "modelyard.db")) as after:
        assert before.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
        assert after.execute(MOVES).fetchall() == HISTORY
        assert after.execute("PRAGMA foreign_key_check").fetchall() == []
        assert after.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(("revision", "workers"), [("0001", "1"), ("0001", "3"), ("0002", "1")])
def test_a_postgresql_database_of_an_earlier_release_is_carried_forward(
    start_server: Callable[..., Server], postgres: Postgres, tmp_path: Path, revision: str, workers: str
) -> None:
    url = postgres.make(empty=True)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(kept(revision, "postgresql"))  # pyright: ignore[reportArgumentType, reportCallIssue]
    with starting(tmp_path / "early", "--database", url, "--workers", workers) as early:
        told, _ = early.communicate(timeout=60)
    assert early.returncode == 1
    assert b"older schema" in told
    command = [sys.executable, "-m", "modelyard", "migrate", "--data", str(tmp_path / "data"), "--database", url]
    subprocess.run(command, check=True, env=clean_environment())
    is_used(start_server(url, workers=workers), kept(revision, "postgresql"))
    with psycopg.connect(url) as database:
        assert database.execute(MOVES).fetchall() == HISTORY
