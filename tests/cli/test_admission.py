from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, register_refused
from tests.house.examples import PUBLIC_KEY
from tests.scan.test_pickles import Calling

MODEL, SCHEMA = "prod.s.churn", "prod.s"
HOSTILE = pickle.dumps(Calling(os.system, "true"))


@pytest.fixture
def yard(modelyard: CommandLine) -> CommandLine:
    """A server whose production schema wants clean scans."""
    modelyard.server.make_containers(SCHEMA)
    modelyard.do("models", "create", MODEL)
    modelyard.do("admission", "set", SCHEMA, "--clean-scan")
    return modelyard


def test_a_policy_is_set_shown_and_removed(yard: CommandLine, tmp_path: Path) -> None:
    assert yard.ask("admission", "get", SCHEMA)["clean_scan"] is True
    key = tmp_path / "release.pub"
    key.write_text(PUBLIC_KEY)
    told = yard.ask("admission", "set", SCHEMA, "--admits", "data_only", "--signer", str(key))
    assert (told["admits"], told["clean_scan"], told["signers"]) == ("data_only", False, [PUBLIC_KEY])
    assert "one of 1" in yard.do("admission", "get", SCHEMA).out
    assert "cannot be read" in yard.refusal("admission", "set", SCHEMA, "--signer", str(tmp_path / "none"))
    yard.do("admission", "remove", SCHEMA)
    assert yard.ask("admission", "get", SCHEMA)["admits"] == "anything"


def test_a_version_in_quarantine_is_listed_and_let_go_by_somebody_else(yard: CommandLine) -> None:
    number = register_refused(yard.server, MODEL, MLmodel=b"flavors: {}\n", weights=HOSTILE)
    (kept,) = yard.ask("quarantine", "list", SCHEMA)
    assert (kept["model"], kept["number"]) == (MODEL, number)
    assert "posix.system" in yard.do("quarantine", "list", SCHEMA).out
    release = ("quarantine", "release", MODEL, str(number), "--comment", "looked at it")
    assert "somebody else" in yard.refusal(*release)
    token = yard.server.make_user("ada@example.com")
    assert "USE CATALOG" in yard.refusal(*release, token=token)
    yard.do("schemas", "set", SCHEMA, "--owner", "ada@example.com")
    yard.do("catalogs", "set", "prod", "--owner", "ada@example.com")
    assert "is READY" in yard.do(*release, token=token).err
    assert yard.ask("quarantine", "list", SCHEMA) == []
