"""Principals by SCIM, on the wire; the real SDK tells its story in `tests/stories/test_identity.py`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support import SCIM, Server
from tests.surfaces.world import World

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"


def make(world: World, folder: str, **said: object) -> dict[str, Any]:
    made = world.admin.post(f"{SCIM}/{folder}", json=said)
    assert made.status_code == 201, made.text
    return made.json()


def patched(world: World, folder: str, id_: str, *operations: dict[str, object]) -> httpx.Response:
    return world.admin.patch(f"{SCIM}/{folder}/{id_}", json={"Operations": operations})


def names(world: World, folder: str, filter_: str, **query: str | int) -> list[str]:
    answer = world.admin.get(f"{SCIM}/{folder}", params={"filter": filter_, **query})
    assert answer.is_success, answer.text
    return [each["displayName"] for each in answer.json()["Resources"]]


def refused(answer: httpx.Response, status: int, word: str) -> None:
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, str(status)), answer.text
    assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert word in told["detail"]


def test_pages_of_users_follow_each_other_and_end(server: Server) -> None:
    with server.client() as admin:
        for name in ("ann", "bob", "cid", "dora"):
            admin.post(f"{SCIM}/Users", json={"userName": name}).raise_for_status()
        seen: list[str] = []
        while True:
            page = admin.get(f"{SCIM}/Users", params={"startIndex": len(seen) + 1, "count": 2}).json()
            assert page["totalResults"] == 5
            assert page["startIndex"] == len(seen) + 1
            if not page["Resources"]:
                break
            seen += [user["userName"] for user in page["Resources"]]
    assert seen == ["admin", "ann", "bob", "cid", "dora"]


def test_the_last_active_admin_stays_one(server: Server) -> None:
    with server.client() as admin:
        me = admin.get(f"{SCIM}/Me").json()["id"]
        shut_out = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
        leave = {"Operations": [{"op": "remove", "path": f'members[value eq "{me}"]'}]}
        for path, said in ((f"{SCIM}/Users/{me}", shut_out), (f"{SCIM}/Groups/admins", leave)):
            refused(admin.patch(path, json=said), 400, "last active admin")
        refused(admin.put(f"{SCIM}/Groups/admins", json={"displayName": "admins"}), 400, "last active admin")


def test_everything_that_a_directory_tells_is_kept(world: World) -> None:
    told = {
        "schemas": [USER_SCHEMA],
        "userName": "Grace@example.com",
        "displayName": "Grace Hopper",
        "externalId": "e-17",
        "name": {"givenName": "Grace", "familyName": "Hopper"},
        "emails": [{"value": "g@example.com", "type": "home", "primary": True}],
        "entitlements": [{"value": "allow-cluster-create"}],
        "roles": [{"value": "reader"}],
        "title": "Admiral",
    }
    made = make(world, "Users", **told)
    assert made.items() >= {key: value for key, value in told.items() if key != "title"}.items()
    assert (made["active"], made["groups"]) == (True, [])
    assert world.admin.get(f"{SCIM}/Users/{made['id']}").json() == made
    refused(world.admin.post(f"{SCIM}/Users", json={"userName": "grace@EXAMPLE.com"}), 409, "already")


def test_a_put_replaces_but_lets_nobody_in_by_its_silence(world: World) -> None:
    made = make(world, "Users", userName="put@example.com", externalId="x", active=False, roles=[{"value": "r"}])
    answer = world.admin.put(f"{SCIM}/Users/{made['id']}", json={"userName": "put2@example.com"})
    after = answer.raise_for_status().json()
    assert (after["id"], after["userName"], after["active"]) == (made["id"], "put2@example.com", False)
    assert (after["roles"], "externalId" in after) == ([], False)
    member = make(world, "Users", userName="member@example.com")["id"]
    group = make(world, "Groups", displayName="put group", members=[{"value": member}])
    assert [each["value"] for each in group["members"]] == [member]
    renamed = world.admin.put(f"{SCIM}/Groups/{group['id']}", json={"displayName": "put team"}).json()
    assert (renamed["displayName"], renamed["members"]) == ("put team", [])


def test_a_patch_does_its_operations_in_their_order(world: World) -> None:
    one, two, three = (make(world, "Users", userName=f"{each}.patch@example.com")["id"] for each in "abc")
    group = make(world, "Groups", displayName="patched", members=[{"value": one}])["id"]
    answer = patched(
        world,
        "Groups",
        group,
        {"op": "Add", "path": "members", "value": [{"value": two}, {"value": three}]},
        {"op": "remove", "path": f'members[value eq "{two}"]'},
        {"op": "remove", "path": "members", "value": [{"value": one}]},
        {"op": "add", "path": "members", "value": {"value": one}},
        {"op": "replace", "value": {"displayName": "patched again", "externalId": "g-1", "id": group}},
        {"op": "add", "path": "entitlements", "value": [{"value": "allow-cluster-create"}]},
    )
    told = answer.raise_for_status().json()
    assert {each["value"] for each in told["members"]} == {one, three}
    assert (told["displayName"], told["externalId"]) == ("patched again", "g-1")
    assert told["entitlements"] == [{"value": "allow-cluster-create"}]
    emptied = patched(world, "Groups", group, {"op": "remove", "path": "members"}).json()
    assert emptied["members"] == []
    taken = patched(world, "Groups", group, {"op": "remove", "path": 'entitlements[value eq "allow-cluster-create"]'})
    assert taken.json()["entitlements"] == []


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [
        ({"op": "replace", "path": "active", "value": False}, "active", False),
        ({"op": "replace", "path": "active", "value": "False"}, "active", False),
        ({"op": "replace", "value": {"active": False}}, "active", False),
        ({"op": "replace", "path": f"{USER_SCHEMA}:displayName", "value": "Ada L."}, "displayName", "Ada L."),
        ({"op": "replace", "path": "name.givenName", "value": "Ada"}, "name", {"givenName": "Ada"}),
        ({"op": "add", "value": {"name": {"familyName": "L"}}}, "name", {"familyName": "L"}),
        ({"op": "remove", "path": "externalId"}, "externalId", None),
        ({"op": "replace", "path": "emails", "value": [{"value": "x@y"}]}, "emails",
         [{"value": "x@y", "type": "work", "primary": False}]),
    ],
)  # fmt: skip
def test_a_user_is_patched(world: World, operation: dict[str, object], field: str, value: object) -> None:
    name, _ = world.user()
    id_ = world.admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{name}"'}).json()["Resources"][0]["id"]
    patched(world, "Users", id_, {"op": "add", "path": "externalId", "value": "e"}).raise_for_status()
    assert patched(world, "Users", id_, operation).raise_for_status().json().get(field) == value


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        ({"op": "move", "path": "active"}, "add, remove or replace"),
        ({"op": "replace", "path": "active"}, "true or false"),
        ({"op": "replace", "path": "title", "value": "Dr"}, "title cannot be patched"),
        ({"op": "add", "path": "members", "value": [{"value": "x"}]}, "only groups have members"),
        ({"op": "replace", "path": "userName", "value": ""}, "1 to 255"),
        ({"op": "replace", "value": [1]}, "object of attributes"),
        ({"op": "add", "path": "roles", "value": "reader"}, "written as"),
        ({"op": "replace", "path": "externalId", "value": "x" * 256}, "at most 255"),
        ({"op": "replace", "path": "roles", "value": [{"value": str(each)} for each in range(101)]}, "at most 100"),
    ],
)
def test_a_patch_that_makes_no_sense_is_refused(world: World, operation: dict[str, object], word: str) -> None:
    name, _ = world.user()
    found = world.admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{name}"'}).json()["Resources"][0]
    refused(patched(world, "Users", found["id"], operation), 400, word)
    assert world.admin.get(f"{SCIM}/Users/{found['id']}").json() == found


def test_groups_in_groups_carry_their_members_and_no_circles(world: World) -> None:
    user = make(world, "Users", userName="nested@example.com")["id"]
    inner = make(world, "Groups", displayName="inner", members=[{"value": user}])["id"]
    outer = make(world, "Groups", displayName="outer", members=[{"value": inner}])["id"]
    add = {"op": "add", "path": "members"}
    refused(patched(world, "Groups", inner, {**add, "value": [{"value": outer}]}), 400, "cannot hold each other")
    refused(patched(world, "Groups", inner, {**add, "value": [{"value": inner}]}), 400, "cannot hold each other")
    direct = patched(world, "Groups", outer, {**add, "value": [{"value": user}]}).raise_for_status().json()
    assert [each["$ref"] for each in direct["members"]] == [f"Groups/{inner}", f"Users/{user}"]
    shown = world.admin.get(f"{SCIM}/Groups/{inner}").json()
    assert [each["display"] for each in shown["groups"]] == ["outer"]
    assert names(world, "Groups", f'members.value eq "{user}" and not (displayName eq "OUTER")') == ["inner"]
    assert names(world, "Users", f'groups eq "{inner}"') == ["nested@example.com"]


def test_lists_are_filtered_sorted_and_cut_to_attributes(world: World) -> None:
    for number, shown in enumerate(("Zoe", "yann", "Xaver")):
        make(world, "ServicePrincipals", applicationId=f"sort-{number}", displayName=shown, externalId=f"s{number}")
    mine = 'applicationId sw "SORT-"'
    assert names(world, "ServicePrincipals", mine) == ["Zoe", "yann", "Xaver"]
    assert names(world, "ServicePrincipals", mine, sortBy="displayName") == ["Xaver", "yann", "Zoe"]
    backwards = {"sortBy": "externalId", "sortOrder": "descending", "count": 2}
    assert names(world, "ServicePrincipals", mine, **backwards) == ["Xaver", "yann"]
    assert names(world, "ServicePrincipals", f'{mine} and (displayName co "A" or externalId eq "s0")') == [
        "Zoe", "yann", "Xaver",
    ]  # fmt: skip
    query = {"filter": mine, "attributes": "displayName,groups.display", "excludedAttributes": "groups"}
    [first, *_] = world.admin.get(f"{SCIM}/ServicePrincipals", params=query).json()["Resources"]
    assert first.keys() == {"schemas", "id", "displayName"}
    for by in ("id", "userName", "displayName", "applicationId", "externalId", "active"):
        assert len(names(world, "ServicePrincipals", mine, sortBy=by)) == 3
    for wrong in ({"filter": "shoeSize eq 1"}, {"sortBy": "members"}):
        refused(world.admin.get(f"{SCIM}/Users", params=wrong), 400, "ed by")


def test_the_account_and_unity_catalog_show_the_same_principals(world: World) -> None:
    made = make(world, "Users", userName="everywhere@example.com")
    for prefix in ("/api/2.0/accounts/any-account/scim/v2", "/api/1.0/unity-control/scim2"):
        assert world.admin.get(f"{prefix}/Users/{made['id']}").json() == made
    assert world.admin.get("/api/1.0/unity-control/scim2/Me").json()["userName"] == "admin"
    moved = world.admin.patch(
        f"/api/2.0/accounts/any-account/scim/v2/Users/{made['id']}",
        json={"Operations": [{"op": "replace", "path": "userName", "value": "moved@example.com"}]},
    )
    assert moved.raise_for_status().json()["userName"] == "moved@example.com"


def test_only_admins_change_principals(world: World) -> None:
    _, client = world.user()
    me = client.get(f"{SCIM}/Me").json()["id"]
    grab = {"Operations": [{"op": "add", "path": "entitlements", "value": [{"value": "allow-cluster-create"}]}]}
    refused(client.patch(f"{SCIM}/Users/{me}", json=grab), 403, "MANAGE")
    refused(client.put(f"{SCIM}/Users/{me}", json={"userName": "root"}), 403, "MANAGE")
    refused(client.post(f"{SCIM}/Groups", json={"displayName": "mine"}), 403, "MANAGE")
    with world.server.client("") as stranger:
        refused(stranger.get(f"{SCIM}/Users"), 401, "token")


def test_what_cannot_be_read_is_refused_in_scims_words_too(sqlite_server: Server) -> None:
    """Though it is refused before anybody looks for the route."""
    with sqlite_server.client() as client:
        too_many = client.get(f"{SCIM}/Users", params={f"p{number}": "x" for number in range(200)})
        elsewhere = client.get(f"{SCIM}/Users", headers={"host": "elsewhere.example"})
        unknown = client.get(f"{SCIM}/Nothing", headers={"host": "elsewhere.example"})
    for answer in (too_many, elsewhere):
        assert answer.status_code == 400
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert unknown.json()["error_code"] == "INVALID_PARAMETER_VALUE"
