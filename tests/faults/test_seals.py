"""The chain of seals holds, whoever is killed and whoever else seals and writes at the same time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.conftest import Postgres
from tests.support import UNITY, Server

VERIFY = "/api/2.0/modelyard/audit/verify"


def verified(client: httpx.Client) -> dict[str, Any]:
    """The last part of the chain, with how many rows it covers in all."""
    part, rows = client.get(VERIFY).raise_for_status().json(), 0
    while part["more"]:
        rows += part["rows"]
        asked = {"after_seal": part["through"], "digest": part["digest"]}
        part = client.get(VERIFY, params=asked).raise_for_status().json()
    return {**part, "rows": rows + part["rows"]}


def eventually_sealed(client: httpx.Client) -> list[dict[str, Any]]:
    """Every row, once each is sealed."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        rows: list[dict[str, Any]] = []
        token: str | None = ""
        while token is not None:
            asked = {"order": "asc", "max_results": 1_000, "page_token": token}
            page = client.get("/api/2.0/modelyard/audit", params=asked).raise_for_status().json()
            rows += page["events"]
            token = page["next_page_token"] or None
        if all(row["seal"] for row in rows):
            return rows
        time.sleep(0.2)
    raise AssertionError("some rows are not sealed")


def write(server: Server, token: str, first: int, count: int) -> int:
    """Make catalogs until the server is gone; how many were acknowledged."""
    with server.client(token) as client:
        for number in range(count):
            try:
                made = client.post(f"{UNITY}/catalogs", json={"name": f"c{first + number}"})
            except httpx.HTTPError:
                return number
            assert made.is_success, made.text
    return count


def test_a_server_that_is_killed_while_it_seals_leaves_a_whole_chain(server: Server) -> None:
    dice = random.Random(9)  # noqa: S311  which moments, nothing secret
    acknowledged = 0
    with ThreadPoolExecutor(1) as pool:
        for life in range(4):
            token = server.token
            writing = pool.submit(write, server, token, life * 100_000, 100_000)
            time.sleep(dice.uniform(0.9, 1.2))  # about when it seals
            server.kill()
            acknowledged += writing.result()
            server.start()
            with server.client() as client:
                assert verified(client)["broken"] is None
    with server.client() as client:
        rows = eventually_sealed(client)
        found = verified(client)
    assert found["broken"] is None
    assert found["rows"] == len(rows) >= acknowledged > 10


def test_two_servers_on_one_database_seal_side_by_side_while_eight_write(
    start_server: Callable[..., Server], postgres: Postgres
) -> None:
    database = postgres.make()
    one, two = start_server(database, "one"), start_server(database, "two")
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, (one, two)[each % 2], one.token, each * 1_000, 60) for each in range(8)]
        assert [writer.result() for writer in writers] == [60] * 8
    for server in (one, two):
        with server.client(one.token) as client:
            rows = eventually_sealed(client)
            found = verified(client)
        assert (found["broken"], found["unsealed_late"]) == (None, 0)
        assert found["rows"] == len(rows) >= 480
