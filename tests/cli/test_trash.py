"""The trash on the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modelyard.config import load
from modelyard.errors import Invalid
from tests.cli.conftest import CommandLine, register
from tests.support import LEGACY, Server

MODEL = "dev.s.churn"
FILE = "/api/2.0/fs/files/Models/dev/s/churn/1/weights"


@pytest.fixture
def yard(modelyard: CommandLine) -> CommandLine:
    """A server with a READY version of a model."""
    modelyard.server.make_containers("dev.s")
    modelyard.do("models", "create", MODEL)
    register(modelyard.server, MODEL, MLmodel=b"one", weights=b"weights")
    return modelyard


def test_a_version_is_deleted_found_and_restored(yard: CommandLine) -> None:
    told = yard.do("versions", "delete", MODEL, "1").err
    assert told == f"Deleted version 1 of {MODEL}.\n`modelyard trash list` shows what can be restored.\n"
    [entry] = yard.ask("trash", "list")
    assert (entry["kind"], entry["full_name"], entry["version"], entry["size"]) == ("version", MODEL, 1, 10)
    assert entry["kept_until_time"] - entry["deleted_at"] == 7 * 24 * 3_600_000
    table = yard.do("trash", "list").out
    assert entry["id"] in table
    assert MODEL in table
    assert yard.do("trash", "restore", entry["id"]).err == f"Restored version 1 of {MODEL}.\n"
    with yard.server.client() as admin:
        assert admin.get(FILE).raise_for_status().content == b"weights"
    assert yard.ask("trash", "list") == []
    assert "nothing in the trash" in yard.refusal("trash", "restore", entry["id"])


def test_a_model_is_restored_with_the_aliases_that_one_may_move(yard: CommandLine) -> None:
    for alias in ("Champion", "Free"):
        yard.do("aliases", "set", MODEL, alias, "1")
    assert "`modelyard trash list`" in yard.do("models", "delete", MODEL, "--yes").err
    yard.server.make_user("mia@example.com")
    yard.do("aliases", "protect", "dev.s", "champion", "--mover", "mia@example.com")
    [entry] = yard.ask("trash", "list")
    told = yard.do("trash", "restore", entry["id"]).err
    assert f"Restored the model {MODEL}, versions: 1. You may not move these aliases" in told
    assert told.endswith("which did not return: Champion.\n")
    assert yard.ask("aliases", "list", MODEL) == [{"alias": "Free", "version": "1"}]


def test_what_was_in_a_schema_is_restored_into_a_new_one(yard: CommandLine) -> None:
    assert "`modelyard trash list`" in yard.do("schemas", "delete", "dev.s", "--force", "--yes").err
    [entry] = yard.ask("trash", "list")
    assert "make a schema of the same name first" in yard.refusal("trash", "restore", entry["id"])
    yard.do("schemas", "create", "dev.s")
    assert yard.ask("trash", "restore", entry["id"]) == {
        "kind": "model", "full_name": MODEL, "version": None, "versions": 1, "aliases": [], "aliases_left_out": [],
    }  # fmt: skip
    with yard.server.client() as admin:
        assert admin.get(FILE).raise_for_status().content == b"weights"


def test_a_name_that_is_taken_is_told(yard: CommandLine) -> None:
    yard.do("models", "delete", MODEL)
    yard.do("models", "create", MODEL)
    [entry] = yard.ask("trash", "list")
    assert f"'{MODEL}' is taken by now" in yard.refusal("trash", "restore", entry["id"])


def test_only_admins_purge(yard: CommandLine) -> None:
    token = yard.server.make_user("ada@example.com")
    yard.do("versions", "delete", MODEL, "1")
    [entry] = yard.ask("trash", "list")
    assert yard.ask("trash", "list", token=token) == []
    assert "nothing in the trash" in yard.refusal("trash", "restore", entry["id"], token=token)
    assert "MANAGE" in yard.refusal("trash", "purge", entry["id"], token=token)
    assert f"Removed {entry['id']} from the trash." in yard.do("trash", "purge", entry["id"], "--yes").err
    assert yard.ask("trash", "list") == []


def test_a_server_without_a_trash_keeps_nothing(
    start_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = CommandLine(start_server(trash_days="0"), monkeypatch)
    line.server.make_containers("dev.s")
    line.do("models", "create", MODEL)
    register(line.server, MODEL)
    with line.server.client() as admin:
        told = {"name": MODEL, "version": "1"}
        admin.request("DELETE", f"{LEGACY}/model-versions/delete", json=told).raise_for_status()
    line.do("models", "delete", MODEL)
    assert line.ask("trash", "list") == []


@pytest.mark.parametrize("days", ["-1", "3651"])
def test_days_that_make_no_sense_are_refused(days: str) -> None:
    with pytest.raises(Invalid, match="trash_days must be from 0 to 3650"):
        load({}, {"MODELYARD_TRASH_DAYS": days})
