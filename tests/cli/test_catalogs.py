from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine


def test_a_catalog_is_made_looked_at_changed_renamed_and_deleted(modelyard: CommandLine) -> None:
    assert modelyard.ask("catalogs", "create", "prod", "--comment", "Customers see it")["owner"] == "admin"
    modelyard.do("catalogs", "create", "dev")
    assert {catalog["name"] for catalog in modelyard.ask("catalogs", "list")} >= {"prod", "dev"}

    card = modelyard.do("catalogs", "get", "prod").out
    assert "Customers see it" in card

    modelyard.server.make_user("alice")
    changed = modelyard.ask("catalogs", "set", "prod", "--owner", "alice", "--comment", "", "--rename", "live")
    assert (changed["name"], changed["owner"], changed["comment"]) == ("live", "alice", "")
    assert "does not exist" in modelyard.refusal("catalogs", "get", "prod")

    deleted = modelyard.do("catalogs", "delete", "live")
    assert (deleted.out, deleted.err) == ("", "Deleted the catalog live.\n")


def test_a_schema_is_made_looked_at_changed_renamed_and_deleted(modelyard: CommandLine) -> None:
    modelyard.do("catalogs", "create", "prod")
    made = modelyard.ask("schemas", "create", "prod.ml_team", "--comment", "Of the ML team")
    assert (made["full_name"], made["comment"]) == ("prod.ml_team", "Of the ML team")
    assert "prod.ml_team" in modelyard.do("schemas", "list", "prod").out
    assert "Of the ML team" in modelyard.do("schemas", "get", "prod.ml_team").out

    modelyard.do("schemas", "set", "prod.ml_team", "--comment", "Ranking", "--rename", "ranking")
    assert [each["full_name"] for each in modelyard.ask("schemas", "list", "prod")] == ["prod.ranking"]
    modelyard.do("schemas", "delete", "prod.ranking")
    assert modelyard.ask("schemas", "list", "prod") == []


def test_what_is_not_empty_is_deleted_by_force_only(modelyard: CommandLine) -> None:
    modelyard.do("catalogs", "create", "prod")
    modelyard.do("schemas", "create", "prod.ml_team")
    modelyard.do("models", "create", "prod.ml_team.churn")

    assert "not empty" in modelyard.refusal("schemas", "delete", "prod.ml_team")
    modelyard.do("schemas", "delete", "prod.ml_team", "--force")

    modelyard.do("schemas", "create", "prod.ml_team")
    modelyard.refusal("catalogs", "delete", "prod")
    modelyard.do("catalogs", "delete", "prod", "--force")


def test_a_list_goes_on_to_its_last_page(modelyard: CommandLine) -> None:
    with modelyard.server.client() as admin:
        for number in range(1_003):
            said = {"name": f"c{number}"}
            admin.post("/api/2.1/unity-catalog/catalogs", json=said).raise_for_status()
    assert len(modelyard.ask("catalogs", "list")) == 1_003


def test_the_refusal_of_the_server_is_told_in_its_words(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    modelyard.do("catalogs", "create", "prod")
    assert "CREATE CATALOG" in modelyard.refusal("catalogs", "create", "mine", token=alice)
    assert "prod" in modelyard.refusal("catalogs", "create", "prod")
    assert modelyard.refusal("catalogs", "list", token="mypat_wrong")


@pytest.mark.parametrize(
    "words",
    [
        ("catalogs", "create"),
        ("catalogs", "create", "prod.ml_team"),
        ("catalogs", "set", "prod"),
        ("schemas", "create", "ml_team"),
        ("schemas", "list"),
        ("schemas", "frobnicate"),
    ],
)
def test_a_command_that_is_written_wrong_ends_with_2(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    assert nowhere.misuse(*words)
