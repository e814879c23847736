"""Unity Catalog's own surface for versions, aliases and tags: the SDK's calls, and the bodies on the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from unitycatalog.client.api.model_versions_api import ModelVersionsApi
from unitycatalog.client.api.registered_models_api import RegisteredModelsApi
from unitycatalog.client.api_client import ApiClient
from unitycatalog.client.configuration import Configuration
from unitycatalog.client.models.create_model_version import CreateModelVersion

from tests.support import UNITY
from tests.surfaces.world import MLMODEL, Folder, World, refusal

INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")


def versions(model: str, number: object = "") -> str:
    return f"{UNITY}/models/{model}/versions" + (f"/{number}" if number else "")


def alias(model: str, name: str) -> str:
    return f"{UNITY}/models/{model}/aliases/{name}"


def pieces(model: str) -> dict[str, str]:
    return dict(zip(("catalog_name", "schema_name", "model_name"), model.split("."), strict=True))


def create(world: World, model: str, **said: object) -> dict[str, Any]:
    told = {**pieces(model), "source": "somewhere", **said}
    return world.admin.post(f"{UNITY}/models/versions", json=told).raise_for_status().json()


def ok(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return response.json()


# The real clients


def workspace(world: World, token: str = "") -> WorkspaceClient:
    return WorkspaceClient(host=world.server.url, token=token or world.server.token)


@pytest.mark.client("databricks-sdk 0.156", "aliases", "change", "search")
def test_every_call_of_the_sdk_for_registered_models(world: World) -> None:
    w, schema = workspace(world), world.schema()
    catalog, _, name = schema.partition(".")
    made = w.registered_models.create(name="churn", catalog_name=catalog, schema_name=name, comment="who leaves")
    full = str(made.full_name)
    assert (full, made.comment, made.owner) == (f"{schema}.churn", "who leaves", "admin")
    first, second = world.ready(full), world.ready(full)

    moved = w.registered_models.set_alias(full, "Champion", first)
    assert (moved.alias_name, moved.version_num, moved.model_name) == ("Champion", 1, "churn")
    assert (moved.catalog_name, moved.schema_name) == (catalog, name)
    w.registered_models.set_alias(full, "Champion", second)
    assert w.registered_models.get(full).aliases in (None, [])
    [told] = w.registered_models.get(full, include_aliases=True).aliases or []
    assert (told.alias_name, told.version_num, told.id) == ("Champion", 2, moved.id)
    w.registered_models.delete_alias(full, "Champion")
    assert not w.registered_models.get(full, include_aliases=True).aliases

    assert w.registered_models.update(full, comment="who stays").comment == "who stays"
    assert [each.full_name for each in w.registered_models.list(catalog_name=catalog, schema_name=name)] == [full]
    w.registered_models.delete(full)
    with pytest.raises(NotFound):
        w.registered_models.get(full)
    with pytest.raises(NotFound):
        w.model_versions.get(full, first)


@pytest.mark.client("databricks-sdk 0.156", "aliases", "change", "search")
def test_every_call_of_the_sdk_for_versions(world: World) -> None:
    w, model = workspace(world), world.model()
    numbers = [world.ready(model) for _ in range(3)]
    w.registered_models.set_alias(model, "Champion", 2)
    assert [each.version for each in w.model_versions.list(model, max_results=2)] == numbers[::-1]
    found = w.model_versions.get(model, 2, include_aliases=True)
    assert (found.version, found.status and found.status.value, found.model_name) == (2, "READY", "model")
    assert [each.alias_name for each in found.aliases or []] == ["Champion"]
    assert not w.model_versions.get(model, 2).aliases
    by_alias = w.model_versions.get_by_alias(model, "champion", include_aliases=True)
    assert (by_alias.version, by_alias.aliases) == (2, found.aliases)
    w.model_versions.update(model, 2, comment="better")
    assert w.model_versions.get(model, 2).comment == "better"
    w.model_versions.delete(model, 2)
    with pytest.raises(NotFound):
        w.model_versions.get_by_alias(model, "Champion")
    assert [each.version for each in w.model_versions.list(model)] == [3, 1]

    stranger = world.server.make_user("stranger-to-versions@example.com")
    for ask in (lambda w: w.model_versions.get(model, 1), lambda w: list(w.model_versions.list(model))):
        with pytest.raises(PermissionDenied, match="USE CATALOG"):
            ask(workspace(world, stranger))


async def _by_open_source_client(world: World, model: str) -> None:
    configuration = Configuration(host=f"{world.server.url}{UNITY}")
    async with ApiClient(configuration, "Authorization", f"Bearer {world.server.token}") as client:
        api = ModelVersionsApi(client)
        made = await api.create_model_version(CreateModelVersion(**pieces(model), source="here", run_id="r1"))
        assert (made.version, made.status and made.status.value) == (1, "PENDING_REGISTRATION")
        Folder(world.admin, model, 1).put("MLmodel", MLMODEL).raise_for_status()
        world.admin.patch(versions(model, 1) + "/finalize", json={}).raise_for_status()
        found = await api.get_model_version(full_name=model, version=1)
        assert (found.version, found.run_id, found.status and found.status.value) == (1, "r1", "READY")
        listed = await api.list_model_versions(full_name=model, max_results=10)
        assert [each.version for each in listed.model_versions or []] == [1]
        await api.delete_model_version(full_name=model, version=1)
        await RegisteredModelsApi(client).delete_registered_model(full_name=model, force=True)


@pytest.mark.client("unitycatalog-client 0.7", "search")
def test_the_open_source_client_reads_versions_as_numbers(world: World) -> None:
    model = world.model()
    asyncio.run(_by_open_source_client(world, model))
    refusal(world.admin.get(f"{UNITY}/models/{model}"), *MISSING)


# Bodies on the wire


def test_a_new_version_on_the_wire(world: World) -> None:
    model = world.model()
    depends = {
        "dependencies": [
            {"table": {"table_full_name": "a.b.t"}},
            {"function": {"function_full_name": "a.b.f"}},
            {"connection": {"connection_name": "c"}},
        ]
    }
    made = create(
        world,
        model,
        run_id="r1",
        comment="first",
        tags=[{"key": "k", "value": "v"}],
        model_version_dependencies=depends,
        model_id="m-1",
        feature_deps="",
        run_tracking_server_id="42",
    )
    metastore = world.admin.get(f"{UNITY}/models/{model}").json()["metastore_id"]
    assert made.pop("created_at") == made.pop("updated_at")
    assert len(made.pop("id")) == 32
    assert made == {
        **pieces(model),
        "version": 1,
        "metastore_id": metastore,
        "source": "somewhere",
        "run_id": "r1",
        "run_workspace_id": 42,
        "comment": "first",
        "status": "PENDING_REGISTRATION",
        "storage_location": f"/Models/{model.replace('.', '/')}/1",
        "created_by": "admin",
        "updated_by": "admin",
        "tags": [{"key": "k", "value": "v"}],
        "model_id": "m-1",
        "model_version_dependencies": depends,
    }
    refusal(world.admin.patch(versions(model, 1) + "/finalize", json={"version": 1}), 400, "INVALID_STATE")
    Folder(world.admin, model, 1).put("MLmodel", MLMODEL).raise_for_status()
    finalized = ok(world.admin.patch(versions(model, 1) + "/finalize", json={"full_name": model, "version": 1}))
    assert (finalized["status"], finalized["model_version_dependencies"]) == ("READY", depends)

    copy = create(world, world.model(), source=f"models:/{model}/1")
    assert (copy["model_id"], copy["model_version_dependencies"]) == ("m-1", depends)


def test_a_copy_needs_execute_on_its_origin(world: World) -> None:
    origin, target = world.model(), world.model()
    number = world.ready(origin)
    name, client = world.user_of(target, "CREATE_MODEL_VERSION")
    said = {**pieces(target), "source": f"models:/{origin}/{number}"}
    assert "USE CATALOG" in refusal(client.post(f"{UNITY}/models/versions", json=said), 403, "PERMISSION_DENIED")
    world.server.grant("catalog", origin.split(".")[0], name, "USE_CATALOG", "USE_SCHEMA", "EXECUTE")
    assert ok(client.post(f"{UNITY}/models/versions", json=said))["version"] == 1


def test_pages_of_versions_newest_first(world: World) -> None:
    model, other = world.model(), world.model()
    for _ in range(5):
        world.version(model)
    first = ok(world.admin.get(versions(model), params={"max_results": 2}))
    assert [each["version"] for each in first["model_versions"]] == [5, 4]
    token = first["next_page_token"]
    second = ok(world.admin.get(versions(model), params={"max_results": "10000", "page_token": token}))
    assert [each["version"] for each in second["model_versions"]] == [3, 2, 1]
    assert "next_page_token" not in second
    assert len(ok(world.admin.get(versions(model), params={"max_results": 0}))["model_versions"]) == 5
    for query in ({"max_results": "-1"}, {"max_results": "many"}, {"page_token": "abc"}):
        refusal(world.admin.get(versions(model), params=query), *INVALID)
    refusal(world.admin.get(versions(other), params={"page_token": token}), *INVALID)
    refusal(world.admin.get(versions(model + "_absent")), *MISSING)


def test_an_alias_on_the_wire(world: World) -> None:
    model = world.model()
    world.ready(model)
    world.ready(model)
    moved = ok(world.admin.put(alias(model, "Champion"), json={"full_name": model, "version_num": 1}))
    assert len(moved.pop("id")) == 36
    assert moved == {"alias_name": "Champion", "version_num": 1, **pieces(model)}
    changed = {"version_num": "2", "expected_version": 2}
    refusal(world.admin.put(alias(model, "Champion"), json=changed), 409, "ABORTED")
    ok(world.admin.put(alias(model, "Champion"), json={**changed, "expected_version": 1}))
    for asked, aliases in (("true", ["Champion"]), ("false", [])):
        for where in (f"{UNITY}/models/{model}", versions(model, 2), alias(model, "champion")):
            found = ok(world.admin.get(where, params={"include_aliases": asked, "full_name": model, "version": "2"}))
            assert [each["alias_name"] for each in found.get("aliases", [])] == aliases, where
    listed = ok(world.admin.get(versions(model)))["model_versions"]
    assert all("aliases" not in each for each in listed)
    assert ok(world.admin.request("DELETE", alias(model, "Champion"), json={"full_name": model})) == {}
    refusal(world.admin.get(alias(model, "Champion")), *MISSING)
    refusal(world.admin.delete(alias(model, "Champion")), *MISSING)


def test_an_alias_must_point_at_a_version_that_is_ready(world: World) -> None:
    model = world.model()
    world.version(model)
    refusal(world.admin.put(alias(model, "a"), json={"version_num": 1}), 400, "INVALID_STATE")
    refusal(world.admin.put(alias(model, "a"), json={"version_num": 7}), *MISSING)
    for body in ({}, {"version_num": 0}, {"version_num": "one"}, {"version_num": 1.5}):
        refusal(world.admin.put(alias(model, "a"), json=body), *INVALID)
    refusal(world.admin.put(alias(model, "latest"), json={"version_num": 1}), *INVALID)


# Tags


def tagging(model: str, number: object = "") -> str:
    return f"{UNITY}/subentity-tags/FUNCTION/{model}/{number}" if number else f"{UNITY}/securable-tags/FUNCTION/{model}"


def tags_of(world: World, model: str, number: object = "") -> dict[str, str]:
    found = ok(world.admin.get(versions(model, number) if number else f"{UNITY}/models/{model}"))
    return {each["key"]: each["value"] for each in found["tags"]}


@pytest.mark.parametrize("number", ["", "1"], ids=["model", "version"])
def test_tags_change_all_or_none(world: World, number: str) -> None:
    model = world.model()
    world.version(model)
    where = tagging(model, number)

    def change(add: dict[str, str], *remove: str) -> httpx.Response:
        pairs = [{"key": key, "value": value} for key, value in add.items()]
        return world.admin.patch(where, json={"changes": {"add_tags": pairs, "remove": list(remove)}})

    assert ok(change({"a": "1", "b": "2"})) == {}
    ok(change({"a": "3", "c": ""}, "b", "absent"))
    assert tags_of(world, model, number) == {"a": "3", "c": ""}
    refusal(change({"d": "4", "wrong.key": "x"}, "a"), *INVALID)
    refusal(change({"a": "5"}, "a"), *INVALID)
    refusal(change({f"t{each}": "" for each in range(50)}), *INVALID)
    assert tags_of(world, model, number) == {"a": "3", "c": ""}
    ok(change({f"t{each}": "" for each in range(50)}, "a", "c"))
    assert len(tags_of(world, model, number)) == 50
    ok(world.admin.patch(where, json={}))
    for body in ({"changes": []}, {"changes": {"add_tags": {}}}, {"changes": {"remove": [1]}}, {"changes": "x"}):
        refusal(world.admin.patch(where, json=body), *INVALID)


def test_tags_need_apply_tag_and_only_that(world: World) -> None:
    model = world.model()
    world.version(model)
    name, client = world.user_of(model, "EXECUTE")
    said = {"changes": {"add_tags": [{"key": "k", "value": "v"}]}}
    for where in (tagging(model), tagging(model, 1)):
        assert "APPLY TAG" in refusal(client.patch(where, json=said), 403, "PERMISSION_DENIED")
    world.server.grant("function", model, name, "APPLY_TAG")
    world.take("function", model, name, "EXECUTE")
    for where in (tagging(model), tagging(model, 1)):
        ok(client.patch(where, json=said))


def test_tags_of_what_is_no_model_or_not_there(world: World) -> None:
    model = world.model()
    schema = model.rpartition(".")[0]
    refusal(world.admin.patch(f"{UNITY}/securable-tags/SCHEMA/{schema}", json={}), *INVALID)
    refusal(world.admin.patch(f"{UNITY}/securable-tags/SPELL/{model}", json={}), *INVALID)
    refusal(world.admin.patch(tagging(model + "x"), json={}), *MISSING)
    refusal(world.admin.patch(tagging(model, 9), json={}), *MISSING)
    refusal(world.admin.patch(tagging(model, "one"), json={}), *INVALID)


# Credentials and errors


def test_credentials_send_clients_to_the_files_api(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    pending = world.version(model)
    where = f"{UNITY}/temporary-model-version-credentials"

    def ask(version: object, operation: str, client: httpx.Client = world.admin) -> httpx.Response:
        return client.post(where, json={**pieces(model), "version": version, "operation": operation})

    found = ok(ask(number, "READ_MODEL_VERSION"))
    assert found.pop("expiration_time") > 1_600_000_000_000
    assert found == {"storage_mode": "DEFAULT_STORAGE"}
    assert ok(ask(str(pending), "READ_WRITE_MODEL_VERSION"))["storage_mode"] == "DEFAULT_STORAGE"
    refusal(ask(number, "READ_WRITE_MODEL_VERSION"), 400, "INVALID_STATE")
    refusal(ask(number, "WRITE"), *INVALID)
    refusal(ask(0, "READ_MODEL_VERSION"), *INVALID)
    _, reader = world.user_of(model, "EXECUTE")
    ok(ask(number, "READ_MODEL_VERSION", reader))
    message = refusal(ask(pending, "READ_WRITE_MODEL_VERSION", reader), 403, "PERMISSION_DENIED")
    assert "CREATE MODEL VERSION" in message


def test_what_is_wrong_is_said_with_a_400_and_what_is_absent_with_a_404(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    said = pieces(model)
    for body in ({}, said, {**said, "source": ""}, {**said, "source": 5}, {**said, "source": "s", "tags": "k"}):
        refusal(world.admin.post(f"{UNITY}/models/versions", json=body), *INVALID)
    body = {**said, "source": "s", "model_version_dependencies": {"dependencies": [{"table": {"table_full_name": 1}}]}}
    refusal(world.admin.post(f"{UNITY}/models/versions", json=body), *INVALID)
    refusal(world.admin.post(f"{UNITY}/models/versions", content=b"{"), 400, "MALFORMED_REQUEST")
    for wrong in ("0", "-1", "one", "1.0", "9" * 20):
        refusal(world.admin.get(versions(model, wrong)), *INVALID)
    for method in ("GET", "DELETE"):
        refusal(world.admin.request(method, versions(model, number + 1)), *MISSING)
    refusal(world.admin.patch(versions(model, number), json={}), *INVALID)
    refusal(world.admin.patch(versions(model, number), json={"comment": 1}), *INVALID)
    refusal(world.admin.get(versions("a.b", 1)), *INVALID)
    for method in ("PUT", "POST"):
        refusal(world.admin.request(method, versions(model, number), json={}), 404, "ENDPOINT_NOT_FOUND")


def test_deleting_says_its_names_in_the_query_the_body_or_not_at_all(world: World) -> None:
    model = world.model()
    for _ in range(3):
        world.ready(model)
    ok(world.admin.delete(versions(model, 1)))
    ok(world.admin.delete(versions(model, 2), params={"full_name": model, "version": "2", "force": "true"}))
    ok(world.admin.request("DELETE", versions(model, 3), json={"full_name": model, "version": 3}))
    assert ok(world.admin.get(versions(model)))["model_versions"] == []
    world.ready(model)
    ok(world.admin.request("DELETE", f"{UNITY}/models/{model}", json={"full_name": model}))
    refusal(world.admin.get(versions(model, 4)), *MISSING)
