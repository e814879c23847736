from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine


def held(grants: list[dict[str, object]]) -> dict[object, set[str]]:
    return {each["principal"]: set(each["privileges"]) for each in grants}  # pyright: ignore[reportArgumentType]


def test_grants_are_set_in_either_spelling_listed_and_taken_away(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.ml_team")
    modelyard.do("models", "create", "prod.ml_team.churn")
    alice, _ = modelyard.server.make_user("alice"), modelyard.server.make_user("bob")

    modelyard.do("grants", "set", "catalog", "prod", "alice", "USE CATALOG", "USE_SCHEMA")
    modelyard.refusal("models", "get", "prod.ml_team.churn", token=alice)
    modelyard.do("grants", "set", "model", "prod.ml_team.churn", "alice", "execute")
    modelyard.do("models", "get", "prod.ml_team.churn", token=alice)

    modelyard.do("grants", "set", "catalog", "prod", "bob", "BROWSE")
    listed = held(modelyard.ask("grants", "list", "catalog", "prod"))
    assert listed == {"alice": {"USE_CATALOG", "USE_SCHEMA"}, "bob": {"BROWSE"}}
    only = modelyard.ask("grants", "list", "catalog", "prod", "--principal", "bob")
    assert held(only) == {"bob": {"BROWSE"}}
    assert "USE_CATALOG" in modelyard.do("grants", "list", "catalog", "prod").out

    after = modelyard.ask("grants", "delete", "catalog", "prod", "alice", "use schema")
    assert held(after)["alice"] == {"USE_CATALOG"}
    modelyard.refusal("models", "get", "prod.ml_team.churn", token=alice)


def test_the_metastore_has_grants_too(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    modelyard.do("grants", "set", "metastore", "metastore", "alice", "CREATE CATALOG")
    assert modelyard.ask("catalogs", "create", "mine", token=alice)["owner"] == "alice"
    assert held(modelyard.ask("grants", "list", "metastore", "metastore")) == {"alice": {"CREATE_CATALOG"}}


def test_what_cannot_be_granted_is_refused(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.ml_team")
    alice = modelyard.server.make_user("alice")
    assert "not a privilege" in modelyard.refusal("grants", "set", "catalog", "prod", "alice", "FLY")
    assert "not applicable" in modelyard.refusal("grants", "set", "schema", "prod.ml_team", "alice", "BROWSE")
    modelyard.refusal("grants", "set", "catalog", "prod", "nobody", "BROWSE")
    modelyard.refusal("grants", "set", "catalog", "prod", "alice", "MANAGE", token=alice)


def test_principals_are_made_found_by_name_listed_and_deleted(modelyard: CommandLine) -> None:
    modelyard.do("principals", "create", "user", "alice@example.com")
    robot = modelyard.ask("principals", "create", "service-principal", "ci")
    assert (robot["kind"], robot["name"], robot["active"]) == ("service-principal", "ci", True)
    team = ("--member", "alice@example.com", "--member", "ci")
    made = modelyard.ask("principals", "create", "group", "ml-team", *team)
    assert {member["display"] for member in made["members"]} == {"alice@example.com", "ci"}

    assert "ml-team" in modelyard.do("principals", "get", "alice@example.com").out
    listed = {each["name"]: each["kind"] for each in modelyard.ask("principals", "list")}
    assert {"alice@example.com", "ci", "ml-team", "admin"} <= listed.keys()
    assert [each["name"] for each in modelyard.ask("principals", "list", "service-principal")] == ["ci"]

    modelyard.do("principals", "delete", "ml-team")
    assert "no principal with name ml-team" in modelyard.refusal("principals", "get", "ml-team")


def test_groups_change_their_members(modelyard: CommandLine) -> None:
    for name in ("alice", "bob"):
        modelyard.do("principals", "create", "user", name)
    modelyard.do("principals", "create", "group", "ml-team", "--member", "alice")
    changed = modelyard.ask("principals", "set", "ml-team", "--add-member", "bob", "--remove-member", "alice")
    assert [member["display"] for member in changed["members"]] == ["bob"]
    modelyard.refusal("principals", "set", "ml-team", "--add-member", "nobody")
    modelyard.refusal("principals", "create", "group", "other", "--member", "nobody")
    modelyard.refusal("principals", "create", "user", "carol", "--member", "alice")


def test_who_is_inactive_does_not_come_in(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    assert modelyard.ask("principals", "set", "alice", "--inactive")["active"] is False
    modelyard.refusal("catalogs", "list", token=alice)
    modelyard.do("principals", "set", "alice", "--active")
    modelyard.do("catalogs", "list", token=alice)


def test_names_of_principals_are_only_data(modelyard: CommandLine) -> None:
    for name in ("[bold]x[/]", "a b/c?d=e&f#%41", "O'Neil"):
        modelyard.do("principals", "create", "user", name)
        assert modelyard.ask("principals", "get", name)["name"] == name
        assert name in modelyard.do("principals", "list", "user").out
        assert name in modelyard.do("principals", "delete", name).err


def test_a_token_is_made_used_listed_and_revoked(modelyard: CommandLine) -> None:
    modelyard.do("principals", "create", "service-principal", "ci")
    made = modelyard.do("token", "create", "--for", "ci", "--comment", "nightly", "--days", "90")
    secret = made.out.removesuffix("\n")
    assert secret.startswith("mypat_")
    assert secret.isascii()
    assert secret not in made.err
    assert "of ci" in made.err

    [token] = modelyard.ask("token", "list", token=secret)
    assert (token["comment"], token["owner"]) == ("nightly", "ci")
    assert token["expiry_time"] - token["creation_time"] == 90 * 24 * 3600 * 1000
    own = modelyard.do("token", "create", token=secret).out.strip()
    shown = modelyard.do("token", "list", token=own).out
    assert "never" in shown
    assert "mypat_" not in shown

    modelyard.do("token", "revoke", token["token_id"])
    modelyard.refusal("token", "list", token=secret)
    modelyard.do("token", "list", token=own)
    modelyard.refusal("token", "revoke", "unknown")
    modelyard.refusal("token", "create", "--for", "admin", token=own)


@pytest.mark.parametrize(
    "words",
    [
        ("grants", "list", "table", "prod"),
        ("grants", "set", "catalog", "prod", "alice"),
        ("principals", "create", "robot", "x"),
        ("principals", "list", "robots"),
        ("principals", "set", "alice"),
        ("token", "create", "--days", "0"),
        ("token", "revoke"),
    ],
)
def test_a_command_that_is_written_wrong_ends_with_2(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    assert nowhere.misuse(*words)
