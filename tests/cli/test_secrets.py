from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

VALUE = b"correct horse battery staple"


def kept(modelyard: CommandLine, key: str, token: str = "") -> bytes:
    with modelyard.server.client(token or None) as client:
        told = client.get("/api/2.0/secrets/get", params={"scope": "fraud", "key": key}).raise_for_status().json()
    return base64.b64decode(told["value"])


def test_a_secret_is_piped_in_listed_and_removed(modelyard: CommandLine, tmp_path: Path) -> None:
    modelyard.do("scopes", "create", "fraud")
    assert modelyard.ask("scopes", "list") == [{"name": "fraud", "backend_type": "DATABRICKS"}]
    said = modelyard.do("scopes", "put", "fraud", "token", typed=VALUE + b"\n")
    assert VALUE.decode() not in said.out + said.err
    assert kept(modelyard, "token") == VALUE
    modelyard.do("scopes", "put", "fraud", "token", typed=b"one\r\ntwo\r\n")
    assert kept(modelyard, "token") == b"one\r\ntwo"
    (tmp_path / "key").write_bytes(b"\x00\xff\n")
    modelyard.do("scopes", "put", "fraud", "key", "--file", str(tmp_path / "key"))
    assert kept(modelyard, "key") == b"\x00\xff\n"
    assert [each["key"] for each in modelyard.ask("scopes", "keys", "fraud")] == ["key", "token"]
    assert "token" in modelyard.do("scopes", "keys", "fraud").out
    modelyard.do("scopes", "remove", "fraud", "key")
    assert "has no secret 'key'" in modelyard.refusal("scopes", "remove", "fraud", "key")
    modelyard.do("scopes", "delete", "fraud")
    assert modelyard.ask("scopes", "list") == []


def test_a_scope_is_shared_and_taken_back(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    modelyard.do("scopes", "create", "fraud")
    modelyard.do("scopes", "put", "fraud", "token", typed=VALUE)
    assert "no secret scope 'fraud'" in modelyard.refusal("scopes", "keys", "fraud", token=alice)
    assert "alice may READ" in modelyard.do("scopes", "grant", "fraud", "alice", "read").err
    assert kept(modelyard, "token", alice) == VALUE
    refused = modelyard.refusal("scopes", "put", "fraud", "token", typed=b"mine", token=alice)
    assert "does not have WRITE" in refused
    assert modelyard.ask("scopes", "grants", "fraud") == [
        {"principal": "admin", "permission": "MANAGE"},
        {"principal": "alice", "permission": "READ"},
    ]
    assert "alice" in modelyard.do("scopes", "grants", "fraud").out
    modelyard.do("scopes", "revoke", "fraud", "alice")
    assert modelyard.ask("scopes", "list", token=alice) == []


def test_everybody_manages_a_scope_that_was_made_so(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    assert "everybody manages" in modelyard.do("scopes", "create", "playground", "--everybody").err
    modelyard.do("scopes", "delete", "playground", token=alice)


@pytest.mark.parametrize(("typed", "message"), [(b"", "is empty"), (b"\n", "is empty"), (b"x" * 131_074, "at most")])
def test_a_value_that_cannot_be_meant_is_not_sent(nowhere: CommandLine, typed: bytes, message: str) -> None:
    assert message in nowhere.refusal("scopes", "put", "fraud", "token", typed=typed)


def test_a_file_that_is_not_there_is_told(nowhere: CommandLine, tmp_path: Path) -> None:
    said = nowhere.refusal("scopes", "put", "fraud", "token", "--file", str(tmp_path / "none"))
    assert "cannot be read" in said


@pytest.mark.parametrize(
    "words", [("put", "fraud", "token", "a value"), ("grant", "fraud", "alice", "OWN"), ("create",), ("keys",)]
)
def test_a_command_that_is_written_wrong_ends_with_2(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    assert nowhere.misuse("scopes", *words)
