"""MLflow's prompt registry by hand-made JSON: every route, its answers and its refusals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from modelyard.domain.prompts import MAX_LINKS
from modelyard.surfaces import prompts as surface
from tests.support import LEGACY, UNITY
from tests.surfaces.world import World, legacy, refusal

INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")
DENIED = (403, "PERMISSION_DENIED")
TAKEN = (409, "ALREADY_EXISTS")
OURS = "/api/2.0/modelyard"


def whole(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return answer.json()


def take_times(told: dict[str, Any]) -> None:
    """The times of an answer are RFC 3339, in UTC, and now."""
    for key in ("creation_timestamp", "last_updated_timestamp"):
        text = told.pop(key)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
        assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=1)


def new_version(world: World, prompt: str, template: object, **said: object) -> httpx.Response:
    version = {"template": template if isinstance(template, str) else json.dumps(template), **said}
    return world.legacy("POST", f"prompts/{prompt}/versions", name=prompt, prompt_version=version)


def test_a_prompt_from_its_creation_to_its_end(world: World) -> None:
    name = world.schema() + ".prompt"
    pairs = [{"key": "team", "value": "support"}]
    said = {"name": name.upper(), "description": "d", "tags": pairs, "aliases": [], "unknown": 1}
    made = whole(world.legacy("POST", "prompts", name=name.upper(), prompt=said))
    take_times(made)
    assert made == {"name": name, "description": "d", "aliases": [], "tags": pairs, "owner": "admin"}
    shown = whole(world.legacy("GET", f"prompts/{name}", name=name))
    take_times(shown)
    assert shown == made

    change = {"name": name, "description": "e"}
    assert whole(world.legacy("PATCH", f"prompts/{name}", name=name, prompt=change))["description"] == "e"
    assert whole(world.legacy("PATCH", f"prompts/{name}", prompt={}))["description"] == "e"
    refusal(world.legacy("PATCH", f"prompts/{name}", name=name, prompt={"tags": pairs}), *INVALID)
    refusal(world.legacy("PATCH", f"prompts/{name}", prompt={"name": name + "x"}), *INVALID)
    heir, _ = world.user()
    assert whole(world.legacy("PATCH", f"prompts/{name}", prompt={"owner": heir}))["owner"] == heir

    assert whole(world.legacy("DELETE", f"prompts/{name}", name=name)) == {}
    message = refusal(world.legacy("GET", f"prompts/{name}", name=name), *MISSING)
    assert message == f"Routine or Model '{name}' does not exist."


def test_a_taken_name_is_told_before_a_missing_privilege(world: World) -> None:
    """`register_prompt` always creates first, and goes on only when it is told ALREADY_EXISTS."""
    prompt, model = world.prompt(), world.model()
    for name in (prompt, model):
        catalog, _, last = name.split(".")
        _, passer = world.user(("catalog", catalog, ("USE_CATALOG", "USE_SCHEMA")))
        for client in (world.admin, passer):
            message = refusal(legacy(client, "POST", "prompts", name=name, prompt={"name": name}), *TAKEN)
            assert message == f"Routine or Model '{last}' already exists"
        fresh = name + "x"
        refusal(legacy(passer, "POST", "prompts", name=fresh, prompt={"name": fresh}), *DENIED)
    answer = world.legacy("POST", "registered-models/create", name=prompt)
    refusal(answer, 400, "RESOURCE_ALREADY_EXISTS")
    refusal(world.legacy("GET", "registered-models/get", name=prompt), *MISSING)
    refusal(world.legacy("GET", f"prompts/{model}"), *MISSING)


def test_a_name_needs_all_three_levels(world: World) -> None:
    for name in ("p", "s.p", "a.b.c.d"):
        message = refusal(world.legacy("DELETE", f"prompts/{name}"), *INVALID)
        assert "is not a valid prompt name. Please specify all three levels of the prompt name" in message
    for name in ("", "a..c", "a.b.c d", "a.b.c/d", "a.b.\x07"):
        refusal(world.legacy("POST", "prompts", name=name, prompt={"name": name}), *INVALID)
    refusal(world.legacy("POST", "prompts"), *INVALID)
    refusal(world.legacy("POST", "prompts", name="a.b.c", prompt={"name": "a.b.d"}), *INVALID)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "Hi {{name}}\nè 日本 🎉",
        "x" * 256 * 1024,
        [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}} é"}],
    ],
    ids=["empty", "unicode", "256 KiB", "chat"],
)
def test_a_version_from_its_creation_to_its_end(world: World, template: object) -> None:
    name = world.prompt()
    encoded = json.dumps(template)
    pairs = [{"key": "_mlflow_prompt_response_format", "value": "x" * 5_000}, {"key": "a", "value": ""}]
    made = whole(new_version(world, name, encoded, description="d", tags=[*pairs[::-1], pairs[0]]))
    take_times(made)
    expected = {"name": name, "version": "2", "description": "d", "template": encoded, "aliases": []}
    assert {**made, "tags": sorted(made["tags"], key=str)} == {
        **expected, "tags": sorted(pairs, key=str), "created_by": "admin",
    }  # fmt: skip
    shown = whole(world.legacy("GET", f"prompts/{name}/versions/2", name=name, version="2"))
    assert shown.items() >= {**expected, "tags": pairs}.items()
    changed = world.legacy("PATCH", f"prompts/{name}/versions/2", prompt_version={"description": "better"})
    assert whole(changed).items() >= {**expected, "description": "better"}.items()
    refusal(world.legacy("PATCH", f"prompts/{name}/versions/2", prompt_version={"template": '"other"'}), *INVALID)
    assert whole(world.legacy("DELETE", f"prompts/{name}/versions/2", name=name, version="2")) == {}
    for method in ("GET", "DELETE", "PATCH"):
        message = refusal(world.legacy(method, f"prompts/{name}/versions/2"), *MISSING)
        assert message == f"Routine or Model '{name}' has no version 2."
    assert whole(new_version(world, name, encoded))["version"] == "3"


def test_a_template_that_clients_could_not_load_is_refused(world: World) -> None:
    name = world.prompt()
    for bad in ("", "Hi {{name}}", "{}", "[]", "null", '["Hi"]', "[" * 100_000):
        refusal(new_version(world, name, bad), *INVALID)
    for wrong in (1, ["x"], {"x": 1}, True):
        said = {"prompt_version": {"template": wrong}}
        refusal(world.legacy("POST", f"prompts/{name}/versions", **said), *INVALID)
    refusal(world.legacy("POST", f"prompts/{name}/versions", prompt_version="x"), *INVALID)
    refusal(world.legacy("POST", f"prompts/{name}/versions"), *INVALID)
    refusal(new_version(world, name, "x" * 512 * 1024), *INVALID)
    refusal(new_version(world, name + "x", "x"), *INVALID)
    refusal(new_version(world, name + "x", '"x"'), *MISSING)
    assert whole(new_version(world, name, '"x"'))["version"] == "2"


@pytest.mark.parametrize("version", ["0", "-1", "x", "1.0", "1" * 20, "latest"])
def test_a_version_is_a_whole_number(world: World, version: str) -> None:
    name = world.prompt()
    refusal(world.legacy("GET", f"prompts/{name}/versions/{version}"), *INVALID)
    refusal(world.legacy("POST", f"prompts/{name}/aliases/a", version=version), *INVALID)


def test_versions_are_listed_newest_first_in_pages(world: World) -> None:
    name = world.prompt(*(f"template {number}" for number in range(1, 8)))
    numbers, token = [], ""
    while True:
        said = {"name": name, "max_results": 3, "page_token": token}
        page = whole(world.legacy("POST", f"prompts/{name}/versions/search", **said))
        numbers += [int(version["version"]) for version in page["prompt_versions"]]
        if not (token := page["next_page_token"]):
            break
    assert numbers == list(range(7, 0, -1))
    everything = whole(world.legacy("POST", f"prompts/{name}/versions/search"))
    assert (len(everything["prompt_versions"]), everything["next_page_token"]) == (7, "")
    first = whole(world.legacy("POST", f"prompts/{name}/versions/search", max_results=1))["next_page_token"]
    other = world.prompt("a", "b")
    for path, token in ((other, first), (name, "abc"), (name, first + "x")):
        refusal(world.legacy("POST", f"prompts/{path}/versions/search", page_token=token), *INVALID)
    refusal(world.legacy("POST", f"prompts/{name}/versions/search", max_results=-1), *INVALID)
    refusal(world.legacy("POST", f"prompts/{name}x/versions/search"), *MISSING)


def test_an_alias_is_a_register(world: World) -> None:
    name = world.prompt("one", "two")

    def by_alias(alias: str) -> httpx.Response:
        return world.legacy("GET", f"prompts/{name}/versions/by-alias/{alias}", name=name, alias=alias)

    for alias in ("latest", "LATEST"):
        assert whole(by_alias(alias))["version"] == "2"
    refusal(by_alias("production"), *MISSING)
    for number in (2, 1):
        said = {"name": name, "alias": "Production", "version": str(number)}
        assert whole(world.legacy("POST", f"prompts/{name}/aliases/Production", **said)) == {}
        found = whole(by_alias("pRODUCTION"))
        aliases = [{"alias": "Production", "version": str(number)}]
        assert (found["version"], found["aliases"]) == (str(number), aliases)
        assert whole(world.legacy("GET", f"prompts/{name}"))["aliases"] == aliases
    refusal(world.legacy("POST", f"prompts/{name}/aliases/Production", version="9"), *MISSING)
    assert whole(world.legacy("DELETE", f"prompts/{name}/aliases/production", name=name)) == {}
    refusal(world.legacy("DELETE", f"prompts/{name}/aliases/production"), *MISSING)
    for alias in ("latest", "v1", "a b", "a.b", "x" * 256):
        refusal(world.legacy("POST", f"prompts/{name}/aliases/{alias}", version="1"), *INVALID)
    refusal(by_alias("v1"), *INVALID)
    for number in (1, 2):
        world.legacy("DELETE", f"prompts/{name}/versions/{number}").raise_for_status()
    assert "has no versions yet" in refusal(by_alias("latest"), *MISSING)


@pytest.mark.parametrize("path", ["", "/versions/1"], ids=["prompt", "version"])
def test_tags(world: World, path: str) -> None:
    name = world.prompt()
    where = f"prompts/{name}{path}"

    def tags() -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in whole(world.legacy("GET", where))["tags"]}

    for key, value in (("Key é", "v"), ("key é", "w"), ("Key é", "x"), ("_mlflow_prompt_type", "text"), ("what?", "")):
        assert whole(world.legacy("POST", f"{where}/tags", name=name, version="1", key=key, value=value)) == {}
    assert tags() == {"Key é": "x", "key é": "w", "_mlflow_prompt_type": "text", "what?": ""}
    # As MLflow's client sends it: the key stands in the path as it is, and ends at the question mark there.
    answer = world.admin.request("DELETE", f"{LEGACY}/{where}/tags/what?", json={"name": name, "key": "what?"})
    assert whole(answer) == {}
    for _ in range(2):
        assert whole(world.legacy("DELETE", f"{where}/tags/Key%20%C3%A9")) == {}
    assert tags() == {"key é": "w", "_mlflow_prompt_type": "text"}
    for bad in ("", "a.b", "a-b", " a", "k" * 256, "a\x00"):
        refusal(world.legacy("POST", f"{where}/tags", key=bad, value="v"), *INVALID)
    refusal(world.legacy("POST", f"{where}/tags", key="k", value="v" * 1001), *INVALID)
    for number in range(48):
        world.legacy("POST", f"{where}/tags", key=f"k{number}").raise_for_status()
    refusal(world.legacy("POST", f"{where}/tags", key="one_more"), *INVALID)
    refusal(world.legacy("POST", f"prompts/{name}x{path}/tags", key="k", value="v"), *MISSING)


def test_prompts_are_searched_in_a_schema_in_pages(world: World) -> None:
    schema = world.schema()
    catalog, last = schema.split(".")
    for number in range(5):
        name = f"{schema}.greeting_{number}"
        pairs = [{"key": "parity", "value": str(number % 2)}, {"key": "_mlflow_experiment_ids", "value": f",{number},"}]
        world.legacy("POST", "prompts", name=name, prompt={"name": name, "tags": pairs}).raise_for_status()
    world.legacy("POST", "prompts", name=f"{schema}.farewell", prompt={}).raise_for_status()

    def search(text: str = "", **said: object) -> list[str]:
        told = {"catalog_schema": {"catalog_name": catalog, "schema_name": last}, "filter": text, **said}
        found, token = [], ""
        while True:
            page = whole(world.legacy("POST", "prompts/search", **told, page_token=token))
            found += [prompt["name"].rpartition(".")[2] for prompt in page["prompts"]]
            if not (token := page["next_page_token"]):
                return found

    everything = ["farewell", *(f"greeting_{number}" for number in range(5))]
    assert search() == search(max_results=1) == search(max_results=0) == everything
    assert search("name LIKE 'greeting%'", max_results=2) == everything[1:]
    assert search("name ILIKE 'GREETING__' AND tags.parity = '1'") == ["greeting_1", "greeting_3"]
    assert search(f"name = '{schema.upper()}.Farewell'") == ["farewell"]
    assert search("name = 'greeting__'") == []
    assert search("tags._mlflow_experiment_ids LIKE '%,3,%' AND tags.`parity` = '1'") == ["greeting_3"]

    first = whole(
        world.legacy(
            "POST", "prompts/search", max_results=1, catalog_schema={"catalog_name": catalog, "schema_name": last}
        )
    )["next_page_token"]
    refusal(world.legacy("POST", "prompts/search", page_token=first), *INVALID)
    refusal(world.legacy("POST", "prompts/search", catalog_schema={"catalog_name": catalog}), *INVALID)
    elsewhere = {"catalog_name": catalog, "schema_name": "missing"}
    assert whole(world.legacy("POST", "prompts/search", catalog_schema=elsewhere))["prompts"] == []
    assert f"{schema}.farewell" in str(whole(world.legacy("POST", "prompts/search", filter="name = 'farewell'")))


@pytest.mark.parametrize(
    "text",
    ["garbage", "name = 'x' OR 1=1", "name = 'x' AND", "'; DROP TABLE prompts; --", "name != 'x'", "\x00", "(" * 9],
)
def test_a_filter_that_makes_no_sense_is_refused(world: World, text: str) -> None:
    assert "name LIKE" in refusal(world.legacy("POST", "prompts/search", filter=text), *INVALID)


def test_a_request_with_wrong_types_is_refused(world: World) -> None:
    name = world.prompt()
    for path, said in (
        ("prompts", {"name": 1}),
        ("prompts", {"name": name + "x", "prompt": "x"}),
        ("prompts", {"name": name + "x", "prompt": {"tags": {"a": "b"}}}),
        ("prompts/search", {"catalog_schema": "x"}),
        ("prompts/search", {"max_results": "many"}),
        (f"prompts/{name}/tags", {"key": ["k"]}),
        ("prompt-versions/links-to-runs", {"prompt_versions": [name], "run_ids": ["r"]}),
        ("prompt-versions/links-to-runs", {"prompt_versions": [{"name": name, "version": 1}], "run_ids": "r"}),
    ):
        refusal(world.legacy("POST", path, **said), *INVALID)


def test_versions_are_linked_to_models_traces_and_runs(world: World) -> None:
    name, other = world.prompt("one"), world.prompt("two")
    both = [{"name": name, "version": "1"}, {"name": other, "version": 1}]
    kinds = (("models", "model_ids", "model"), ("traces", "trace_ids", "trace"), ("runs", "run_ids", "run"))
    for path, key, kind in kinds:
        for _ in range(2):
            said = {"prompt_versions": both, key: ["b", "a"]}
            assert whole(world.legacy("POST", f"prompt-versions/links-to-{path}", **said)) == {}
        for prompt in (name, other):
            page = whole(world.admin.get(f"{OURS}/prompts/{prompt}/versions/1/links", params={"kind": kind}))
            assert page == {"links": [{"kind": kind, "id": "a"}, {"kind": kind, "id": "b"}], "next_page_token": ""}
    where = f"{OURS}/prompts/{name}/versions/1/links"
    first = whole(world.admin.get(where, params={"kind": "run", "max_results": 1}))
    rest = whole(world.admin.get(where, params={"kind": "run", "page_token": first["next_page_token"]}))
    assert [link["id"] for link in first["links"] + rest["links"]] == ["a", "b"]
    refusal(world.admin.get(where, params={"kind": "x"}), *INVALID)

    runs = "prompt-versions/links-to-runs"
    missing = [*both, {"name": name, "version": "9"}]
    refusal(world.legacy("POST", runs, prompt_versions=missing, run_ids=["c"]), *MISSING)
    assert len(whole(world.admin.get(where))["links"]) == 2
    refusal(world.legacy("POST", runs, prompt_versions=both), *INVALID)
    refusal(world.legacy("POST", runs, prompt_versions=both, run_ids=["x" * 256]), *INVALID)
    many = [f"r{number}" for number in range(MAX_LINKS // 2 + 1)]
    refusal(world.legacy("POST", runs, prompt_versions=both, run_ids=many), *INVALID)
    _, stranger = world.user()
    refusal(legacy(stranger, "POST", runs, prompt_versions=both[:1], run_ids=["c"]), *MISSING)


def test_every_refusal_names_the_missing_privilege(world: World) -> None:
    name = world.prompt()
    _, passer = world.user_of(name)
    words = {
        "EXECUTE": [("GET", "", {}), ("GET", "/versions/1", {}), ("GET", "/versions/by-alias/latest", {}),
                    ("POST", "/versions/search", {})],
        "CREATE MODEL VERSION": [("POST", "/versions", {"prompt_version": {"template": '"x"'}})],
        "MANAGE": [("PATCH", "", {}), ("DELETE", "", {}), ("PATCH", "/versions/1", {}), ("DELETE", "/versions/1", {}),
                   ("POST", "/aliases/a", {"version": "1"}), ("DELETE", "/aliases/a", {})],
        "APPLY TAG": [("POST", "/tags", {"key": "k"}), ("DELETE", "/tags/k", {}),
                      ("POST", "/versions/1/tags", {"key": "k"}), ("DELETE", "/versions/1/tags/k", {})],
    }  # fmt: skip
    for privilege, calls in words.items():
        for method, path, said in calls:
            message = refusal(legacy(passer, method, f"prompts/{name}{path}", **said), *DENIED)
            assert message == f"User does not have {privilege} on Routine or Model '{name}'."


def test_grants_are_made_and_shown_in_both_words(world: World) -> None:
    name = world.prompt()
    somebody, reader = world.user_of(name)
    for kind in ("function", "prompt", "SecurableType.PROMPT"):
        world.server.grant(kind, name, somebody, "EXECUTE")
        assert whole(legacy(reader, "GET", f"prompts/{name}/versions/1"))["template"] == '"Hello {{name}}"'
        shown = whole(world.admin.get(f"{UNITY}/permissions/{kind}/{name}"))
        assert shown == {"privilege_assignments": [{"principal": somebody, "privileges": ["EXECUTE"]}]}
        world.take(kind, name, somebody, "EXECUTE")
    refusal(legacy(reader, "GET", f"prompts/{name}"), *DENIED)
    refusal(world.admin.get(f"{UNITY}/permissions/prompt/{world.model()}"), *MISSING)


def test_a_schema_with_prompts_is_deleted_only_by_force(world: World) -> None:
    name = world.prompt()
    schema = name.rpartition(".")[0]
    assert f"holds '{name}'" in refusal(world.admin.delete(f"{UNITY}/schemas/{schema}"), 400, "INVALID_STATE")
    whole(world.admin.delete(f"{UNITY}/schemas/{schema}", params={"force": "true"}))
    refusal(world.legacy("GET", f"prompts/{name}"), *MISSING)


def test_every_route_of_the_surface_is_called_here() -> None:
    """A route that is new in the table wants its tests in this file."""
    assert len({(row.method, row.path) for row in surface.ROWS}) == 20
