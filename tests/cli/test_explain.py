"""`modelyard explain`, `modelyard preflight` and `modelyard grants effective`: what they print, and their status."""

from __future__ import annotations

import shlex

import pytest

from modelyard.cli.explain import NO
from tests.cli.conftest import CommandLine, register

MODEL = "prod.ml_team.fraud"
WAY = "alice@example.com → ml-team → everyone-in-ml"


@pytest.fixture
def alice(modelyard: CommandLine) -> str:
    """The token of a user in a group in a group that may use the catalog of a model."""
    modelyard.server.make_containers("prod.ml_team")
    modelyard.do("models", "create", MODEL)
    token = modelyard.server.make_user("alice@example.com")
    modelyard.do("principals", "create", "group", "ml-team", "--member", "alice@example.com")
    modelyard.do("principals", "create", "group", "everyone-in-ml", "--member", "ml-team")
    modelyard.do("grants", "set", "catalog", "prod", "everyone-in-ml", "USE_CATALOG")
    return token


def test_explain_draws_each_check_and_answers_by_its_status(modelyard: CommandLine, alice: str) -> None:
    told = modelyard("explain", "alice@example.com", "set alias", MODEL)
    assert told.status == NO
    assert told.out.splitlines() == [
        f"alice@example.com may not SetAlias on {MODEL}",
        f"├── yes  USE CATALOG on catalog prod: USE CATALOG is granted on catalog prod to {WAY}",
        "├── no   User does not have USE SCHEMA on Schema 'prod.ml_team'.",
        f"└── no   User does not have MANAGE on Routine or Model '{MODEL}'.",
    ]
    assert told.err == "User does not have USE SCHEMA on Schema 'prod.ml_team'.\n"
    mine = modelyard("explain", "me", "SetAlias", MODEL, token=alice)
    assert (mine.status, len(mine.out.splitlines())) == (NO, 3)
    assert mine.err.endswith("What lies behind the first refusal is told to those who manage it.\n")

    admin = modelyard.do("explain", "me", "SetAlias", MODEL)
    assert "└── yes  MANAGE on model prod.ml_team.fraud: owner (admin owns model prod.ml_team.fraud)" in admin.out
    assert modelyard.ask("explain", "me", "CREATE CATALOG", "metastore")["allowed"]
    assert modelyard("explain", "me", "SetAlias", MODEL, "--json", token=alice).json["allowed"] is False
    assert "is no action and no privilege" in modelyard.refusal("explain", "me", "fly", MODEL)


def test_the_printed_commands_make_a_promotion_possible(modelyard: CommandLine, alice: str) -> None:
    register(modelyard.server, MODEL)
    words = ("preflight", "promotion", "prod.ml_team.promoted", "--source", MODEL)
    told = modelyard(*words, "--principal", "alice@example.com")
    assert told.status == NO
    assert "GRANT EXECUTE ON FUNCTION `prod`.`ml_team`.`fraud` TO `alice@example.com`" in told.out.splitlines()
    commands = [line for line in told.out.splitlines() if line.startswith("modelyard ")]
    assert commands == [
        "modelyard grants set schema prod.ml_team alice@example.com USE_SCHEMA CREATE_MODEL",
        f"modelyard grants set model {MODEL} alice@example.com EXECUTE",
    ]
    for command in commands:
        modelyard.do(*shlex.split(command)[1:])
    assert modelyard.ask(*words, token=alice)["ready"]
    modelyard.do("models", "create", "prod.ml_team.promoted", token=alice)
    assert "does not exist" in modelyard("preflight", "inference", "prod.ml_team.nothing").err


def test_effective_grants_say_where_they_come_from(modelyard: CommandLine, alice: str) -> None:
    [found] = modelyard.ask("grants", "effective", "model", MODEL, "--principal", "alice@example.com")
    assert found["privileges"] == [
        {"privilege": "USE_CATALOG", "inherited_from_type": "CATALOG", "inherited_from_name": "prod"}
    ]
    assert modelyard("grants", "effective", "model", MODEL, token=alice).status == 1
    shown = modelyard.do("grants", "effective", "model", MODEL).out
    assert "everyone-in-ml" in shown
    assert "prod" in shown


@pytest.mark.parametrize("words", [("explain", "me"), ("preflight", "cleaning", MODEL), ("preflight", "training")])
def test_commands_that_are_written_wrong_are_told_so(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    nowhere.misuse(*words)
