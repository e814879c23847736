from __future__ import annotations

from tests.cli.conftest import CommandLine
from tests.serving import ENDPOINTS

TABLE = "prod.support.churn_payload"


def test_a_table_is_shown_kept_for_some_days_compared_and_deleted(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.support")
    capture = {"catalog_name": "prod", "schema_name": "support", "table_name_prefix": "churn", "enabled": True}
    custom = {"custom_provider_url": "https://models.example.com/score"}
    there = {"name": "there", "external_model": {"provider": "custom", "custom_provider_config": custom}}
    with modelyard.server.client() as admin:
        config = {"served_entities": [there], "auto_capture_config": capture}
        admin.post(ENDPOINTS, json={"name": "churn", "config": config}).raise_for_status()

    found = modelyard.ask("tables", "show", TABLE)
    assert (found["full_name"], found["rows"], found["lost_rows"], found["retention_days"]) == (TABLE, 0, 0, 30)
    assert TABLE in modelyard.do("tables", "show", TABLE).out
    assert modelyard.ask("tables", "rows", TABLE, "--status", "400", "--hours", "1", "--limit", "5") == []

    assert modelyard.do("tables", "retain", TABLE, "90").err == f"{TABLE} keeps its rows for 90 days.\n"
    assert modelyard.ask("tables", "show", TABLE)["retention_days"] == 90
    assert "from 1 to 3650" in modelyard.refusal("tables", "retain", TABLE, "9999")

    compared = modelyard.ask("tables", "compare", TABLE, "--a", "one", "--b", "two")
    assert (compared["pairs"], compared["agreement_rate"], compared["is_complete"]) == (0, None, True)
    assert "agreement" in modelyard.do("tables", "compare", TABLE, "--a", "one", "--b", "two").out
    assert "two served entities" in modelyard.refusal("tables", "compare", TABLE, "--a", "one", "--b", "one")

    assert modelyard.do("tables", "delete", TABLE).err == f"Deleted the table {TABLE}.\n"
    assert "does not exist" in modelyard.refusal("tables", "rows", TABLE)
