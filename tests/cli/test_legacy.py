from __future__ import annotations

from tests.cli.conftest import CommandLine, register

MODEL = "prod.ml_team.churn"
FLAT = "/api/2.0/mlflow"


def test_old_names_are_added_shown_changed_watched_and_removed(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.ml_team")
    modelyard.do("models", "create", MODEL)
    register(modelyard.server, MODEL)
    made = modelyard.ask("legacy", "add", "churn model", MODEL, "--alias", "production=live")
    assert made["aliases"] == {"Production": "live"}
    with modelyard.server.client() as client:
        told = {"name": "churn model", "version": "1", "stage": "Production"}
        client.post(f"{FLAT}/model-versions/transition-stage", json=told).raise_for_status()
    assert modelyard.ask("aliases", "list", MODEL)[0]["alias"] == "live"
    [move] = modelyard.ask("legacy", "stages", MODEL)
    assert (move["version"], move["from_stage"], move["to_stage"]) == (1, "None", "Production")
    changed = modelyard.ask(
        "legacy", "set", "churn model", "--refuse-from", "2020-01-01", "--refuse-until", "2100-01-01"
    )
    assert changed["refused_until"] > changed["refused_from"]
    assert modelyard.ask("legacy", "show", "churn model")["state"] == "brown-out"
    modelyard.do("legacy", "set", "churn model", "--retire")
    [listed] = modelyard.ask("legacy", "list")
    assert (listed["state"], listed["full_name"]) == ("retired", MODEL)
    assert "retired" in modelyard.do("legacy", "list").out
    assert isinstance(modelyard.ask("legacy", "witnesses", "churn model"), list)
    modelyard.do("legacy", "remove", "churn model", "--yes")
    assert modelyard.ask("legacy", "list") == []
    assert "stands for nothing" in modelyard.refusal("legacy", "remove", "churn model", "--yes")


def test_an_old_name_has_one_meaning(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.ml_team")
    modelyard.do("models", "create", MODEL)
    modelyard.do("models", "create", "prod.ml_team.other")
    modelyard.do("legacy", "add", "churn", MODEL)
    modelyard.do("legacy", "add", "churn", MODEL)
    assert "stands for something else" in modelyard.refusal("legacy", "add", "churn", "prod.ml_team.other")
    assert "does not exist" in modelyard.refusal("legacy", "add", "new", "prod.ml_team.nothing")
    assert "an alias of its own" in modelyard.refusal(
        "legacy", "add", "new", MODEL, "--alias", "Production=a", "--alias", "Staging=A"
    )
    assert "no stage" in modelyard.refusal("legacy", "add", "new", MODEL, "--alias", "None=a")
