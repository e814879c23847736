"""MLflow's surface by hand-made JSON: every route, its answers and its refusals, word for word."""

from __future__ import annotations

import base64
import json
import re
import time

import httpx
import pytest

from modelyard.app import ROWS
from modelyard.surfaces import mlflow as surface
from tests.support import LEGACY, SCIM, UNITY
from tests.surfaces.world import FILES, MLMODEL, Folder, World, check_no_leak, legacy, refusal

RELATED = "registered-models:is-databricks-sdk-models-artifact-repository-enabled"
INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")
STATE = (400, "INVALID_STATE")
DENIED = (403, "PERMISSION_DENIED")
NO_ROUTE = (404, "ENDPOINT_NOT_FOUND")
UNKNOWN = (401, "UNAUTHENTICATED")


def whole(answer: httpx.Response, key: str) -> dict:
    assert answer.status_code == 200, answer.text
    return answer.json()[key]


# Registered models


def test_a_model_is_created_shown_updated_renamed_and_deleted(world: World) -> None:
    name = world.schema() + ".model"
    before = int(time.time() * 1000)
    said = {"name": name.upper(), "description": "d", "deployment_job_id": "", "tags": [{"key": "k", "value": "v"}]}
    made = whole(
        world.legacy("POST", "registered-models/create", **said, unknown={"passed": ["over"]}), "registered_model"
    )
    assert before <= made.pop("creation_timestamp") == made.pop("last_updated_timestamp") <= time.time() * 1000
    assert made == {
        "name": name,
        "user_id": "admin",
        "description": "d",
        "aliases": [],
        "tags": [{"key": "k", "value": "v"}],
        "deployment_job_id": "",
        "deployment_job_state": "NOT_SET_UP",
    }
    shown = whole(world.legacy("GET", "registered-models/get", name=name, more="x"), "registered_model")
    assert made.items() <= shown.items()
    refusal(world.legacy("PATCH", "registered-models/update", name=name, deployment_job_id="7"), *INVALID)
    parameters = [{"name": "model_name", "default": ""}, {"name": "model_version", "default": ""}]
    created = world.admin.post("/api/2.2/jobs/create", json={"name": "deploy", "parameters": parameters})
    job = {"deployment_job_id": str(created.raise_for_status().json()["job_id"])}
    changed = world.legacy("PATCH", "registered-models/update", name=name, description="e", **job)
    connected = {"description": "e", **job, "deployment_job_state": "CONNECTED"}
    assert whole(changed, "registered_model").items() >= connected.items()
    same = world.legacy("PATCH", "registered-models/update", name=name)
    assert whole(same, "registered_model")["description"] == "e"
    empty = world.legacy("PATCH", "registered-models/update", name=name, description="")
    assert whole(empty, "registered_model")["description"] == ""
    catalog_schema = name.rpartition(".")[0]
    for new in ("renamed", f"{catalog_schema}.RENAMED2"):
        renamed = whole(world.legacy("PATCH", "registered-models/update", name=name, new_name=new), "registered_model")
        refusal(world.legacy("GET", "registered-models/get", name=name), *MISSING)
        name = renamed["name"]
        assert name == f"{catalog_schema}.{new.rpartition('.')[2].lower()}"
    refusal(world.legacy("PATCH", "registered-models/update", name=name, new_name="other.schema.m"), *INVALID)
    gone = world.legacy("DELETE", "registered-models/delete", name=name)
    assert (gone.status_code, gone.json()) == (200, {})
    message = refusal(world.legacy("DELETE", "registered-models/delete", name=name), *MISSING)
    assert message == f"Routine or Model '{name}' does not exist."


def test_a_name_needs_all_three_levels(world: World) -> None:
    for name in ("m", "s.m", "a.b.c.d", "", "...."):
        for method, path in (
            ("POST", "registered-models/create"),
            ("GET", "registered-models/get"),
            ("DELETE", "registered-models/delete"),
            ("PATCH", "registered-models/update"),
        ):
            assert "specify all three levels" in refusal(world.legacy(method, path, name=name), *INVALID)
    for name in ("a..c", "a.b c.d", "a.b.c/d", "a.b.\x07", ".".join(["a", "b", "c" * 256]), "a.b.\x00"):
        message = refusal(world.legacy("POST", "registered-models/create", name=name), *INVALID)
        assert "is not a valid name. Valid names cannot contain spaces, periods, forward slashes" in message
    assert "specify all three levels" in refusal(world.legacy("GET", "registered-models/get"), *INVALID)


def test_a_taken_name_is_told_before_a_missing_privilege(world: World) -> None:
    model = world.model()
    catalog, schema, name = model.split(".")
    taken = "Routine or Model 'model' already exists"
    code = (400, "RESOURCE_ALREADY_EXISTS")
    assert refusal(world.legacy("POST", "registered-models/create", name=model.upper()), *code) == taken
    _, passer = world.user_of(model)
    assert refusal(legacy(passer, "POST", "registered-models/create", name=model), *code) == taken
    fresh = f"{catalog}.{schema}.fresh"
    message = refusal(legacy(passer, "POST", "registered-models/create", name=fresh), *DENIED)
    assert message == f"User does not have CREATE MODEL on Schema '{catalog}.{schema}'."
    _, stranger = world.user()
    message = refusal(legacy(stranger, "POST", "registered-models/create", name=model), *DENIED)
    assert message == f"User does not have USE CATALOG on Catalog '{catalog}'."
    _, half = world.user(("catalog", catalog, ("USE_CATALOG",)))
    message = refusal(legacy(half, "POST", "registered-models/create", name=model), *DENIED)
    assert message == f"User does not have USE SCHEMA on Schema '{catalog}.{schema}'."
    message = refusal(world.legacy("POST", "registered-models/create", name=f"missing.{schema}.{name}"), *MISSING)
    assert message == "Catalog 'missing' does not exist."
    message = refusal(world.legacy("POST", "registered-models/create", name=f"{catalog}.missing.{name}"), *MISSING)
    assert message == f"Schema '{catalog}.missing' does not exist."


def test_model_tags(world: World) -> None:
    model = world.model()
    for _ in range(2):
        assert world.legacy("POST", "registered-models/set-tag", name=model, key="Key é", value="v").json() == {}
    assert world.legacy("POST", "registered-models/set-tag", name=model, key="key é").json() == {}
    tags = whole(world.legacy("GET", "registered-models/get", name=model), "registered_model")["tags"]
    assert sorted(map(str, tags)) == sorted(map(str, [{"key": "Key é", "value": "v"}, {"key": "key é", "value": ""}]))
    for _ in range(2):
        assert world.legacy("DELETE", "registered-models/delete-tag", name=model, key="Key é").json() == {}
    for bad in ("", "a.b", "a,b", "a-b", "a=b", "a/b", "a:b", " a", "k" * 256, "a\x00"):
        refusal(world.legacy("POST", "registered-models/set-tag", name=model, key=bad, value="v"), *INVALID)
    refusal(world.legacy("POST", "registered-models/set-tag", name=model, key="k", value="v" * 1001), *INVALID)
    for number in range(49):
        world.legacy("POST", "registered-models/set-tag", name=model, key=f"k{number}", value="").raise_for_status()
    answer = world.legacy("POST", "registered-models/set-tag", name=model, key="one_more", value="")
    assert answer.status_code == 400
    check_no_leak(answer.text)
    refusal(world.legacy("POST", "registered-models/set-tag", name=model + "x", key="k"), *MISSING)


# Versions


def test_a_version_from_its_creation_to_its_end(world: World) -> None:
    model = world.model()
    said = {
        "name": model,
        "source": "dbfs:/some/where",
        "run_id": "r1",
        "description": "d",
        "run_tracking_server_id": "7",
        "feature_deps": "",
        "tags": [{"key": "k", "value": "v"}],
        "model_version_dependencies": [{"type": "DATABRICKS_TABLE", "name": "a.b.t"}],
        "model_id": "m-" + "1" * 32,
        "unknown": None,
    }
    made = whole(world.legacy("POST", "model-versions/create", **said), "model_version")
    for key in ("creation_timestamp", "last_updated_timestamp"):
        assert abs(made.pop(key) - time.time() * 1000) < 60_000
    assert made == {
        "name": model,
        "version": "1",
        "user_id": "admin",
        "description": "d",
        "source": "dbfs:/some/where",
        "run_id": "r1",
        "run_tracking_server_id": "7",
        "status": "PENDING_REGISTRATION",
        "status_message": "",
        "storage_location": f"/Models/{model.replace('.', '/')}/1",
        "aliases": [],
        "tags": [{"key": "k", "value": "v"}],
        "model_id": "m-" + "1" * 32,
    }
    one = {"name": model, "version": "1"}
    folder = Folder(world.admin, model, 1)
    folder.put("MLmodel", MLMODEL).raise_for_status()
    for _ in range(2):
        ready = whole(world.legacy("POST", "model-versions/finalize", **one), "model_version")
        assert (ready["status"], ready["model_id"]) == ("READY", "m-" + "1" * 32)
    changed = whole(world.legacy("PATCH", "model-versions/update", **one, description="e"), "model_version")
    assert changed["description"] == "e"
    assert whole(world.legacy("GET", "model-versions/get", **one), "model_version")["description"] == "e"
    uri = world.legacy("GET", "model-versions/get-download-uri", **one).json()
    assert uri == {"artifact_uri": f"/Models/{model.replace('.', '/')}/1"}
    lineage = {"model_version_lineage_info": {"entities": [], "direction": "UPSTREAM"}}
    assert world.legacy("POST", "model-versions/emit-lineage", **one, **lineage).json() == {}
    assert world.legacy("DELETE", "model-versions/delete", **one).json() == {}
    assert refusal(world.legacy("GET", "model-versions/get", **one), *MISSING).endswith("has no version 1.")
    refusal(world.legacy("DELETE", "model-versions/delete", **one), *MISSING)
    assert world.version(model) == 2


def test_a_version_without_a_model_file_is_not_finalized(world: World) -> None:
    folder = world.folder()
    folder.put("model.pkl", b"x").raise_for_status()
    one = {"name": folder.model, "version": "1"}
    message = refusal(world.legacy("POST", "model-versions/finalize", **one), *STATE)
    assert "MLmodel" in message
    folder.put("MLmodel", b"flavors: {}\n").raise_for_status()
    ready = whole(world.legacy("POST", "model-versions/finalize", **one), "model_version")
    assert ready["status"] == "READY"
    assert ready["model_id"].startswith("m-")
    assert len(ready["model_id"]) == 34


def test_the_logged_model_is_read_from_the_model_file(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    found = whole(world.legacy("GET", "model-versions/get", name=model, version=number), "model_version")
    assert found["model_id"] == "m-0123456789abcdef0123456789abcdef"


def test_a_version_number_is_a_string_or_a_number(world: World) -> None:
    model = world.model()
    world.version(model)
    for version in ("1", 1, "01"):
        answer = world.legacy("POST", "model-versions/set-tag", name=model, version=version, key="k", value="v")
        assert answer.status_code == 200, (version, answer.text)
    for version in ("", "0", 0, -1, "-1", "1.5", 1.5, "one", "²", "9" * 30, 10**30, "1 ", "+1", "0x1", 2**31):
        answer = world.legacy("POST", "model-versions/set-tag", name=model, version=version, key="k", value="v")
        refusal(answer, *INVALID)
    for version in (None, True, [], {}):
        answer = world.legacy("POST", "model-versions/set-tag", name=model, version=version, key="k", value="v")
        refusal(answer, *INVALID)
    refusal(world.legacy("GET", "model-versions/get", name=model, version=2), *MISSING)
    refusal(world.legacy("GET", "model-versions/get", name=model), *INVALID)


def test_a_source_is_required_and_a_reference_is_checked(world: World) -> None:
    model = world.model()
    for source in ("", None):
        refusal(world.legacy("POST", "model-versions/create", name=model, source=source), *INVALID)
    refusal(world.legacy("POST", "model-versions/create", name=model), *INVALID)
    for source in ("/etc/passwd", "file:///etc/passwd", "s3://x/y", "models:/m-abc", "runs:/x/y", "models:/x/1"):
        made = whole(world.legacy("POST", "model-versions/create", name=model, source=source), "model_version")
        assert made["source"] == source
    pending = f"models:/{model}/1"
    refusal(world.legacy("POST", "model-versions/create", name=model, source=pending), *STATE)
    refusal(world.legacy("POST", "model-versions/create", name=model, source=f"models:/{model}/99"), *MISSING)
    refusal(world.legacy("POST", "model-versions/create", name=model, source="models:/missing.s.m/1"), *MISSING)
    assert world.version(model) == 7


def test_a_copy_inherits_the_logged_model_and_keeps_what_is_said(world: World) -> None:
    origin, target = world.model(), world.model()
    number = world.ready(origin)
    source = f"models:/{origin}/{number}"
    copied = whole(world.legacy("POST", "model-versions/create", name=target, source=source), "model_version")
    assert (copied["model_id"], copied["source"]) == ("m-0123456789abcdef0123456789abcdef", source)
    own = "m-" + "2" * 32
    said = world.legacy("POST", "model-versions/create", name=target, source=source, model_id=own)
    assert whole(said, "model_version")["model_id"] == own


def test_version_tags(world: World) -> None:
    model = world.model()
    one = {"name": model, "version": str(world.version(model))}
    assert world.legacy("POST", "model-versions/set-tag", **one, key="k", value="v").json() == {}
    tags = whole(world.legacy("GET", "model-versions/get", **one), "model_version")["tags"]
    assert tags == [{"key": "k", "value": "v"}]
    for _ in range(2):
        assert world.legacy("DELETE", "model-versions/delete-tag", **one, key="k").json() == {}
    refusal(world.legacy("POST", "model-versions/set-tag", **one, key="a.b", value="v"), *INVALID)
    refusal(world.legacy("POST", "model-versions/set-tag", name=model, version="9", key="k", value="v"), *MISSING)
    refusal(world.legacy("DELETE", "model-versions/delete-tag", name=model, version="9", key="k"), *MISSING)


def test_credentials_send_clients_to_the_files_api(world: World) -> None:
    model = world.model()
    ready, pending = world.ready(model), world.version(model)
    call = "model-versions/generate-temporary-credentials"
    for number, operation in ((ready, surface.READ), (pending, surface.READ_WRITE)):
        made = whole(world.legacy("POST", call, name=model, version=str(number), operation=operation), "credentials")
        assert made["storage_mode"] == "DEFAULT_STORAGE"
        assert made["expiration_time"] > time.time() * 1000
    refusal(world.legacy("POST", call, name=model, version=str(ready), operation=surface.READ_WRITE), *STATE)
    refusal(world.legacy("POST", call, name=model, version=str(ready), operation="STEAL"), *INVALID)
    _, reader = world.user_of(model, "EXECUTE")
    message = refusal(legacy(reader, "POST", call, name=model, version=pending, operation=surface.READ_WRITE), *DENIED)
    assert message == f"User does not have CREATE MODEL VERSION on Routine or Model '{model}'."
    answer = world.admin.get(f"{LEGACY}/{RELATED}")
    assert answer.json() == {"is_databricks_sdk_models_artifact_repository_enabled": True}


# Aliases


def test_an_alias_is_a_register(world: World) -> None:
    model = world.model()
    first, second, pending = world.ready(model), world.ready(model), world.version(model)
    call = "registered-models/alias"
    for number in (first, str(second), second, first):
        assert world.legacy("POST", call, name=model, alias="Champion", version=number).json() == {}
        found = whole(world.legacy("GET", call, name=model, alias="champion"), "model_version")
        assert (found["version"], found["aliases"]) == (str(number), [{"alias": "Champion", "version": str(number)}])
    shown = whole(world.legacy("GET", "registered-models/get", name=model), "registered_model")
    assert shown["aliases"] == [{"alias": "Champion", "version": str(first)}]
    refusal(world.legacy("POST", call, name=model, alias="champion", version=pending), *STATE)
    refusal(world.legacy("POST", call, name=model, alias="champion", version=99), *MISSING)
    answer = world.legacy("POST", call, name=model, alias="champion", version=second, expected_version=second)
    refusal(answer, 409, "ABORTED")
    answer = world.legacy("POST", call, name=model, alias="other", version=second, expected_version=1)
    refusal(answer, 409, "ABORTED")
    refusal(world.legacy("GET", call, name=model, alias="other"), *MISSING)
    moved = world.legacy("POST", call, name=model, alias="champion", version=second, expected_version=str(first))
    assert moved.is_success
    for bad in ("", "latest", "Latest", "v1", "V22", "a b", "a.b", "a" * 256, "a\x00", "é!", "a\n"):
        refusal(world.legacy("POST", call, name=model, alias=bad, version=first), *INVALID)
    assert world.legacy("DELETE", call, name=model, alias="CHAMPION").json() == {}
    refusal(world.legacy("DELETE", call, name=model, alias="champion"), *MISSING)
    refusal(world.legacy("GET", call, name=model, alias="champion"), *MISSING)


def test_an_alias_goes_with_its_version(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    world.legacy("POST", "registered-models/alias", name=model, alias="a", version=number).raise_for_status()
    world.legacy("DELETE", "model-versions/delete", name=model, version=str(number)).raise_for_status()
    refusal(world.legacy("GET", "registered-models/alias", name=model, alias="a"), *MISSING)
    assert whole(world.legacy("GET", "registered-models/get", name=model), "registered_model")["aliases"] == []


# Searches


def pages_of(client: httpx.Client, path: str, key: str, **query: object) -> list[list[dict]]:
    found, token = list[list[dict]](), ""
    while True:
        answer = legacy(client, "GET", path, **query, **({"page_token": token} if token else {}))
        page = answer.raise_for_status().json()
        found.append(page[key])
        token = page["next_page_token"]
        if not token:
            return found


def test_models_are_listed_in_pages(world: World) -> None:
    schema = world.schema()
    names = [f"{schema}.m{number}" for number in range(5)]
    for name in reversed(names):
        world.legacy("POST", "registered-models/create", name=name).raise_for_status()
    catalog = schema.split(".")[0]
    _, reader = world.user(("catalog", catalog, ("USE_CATALOG", "USE_SCHEMA", "EXECUTE")))
    found = pages_of(reader, "registered-models/search", "registered_models", max_results=2)
    assert [[model["name"] for model in page] for page in found] == [names[:2], names[2:4], names[4:]]
    _, stranger = world.user()
    assert legacy(stranger, "GET", "registered-models/search").json()["registered_models"] == []
    for query in ({"filter": "name = 'x'"}, {"order_by": "name"}, {"max_results": -1}, {"max_results": "x"}):
        refusal(legacy(reader, "GET", "registered-models/search", **query), *INVALID)
    assert legacy(reader, "GET", "registered-models/search", max_results=0).is_success
    assert legacy(reader, "GET", "registered-models/search", max_results=10**30).is_success


def test_versions_are_searched_by_model_and_by_run(world: World) -> None:
    model = world.model()
    run = f"run_of_{model.replace('.', '_')}"
    for _ in range(5):
        world.version(model, run_id=run)
    for query in (f"name = '{model}'", f'name="{model.upper()}"', f"  name='{model}'  ", f"run_id = '{run}'"):
        call = {"filter": query, "max_results": 2}
        found = pages_of(world.admin, "model-versions/search", "model_versions", **call)
        assert [len(page) for page in found] == [2, 2, 1]
        numbers = [version["version"] for page in found for version in page]
        assert sorted(numbers) == list("12345")
        assert "run_id" in query or numbers == list("54321")
    for bad in (
        "",
        "name LIKE 'a%'",
        f"name = '{model}' AND run_id = 'x'",
        "tags.k = 'v'",
        "name = 'x'",
        f"name = \"{model}'",
        f"name = '{model}",
        "version_number = 1",
        "run_id = ''",
        "run_id = 'a\x00'",
        "name = '' OR 1=1 --'",
        "n" * 10_000,
    ):
        refusal(world.legacy("GET", "model-versions/search", filter=bad), *INVALID)
    refusal(world.legacy("GET", "model-versions/search"), *INVALID)
    refusal(world.legacy("GET", "model-versions/search", filter=f"name='{model}'", order_by="x"), *INVALID)
    refusal(world.legacy("GET", "model-versions/search", filter=f"name='{model}'", max_results=-1), *INVALID)
    _, stranger = world.user()
    hidden = legacy(stranger, "GET", "model-versions/search", filter=f"name='{model}'")
    assert hidden.json() == {"model_versions": [], "next_page_token": ""}
    assert legacy(stranger, "GET", "model-versions/search", filter="name='no.such.model'").json() == hidden.json()


def test_foreign_and_damaged_page_tokens_are_refused(world: World) -> None:
    model, other = world.model(), world.model()
    for name in (model, model, other, other):
        world.version(name)
    mine, foreign = f"name = '{model}'", f"name = '{other}'"
    first = world.legacy("GET", "model-versions/search", filter=mine, max_results=1).json()["next_page_token"]
    models = world.legacy("GET", "registered-models/search", max_results=1).json()["next_page_token"]
    assert first
    assert models
    half = len(first) // 2
    damaged = [first[:-1], first[1:], first + "A", first[:half] + "!" + first[half:], first.swapcase(), "abc", "=", "é"]
    for token in (*damaged, models, "[" * 9_000, base64.b64encode(b"[" * 9_000).decode(), "A" * 10_000, "\x00"):
        refusal(world.legacy("GET", "model-versions/search", filter=mine, page_token=token), *INVALID)
    refusal(world.legacy("GET", "model-versions/search", filter=foreign, page_token=first), *INVALID)
    refusal(world.legacy("GET", "registered-models/search", page_token=first), *INVALID)
    refusal(world.legacy("GET", "registered-models/search", page_token=models[:-2]), *INVALID)


# Methods, paths, encodings


def test_a_deletion_is_said_in_a_body_or_in_a_query(world: World) -> None:
    model = world.model()
    world.version(model)
    world.version(model)
    by_query = world.admin.delete(f"{LEGACY}/model-versions/delete", params={"name": model, "version": "1"})
    assert by_query.json() == {}
    assert world.legacy("DELETE", "model-versions/delete", name=model, version=2).json() == {}
    assert world.admin.delete(f"{LEGACY}/registered-models/delete", params={"name": model}).json() == {}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "PURGE"])
def test_a_wrong_method_is_an_unknown_address(world: World, method: str) -> None:
    answered = [re.sub(r"\{\w+\}", "[^/]+", row.path) for row in ROWS if row.method == method]
    paths = {re.sub(r"\{\w+\}", "x", row.path) for row in ROWS if "{path:rest}" not in row.path}
    for path in sorted(paths):
        if any(re.fullmatch(pattern, path) for pattern in answered):
            continue
        answer = world.admin.request(method, path)
        assert answer.status_code == 404, (method, path, answer.status_code, answer.text)
        if method != "HEAD":
            refusal(answer, *NO_ROUTE)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "prompts"),
        ("POST", "prompts/a.b.c"),
        ("GET", "prompts/search"),
        ("GET", "prompts/a.b.c/versions/search"),
        ("POST", "prompts/a.b.c/versions/by-alias/latest"),
        ("POST", "prompt-versions"),
        ("GET", ""),
        ("GET", "registered-models/get/"),
        ("GET", "registered-models//get"),
        ("GET", "Registered-Models/get"),
        ("GET", "registered-models%2Fget"),
        ("GET", "../unity-catalog/registered-models/get"),
        ("POST", "registered-models/rename"),
        ("GET", "model-versions/latest"),
    ],
)
def test_an_unknown_address_says_so(world: World, method: str, path: str) -> None:
    refusal(world.raw(method, f"{LEGACY}/{path}"), *NO_ROUTE)
    assert world.raw(method, f"{LEGACY}/{path}", token="unknown").status_code == 404


# Tokens


def test_without_a_valid_token_there_is_nothing(world: World) -> None:
    model = world.model()
    where, query = f"{LEGACY}/registered-models/get", {"name": model}
    token = world.server.token
    basic = base64.b64encode(f"token:{token}".encode()).decode()
    wrong_user = base64.b64encode(f"admin:{token}".encode()).decode()
    with world.server.client("") as nobody:
        for header in (
            None,
            "",
            "Bearer",
            "Bearer unknown",
            f"Bearer {token}x",
            f"Bearer {token[:-1]}",
            f"Token {token}",
            token,
            f"Basic {wrong_user}",
            "Basic !!!",
            f"Basic {token}",
            "Basic " + base64.b64encode(b"token:").decode(),
            "Basic " + base64.b64encode(b"\xff\xfe").decode(),
            "Bearer " + "a" * 10_000,
        ):
            headers = {} if header is None else {"authorization": header}
            answer = nobody.get(where, params=query, headers=headers)
            refusal(answer, *UNKNOWN)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert token not in answer.text
        for header in (f"Bearer {token}", f"bearer {token}", f"Basic {basic}", f"basic {basic}"):
            assert nobody.get(where, params=query, headers={"authorization": header}).is_success
        refusal(nobody.get(where, params={"name": "bad"}), *UNKNOWN)
        refusal(nobody.post(f"{LEGACY}/registered-models/create", content=b"{"), *UNKNOWN)


def test_tokens_expire_and_are_revoked_at_once(world: World) -> None:
    _, user = world.user()
    short = user.post("/api/2.0/token/create", json={"lifetime_seconds": 1, "comment": "short"}).json()
    long = user.post("/api/2.0/token/create", json={"comment": "long"}).json()
    assert short["token_info"]["expiry_time"] - short["token_info"]["creation_time"] == 1000
    assert long["token_info"]["expiry_time"] == -1
    me = f"{SCIM}/Me"
    with world.server.client(short["token_value"]) as one, world.server.client(long["token_value"]) as two:
        assert one.get(me).is_success
        assert two.get(me).is_success
        listed = two.get("/api/2.0/token/list")
        assert long["token_value"] not in listed.text
        assert {"short", "long"} <= {info["comment"] for info in listed.json()["token_infos"]}
        revoked = user.post("/api/2.0/token/delete", json={"token_id": long["token_info"]["token_id"]})
        assert revoked.json() == {}
        assert two.get(me).status_code == 401
        refusal(two.get(f"{LEGACY}/registered-models/search"), *UNKNOWN)
        time.sleep(1.1)
        refusal(one.get(f"{LEGACY}/registered-models/search"), *UNKNOWN)


# Who may


def test_every_refusal_names_the_missing_privilege(world: World) -> None:
    model = world.model()
    one = {"name": model, "version": str(world.ready(model))}
    alias, tag = {"name": model, "alias": "a"}, {"key": "k", "value": "v"}
    needs = {
        "EXECUTE": [
            ("GET", "registered-models/get", {"name": model}),
            ("GET", "model-versions/get", one),
            ("GET", "model-versions/get-download-uri", one),
            ("GET", "registered-models/alias", alias),
            ("POST", "model-versions/emit-lineage", one),
            ("POST", "model-versions/generate-temporary-credentials", {**one, "operation": surface.READ}),
        ],
        "CREATE MODEL VERSION": [
            ("POST", "model-versions/create", {"name": model, "source": "x"}),
            ("POST", "model-versions/finalize", one),
            ("POST", "model-versions/generate-temporary-credentials", {**one, "operation": surface.READ_WRITE}),
        ],
        "APPLY TAG": [
            ("POST", "registered-models/set-tag", {"name": model, **tag}),
            ("DELETE", "registered-models/delete-tag", {"name": model, "key": "k"}),
            ("POST", "model-versions/set-tag", {**one, **tag}),
            ("DELETE", "model-versions/delete-tag", {**one, "key": "k"}),
        ],
        "MANAGE": [
            ("PATCH", "registered-models/update", {"name": model, "description": "d"}),
            ("PATCH", "registered-models/update", {"name": model, "new_name": "other"}),
            ("DELETE", "registered-models/delete", {"name": model}),
            ("POST", "registered-models/alias", {**alias, "version": "1"}),
            ("DELETE", "registered-models/alias", alias),
            ("PATCH", "model-versions/update", {**one, "description": "d"}),
            ("DELETE", "model-versions/delete", one),
        ],
    }
    _, passer = world.user_of(model)
    for privilege, calls in needs.items():
        others = [name.replace(" ", "_") for name in needs if name != privilege]
        _, lacking = world.user_of(model, *others)
        for method, path, said in calls:
            for client in (passer, lacking):
                message = refusal(legacy(client, method, path, **said), *DENIED)
                assert message == f"User does not have {privilege} on Routine or Model '{model}'."
    assert whole(world.legacy("GET", "registered-models/get", name=model), "registered_model")["description"] == ""


def test_create_model_version_alone_copies_but_moves_no_alias(world: World) -> None:
    origin, target = world.model(), world.model()
    number = world.ready(origin, {"a": b"text"})
    name, promoter = world.user_of(origin, "EXECUTE")
    world.server.grant("catalog", target.split(".")[0], name, "USE_CATALOG", "USE_SCHEMA")
    source = f"models:/{origin}/{number}"
    message = refusal(legacy(promoter, "POST", "model-versions/create", name=target, source=source), *DENIED)
    assert message == f"User does not have CREATE MODEL VERSION on Routine or Model '{target}'."
    world.server.grant("function", target, name, "CREATE_MODEL_VERSION")
    copy = world.version(target, promoter, source=source)
    folder = Folder(promoter, target, copy)
    for path in ("MLmodel", "a"):
        content = Folder(promoter, origin, number).get(path).raise_for_status().content
        folder.put(path, content).raise_for_status()
    ready = whole(legacy(promoter, "POST", "model-versions/finalize", name=target, version=str(copy)), "model_version")
    assert (ready["status"], ready["user_id"]) == ("READY", name)
    call = {"name": target, "alias": "champion", "version": str(copy)}
    message = refusal(legacy(promoter, "POST", "registered-models/alias", **call), *DENIED)
    assert message == f"User does not have MANAGE on Routine or Model '{target}'."
    world.take("function", origin, name, "EXECUTE")
    message = refusal(legacy(promoter, "POST", "model-versions/create", name=target, source=source), *DENIED)
    assert message == f"User does not have EXECUTE on Routine or Model '{origin}'."
    shown = legacy(promoter, "GET", "registered-models/get", name=target)
    assert refusal(shown, *DENIED) == f"User does not have EXECUTE on Routine or Model '{target}'."


def test_members_of_the_group_that_owns_a_model_own_it(world: World) -> None:
    model = world.model()
    name, member = world.user_of(model)
    (user,) = world.admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{name}"'}).json()["Resources"]
    group = f"team of {model}"
    made = world.admin.post(f"{SCIM}/Groups", json={"displayName": group, "members": [{"value": user["id"]}]})
    refusal(legacy(member, "PATCH", "registered-models/update", name=model, description="d"), *DENIED)
    world.admin.patch(f"{UNITY}/models/{model}", json={"owner": group}).raise_for_status()
    changed = whole(
        legacy(member, "PATCH", "registered-models/update", name=model, description="d"), "registered_model"
    )
    assert (changed["user_id"], changed["description"]) == (group, "d")
    number = world.version(model, member)
    Folder(member, model, number).put("MLmodel", MLMODEL).raise_for_status()
    legacy(member, "POST", "model-versions/finalize", name=model, version=str(number)).raise_for_status()
    legacy(member, "POST", "registered-models/alias", name=model, alias="a", version=str(number)).raise_for_status()
    operation = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
    left = world.admin.patch(f"{SCIM}/Groups/{made.json()['id']}", json={"Operations": [operation]})
    left.raise_for_status()
    message = refusal(legacy(member, "DELETE", "registered-models/delete", name=model), *DENIED)
    assert message == f"User does not have MANAGE on Routine or Model '{model}'."
    assert member.get(f"{FILES}/Models/{model.replace('.', '/')}/{number}/MLmodel").status_code == 403


def test_every_route_of_the_surface_is_called_here() -> None:
    """A route that is new in the table wants its tests in this file."""
    known = {(row.method, row.path.removeprefix(f"{LEGACY}/")) for row in surface.ROWS}
    assert len(known) == 22
    assert all(path.startswith(("registered-models", "model-versions")) for _, path in known)
    assert json.dumps(sorted(known)).count("alias") == 3
