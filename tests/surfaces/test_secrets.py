"""The Secrets API on the wire: bodies, codes and bounds."""

from __future__ import annotations

import base64
import itertools
import json
import time
from typing import Any

import httpx
import pytest
from inline_snapshot import snapshot

from modelyard.errors import TooMany
from modelyard.surfaces.secrets import blame
from tests.surfaces.world import World, refusal

SECRETS = "/api/2.0/secrets"
_numbers = itertools.count()


def post(client: httpx.Client, path: str, **said: object) -> httpx.Response:
    return client.post(f"{SECRETS}/{path}", json=said)


def get(client: httpx.Client, path: str, **said: str) -> Any:  # noqa: ANN401  whatever JSON holds
    return client.get(f"{SECRETS}/{path}", params=said).raise_for_status().json()


def scope(client: httpx.Client, **said: object) -> str:
    name = f"wire.{next(_numbers)}"
    assert post(client, "scopes/create", scope=name, **said).raise_for_status().json() == {}
    return name


def test_bodies_are_those_of_databricks(world: World) -> None:
    name, client = world.user()
    kept = scope(client, scope_backend_type="DATABRICKS")
    assert post(client, "put", scope=kept, key="k", string_value="Grüße").raise_for_status().json() == {}
    assert get(client, "scopes/list") == {"scopes": [{"name": kept, "backend_type": "DATABRICKS"}]}
    assert get(client, "get", scope=kept, key="k") == snapshot({"key": "k", "value": "R3LDvMOfZQ=="})
    [listed] = get(client, "list", scope=kept)["secrets"]
    assert listed == {"key": "k", "last_updated_timestamp": listed["last_updated_timestamp"]}
    assert abs(listed["last_updated_timestamp"] - time.time() * 1000) < 60_000
    assert get(client, "acls/list", scope=kept) == {"items": [{"principal": name, "permission": "MANAGE"}]}
    assert post(client, "acls/put", scope=kept, principal="users", permission="READ").raise_for_status().json() == {}
    assert get(client, "acls/get", scope=kept, principal="users") == {"principal": "users", "permission": "READ"}
    assert post(client, "acls/delete", scope=kept, principal="users").raise_for_status().json() == {}
    assert post(client, "delete", scope=kept, key="k").raise_for_status().json() == {}
    assert get(client, "list", scope=kept) == {"secrets": []}
    assert post(client, "scopes/delete", scope=kept).raise_for_status().json() == {}
    assert get(client, "scopes/list") == {"scopes": []}


def test_bytes_come_back_as_they_went(world: World) -> None:
    kept, value = scope(world.admin), base64.b64encode(bytes(range(256))).decode()
    post(world.admin, "put", scope=kept, key="k", bytes_value=value).raise_for_status()
    assert get(world.admin, "get", scope=kept, key="k")["value"] == value


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("scopes/create", {}, "INVALID_PARAMETER_VALUE"),
        ("scopes/create", {"scope": "a b"}, "INVALID_PARAMETER_VALUE"),
        ("scopes/create", {"scope": "a" * 129}, "INVALID_PARAMETER_VALUE"),
        ("scopes/create", {"scope": "it", "scope_backend_type": "AZURE_KEYVAULT"}, "BAD_REQUEST"),
        ("scopes/create", {"scope": "it", "initial_manage_principal": "admins"}, "BAD_REQUEST"),
        ("put", {"key": "k"}, "MALFORMED_REQUEST"),
        ("put", {"key": "k", "string_value": "v", "bytes_value": "dg=="}, "MALFORMED_REQUEST"),
        ("put", {"key": "k", "bytes_value": "not base64: xyzzy"}, "INVALID_PARAMETER_VALUE"),
        ("put", {"key": "a/b", "string_value": "v"}, "INVALID_PARAMETER_VALUE"),
        ("put", {"key": "k", "string_value": ["xyzzy"]}, "INVALID_PARAMETER_VALUE"),
        ("put", {"key": "k", "string_value": "xyzzy" * (128 << 10)}, "INVALID_PARAMETER_VALUE"),
        ("put", {"key": "k", "string_value": "v" * ((128 << 10) + 1)}, "INVALID_PARAMETER_VALUE"),
        ("acls/put", {"principal": "admin"}, "INVALID_PARAMETER_VALUE"),
        ("acls/put", {"principal": "admin", "permission": "OWN"}, "INVALID_PARAMETER_VALUE"),
        ("acls/put", {"principal": "nobody", "permission": "READ"}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_what_makes_no_sense_is_refused_without_its_value(
    world: World, path: str, said: dict[str, object], code: str
) -> None:
    whole = said if path.startswith("scopes") else {"scope": scope(world.admin), **said}
    assert "xyzzy" not in refusal(post(world.admin, path, **whole), 400, code)


def test_a_value_of_128_kilobytes_is_kept(world: World) -> None:
    kept = scope(world.admin)
    post(world.admin, "put", scope=kept, key="k", string_value="v" * (128 << 10)).raise_for_status()


def test_what_is_not_there_is_told_so(world: World) -> None:
    kept = scope(world.admin)
    for path, said in (
        ("get", {"scope": kept, "key": "k"}),
        ("get", {"scope": "nowhere", "key": "k"}),
        ("list", {"scope": "nowhere"}),
        ("acls/list", {"scope": "nowhere"}),
        ("acls/get", {"scope": kept, "principal": "nobody"}),
    ):
        refusal(world.admin.get(f"{SECRETS}/{path}", params=said), 404, "RESOURCE_DOES_NOT_EXIST")
    for path, said in (
        ("delete", {"scope": kept, "key": "k"}),
        ("put", {"scope": "nowhere", "key": "k", "string_value": "v"}),
        ("scopes/delete", {"scope": "nowhere"}),
        ("acls/delete", {"scope": kept, "principal": "nobody"}),
    ):
        refusal(post(world.admin, path, **said), 404, "RESOURCE_DOES_NOT_EXIST")


def test_a_scope_is_hidden_then_read_then_refused_more(world: World) -> None:
    name, client = world.user()
    kept = scope(world.admin)
    put: dict[str, object] = {"scope": kept, "key": "k", "string_value": "v"}
    refusal(post(client, "put", **put), 404, "RESOURCE_DOES_NOT_EXIST")
    post(world.admin, "acls/put", scope=kept, principal=name, permission="READ").raise_for_status()
    told = refusal(post(client, "put", **put), 403, "PERMISSION_DENIED")
    assert told == f"User does not have WRITE on secret scope '{kept}'; you have READ."
    refusal(post(client, "scopes/create", scope=kept.upper()), 400, "RESOURCE_ALREADY_EXISTS")


def test_limits_are_told_as_limits_and_are_not_asked_for_again() -> None:
    """A status 429 would be repeated by clients."""
    reply = blame(TooMany("enough"))
    assert (reply.status, json.loads(reply.body)["error_code"]) == (400, "RESOURCE_LIMIT_EXCEEDED")
