"""`modelyard endpoints` and `modelyard entitlements`: what they ask for, and what they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.serving import SCHEMA, Times, register, save_linear, save_python, wait_for
from tests.support import Server

MODEL = f"{SCHEMA}.price"
QUESTION = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[2.0], [3.0]]}})


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two versions of a model: they multiply by 1 and by 2."""
    folder = tmp_path_factory.mktemp("server")
    server = Server(folder / "data", settings={"serving_env": "local"}).start()
    server.make_containers(SCHEMA)
    for factor in (1, 2):
        save_linear(folder / str(factor), factor)
        register(server, "price", folder / str(factor))
    yield server
    server.stop()


@pytest.fixture
def modelyard(stocked: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Its command line; endpoints are taken away again."""
    line = CommandLine(stocked, monkeypatch)
    yield line
    for each in line.ask("endpoints", "list"):
        line.do("endpoints", "delete", each["name"])


def shares(found: dict[str, Any]) -> dict[str, int]:
    routes = found["config"]["traffic_config"]["routes"]
    return {route["served_entity_name"]: route["traffic_percentage"] for route in routes}


def test_a_challenger_takes_over(modelyard: CommandLine, tmp_path: Path) -> None:
    made = modelyard.ask("endpoints", "create", "fraud", f"champion={MODEL}@1", "--wait", "--size", "medium")
    assert (made["state"], shares(made)) == (
        {"ready": "READY", "config_update": "NOT_UPDATING"},
        {"champion": 100},
    )
    [served] = made["config"]["served_entities"]
    assert (served["entity_version"], served["workload_size"]) == ("1", "Medium")

    told = modelyard.do("endpoints", "list").out
    assert "fraud" in told
    assert f"champion ({MODEL}@1)" in told
    shown = modelyard.do("endpoints", "show", "fraud").out
    assert "100 %" in shown
    assert "READY" in shown

    assert json.loads(modelyard.do("endpoints", "query", "fraud", "--body", QUESTION).out) == {
        "predictions": [2.0, 3.0]
    }

    added = modelyard.ask("endpoints", "update", "fraud", "--add", f"challenger={MODEL}@2", "--wait")
    assert shares(added) == {"champion": 100}
    assert added["config"]["served_entities"][0] == served
    (tmp_path / "body.json").write_text(QUESTION)
    words = ("endpoints", "query", "fraud", "--served", "challenger", "--body")
    assert json.loads(modelyard.do(*words, f"@{tmp_path / 'body.json'}").out) == {"predictions": [4.0, 6.0]}
    assert json.loads(modelyard.do(*words, "-", typed=QUESTION.encode()).out) == {"predictions": [4.0, 6.0]}

    split = modelyard.ask("endpoints", "traffic", "fraud", "champion=90", "challenger=10")
    assert (split["state"]["config_update"], shares(split)) == ("NOT_UPDATING", {"champion": 90, "challenger": 10})
    assert "must add up to 100, not 90" in modelyard.refusal("endpoints", "traffic", "fraud", "champion=90")

    stats = {row["name"]: row for row in modelyard.ask("endpoints", "stats", "fraud")}
    assert (stats["champion"]["requests"], stats["challenger"]["requests"]) == (1, 2)
    table = modelyard.do("endpoints", "stats", "fraud").out
    assert "66.7%" in table
    assert "p95" in table

    begun = modelyard.ask(
        "endpoints", "rollout", "fraud", "challenger", "--steps", "30,100", "--bake", "3600", "--max-errors", "0.01"
    )
    assert (begun["state"], begun["percentage"], begun["steps"]) == ("RUNNING", 30, [30, 100])
    assert "RUNNING" in modelyard.do("endpoints", "rollout", "fraud").out
    assert modelyard.ask("endpoints", "rollout", "fraud", "--back")["state"] == "ROLLED_BACK"
    assert shares(modelyard.ask("endpoints", "show", "fraud")) == {"champion": 90, "challenger": 10}

    words = ("endpoints", "update", "fraud", "--remove", "champion", "--traffic", "challenger=100", "--wait")
    assert shares(modelyard.ask(*words)) == {"challenger": 100}

    assert modelyard.ask("endpoints", "stop", "fraud")["state"]["suspend"] == "SUSPENDED"
    assert "STOPPED" in modelyard.do("endpoints", "list").out
    assert "is stopped" in modelyard.refusal("endpoints", "query", "fraud", "--body", QUESTION)
    assert modelyard.ask("endpoints", "start", "fraud", "--wait")["state"]["ready"] == "READY"
    assert "Deleted the endpoint fraud" in modelyard.do("endpoints", "delete", "fraud").err
    assert modelyard.ask("endpoints", "list") == []


def test_an_alias_that_is_followed_stays_followed_through_updates(modelyard: CommandLine) -> None:
    modelyard.do("aliases", "set", MODEL, "Champion", "1")
    words = ("endpoints", "create", "fraud", f"it={MODEL}@Champion", "--follow", "--scale-to-zero", "--env", "A=1")
    modelyard.do(*words, "--wait")
    updated = modelyard.ask("endpoints", "update", "fraud", "--add", f"{MODEL}@2", "--sticky", "user", "--wait")
    by_name = {each["name"]: each for each in updated["config"]["served_entities"]}
    assert by_name.keys() == {"it", "price-2"}
    followed = by_name["it"]
    assert (followed["entity_alias"], followed["follow_alias"], followed["entity_version"]) == ("Champion", True, "1")
    assert (followed["scale_to_zero_enabled"], followed["environment_vars"]) == (True, {"A": "1"})
    assert updated["config"]["sticky_by"] == "user"
    modelyard.do("aliases", "set", MODEL, "Champion", "2")

    def moved() -> bool:
        found = modelyard.ask("endpoints", "show", "fraud")
        served = {each["name"]: each["entity_version"] for each in found["config"]["served_entities"]}
        return served["it"] == "2"

    wait_for(moved, 60)


def test_an_update_that_fails_ends_with_1_and_says_why(modelyard: CommandLine, tmp_path: Path) -> None:
    modelyard.do("endpoints", "create", "fraud", f"{MODEL}@1", "--wait")
    save_python(tmp_path / "none", Times(1), None)
    (tmp_path / "none" / "python_model.pkl").write_bytes(b"no pickle")
    register(modelyard.server, "broken", tmp_path / "none")
    modelyard.do("endpoints", "update", "fraud", "--add", f"broken={SCHEMA}.broken@1")
    failed = modelyard.refusal("endpoints", "wait", "fraud")
    assert "The update of fraud has not come through" in failed
    assert '"broken" cannot be served' in failed
    assert "NOT_READY" not in modelyard.do("endpoints", "show", "fraud").out
    assert "no pickle" not in modelyard.do("endpoints", "logs", "fraud", "price-1").out
    assert "has no served entity 'broken'" in modelyard.refusal("endpoints", "logs", "fraud", "broken")


def test_levels_and_the_entitlement_are_given_and_taken_back(modelyard: CommandLine) -> None:
    alice, bob = (modelyard.server.make_user(name) for name in ("alice", "bob"))
    modelyard.do("principals", "create", "group", "ml-team", "--member", "alice")
    assert "ALLOW CLUSTER CREATE" in modelyard.refusal("endpoints", "create", "hers", f"{MODEL}@1", token=alice)
    modelyard.do("entitlements", "add", "ml-team", "allow-cluster-create")
    assert modelyard.ask("entitlements", "list") == [
        {"name": "ml-team", "kind": "group", "entitlements": ["allow-cluster-create"]}
    ]
    assert "USE CATALOG" in modelyard.refusal("endpoints", "create", "hers", f"{MODEL}@1", token=alice)
    modelyard.do("grants", "set", "catalog", "main", "alice", "USE_CATALOG", "USE_SCHEMA", "EXECUTE")
    modelyard.do("endpoints", "create", "hers", f"{MODEL}@1", "--wait", token=alice)

    assert modelyard.ask("endpoints", "list", token=bob) == []
    assert "'hers' does not exist" in modelyard.refusal("endpoints", "show", "hers", token=bob)
    words = ("endpoints", "permissions", "hers")
    modelyard.do(*words, "--allow", "bob=can_query", "--allow", "ml-team=CAN_VIEW", token=alice)
    asked = ("endpoints", "query", "hers", "--body", QUESTION)
    assert json.loads(modelyard.do(*asked, token=bob).out) == {"predictions": [2.0, 3.0]}
    assert "CAN MANAGE" in modelyard.refusal("endpoints", "logs", "hers", token=bob)
    explained = modelyard.do("explain", "bob", "Predict", "serving-endpoints/hers")
    assert "CAN QUERY is granted on endpoint hers to bob" in explained.out
    because = modelyard.do("explain", "alice", "ALLOW_CLUSTER_CREATE", "metastore").out
    assert "entitlement of alice → ml-team" in because

    told = modelyard.do(*words, "--deny", "bob", token=alice).out
    assert "bob" not in told
    assert [row["level"] for row in rows(modelyard.ask(*words))] == ["CAN_MANAGE", "CAN_MANAGE", "CAN_VIEW"]
    wait_for(lambda: "does not exist" in modelyard(*asked, token=bob).err, 5)

    modelyard.do("entitlements", "remove", "ml-team", "allow-cluster-create")
    assert modelyard.ask("entitlements", "list", "ml-team") == []
    assert "ALLOW CLUSTER CREATE" in modelyard.refusal("endpoints", "traffic", "hers", "price-1=100", token=alice)
    assert "cannot be started again" in modelyard.do("endpoints", "show", "hers", token=alice).out


def rows(told: dict[str, Any]) -> list[dict[str, str]]:
    return [{"level": each["all_permissions"][0]["permission_level"]} for each in told["access_control_list"]]


@pytest.mark.parametrize(
    "words",
    [
        ("create", "fraud"),
        ("create", "fraud", MODEL),
        ("create", "fraud", f"{MODEL}@"),
        ("create", "fraud", f"={MODEL}@1"),
        ("create", "fraud", f"{MODEL}@1", "--size", "Huge"),
        ("create", "fraud", f"{MODEL}@1", "--follow"),
        ("create", "fraud", f"{MODEL}@1", "--env", "A"),
        ("update", "fraud"),
        ("traffic", "fraud"),
        ("traffic", "fraud", "champion"),
        ("traffic", "fraud", "champion=9.5"),
        ("traffic", "fraud", "champion=-1"),
        ("rollout", "fraud", "--steps", "1,2"),
        ("rollout", "fraud", "it", "--steps", "1,x"),
        ("rollout", "fraud", "it", "--back"),
        ("rollout", "fraud", "--back", "--cancel"),
        ("wait", "fraud", "--timeout", "0"),
    ],
)
def test_a_command_that_is_written_wrong_ends_with_2(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    assert nowhere.misuse("endpoints", *words)


def test_an_entitlement_that_there_is_none_of_is_not_sent(nowhere: CommandLine) -> None:
    assert nowhere.misuse("entitlements", "add", "alice", "fly")


@pytest.mark.parametrize(
    ("body", "message"), [("{", "is not JSON"), ("@/nowhere/at/all", "cannot be read"), ("", "JSON")]
)
def test_a_question_that_is_none_is_not_sent(nowhere: CommandLine, body: str, message: str) -> None:
    assert message in nowhere.refusal("endpoints", "query", "fraud", "--body", body)
