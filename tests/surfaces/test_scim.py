"""Principals by SCIM, as the Databricks SDK asks for them."""

from __future__ import annotations

from tests.support import SCIM, Server


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
            refused = admin.patch(path, json=said)
            assert refused.status_code == 400
            assert "last active admin" in refused.json()["detail"]


def test_the_real_sdk_lists_and_makes_principals(server: Server) -> None:
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415  only this test needs the SDK

    client = WorkspaceClient(host=server.url, token=server.token)
    assert client.current_user.me().user_name == "admin"
    made = client.service_principals.create(display_name="robot")
    group = client.groups.create(display_name="team")
    assert made.application_id in {each.application_id for each in client.service_principals.list()}
    assert group.id in {each.id for each in client.groups.list()}
    token = client.tokens.create(comment="mine")
    assert token.token_info is not None
    assert token.token_info.token_id in {each.token_id for each in client.tokens.list()}


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
