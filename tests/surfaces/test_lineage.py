"""Lineage on the wire: what MLflow's client sends is kept, and shown by `/api/2.0/modelyard`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support import LEGACY, UNITY, Server

MODEL = "main.ml.lineage"
OURS = "/api/2.0/modelyard"


def header(said: object) -> dict[str, str]:
    return {"X-Databricks-Lineage-Identifier": base64.b64encode(json.dumps(said).encode()).decode()}


@pytest.fixture
def made(server: Server) -> Server:
    server.make_containers("main.ml")
    with server.client() as client:
        client.post(f"{LEGACY}/registered-models/create", json={"name": MODEL}).raise_for_status()
    return server


def register(server: Server, headers: dict[str, str]) -> httpx.Response:
    with server.client() as client:
        return client.post(f"{LEGACY}/model-versions/create", json={"name": MODEL, "source": "x"}, headers=headers)


def register_natively(server: Server, headers: dict[str, str]) -> httpx.Response:
    catalog, schema, name = MODEL.split(".")
    said = {"model_name": name, "catalog_name": catalog, "schema_name": schema, "source": "x"}
    with server.client() as client:
        return client.post(f"{UNITY}/models/versions", json=said, headers=headers)


def ends(server: Server, side: str) -> list[tuple[str, str, Any]]:
    with server.client() as client:
        found = client.get(f"{OURS}/models/{MODEL}/versions/1/lineage").raise_for_status().json()
    return [(edge["kind"], edge["name"], edge["details"]) for edge in found[side]]


@pytest.mark.parametrize("register", [register, register_natively])
def test_the_header_of_a_registration_and_the_notes_of_readers(
    made: Server, register: Callable[[Server, dict[str, str]], httpx.Response]
) -> None:
    said = {
        "entities": [{"notebook": {"id": "12"}}, {"job": {"id": "7", "job_run_id": "8"}}],
        "lineages": [{"source_securables": [{"table": {"name": "main.raw.events", "table_id": "t"}}]}],
    }
    assert register(made, header(said)).status_code == 200
    assert ends(made, "upstream") == [
        ("notebook", "12", {}),
        ("job", "7", {"run": "8"}),
        ("table", "main.raw.events", {"id": "t"}),
    ]
    note = {"name": MODEL, "version": "1", "model_version_lineage_info": {"direction": "DOWNSTREAM"}}
    with made.client() as client:
        client.post(f"{LEGACY}/model-versions/emit-lineage", json=note).raise_for_status()
        wrong = {**note, "model_version_lineage_info": {"direction": "SIDEWAYS"}}
        assert client.post(f"{LEGACY}/model-versions/emit-lineage", json=wrong).status_code == 400
    assert ends(made, "downstream") == [("reader", "admin", {})]


@pytest.mark.parametrize("value", ["{}", "!", base64.b64encode(b"[1]").decode(), base64.b64encode(b"\xff").decode()])
def test_a_header_that_cannot_be_read_is_refused_and_nothing_is_made(sqlite_server: Server, value: str) -> None:
    sqlite_server.make_containers("main.ml")
    with sqlite_server.client() as client:
        client.post(f"{LEGACY}/registered-models/create", json={"name": MODEL}).raise_for_status()
        answer = register(sqlite_server, {"X-Databricks-Lineage-Identifier": value})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        found = client.get(f"{LEGACY}/model-versions/search", params={"filter": f"name='{MODEL}'"}).json()
    assert found["model_versions"] == []


@pytest.mark.parametrize("query", [{"direction": "sideways"}, {"depth": "0"}, {"depth": "11"}, {"depth": "x"}])
def test_a_wrong_question_is_refused(sqlite_server: Server, query: dict[str, str]) -> None:
    with sqlite_server.client() as client:
        answer = client.get(f"{OURS}/models/{MODEL}/versions/1/lineage", params=query)
    assert answer.status_code == 400
