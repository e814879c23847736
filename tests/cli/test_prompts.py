from __future__ import annotations

import json

from tests.cli.conftest import CommandLine
from tests.support import LEGACY, Server

PROMPT = "prod.support.greeting"


def write(server: Server, name: str, *templates: str) -> None:
    """A prompt with a version for each template, as MLflow's client would make them."""
    with server.client() as admin:
        admin.post(f"{LEGACY}/prompts", json={"name": name, "prompt": {"name": name}}).raise_for_status()
        for template in templates:
            said = {"name": name, "prompt_version": {"template": json.dumps(template), "description": "v"}}
            admin.post(f"{LEGACY}/prompts/{name}/versions", json=said).raise_for_status()


def test_prompts_are_listed_searched_looked_at_and_deleted(modelyard: CommandLine) -> None:
    modelyard.server.make_containers("prod.support", "prod.other")
    write(modelyard.server, PROMPT, "Hello {{name}}", "Good day {{name}}")
    write(modelyard.server, "prod.other.farewell")

    names = [each["name"] for each in modelyard.ask("prompts", "list")]
    assert names == ["prod.other.farewell", PROMPT]
    assert "farewell" not in modelyard.do("prompts", "list", "--schema", "prod.support").out
    found = modelyard.ask("prompts", "list", "--search", "name LIKE 'fare%'")
    assert [each["name"] for each in found] == ["prod.other.farewell"]
    assert "at most 5 terms" in modelyard.refusal("prompts", "list", "--search", "owner = 'me'")
    assert modelyard.ask("prompts", "list", token=modelyard.server.make_user("alice")) == []

    assert modelyard.ask("prompts", "get", PROMPT)["owner"] == "admin"
    assert PROMPT in modelyard.do("prompts", "get", PROMPT).out
    assert modelyard.ask("prompts", "get", PROMPT, "1")["template"] == '"Hello {{name}}"'
    assert '"Good day {{name}}"' in modelyard.do("prompts", "get", PROMPT, "latest").out
    assert [each["version"] for each in modelyard.ask("prompts", "versions", PROMPT)] == ["2", "1"]
    assert "has no version 9" in modelyard.refusal("prompts", "get", PROMPT, "9")

    assert modelyard.do("prompts", "delete", PROMPT).err == f"Deleted the prompt {PROMPT}.\n"
    assert "does not exist" in modelyard.refusal("prompts", "get", PROMPT)
