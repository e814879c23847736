from tests.support import Server


def test_health_ready_and_discovery_need_no_token(server: Server) -> None:
    with server.client("") as stranger:
        assert stranger.get("/health").json() == {"status": "ok"}
        assert stranger.get("/ready").json() == {"status": "ready"}
        found = stranger.get("/.well-known/databricks-config").json()
        assert int(found["workspace_id"]) > 0


def test_the_admin_is_told_who_it_is(server: Server) -> None:
    with server.client() as admin:
        me = admin.get("/api/2.0/preview/scim/v2/Me")
        assert me.json()["userName"] == "admin"
        assert int(me.headers["x-databricks-org-id"]) > 0
