"""Inference tables of a real server: what was asked is found again, also after the server was killed."""

from __future__ import annotations

import io
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from deltalake import DeltaTable
from pyarrow.compute import field

from tests.cli.conftest import CommandLine
from tests.serving import (
    SCHEMA,
    Load,
    Speaker,
    Times,
    ask,
    drop,
    entity,
    make,
    numbers,
    register,
    save_linear,
    save_python,
    shares,
    wait_for,
)
from tests.support import UNITY, Server

CATALOG, NAME = SCHEMA.split(".")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with models; rows come to their tables within a second or two."""
    folder = tmp_path_factory.mktemp("inference")
    settings = {"serving_env": "local", "inference_flush_seconds": "1"}
    server = Server(folder / "data", "", settings).start()
    server.make_containers(SCHEMA)
    for factor in (1, 2):
        save_linear(folder / str(factor), factor)
        register(server, "price", folder / str(factor))
    save_python(folder / "broken", Times(4, raises=True))
    register(server, "broken", folder / "broken")
    save_python(folder / "speaker", Speaker())
    register(server, "speaker", folder / "speaker")
    yield server
    server.stop()


@pytest.fixture
def logging(server: Server) -> Iterator[Callable[..., str]]:
    """Makes endpoints that log; the name of the table."""
    made: list[str] = []

    def begin(name: str, *entities: dict[str, Any], fraction: float = 100.0, **config: object) -> str:
        made.append(name)
        where = {"catalog_name": CATALOG, "schema_name": NAME, "table_name_prefix": name}
        capture = {**where, "enabled": True, "sampling_fraction": fraction}
        make(server, name, *entities, auto_capture_config=capture, **config)
        return f"{SCHEMA}.{name}_payload"

    yield begin
    drop(server, *made)


def about(server: Server, table: str) -> dict[str, Any]:
    with server.client() as admin:
        return admin.get(f"/api/2.0/modelyard/tables/{table}").raise_for_status().json()


def rows(server: Server, table: str, **asked: object) -> list[dict[str, Any]]:
    """All rows, page by page, as the table's owner sees them."""
    found: list[dict[str, Any]] = []
    token = ""
    with server.client() as admin:
        while True:
            query: Any = {**asked, "page_token": token, "max_results": 40}
            page = admin.get(f"/api/2.0/modelyard/tables/{table}/rows", params=query).raise_for_status().json()
            found += page["rows"]
            if not (token := page["next_page_token"]):
                return found


def arrived(server: Server, table: str, count: int) -> dict[str, Any]:
    """The table, once it has so many rows."""
    wait_for(lambda: about(server, table)["rows"] >= count, 30)
    return about(server, table)


def test_what_was_asked_and_answered_is_found_again(server: Server, logging: Callable[..., str]) -> None:
    table = logging("plain", entity("price", 2, "two"))
    began = int(time.time() * 1000)
    with server.client() as client:
        answer = ask(client, "plain", numbers(1, 2, client_request_id="c1"))
        assert ask(client, "plain", {"wrong": 1}).status_code == 400
        ask(client, "plain", numbers(3))
    found = arrived(server, table, 3)
    assert (found["rows"], found["lost_rows"], found["retention_days"]) == (3, 0, 30)
    last, wrong, first = rows(server, table)
    assert first["client_request_id"] == "c1"
    assert first["databricks_request_id"] == answer.headers["databricks-request-id"]
    assert (first["response"], first["status_code"]) == (answer.text, 200)
    assert '"client_request_id":"c1"' in first["request"].replace(" ", "")
    assert (first["served_entity_name"], first["model_name"], first["model_version"]) == ("two", f"{SCHEMA}.price", 2)
    assert (first["requester"], first["is_shadow"]) == ("admin", False)
    assert first["model_duration_ms"] > 0
    assert first["request_time"] <= wrong["request_time"] <= last["request_time"]
    assert [each["request"] for each in rows(server, table, status_code=400)] == ['{"wrong":1}']
    assert rows(server, table, until=began) == []
    assert len(rows(server, table, since=began, served_entity_name="two")) == 3
    with server.client() as client:
        unity = client.get(f"{UNITY}/tables/{table}").raise_for_status().json()
        assert [column["name"] for column in unity["columns"]][:2] == ["databricks_request_id", "request_date"]
        assert unity["data_source_format"] == "PARQUET"
        assert client.get(f"/api/2.0/modelyard/tables/{table}/rows", params={"page_token": "x"}).status_code == 400


def test_it_is_exported_as_a_delta_table_that_grows_and_forgets(
    server: Server, logging: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table, folder = logging("exported", entity("price", 2, "two")), tmp_path / "there"
    modelyard = CommandLine(server, monkeypatch)
    assert modelyard.refusal("tables", "export", table, str(folder)) == f"{table} has no rows yet."
    with server.client() as client:
        ask(client, "exported", numbers(1))
        arrived(server, table, 1)
        assert "version 1: 1 files came, 0 went" in modelyard.do("tables", "export", table, str(folder)).err
        ask(client, "exported", numbers(2))
        arrived(server, table, 2)
    first = DeltaTable(folder).to_pyarrow_table()
    assert "version 2: 1 files came, 0 went" in modelyard.do("tables", "export", table, str(folder)).err
    delta = DeltaTable(folder)
    assert delta.metadata().name == table
    assert delta.to_pyarrow_table().num_rows == 2
    assert DeltaTable(folder, version=1).to_pyarrow_table() == first
    newest, _ = rows(server, table)
    found = delta.to_pyarrow_dataset().to_table(filter=field("request_time") > first["request_time"][0])
    assert found["databricks_request_id"].to_pylist() == [newest["databricks_request_id"]]

    modelyard.do("tables", "export", table, str(folder))
    assert DeltaTable(folder).version() == 2
    with closing(sqlite3.connect(server.data / "modelyard.db")) as database:  # as if its days were over
        database.execute(
            "DELETE FROM payload_files WHERE batch = (SELECT batch FROM payload_files f JOIN securables s"
            " ON s.id = f.table_id WHERE s.full_name = ? ORDER BY first_at LIMIT 1)",
            (table,),
        )
        database.commit()
    assert "version 3: 0 files came, 1 went" in modelyard.do("tables", "export", table, str(folder)).err
    assert DeltaTable(folder).to_pyarrow_table()["databricks_request_id"].to_pylist() == [
        newest["databricks_request_id"]
    ]
    assert len(list(folder.glob("*.parquet"))) == 1

    other = tmp_path / "other"
    (other / "something").mkdir(parents=True)
    assert "no earlier export" in modelyard.refusal("tables", "export", table, str(other))
    assert "no earlier export" in modelyard.refusal("tables", "export", f"{SCHEMA}.another_payload", str(folder))


def test_its_files_are_parquet_for_whoever_may_select(server: Server, logging: Callable[..., str]) -> None:
    table = logging("files", entity("price", 1, "one"))
    with server.client() as client:
        ask(client, "files", numbers(7))
        arrived(server, table, 1)
        where = f"/api/2.0/modelyard/tables/{table}"
        [file] = client.get(f"{where}/files").raise_for_status().json()["files"]
        content = client.get(f"{where}/download", params={"file": file["id"]}).raise_for_status().content
        assert len(content) == file["size"]
        assert client.get(f"{where}/download").content == content
    read = pyarrow.parquet.ParquetFile(io.BytesIO(content)).read()
    assert read.num_rows == 1
    assert str(read.schema.field("logging_error_codes").type).startswith("list<")
    reader = server.make_user("reader@example.com")
    with server.client(reader) as stranger:
        for path in ("", "/rows", "/files", "/download", "/compare?a=x&b=y"):
            refused = stranger.get(where + path)
            assert (refused.status_code, "USE CATALOG" in refused.text) == (403, True)
        server.grant("catalog", CATALOG, "reader@example.com", "USE_CATALOG", "USE_SCHEMA")
        assert "does not have SELECT on Table" in stranger.get(f"{where}/rows").text
        server.grant("table", table, "reader@example.com", "SELECT")
        assert len(stranger.get(f"{where}/rows").json()["rows"]) == 1
        assert stranger.patch(where, json={"retention_days": 3}).status_code == 403
        assert stranger.delete(where).status_code == 403
    with server.client() as admin:
        assert admin.patch(where, json={"retention_days": 3}).json()["retention_days"] == 3


def both_sides(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, once each request that was logged has its shadow's."""
    sides = [{each["databricks_request_id"] for each in found if each["is_shadow"] is side} for side in (True, False)]
    return found if sides[0] == sides[1] else []


def test_a_shadow_is_logged_with_the_request_and_compared(server: Server, logging: Callable[..., str]) -> None:
    shadow = {"shadow_routes": [{"served_entity_name": "two", "fraction": 100}]}
    split = {"traffic_config": shares(one=100, two=0)}
    both = (entity("price", 1, "one"), entity("price", 2, "two"))
    table = logging("shadowed", *both, fraction=50.0, **shadow, **split)
    with server.client() as client:
        for number in range(40):
            assert ask(client, "shadowed", numbers(number)).json() == {"predictions": [float(number)]}
        found = wait_for(lambda: both_sides(rows(server, table)))
        shadows = {each["databricks_request_id"] for each in found if each["is_shadow"]}
        assert 5 <= len(shadows) <= 35  # half of 40; beyond this once in more than a million runs
        assert {each["sampling_fraction"] for each in found} == {0.5}
        asked = {"a": "one", "b": "two"}
        told = client.get(f"/api/2.0/modelyard/tables/{table}/compare", params=asked).raise_for_status().json()
    assert (told["pairs"], told["is_complete"]) == (len(shadows), True)
    assert told["agreed"] in {0, 1}  # nothing times two is nothing
    assert told["b"]["failed"] == 0


def test_streams_and_failures_are_logged_too(server: Server, logging: Callable[..., str]) -> None:
    table = logging("streams", entity("speaker", 1, "it"))
    with server.client() as client:
        streamed = ask(client, "streams", numbers(1, stream=True)).text
    arrived(server, table, 1)
    assert [each["response"] for each in rows(server, table)] == [streamed]
    table = logging("failures", entity("broken", 1, "it"))
    with server.client() as client:
        assert ask(client, "failures", numbers(1)).status_code == 400
    arrived(server, table, 1)
    assert [each["status_code"] for each in rows(server, table)] == [400]


def test_what_is_too_large_is_named_and_not_kept(server: Server, logging: Callable[..., str]) -> None:
    table = logging("large", entity("price", 1, "one"))
    with server.client() as client:
        assert ask(client, "large", numbers(*range(300_000))).status_code == 200
    arrived(server, table, 1)
    [row] = rows(server, table)
    assert (row["request"], row["response"]) == (None, None)
    assert row["logging_error_codes"] == ["MAX_REQUEST_SIZE_EXCEEDED", "MAX_RESPONSE_SIZE_EXCEEDED"]


def test_metrics_tell_what_processes_take(server: Server, logging: Callable[..., str]) -> None:
    logging("busy", entity("price", 1, "one"))
    path = "/api/2.0/serving-endpoints/busy/metrics"

    def taken(what: str) -> float:
        with server.client() as client:
            lines = client.get(path).raise_for_status().text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(what)))

    assert 0.01 < taken("mem_usage_percentage") < 100
    time.sleep(1.2)
    with Load(server, "busy", people=2) as load:
        load.go_on(300)
        time.sleep(1.2)
    assert 0 < taken("cpu_usage_percentage") <= 100


@pytest.mark.parametrize("flush", ["1", "3600"])
def test_a_killed_server_loses_a_second_at_most_and_counts_it(
    tmp_path: Path, flush: str, request: pytest.FixtureRequest
) -> None:
    settings = {"serving_env": "local", "inference_flush_seconds": flush}
    own = Server(tmp_path / "data", "", settings).start()
    request.addfinalizer(own.stop)
    own.make_containers(SCHEMA)
    save_linear(tmp_path / "model", 1)
    register(own, "price", tmp_path / "model")
    where = {"catalog_name": CATALOG, "schema_name": NAME, "table_name_prefix": "it", "enabled": True}
    make(own, "it", entity("price", 1, "one"), auto_capture_config=where)
    with Load(own, "it", people=2) as load:
        load.go_on(200)
        time.sleep(3)
        killed_at = time.monotonic()
        answered = len(load.heard)
        old = sum(each.at < killed_at - 1.5 for each in load.heard)
        own.kill()
    assert answered >= 200
    own.start()
    table = f"{SCHEMA}.it_payload"
    wait_for(lambda: about(own, table)["rows"] + about(own, table)["lost_rows"] >= answered, 30)
    found = about(own, table)
    kept, lost = found["rows"], found["lost_rows"]
    assert kept >= old
    under_way = 2  # answers that were counted and never heard, one for each who asked
    assert answered <= kept + lost <= len(load.heard) + under_way
    ids = [each["databricks_request_id"] for each in rows(own, table)]
    assert len(set(ids)) == len(ids) == kept
    time.sleep(1)
    assert about(own, table)["rows"] == kept
    files = {path.suffix for path in (own.data / "inference").iterdir()}
    assert files == {".run"}  # of the server that runs


def test_what_waits_when_a_server_stops_is_kept(tmp_path: Path) -> None:
    own = Server(tmp_path / "data", "", {"serving_env": "local", "inference_flush_seconds": "3600"}).start()
    own.make_containers(SCHEMA)
    save_linear(tmp_path / "model", 1)
    register(own, "price", tmp_path / "model")
    where = {"catalog_name": CATALOG, "schema_name": NAME, "enabled": True}
    make(own, "stopping", entity("price", 1, "one"), auto_capture_config=where)
    with own.client() as client:
        ask(client, "stopping", numbers(1))
    own.stop()
    assert list((own.data / "inference").iterdir()) == []
    own.start()
    try:
        assert about(own, f"{SCHEMA}.stopping_payload")["rows"] == 1
    finally:
        own.stop()
