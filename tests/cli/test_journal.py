"""The audit and the history of aliases on the command line, and what `doctor` says of the audit."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path

import pytest

from modelyard.cli.journal import moment
from tests.cli.conftest import CommandLine, register
from tests.support import UNITY

MODEL = "prod.ml_team.churn"
COLUMNS = {
    "account_id", "workspace_id", "version", "event_time", "event_date", "source_ip_address", "user_agent",
    "session_id", "user_identity", "service_name", "action_name", "request_id", "request_params", "response",
    "audit_level", "event_id", "identity_metadata",
}  # fmt: skip
"""Those of `system.access.audit`."""


@pytest.fixture
def yard(modelyard: CommandLine) -> CommandLine:
    """A command line whose server has a model of two versions."""
    modelyard.server.make_containers("prod.ml_team")
    modelyard.do("models", "create", MODEL)
    for _ in range(2):
        register(modelyard.server, MODEL)
    return modelyard


def audit_of(yard: CommandLine, *words: str) -> dict[str, object]:
    """What `doctor` found about the audit."""
    answer = yard("doctor", "--json", *words)
    [found] = [each for each in answer.json if each["check"] == "audit"]
    assert (answer.status == 0) == all(each["well"] for each in answer.json)
    return found


def all_sealed(yard: CommandLine) -> dict[str, object]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        rows = yard.do("audit", "export", "-").out.splitlines()
        if all(json.loads(row)["seal"] for row in rows):
            return audit_of(yard)
        time.sleep(0.2)
    raise AssertionError("the server does not seal its audit")


def test_the_audit_is_listed_by_what_is_asked_for(yard: CommandLine) -> None:
    token = yard.server.make_user("alice")
    yard.refusal("models", "delete", MODEL, token=token)
    [refused] = yard.ask("audit", "list", "--result", "refused")
    assert refused.keys() > COLUMNS
    assert refused["user_identity"]["email"] == "alice"
    assert refused["response"] == {
        "status_code": 403,
        "error_message": "User does not have USE CATALOG on Catalog 'prod'.",
        "result": "refused",
    }
    assert refused["request_params"] == {"model": {"kind": "FUNCTION", "name": MODEL}}
    assert (refused["action_name"], refused["securable"]) == ("deleteModel", MODEL)
    assert refused["event_time"].startswith(refused["event_date"])
    told = yard.do("audit", "list", "--principal", "alice", "--since", "1h").out
    assert "deleteModel" in told
    assert "does not have USE CATALOG" in told
    assert yard.ask("audit", "list", "--until", "1h") == []
    assert len(yard.ask("audit", "list", "--most", "2")) == 2
    assert [each["action_name"] for each in yard.ask("audit", "list", token=token)] == ["deleteModel"]
    assert "2026-01-31" in yard.refusal("audit", "list", "--since", "yesterday")
    assert {each["action_name"] for each in yard.ask("audit", "list", "--securable", "prod")} >= {
        "createModel", "createCatalog", "finalizeVersion",
    }  # fmt: skip


def test_the_audit_is_exported_as_lines_of_json_oldest_first(yard: CommandLine, tmp_path: Path) -> None:
    with yard.server.client() as admin:
        for _ in range(1_010):
            admin.post(f"{UNITY}/catalogs", json={"name": "prod"})  # is there already, which is recorded, too
    file = tmp_path / "audit.jsonl"
    said = yard.do("audit", "export", str(file), "--since", "2020-01-01").err
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert said == f"Wrote {len(lines)} rows of the audit.\n"
    numbers = [line["sequence"] for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert lines[0]["action_name"] == "createCatalog"
    assert "Name a new file" in yard.refusal("audit", "export", str(file))
    piped = yard.do("audit", "export", "-", "--action", "createModel")
    assert [json.loads(line)["securable"] for line in piped.out.splitlines()] == [MODEL]


def test_so_long_ago_is_a_time() -> None:
    assert abs(int(moment("2h")) / 1000 - (time.time() - 7_200)) < 5
    assert moment("2026-01-31") == "2026-01-31"


def test_doctor_verifies_the_audit_and_names_the_seal_that_is_broken(yard: CommandLine) -> None:
    well = all_sealed(yard)
    assert well["well"]
    assert "hold; note the newest elsewhere: " in str(well["says"])
    noted = str(well["says"]).rpartition(" ")[2]
    assert audit_of(yard, "--noted", noted)["well"]
    another = audit_of(yard, "--noted", noted[:-1] + "x")
    assert "not the one that was noted: the chain was made anew" in str(another["says"])
    assert not another["well"]

    with contextlib.closing(sqlite3.connect(yard.server.data / "modelyard.db", timeout=10)) as database:
        [(seal,)] = database.execute("SELECT seal FROM audit WHERE action_name = 'createModel'").fetchall()
        with database:
            database.execute("UPDATE audit SET principal = 'mallory' WHERE action_name = 'createModel'")
    broken = audit_of(yard)
    assert not broken["well"]
    assert str(broken["says"]).startswith(f"seal {seal} of the audit is broken: its digest is another one")


def test_only_admins_verify_the_audit(yard: CommandLine) -> None:
    token = yard.server.make_user("alice")
    with yard.server.client(token) as client:
        answer = client.get("/api/2.0/modelyard/audit/verify")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_the_history_of_an_alias_tells_who_and_why_and_where_it_stood(yard: CommandLine) -> None:
    yard.do("aliases", "set", MODEL, "Champion", "1", "--reason", "first of its kind")
    between = str(int(time.time() * 1000))
    time.sleep(0.01)
    yard.do("aliases", "set", MODEL, "champion", "2", "--expected", "1", "--reason", "better")
    assert "points at version 2" in yard.refusal("aliases", "delete", MODEL, "champion", "--expected", "1")
    [second, first] = yard.ask("aliases", "history", MODEL, "Champion")
    assert (second["from_version"], second["to_version"], second["reason"]) == (1, 2, "better")
    assert (first["from_version"], first["to_version"], first["moved_by"]) == (None, 1, "admin")
    [stood] = yard.ask("aliases", "history", MODEL, "CHAMPION", "--at", between)
    assert stood == first
    assert yard.ask("aliases", "history", MODEL, "--at", "2020-01-01T00:00:00Z") == []
    assert "first of its kind" in yard.do("aliases", "history", MODEL).out


def test_an_alias_is_protected_and_protected_no_longer(yard: CommandLine) -> None:
    yard.server.make_user("alice")
    [made] = yard.ask("aliases", "protect", "prod.ml_team", "Champ*", "--mover", "alice")
    assert (made["pattern"], made["principals"], made["created_by"]) == ("champ*", ["alice"], "admin")
    refused = yard.refusal("aliases", "set", MODEL, "Champion", "1")
    assert "'Champion' is protected in Schema 'prod.ml_team' by 'champ*': only alice may move it" in refused
    assert "alice" in yard.do("aliases", "protected", "prod.ml_team").out
    yard.do("aliases", "unprotect", "prod.ml_team", "champ*")
    assert yard.ask("aliases", "protected", "prod.ml_team") == []
    yard.do("aliases", "set", MODEL, "Champion", "1")
