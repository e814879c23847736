"""The whole of a server is kept, and put back into an empty database of either kind."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from modelyard.store.schema import METADATA
from tests.cli.conftest import CommandLine, register
from tests.conftest import Postgres
from tests.support import LEGACY, SCIM, Server, clean_environment
from tests.tracking import Somebody

CHURN, OLD = "dev.ml_team.churn", "dev.ml_team.old"
WEIGHTS = b"w" * 300_000
TRASH = "/api/2.0/modelyard/trash"
RUNNING = {"audit", "executors", "seals", "tokens", "stores"}
"""Tables that a server goes on to write by itself, or that say where its bytes are."""


def contents(database: str, data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a database, read by its own driver."""
    connect: Any = psycopg.connect if database else sqlite3.connect
    with closing(connect(database or data / "modelyard.db")) as raw:
        found = {}
        for table in METADATA.sorted_tables:
            columns = ", ".join(f'"{column.name}"' for column in table.c)
            rows = raw.execute(f"SELECT {columns} FROM {table.name}").fetchall()  # noqa: S608  names of ours
            found[table.name] = sorted(map(tuple, rows), key=repr)
        return found


def restored(source: Path, data: Path, database: str = "") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "modelyard", "restore", str(source), "--data", str(data)]
    command += ["--database", database] if database else []
    return subprocess.run(command, check=False, capture_output=True, env=clean_environment())


def filled(server: Server) -> str:
    """Something in many tables; the token of a user."""
    server.make_containers("dev.ml_team", "prod.ml_team")
    line = CommandLine(server, pytest.MonkeyPatch())
    for model in (CHURN, "prod.ml_team.churn"):
        line.do("models", "create", model, "--tag", "team=ml", "--comment", 'Grüße "and" \\ more\u2028')
    register(server, CHURN, MLmodel=b"flavors: {}", data__weights=WEIGHTS, empty=b"")
    line.do("promote", f"{CHURN}@1", "prod.ml_team.churn", "--alias", "Champion")
    line.do("models", "create", OLD)
    register(server, OLD, MLmodel=b"flavors: {}", only__here=b"in the trash")
    line.do("models", "delete", OLD)
    token = server.make_user("ada@example.com")
    server.grant("catalog", "prod", "ada@example.com", "USE_CATALOG", "USE_SCHEMA", "EXECUTE")
    with server.client() as admin:
        admin.post(f"{LEGACY}/model-versions/create", json={"name": CHURN, "source": "x"}).raise_for_status()
        place = f"/api/2.0/fs/files/Models/{CHURN.replace('.', '/')}/2/half"
        admin.put(place, content=b"half there").raise_for_status()
    return token


def works(server: Server, admin_token: str, token: str) -> None:
    """What was there is there for those who had it, and goes on from where it was."""
    with server.client(token) as ada:
        weights = ada.get("/api/2.0/fs/files/Models/prod/ml_team/churn/1/data/weights").raise_for_status()
        assert weights.content == WEIGHTS
        assert ada.get(f"{LEGACY}/registered-models/get", params={"name": CHURN}).status_code == 403
    with server.client(admin_token) as admin:
        assert admin.get(f"{SCIM}/Me").raise_for_status().json()["userName"] == "admin"
        asked = {"name": "prod.ml_team.churn", "alias": "champion"}
        found = admin.get(f"{LEGACY}/registered-models/alias", params=asked).raise_for_status().json()
        assert found["model_version"]["version"] == "1"
        [entry] = admin.get(TRASH).raise_for_status().json()["trash"]
        admin.post(f"{TRASH}/{entry['id']}/restore").raise_for_status()
        kept = admin.get("/api/2.0/fs/files/Models/dev/ml_team/old/1/only/here").raise_for_status()
        assert kept.content == b"in the trash"
        told = {"name": "prod.ml_team.churn", "alias": "Next", "version": "1"}
        admin.post(f"{LEGACY}/registered-models/alias", json=told).raise_for_status()
        made = admin.post(f"{LEGACY}/model-versions/create", json={"name": CHURN, "source": "y"}).raise_for_status()
        assert made.json()["model_version"]["version"] == "3"
        asked = {"after_seal": 0}
        verified = admin.get("/api/2.0/modelyard/audit/verify", params=asked).raise_for_status().json()
        assert verified["broken"] is None


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_server_is_put_back_with_its_bytes(
    server: Server,
    start_server: Callable[..., Server],
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    target: str,
) -> None:
    """From either kind of database into either kind."""
    token, admin_token = filled(server), server.token
    CommandLine(server, monkeypatch).do("backup", str(tmp_path / "kept"), "--with-bytes")
    server.stop()
    before = contents(server.database, server.data)
    database = "" if target == "sqlite" else postgres.make(empty=True)
    done = restored(tmp_path / "kept", tmp_path / "again", database)
    assert done.returncode == 0, done.stderr
    after = contents(database, tmp_path / "again")
    for table in before.keys() - RUNNING:
        assert after[table] == before[table], table
    assert set(after["audit"]) <= set(before["audit"]) | {(*row[:-1], None) for row in before["audit"]}
    works(start_server(database, "again"), admin_token, token)


def test_a_backup_without_bytes_finds_the_storage_folder_again(
    sqlite_server: Server, start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token, admin_token = filled(sqlite_server), sqlite_server.token
    CommandLine(sqlite_server, monkeypatch).do("backup", str(tmp_path / "kept.jsonl"))
    assert (tmp_path / "kept.jsonl").stat().st_mode & 0o777 == 0o600
    sqlite_server.stop()
    done = restored(tmp_path / "kept.jsonl", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    (sqlite_server.data / "blobs").rename(tmp_path / "again" / "blobs")
    works(start_server("", "again"), admin_token, token)


def test_what_runs_have_logged_comes_along(
    sqlite_server: Server,
    start_server: Callable[..., Server],
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """MLflow's own database, while its server uses it; to where the server looks for it, or with a word on that."""
    admin_token, kept = sqlite_server.token, tmp_path / "kept.jsonl"
    line = CommandLine(sqlite_server, monkeypatch)
    assert "tracking" not in line.do("backup", str(tmp_path / "before.jsonl")).err
    with sqlite_server.client() as client:
        admin = Somebody("admin", admin_token, client)
        run = admin.run(admin.experiment("/Shared/fraud"))
        admin.post("runs/log-metric", run_id=run, key="accuracy", value=0.75, timestamp=1, step=0)
        assert "holds the database, MLflow's tracking database." in line.do("backup", str(kept)).err
        admin.post("runs/log-metric", run_id=run, key="later", value=1, timestamp=1, step=0)

    done = restored(kept, tmp_path / "again")
    assert b"MLflow's tracking database is in " in done.stderr, done.stderr
    assert b"does not look" not in done.stderr
    with closing(sqlite3.connect(tmp_path / "again" / "tracking" / "db" / "mlflow.db")) as raw:
        assert raw.execute("SELECT run_uuid, key, value FROM metrics").fetchall() == [(run, "accuracy", 0.75)]

    done = restored(kept, tmp_path / "other", postgres.make(empty=True))
    assert (done.returncode, b"set tracking_database to sqlite:////" in done.stderr) == (0, True), done.stderr
    assert (tmp_path / "other" / "tracking" / "db" / "mlflow.db").read_bytes()[:6] == b"SQLite"
    said = CommandLine(start_server(postgres.make(), "pg"), monkeypatch).do("backup", str(tmp_path / "pg.jsonl")).err
    assert "pg_dump -n modelyard_tracking" in said


def test_a_second_backup_fetches_only_new_objects(modelyard: CommandLine, tmp_path: Path) -> None:
    filled(modelyard.server)
    kept = tmp_path / "kept"
    assert "5 objects, 5 of them new" in modelyard.do("backup", str(kept), "--with-bytes").err
    register(modelyard.server, CHURN, MLmodel=b"flavors: {}", data__weights=WEIGHTS + b"!")
    assert "6 objects, 1 of them new" in modelyard.do("backup", str(kept), "--with-bytes").err
    for file in (kept / "objects").glob("*/*"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_backup_is_of_one_moment_while_others_write(modelyard: CommandLine, tmp_path: Path) -> None:
    """Every alias that is in it points at a version that is in it, and the chain of the audit is whole."""
    filled(modelyard.server)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, modelyard.server.url, modelyard.server.token],
        env=clean_environment(),
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        for number in range(5):
            modelyard.do("backup", str(tmp_path / f"{number}.jsonl"))
        writer.kill()
    for number in range(5):
        check_whole(tmp_path / f"{number}.jsonl")


WRITER = f"""
import sys, httpx
with httpx.Client(base_url=sys.argv[1], headers={{"Authorization": "Bearer " + sys.argv[2]}}, trust_env=False) as admin:
    while True:
        made = admin.post("/api/2.0/modelyard/models/{CHURN}/versions/1/copy",
                          json={{"destination": "{CHURN}", "alias": "Newest"}}).raise_for_status().json()
        print(made["version"], flush=True)
"""


def check_whole(file: Path) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    section: dict[str, Any] = {}
    for line in file.read_text().split("\n")[1:-2]:
        told = json.loads(line)
        if isinstance(told, dict):
            section = told
            rows[section["section"]] = []
        else:
            rows[section["section"]].append(dict(zip(section["columns"], told, strict=True)))
    versions = {row["id"]: row for row in rows["versions"]}
    numbers = [row["number"] for row in versions.values()]
    [newest] = [row for row in rows["aliases"] if row["folded"] == "newest"]
    assert versions[newest["version_id"]]["number"] == max(numbers)
    assert max(row["last_version"] for row in rows["models"]) == max(numbers)
    copied = [row for row in rows["audit"] if row["action_name"] == "promoteVersion" and row["result"] == "done"]
    assert len(copied) == max(numbers) - 2 + 1


def changed(kept: Path, change: Callable[[bytes], bytes]) -> Path:
    other = kept.with_name("changed.jsonl")
    other.write_bytes(change(kept.read_bytes()))
    return other


def with_digest(lines: bytes) -> bytes:
    """The same backup, with the last line that its others want."""
    body = b"".join(line + b"\n" for line in lines.split(b"\n")[:-2])
    return body + json.dumps({"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"


CHANGES: tuple[tuple[Callable[[bytes], bytes], str], ...] = (
    (lambda lines: lines[:-1], "cut short"),
    (lambda lines: lines[: len(lines) // 2], "cut short"),
    (lambda lines: lines.replace(b"ada@example.com", b"eve@example.com"), "cut short or was changed"),
    (lambda _lines: b"", "no backup"),
    (lambda _lines: b'{"some": "JSON"}\n', "no backup"),
    (lambda lines: with_digest(lines.replace(b'"revision":"0', b'"revision":"1', 1)), "has the schema 1"),
    (lambda lines: with_digest(lines.replace(b'"layout":1', b'"layout":2', 1)), "another version"),
)


def test_what_is_no_whole_backup_of_this_version_is_refused(modelyard: CommandLine, tmp_path: Path) -> None:
    filled(modelyard.server)
    kept = tmp_path / "kept.jsonl"
    modelyard.do("backup", str(kept))
    for change, says in CHANGES:
        refused = modelyard_offline(modelyard, "restore", str(changed(kept, change)), tmp_path / "again")
        assert says in refused
    assert not (tmp_path / "again").exists()
    assert restored(kept, tmp_path / "again").returncode == 0


def modelyard_offline(line: CommandLine, command: str, source: str, data: Path) -> str:
    """The refusal of a command of the host."""
    return CommandLine(Server(data), line.monkeypatch).refusal(command, source)


def test_a_database_that_is_in_use_is_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filled(server)
    kept = tmp_path / "kept.jsonl"
    CommandLine(server, monkeypatch).do("backup", str(kept))
    while_it_runs = restored(kept, server.data, server.database)
    assert while_it_runs.returncode == 1
    server.stop()
    before = contents(server.database, server.data)
    refused = restored(kept, server.data, server.database)
    assert refused.returncode == 1
    assert b"in use already" in refused.stderr
    assert contents(server.database, server.data) == before


def test_a_damaged_or_missing_object_is_found_before_a_row_is_kept(modelyard: CommandLine, tmp_path: Path) -> None:
    filled(modelyard.server)
    kept = tmp_path / "kept"
    modelyard.do("backup", str(kept), "--with-bytes")
    place = kept / "objects" / hashlib.sha256(WEIGHTS).hexdigest()[:2] / hashlib.sha256(WEIGHTS).hexdigest()
    for content, says in (
        (WEIGHTS[:-1] + b"x", "is damaged"),
        (WEIGHTS[:-1], "is damaged"),
        (None, "lacks the object"),
    ):
        place.unlink() if content is None else place.write_bytes(content)
        assert says in modelyard_offline(modelyard, "restore", str(kept), tmp_path / "again")
    assert contents("", tmp_path / "again")["versions"] == []
    assert "1 of them new" in modelyard.do("backup", str(kept), "--with-bytes").err
    assert restored(kept, tmp_path / "again").returncode == 0


def test_a_restore_that_was_killed_is_begun_anew(modelyard: CommandLine, tmp_path: Path) -> None:
    filled(modelyard.server)
    many = {f"part_{number:02}": b"%d" % number * 1000 for number in range(40)}
    register(modelyard.server, CHURN, MLmodel=b"flavors: {}", **many)
    kept, again = tmp_path / "kept", tmp_path / "again"
    modelyard.do("backup", str(kept), "--with-bytes")
    for most in (5, 25, 44):
        command = [sys.executable, "-m", "modelyard", "restore", str(kept), "--data", str(again)]
        with subprocess.Popen(command, env=clean_environment(), stderr=subprocess.DEVNULL) as process:
            while len(list((again / "blobs" / "objects").glob("*/*"))) < most and process.poll() is None:
                time.sleep(0.001)
            process.kill()
        rows = {table: len(found) for table, found in contents("", again).items()}
        if rows["installation"]:
            break  # the last one may have been too quick
        assert set(rows.values()) == {0}, "all rows or none"
    else:
        assert restored(kept, again).returncode == 0
    modelyard.server.stop()
    before, after = contents("", modelyard.server.data), contents("", again)
    for table in before.keys() - RUNNING:
        assert after[table] == before[table], table


def test_only_admins_keep_a_backup(modelyard: CommandLine, tmp_path: Path) -> None:
    token = filled(modelyard.server)
    assert "MANAGE" in modelyard.refusal("backup", str(tmp_path / "kept"), token=token)
    assert list(tmp_path.glob("kept*")) == []


def test_a_backup_takes_the_place_of_nothing(modelyard: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    assert "something else" in modelyard.refusal("backup", str(tmp_path / "mine"), "--with-bytes")
    assert "already" in modelyard.refusal("backup", str(tmp_path / "mine" / "file"))
    assert (tmp_path / "mine" / "file").read_text() == "mine"
