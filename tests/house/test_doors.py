"""An endpoint has one door: none of those that grants, catalogs and models have leads to it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from modelyard.action import Ref
from modelyard.actions import access, endpoints, permissions
from modelyard.domain.endpoints import PREFIX, Level
from tests.house.requests import Asked
from tests.house.test_matrix import Matrix, matrix
from tests.house.world import Person
from tests.support import LEGACY, UNITY

__all__ = ["matrix"]

pytestmark = pytest.mark.parametrize("matrix", ["sqlite"], indirect=True)

EXPLAIN = "/api/2.0/modelyard/explain"
TYPES = ("serving_endpoint", "serving-endpoints", "SERVING_ENDPOINT", "catalog", "schema", "function", "metastore")


def ask(matrix: Matrix, method: str, url: str, who: Person, **said: Any) -> httpx.Response:  # noqa: ANN401
    return matrix.ask(Asked(access.WhoAmI(), method, url, **said), who.credential)


def permitted(matrix: Matrix, endpoint: Ref) -> list[tuple[str, Level]]:
    found = matrix.world.do(permissions.GetPermissions(endpoint)).permitted
    return [(each.principal, each.level) for each in found]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("by", ["path", "name", "id"])
def test_grants_reach_no_endpoint_by_whatever_it_is_called(matrix: Matrix, kind: str, by: str) -> None:
    made, friend = matrix.world.endpoint(), matrix.world.person()
    found = matrix.world.do(endpoints.GetEndpoint(made))
    called = {"path": made.name.replace("/", "%2F"), "name": found.name, "id": found.id}[by]
    before = permitted(matrix, made)
    for level in ("CAN_MANAGE", "MANAGE"):
        change = {"changes": [{"principal": friend.name, "add": [level]}]}
        answer = ask(matrix, "PATCH", f"{UNITY}/permissions/{kind}/{called}", matrix.owner, json=change)
        assert answer.status_code in {400, 403, 404}, answer.text
    for what in ("permissions", "effective-permissions"):
        answer = ask(matrix, "GET", f"{UNITY}/{what}/{kind}/{called}", friend)
        assert answer.status_code in {400, 403, 404} or kind == "metastore", answer.text
        assert friend.name not in answer.text
    assert permitted(matrix, made) == before
    assert ask(matrix, "GET", f"/api/2.0/serving-endpoints/{found.name}", friend).status_code == 404


@pytest.mark.parametrize("level", Level)
def test_levels_are_granted_on_nothing_else(matrix: Matrix, level: Level) -> None:
    model = matrix.world.model()
    parts = model.name.split(".")
    for kind, depth in (("catalog", 1), ("schema", 2), ("function", 3)):
        change = {"changes": [{"principal": matrix.owner.name, "add": [level.value]}]}
        where = f"{UNITY}/permissions/{kind}/{'.'.join(parts[:depth])}"
        answer = ask(matrix, "PATCH", where, matrix.owner, json=change)
        assert (answer.status_code, "is not applicable" in answer.text) == (400, True)


def test_the_entitlement_to_run_code_is_granted_on_nothing(matrix: Matrix) -> None:
    who = matrix.world.person()
    change = {"changes": [{"principal": who.name, "add": ["ALLOW_CLUSTER_CREATE"]}]}
    where = f"{UNITY}/permissions/metastore/any"
    assert ask(matrix, "PATCH", where, matrix.admin, json=change).status_code == 400
    made = ask(matrix, "POST", "/api/2.0/serving-endpoints", who, json={"name": matrix.world.new_name("e")})
    assert (made.status_code, "ALLOW CLUSTER CREATE" in made.text) == (403, True)


def test_an_endpoint_is_no_catalog_and_takes_no_name_from_one(matrix: Matrix) -> None:
    made = matrix.world.endpoint()
    name = made.name.removeprefix(PREFIX)
    for url in (f"{UNITY}/catalogs/{name}", f"{UNITY}/catalogs/{made.name.replace('/', '%2F')}"):
        for method in ("GET", "DELETE"):
            assert ask(matrix, method, url, matrix.owner).status_code in {400, 404}
    inside = {"name": "inside", "catalog_name": made.name}
    assert ask(matrix, "POST", f"{UNITY}/schemas", matrix.owner, json=inside).status_code in {400, 404}
    assert ask(matrix, "POST", f"{UNITY}/catalogs", matrix.admin, json={"name": made.name}).status_code == 400
    assert ask(matrix, "POST", f"{UNITY}/catalogs", matrix.admin, json={"name": name}).is_success
    listed = ask(matrix, "GET", f"{UNITY}/catalogs", matrix.owner).json()["catalogs"]
    assert not [each for each in listed if each["name"].startswith(PREFIX)]
    assert ask(matrix, "GET", f"/api/2.0/serving-endpoints/{name}", matrix.owner).json()["name"] == name


def test_an_endpoint_is_no_model_to_register_or_tag(matrix: Matrix) -> None:
    made = matrix.world.endpoint()
    register = {"name": f"{made.name}.a.b", "source": "here"}
    assert ask(matrix, "POST", f"{LEGACY}/model-versions/create", matrix.owner, json=register).status_code in {400, 404}
    tag = {"entity_type": "catalogs", "entity_name": made.name, "tag_key": "team", "tag_value": "x"}
    answer = ask(matrix, "POST", f"{UNITY}/entity-tag-assignments", matrix.owner, json=tag)
    assert answer.status_code in {400, 403, 404}
    assert matrix.world.do(endpoints.GetEndpoint(made)).tags == ()


@pytest.mark.parametrize("odd", ["..", "a%2Fb", "%20", "a.b", "x" * 64, "-a", "a%00", "ä"])
def test_a_name_that_no_endpoint_can_have_is_a_bad_request(matrix: Matrix, odd: str) -> None:
    for method, url in (
        ("GET", f"/api/2.0/serving-endpoints/{odd}"),
        ("POST", f"/serving-endpoints/{odd}/invocations"),
    ):
        assert ask(matrix, method, url, matrix.admin).status_code in {400, 404}


def test_permissions_are_not_reached_by_a_name(matrix: Matrix) -> None:
    made = matrix.world.endpoint()
    for called in (made.name.removeprefix(PREFIX), made.name.replace("/", "%2F"), "0" * 32, "0" * 31):
        answer = ask(matrix, "GET", f"/api/2.0/permissions/serving-endpoints/{called}", matrix.admin)
        assert answer.status_code == 404


class TestExplained:
    def test_who_manages_it_hears_about_everybody(self, matrix: Matrix) -> None:
        made, friend = matrix.world.endpoint(), matrix.world.person()
        asked = {"action": "UpdateConfig", "securable_type": "serving_endpoint", "full_name": made.name}
        lacking = ask(matrix, "GET", EXPLAIN, matrix.owner, query={**asked, "principal": friend.name}).json()
        name = made.name.removeprefix(PREFIX)
        assert [each["reason"] for each in lacking["checks"]] == [
            f"User does not have CAN MANAGE on Endpoint '{name}'.",
            "User does not have ALLOW CLUSTER CREATE on Metastore ''; an admin can entitle it to that.",
        ]
        _, group = matrix.world.group(friend.id)
        matrix.world.permit(made, (group, Level.CAN_MANAGE))
        matrix.world.entitle(friend.id)
        held = ask(matrix, "GET", EXPLAIN, matrix.owner, query={**asked, "principal": friend.name}).json()
        assert held["allowed"]
        assert held["checks"][0]["through"] == [friend.name, group]
        assert held["checks"][0]["found_on"]["securable_type"] == "SERVING_ENDPOINT"

    def test_a_higher_level_is_named_where_a_lower_one_is_asked_for(self, matrix: Matrix) -> None:
        made, friend = matrix.world.endpoint(), matrix.world.person()
        matrix.world.permit(made, (friend.name, Level.CAN_MANAGE))
        asked = {"action": "CAN_VIEW", "securable_type": "endpoint", "full_name": made.name}
        [check] = ask(matrix, "GET", EXPLAIN, friend, query=asked).json()["checks"]
        assert (check["passed"], check["granted"]) == (True, "CAN_MANAGE")

    def test_a_stranger_hears_the_same_of_what_is_hidden_and_what_is_missing(self, matrix: Matrix) -> None:
        made, stranger = matrix.world.endpoint(), matrix.stranger
        for principal in ({}, {"principal": matrix.owner.name}):
            hidden, missing = (
                ask(
                    matrix,
                    "GET",
                    EXPLAIN,
                    stranger,
                    query={
                        "action": "UpdateConfig",
                        "securable_type": "serving_endpoint",
                        "full_name": name,
                        **principal,
                    },
                )
                for name in (made.name, f"{PREFIX}not-there")
            )
            assert hidden.status_code == missing.status_code
            assert hidden.text.replace(made.name.removeprefix(PREFIX), "it") == missing.text.replace("not-there", "it")

    @pytest.mark.parametrize(
        ("action", "kind", "name"),
        [
            ("SetAlias", "serving_endpoint", "x"),
            ("UpdateConfig", "catalog", "x"),
            ("EXECUTE", "serving_endpoint", "x"),
            ("UpdateConfig", "serving_endpoint", "a/b"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, matrix: Matrix, action: str, kind: str, name: str) -> None:
        said = {"action": action, "securable_type": kind, "full_name": name}
        assert ask(matrix, "GET", EXPLAIN, matrix.admin, query=said).status_code == 400

    def test_the_entitlement_is_explained(self, matrix: Matrix) -> None:
        friend = matrix.world.person()
        said = {"action": "ALLOW_CLUSTER_CREATE", "securable_type": "metastore", "principal": friend.name}
        assert not ask(matrix, "GET", EXPLAIN, matrix.admin, query=said).json()["allowed"]
        matrix.world.entitle(friend.id)
        [check] = ask(matrix, "GET", EXPLAIN, matrix.admin, query=said).json()["checks"]
        assert (check["passed"], check["basis"], check["through"]) == (True, "entitlement", [friend.name])
