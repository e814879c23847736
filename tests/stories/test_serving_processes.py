"""Serving from two processes behind one address, on PostgreSQL: whichever is asked, the story is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import EndpointCoreConfigInput, Route, ServedEntityInput, TrafficConfig

from tests.conftest import Postgres
from tests.faults.test_workers import alone, ready, workers
from tests.serving import ENDPOINTS, SCHEMA, Load, ask, numbers, register, save_linear, wait_for
from tests.support import Server

FACTORS = {"one": 1, "two": 2}


@pytest.fixture
def server(start_server: Callable[..., Server], postgres: Postgres, tmp_path: Path) -> Server:
    """Two processes, and two versions of a model that multiply by their numbers."""
    server = start_server(postgres.make(), workers="2", threads="4", serving_env="local")
    ready(server, 2)
    server.make_containers(SCHEMA)
    for number in (1, 2):
        save_linear(tmp_path / str(number), number)
        assert register(server, "price", tmp_path / str(number)) == number
    return server


def served(name: str) -> ServedEntityInput:
    return ServedEntityInput(
        name=name,
        entity_name=f"{SCHEMA}.price",
        entity_version=str(FACTORS[name]),
        workload_size="Small",
        scale_to_zero_enabled=False,
    )


def split(**percentages: int) -> TrafficConfig:
    return TrafficConfig([Route(share, served_entity_name=name) for name, share in percentages.items()])


def all_from(client: httpx.Client, name: str) -> bool:
    """Whether some answers in a row come from one version: a process that still shares its requests mixes them."""
    return all(ask(client, "both", numbers(3)).headers.get("served-model-name") == name for _ in range(12))


def each_answers(server: Server, name: str) -> None:
    """Each process shows the same endpoint, and asks the same version; what another one changed, it knows soon."""
    for pid in workers(server):
        with alone(server, pid), server.client() as client:
            wait_for(lambda: all_from(client, name))
            assert ask(client, "both", numbers(3)).json()["predictions"] == pytest.approx([3 * FACTORS[name]])
            shown = client.get(f"{ENDPOINTS}/both").raise_for_status().json()
            assert shown["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}


@pytest.mark.client("databricks-sdk 0.156", "serving")
def test_two_processes_tell_the_same_story(server: Server) -> None:
    serving = WorkspaceClient(host=server.url, token=server.token).serving_endpoints
    serving.create_and_wait("both", config=EndpointCoreConfigInput(name="both", served_entities=[served("one")]))
    each_answers(server, "one")
    with Load(server, "both") as load:
        both = [served("one"), served("two")]
        serving.update_config_and_wait("both", served_entities=both, traffic_config=split(one=50, two=50))
        load.go_on(200)
        serving.update_config_and_wait("both", served_entities=[served("two")], traffic_config=split(two=100))
        load.go_on(200)
    assert load.bad == []
    assert all(round(each.factor, 6) == FACTORS[each.served] for each in load.heard)
    each_answers(server, "two")
    serving.delete("both")
    for pid in workers(server):
        with alone(server, pid), server.client() as client:
            wait_for(lambda: ask(client, "both", numbers(3)).status_code == 404)
