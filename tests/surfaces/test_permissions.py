"""Grants, the metastore, bindings and tags on Unity Catalog's surface, as clients write and read them."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from tests.support import UNITY
from tests.surfaces.world import World

OURS = "/api/2.0/modelyard"
OPEN_SOURCE = {"User-Agent": "OpenAPI-Generator/0.7.0/python"}
_numbers = itertools.count()


def ask(client: httpx.Client, method: str, path: str, **said: Any) -> httpx.Response:  # noqa: ANN401
    if method in {"GET", "DELETE"}:
        return client.request(method, f"{UNITY}/{path}", params=said)
    return client.request(method, f"{UNITY}/{path}", json=said)


def got(answer: httpx.Response) -> Any:  # noqa: ANN401
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> str:
    told = answer.json()
    assert (answer.status_code, told["error_code"]) == (status, code), told
    return told["message"]


class TestSpelling:
    def test_is_that_of_the_client_and_the_open_source_one_is_told_only_what_it_knows(self, world: World) -> None:
        catalog = world.schema().partition(".")[0]
        name, _ = world.user(("catalog", catalog, ("USE CATALOG", "use_schema", "BROWSE", "MANAGE", "ALL PRIVILEGES")))
        other, _ = world.user(("catalog", catalog, ("APPLY_TAG",)))
        told = got(ask(world.admin, "GET", f"permissions/catalog/{catalog}"))["privilege_assignments"]
        assert told == [
            {"principal": name, "privileges": ["ALL_PRIVILEGES", "BROWSE", "MANAGE", "USE_CATALOG", "USE_SCHEMA"]},
            {"principal": other, "privileges": ["APPLY_TAG"]},
        ]
        answer = world.admin.get(f"{UNITY}/permissions/catalog/{catalog}", headers=OPEN_SOURCE)
        assert got(answer) == {
            "privilege_assignments": [{"principal": name, "privileges": ["USE CATALOG", "USE SCHEMA"]}]
        }

    @pytest.mark.parametrize(
        "kind", ["function", "FUNCTION", "registered_model", "model", "SecurableType.FUNCTION", "Model"]
    )
    def test_of_the_type_of_a_model_is_anything_that_clients_write(self, world: World, kind: str) -> None:
        model = world.model()
        name, _ = world.user_of(model)
        answer = ask(
            world.admin, "PATCH", f"permissions/{kind}/{model}", changes=[{"principal": name, "add": ["EXECUTE"]}]
        )
        assert got(answer) == {"privilege_assignments": [{"principal": name, "privileges": ["EXECUTE"]}]}
        for path in ("effective-permissions", "privilege-assignments", "effective-privilege-assignments"):
            got(ask(world.admin, "GET", f"{path}/{kind}/{model}"))


class TestGrants:
    def test_omitted_from_the_answer_are_still_made(self, world: World) -> None:
        model = world.model()
        name, _ = world.user_of(model)
        change = [{"principal": name, "add": ["EXECUTE"]}]
        path = f"permissions/function/{model}"
        assert got(ask(world.admin, "PATCH", path, changes=change, omit_permissions_in_response=True)) == {}
        assert got(ask(world.admin, "GET", path, principal=name))["privilege_assignments"]

    def test_are_paged_where_that_is_asked_for(self, world: World) -> None:
        """A page of 150 privileges holds fewer principals than there are here, as one may have more than ten."""
        model = world.model()
        with world.server.client() as admin:
            names = [f"many{next(_numbers)}" for _ in range(14)]
            for name in names:
                admin.post("/api/2.0/preview/scim/v2/Groups", json={"displayName": name}).raise_for_status()
        changes = [{"principal": name, "add": ["EXECUTE"]} for name in names]
        ask(world.admin, "PATCH", f"permissions/function/{model}", changes=changes)
        for path, length in (("permissions", "max_results"), ("privilege-assignments", "page_size")):
            where = f"{path}/function/{model}"
            first = got(ask(world.admin, "GET", where, **{length: 150}))
            token = first["next_page_token"]
            rest = got(ask(world.admin, "GET", where, page_token=token, **{length: 150}))
            both = first["privilege_assignments"] + rest["privilege_assignments"]
            assert [each["principal"] for each in both] == sorted(names)
            assert "next_page_token" not in rest
            for default in ({}, {length: 0}):
                assert (
                    len(got(ask(world.admin, "GET", f"{path}/function/{model}", **default))["privilege_assignments"])
                    == 14
                )
            for bad in (-1, 1, 149):
                refused(
                    ask(world.admin, "GET", f"{path}/function/{model}", **{length: bad}), 400, "INVALID_PARAMETER_VALUE"
                )
        foreign = ask(world.admin, "GET", f"effective-permissions/function/{model}", page_token=token)
        refused(foreign, 400, "INVALID_PARAMETER_VALUE")

    def test_that_are_inherited_say_from_where_and_through_whom(self, world: World) -> None:
        model = world.model()
        catalog = model.partition(".")[0]
        name, client = world.user_of(model, "EXECUTE")
        assert got(ask(client, "GET", f"effective-permissions/function/{model}", principal=name)) == {
            "privilege_assignments": [
                {
                    "principal": name,
                    "privileges": [
                        {"privilege": "EXECUTE"},
                        {
                            "privilege": "USE_CATALOG",
                            "inherited_from_type": "CATALOG",
                            "inherited_from_name": catalog,
                        },
                        {
                            "privilege": "USE_SCHEMA",
                            "inherited_from_type": "CATALOG",
                            "inherited_from_name": catalog,
                        },
                    ],
                    "through": [name],
                }
            ]
        }

    def test_of_nobody_are_not_found(self, world: World) -> None:
        for path in ("permissions", "effective-permissions"):
            answer = ask(world.admin, "GET", f"{path}/function/{world.model()}", principal="nobody")
            assert "Could not find principal" in refused(answer, 404, "PRINCIPAL_DOES_NOT_EXIST")


class TestBrowse:
    def test_shows_name_comment_and_tags_and_nothing_else(self, world: World) -> None:
        model = world.model()
        world.ready(model)
        world.legacy("PATCH", "registered-models/update", name=model, description="for all to see")
        world.legacy("POST", "registered-models/set-tag", name=model, key="team", value="ml")
        world.legacy("POST", "registered-models/alias", name=model, alias="champion", version="1").raise_for_status()
        _, client = world.user(("catalog", model.partition(".")[0], ("BROWSE",)))
        assert "USE CATALOG" in refused(ask(client, "GET", f"models/{model}"), 403, "PERMISSION_DENIED")
        found = got(ask(client, "GET", f"models/{model}", include_browse="true", include_aliases="true"))
        assert (found["comment"], found["browse_only"]) == ("for all to see", True)
        assert found["tags"] == [{"key": "team", "value": "ml"}]
        assert not found.get("aliases")
        [listed] = got(ask(client, "GET", "models", include_browse="true"))["registered_models"]
        assert (listed["full_name"], listed["browse_only"]) == (model, True)
        assert got(ask(client, "GET", "models"))["registered_models"] == []
        whole = got(ask(world.admin, "GET", f"models/{model}", include_browse="true"))
        assert whole["browse_only"] is False


class TestMetastore:
    def test_is_shown_to_everybody(self, world: World) -> None:
        _, client = world.user()
        found = got(ask(client, "GET", "metastore_summary"))
        assert (found["name"], found["owner"], found["privilege_model_version"]) == ("metastore", "admins", "1.0")
        id_ = found["metastore_id"]
        assert got(ask(client, "GET", f"metastores/{id_}")) == found
        assert got(ask(client, "GET", "metastores")) == {"metastores": [found]}
        assert got(ask(client, "GET", "current-metastore-assignment"))["metastore_id"] == id_
        refused(ask(client, "GET", "metastores/another"), 404, "RESOURCE_DOES_NOT_EXIST")

    def test_and_its_assignment_stay_as_they_are(self, world: World) -> None:
        there = got(ask(world.admin, "GET", "current-metastore-assignment"))
        id_, place = there["metastore_id"], f"workspaces/{there['workspace_id']}/metastore"
        same = {"metastore_id": id_, "default_catalog_name": ""}
        assert got(ask(world.admin, "PUT", place, **same)) == {}
        assert got(ask(world.admin, "PATCH", f"metastores/{id_}"))["metastore_id"] == id_
        for method, path, said in (
            ("PATCH", f"metastores/{id_}", {"new_name": "mine"}),
            ("PATCH", f"metastores/{id_}", {"owner": "somebody"}),
            ("PUT", place, {"metastore_id": "another"}),
            ("PUT", "workspaces/1/metastore", {"metastore_id": id_}),
            ("DELETE", place, {"metastore_id": id_}),
        ):
            refused(ask(world.admin, method, path, **said), 400, "INVALID_STATE")
        refused(
            ask(world.admin, "PUT", place, **{**same, "default_catalog_name": "main"}), 400, "INVALID_PARAMETER_VALUE"
        )
        _, client = world.user()
        refused(ask(client, "PUT", place, **same), 403, "PERMISSION_DENIED")
        for method, path in (("POST", "metastores"), ("DELETE", f"metastores/{id_}")):
            refused(ask(world.admin, method, path), 404, "ENDPOINT_NOT_FOUND")

    def test_binds_every_catalog_to_the_one_workspace(self, world: World) -> None:
        catalog = world.schema().partition(".")[0]
        here = got(ask(world.admin, "GET", "current-metastore-assignment"))["workspace_id"]
        old, new = f"workspace-bindings/catalogs/{catalog}", f"bindings/catalog/{catalog}"
        bound = {"bindings": [{"workspace_id": here, "binding_type": "BINDING_TYPE_READ_WRITE"}]}
        assert got(ask(world.admin, "GET", old)) == {"workspaces": [here]}
        assert got(ask(world.admin, "GET", new)) == bound
        assert got(ask(world.admin, "PATCH", old, assign_workspaces=[here])) == {"workspaces": [here]}
        assert got(ask(world.admin, "PATCH", new, add=bound["bindings"])) == bound
        for path, said in (
            (old, {"assign_workspaces": [1]}),
            (old, {"unassign_workspaces": [here]}),
            (new, {"add": [{"workspace_id": 1}]}),
            (new, {"remove": [{"workspace_id": here}]}),
            (new, {"add": [{"workspace_id": here, "binding_type": "BINDING_TYPE_READ_ONLY"}]}),
        ):
            refused(ask(world.admin, "PATCH", path, **said), 400, "INVALID_STATE")
        refused(ask(world.admin, "GET", "bindings/schema/a.b"), 400, "INVALID_PARAMETER_VALUE")

    def test_lets_catalogs_be_updated_with_what_means_nothing_here(self, world: World) -> None:
        catalog = world.schema().partition(".")[0]
        said = {"isolation_mode": "ISOLATED", "enable_predictive_optimization": "DISABLE", "options": {"a": "b"}}
        found = got(ask(world.admin, "PATCH", f"catalogs/{catalog}", comment="new", **said))
        assert (found["comment"], found["isolation_mode"]) == ("new", "OPEN")


class TestTags:
    @pytest.mark.parametrize(("kind", "levels"), [("catalogs", 1), ("schemas", 2), ("models", 3), ("functions", 3)])
    def test_are_made_read_listed_changed_and_taken_away(self, world: World, kind: str, levels: int) -> None:
        name = ".".join(world.model().split(".")[:levels])
        where = f"entity-tag-assignments/{kind}/{name}/tags"
        tag = {"entity_type": kind.replace("functions", "models"), "entity_name": name, "tag_key": "team"}
        said = {**tag, "entity_type": kind, "tag_value": "ml"}
        assert got(ask(world.admin, "POST", "entity-tag-assignments", **said)) == {**tag, "tag_value": "ml"}
        refused(ask(world.admin, "POST", "entity-tag-assignments", **said), 400, "RESOURCE_ALREADY_EXISTS")
        assert got(ask(world.admin, "GET", f"{where}/team")) == {**tag, "tag_value": "ml"}
        changed = world.admin.patch(f"{UNITY}/{where}/team?update_mask=tag_value", json={**said, "tag_value": "ops"})
        assert got(changed) == {**tag, "tag_value": "ops"}
        ask(world.admin, "POST", "entity-tag-assignments", **{**said, "tag_key": "area"})
        first = got(ask(world.admin, "GET", where, max_results=1))
        rest = got(ask(world.admin, "GET", where, max_results=1, page_token=first["next_page_token"]))
        assert [each["tag_key"] for each in first["tag_assignments"] + rest["tag_assignments"]] == ["area", "team"]
        assert "next_page_token" not in rest
        assert got(ask(world.admin, "DELETE", f"{where}/team")) == {}
        refused(ask(world.admin, "GET", f"{where}/team"), 404, "RESOURCE_DOES_NOT_EXIST")
        refused(ask(world.admin, "PATCH", f"{where}/team", tag_value="x"), 404, "RESOURCE_DOES_NOT_EXIST")

    def test_of_models_are_those_that_mlflow_sets(self, world: World) -> None:
        model = world.model()
        world.legacy("POST", "registered-models/set-tag", name=model, key="by", value="mlflow").raise_for_status()
        found = got(ask(world.admin, "GET", f"entity-tag-assignments/models/{model}/tags/by"))
        assert found["tag_value"] == "mlflow"

    def test_take_apply_tag_and_are_seen_by_who_may_browse(self, world: World) -> None:
        model = world.model()
        catalog = model.partition(".")[0]
        said = {"entity_type": "models", "entity_name": model, "tag_key": "team", "tag_value": "ml"}
        _, reader = world.user_of(model, "EXECUTE")
        _, tagger = world.user_of(model, "APPLY_TAG")
        _, browser = world.user(("catalog", catalog, ("BROWSE",)))
        message = refused(ask(reader, "POST", "entity-tag-assignments", **said), 403, "PERMISSION_DENIED")
        assert message == f"User does not have APPLY TAG on Routine or Model '{model}'."
        got(ask(tagger, "POST", "entity-tag-assignments", **said))
        for client in (reader, browser):
            assert got(ask(client, "GET", f"entity-tag-assignments/models/{model}/tags"))["tag_assignments"]

    def test_change_in_their_value_only(self, world: World) -> None:
        answer = world.admin.patch(f"{UNITY}/entity-tag-assignments/models/{world.model()}/tags/a?update_mask=tag_key")
        refused(answer, 400, "INVALID_PARAMETER_VALUE")


class TestExplanations:
    def test_tell_each_check_with_its_grant(self, world: World) -> None:
        model = world.model()
        catalog, schema, _ = model.split(".")
        name, client = world.user(("catalog", catalog, ("USE_CATALOG",)), ("function", model, ("EXECUTE",)))
        said = {"principal": name, "action": "get model", "securable_type": "function", "full_name": model}
        whole = got(world.admin.get(f"{OURS}/explain", params=said))
        assert (whole["action"], whole["allowed"], whole["complete"]) == ("GetModel", False, True)
        assert whole["reason"] == f"User does not have USE SCHEMA on Schema '{catalog}.{schema}'."
        assert [(check["privilege"], check["passed"]) for check in whole["checks"]] == [
            ("USE_CATALOG", True),
            ("USE_SCHEMA", False),
            ("EXECUTE", True),
        ]
        assert whole["checks"][0] == {
            "privilege": "USE_CATALOG",
            "securable_type": "CATALOG",
            "full_name": catalog,
            "passed": True,
            "reason": f"USE CATALOG is granted on Catalog '{catalog}'",
            "basis": "grant",
            "found_on": {"securable_type": "CATALOG", "full_name": catalog},
            "through": [name],
            "granted": "USE_CATALOG",
        }
        mine = got(client.get(f"{OURS}/explain", params={**said, "principal": ""}))
        assert (mine["complete"], len(mine["checks"])) == (False, 2)
        answer = client.get(f"{OURS}/explain", params={**said, "principal": "admin"})
        refused(answer, 403, "PERMISSION_DENIED")

    def test_advise_in_a_form_that_the_grants_endpoint_takes(self, world: World) -> None:
        model = world.model()
        name, client = world.user()
        said = {"principal": name, "role": "inference", "model": model}
        for grant in got(world.admin.get(f"{OURS}/preflight", params=said))["grants"]:
            path = f"permissions/{grant['securable_type']}/{grant['full_name']}"
            got(ask(world.admin, "PATCH", path, changes=grant["changes"]))
        assert got(client.get(f"{OURS}/preflight", params={**said, "principal": ""}))["ready"]
        got(ask(client, "GET", f"models/{model}"))

    @pytest.mark.parametrize(
        "said",
        [
            {"role": "cleaning", "model": "a.b.c"},
            {"role": "training", "model": "a"},
            {"role": "training", "model": "a.b.c.d"},
            {"role": "training"},
            {"role": "promotion", "model": "a.b.c"},
        ],
    )
    def test_refuse_what_is_no_role(self, world: World, said: dict[str, str]) -> None:
        refused(world.admin.get(f"{OURS}/preflight", params=said), 400, "INVALID_PARAMETER_VALUE")
