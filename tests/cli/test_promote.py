from __future__ import annotations

from tests.cli.conftest import CommandLine, register

DEV, PROD = "dev.ml_team.churn", "prod.ml_team.churn"


def test_a_version_is_promoted_by_number_and_by_alias(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("dev.ml_team", "prod.ml_team")
    for model in (DEV, PROD):
        modelyard.do("models", "create", model)
    register(modelyard.server, DEV)
    modelyard.do("aliases", "set", DEV, "Challenger", "1")
    made = modelyard.ask("promote", f"{DEV}@1", PROD, "--alias", "Champion", "--expect", "0")
    assert (made["version"], made["aliases"], made["source"]) == (1, ["Champion"], f"models:/{DEV}/1")
    again = modelyard.ask("promote", f"{DEV}@challenger", PROD, "--comment", "Once more")
    assert (again["version"], again["comment"], again["aliases"]) == (2, "Once more", [])
    assert "Champion" in modelyard.refusal("promote", f"{DEV}@1", PROD, "--alias", "Champion", "--expect", "2")
    assert modelyard("promote", DEV, PROD).status == 2

    card = modelyard.ask("card", PROD, "2")
    assert (card["files"], card["digest"]) == (1, made["digest"])
    assert "READY" in modelyard.do("card", PROD, "2").out
