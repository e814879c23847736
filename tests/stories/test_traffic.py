"""How requests find their version: by routes, after a sleep, and while a new one takes over by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.serving import (
    ENDPOINTS,
    OURS,
    Load,
    ask,
    change,
    entity,
    invocations,
    numbers,
    scorers,
    shares,
    wait_for,
)
from tests.support import Server

LONG = 60.0
"""Seconds in which a process comes up, however busy this machine is."""


@pytest.fixture(scope="module")
def server(serving: Server) -> Server:
    return serving


# Routes


def test_headers_and_people_decide_and_shadows_only_watch(
    server: Server, endpoint: Callable[..., dict[str, Any]]
) -> None:
    routes = {
        "traffic_config": shares(one=50, two=50, three=0),
        "sticky_by": "header:X-Session",
        "header_routes": [{"header": "X-Try", "value": "new", "served_entity_name": "two"}],
        "shadow_routes": [{"served_entity_name": "three", "fraction": 100}],
    }
    endpoint("routed", *(entity("price", number, name) for name, number in NAMES.items()), **routes)
    with server.client() as client:
        for who in range(30):
            named = {ask(client, "routed", numbers(1), X_Session=str(who)).headers["served-model-name"] for _ in "12"}
            assert len(named) == 1
            assert named < {"one", "two"}
            tried = ask(client, "routed", numbers(1), X_Session=str(who), X_Try="new")
            assert tried.headers["served-model-name"] == "two"
        wait_for(lambda: counted(client, "routed").get("three") == 90)
    by_user(server)


NAMES = {"one": 1, "two": 2, "three": 3}


def counted(client: httpx.Client, name: str) -> dict[str, int]:
    """How many requests each entity had, as the metrics say."""
    told = client.get(f"{OURS}/{name}/statistics").raise_for_status().json()["served_entities"]
    return {each["name"]: each["requests"] for each in told}


def by_user(server: Server) -> None:
    change(server, "routed", sticky_by="user", shadow_routes=[])
    seen: set[str] = set()
    for number in range(8):
        token = server.make_user(f"user-{number}@example.com")
        with server.client() as client:
            id_ = client.get(f"{ENDPOINTS}/routed").json()["id"]
            allowed = {"user_name": f"user-{number}@example.com", "permission_level": "CAN_QUERY"}
            where = f"/api/2.0/permissions/serving-endpoints/{id_}"
            client.patch(where, json={"access_control_list": [allowed]}).raise_for_status()
        with server.client(token) as client:
            named = {ask(client, "routed", numbers(1)).headers["served-model-name"] for _ in range(5)}
        assert len(named) == 1
        seen |= named
    assert seen == {"one", "two"}  # ids are drawn anew: once in 128 runs, all eight are on one side


def test_what_is_not_asked_sleeps_and_is_woken(server: Server, endpoint: Callable[..., dict[str, Any]]) -> None:
    before = scorers(server)
    endpoint("sleepy", entity("price", 1, "one", scale_to_zero_enabled=True))
    with server.client() as client:
        assert ask(client, "sleepy", numbers(1)).is_success
        awake = scorers(server) - before
        assert awake
        wait_for(lambda: not scorers(server) & awake)  # a spare, which has no model, may be there already
        assert client.get(f"{ENDPOINTS}/sleepy").json()["state"]["ready"] == "READY"
        woken = client.post(invocations("sleepy"), json=numbers(4), timeout=LONG)
    assert woken.json()["predictions"] == pytest.approx([4])


# Roll-outs


def test_roll_outs_end_by_themselves_as_they_should(server: Server, endpoint: Callable[..., dict[str, Any]]) -> None:
    entities = [entity("price", 1, "one"), entity("price", 2, "good")]
    entities += [entity("broken", 1, "broken"), entity("slow", 1, "slow")]
    endpoint("rolled", *entities, traffic_config=shares(one=100, good=0, broken=0, slow=0))
    rolls_out(server, "broken", "ROLLED_BACK", "errors")
    rolls_out(server, "slow", "ROLLED_BACK", "95th percentile")
    assert shared(server) == {"one": 100, "good": 0, "broken": 0, "slow": 0}
    rolls_out(server, "good", "COMPLETED", "every step")
    assert shared(server)["good"] == 100


def rolls_out(server: Server, name: str, end: str, why: str) -> None:
    plan = {"served_entity_name": name, "steps": [30, 100], "bake_seconds": 1, "min_requests": 10}
    with server.client() as client, Load(server, "rolled") as load:
        load.go_on()
        begun = client.post(f"{OURS}/rolled/rollout", json={**plan, "max_latency_ratio": 6.0}).raise_for_status().json()
        assert (begun["state"], begun["percentage"]) == ("RUNNING", 30)
        found = wait_for(lambda: ended(client), LONG)
        load.go_on()
    assert (found["state"], why in found["reason"]) == (end, True), found
    assert {status for status, _ in load.bad} <= ({400} if name == "broken" else set())


def ended(client: httpx.Client) -> dict[str, Any] | None:
    found = client.get(f"{OURS}/rolled/rollout").raise_for_status().json()
    return found if found["state"] != "RUNNING" else None


def shared(server: Server) -> dict[str, int]:
    with server.client() as client:
        routes = client.get(f"{ENDPOINTS}/rolled").json()["config"]["traffic_config"]["routes"]
    return {each["served_entity_name"]: each["traffic_percentage"] for each in routes}
