from __future__ import annotations

from tests.cli.conftest import CommandLine, register
from tests.support import LEGACY

MODEL = "prod.ml_team.churn"


def test_the_lineage_of_a_version_is_a_tree_for_people_and_json_for_machines(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.ml_team")
    modelyard.do("models", "create", MODEL)
    register(modelyard.server, MODEL)
    note = {"name": MODEL, "version": "1", "model_version_lineage_info": {"entities": [{"job": {"id": "nightly"}}]}}
    with modelyard.server.client() as client:
        client.post(f"{LEGACY}/model-versions/emit-lineage", json=note).raise_for_status()
    [edge] = modelyard.ask("lineage", MODEL, "1")["downstream"]
    assert (edge["kind"], edge["name"], edge["times"]) == ("job", "nightly", 1)
    told = modelyard.do("lineage", MODEL, "1").out
    assert "job nightly" in told
    assert "nothing that is known" in told
    assert modelyard("lineage", MODEL, "7").status == 1
