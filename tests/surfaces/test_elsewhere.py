"""Served entities that are elsewhere: another server is asked, where the operator allows it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.serving import ENDPOINTS, ask, drop, make, numbers, wait_for
from tests.support import Server

SECRET = "s3cr3t-of-another-server"


@dataclass
class Other:
    """Another server, which notes what it is asked."""

    url: str
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    body: bytes = b'{"predictions": [42]}'
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


@pytest.fixture
def other() -> Iterator[Other]:
    """It listens on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            there.heard.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(there.status)
            for name, value in (*there.headers, ("Content-Length", str(len(there.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(there.body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = Other(f"http://127.0.0.1:{listening.server_address[1]}/score?v=1")
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield there
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may ask loopback."""
    settings = {"outbound_allowed": "127.0.0.1", "serving_request_seconds": "3", "inference_flush_seconds": "1"}
    server = Server(tmp_path_factory.mktemp("server") / "data", "", settings).start()
    with server.client() as admin:
        admin.post("/api/2.0/secrets/scopes/create", json={"scope": "others"}).raise_for_status()
        said = {"scope": "others", "key": "token", "string_value": SECRET}
        admin.post("/api/2.0/secrets/put", json=said).raise_for_status()
    yield server
    server.stop()


def external(url: str, **proof: object) -> dict[str, Any]:
    custom = {"custom_provider_url": url, **proof}
    told = {"provider": "custom", "name": "there", "task": "llm/v1/chat", "custom_provider_config": custom}
    return {"name": "there", "external_model": told}


@pytest.fixture
def endpoint(server: Server) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def begin(name: str, *entities: dict[str, Any], **config: object) -> str:
        made.append(name)
        make(server, name, *entities, **config)
        wait_for(lambda: _is_ready(server, name))
        return name

    yield begin
    drop(server, *made)


def _is_ready(server: Server, name: str) -> bool:
    with server.client() as client:
        return client.get(f"{ENDPOINTS}/{name}").json()["state"]["ready"] == "READY"


def test_another_server_is_asked_and_what_it_says_goes_back(
    server: Server, other: Other, endpoint: Callable[..., str]
) -> None:
    name = endpoint("asks", external(other.url, bearer_token_auth={"token": "{{secrets/others/token}}"}))
    with server.client() as client:
        answer = ask(client, name, numbers(1))
        assert (answer.status_code, answer.json()) == (200, {"predictions": [42]})
        assert answer.headers["served-model-name"] == "there"
        [(path, headers, body)] = other.heard
        assert (path, json.loads(body)) == ("/score?v=1", numbers(1))
        assert headers["authorization"] == f"Bearer {SECRET}"
        assert headers["content-type"] == "application/json"
        assert server.token not in str(headers)
        other.status, other.body, other.headers = 422, b"no such thing", (("Content-Type", "text/plain"),)
        answer = ask(client, name, numbers(1))
        assert (answer.status_code, answer.text) == (422, "no such thing")
        assert answer.headers["content-type"] == "text/plain"
        other.status = 500
        assert ask(client, name, numbers(1)).status_code == 500
        shown = client.get(f"{ENDPOINTS}/{name}").text
    assert SECRET not in shown
    assert SECRET not in (server.data / "log").read_text()


def test_a_key_goes_in_the_header_that_is_named_and_other_types_are_passed_on(
    server: Server, other: Other, endpoint: Callable[..., str]
) -> None:
    key = {"key": "x-api-key", "value": "{{secrets/others/token}}"}
    name = endpoint("keyed", external(other.url, api_key_auth=key))
    with server.client() as client:
        path = f"/serving-endpoints/{name}/invocations"
        client.post(path, content=b"x\n1\n", headers={"content-type": "text/csv"}).raise_for_status()
    [(_, headers, body)] = other.heard
    assert (headers["x-api-key"], headers["content-type"], body) == (SECRET, "text/csv", b"x\n1\n")
    assert "authorization" not in headers


def test_a_redirect_is_not_followed(server: Server, other: Other, endpoint: Callable[..., str]) -> None:
    name = endpoint("moved", external(other.url))
    other.status, other.headers = 302, (("Location", other.url),)
    with server.client() as client:
        answer = ask(client, name, numbers(1))
    assert (answer.status_code, len(other.heard)) == (503, 1)
    assert "not followed" in answer.text


def test_who_does_not_answer_is_told_with_a_time_to_ask_again(server: Server, endpoint: Callable[..., str]) -> None:
    name = endpoint("gone", external("http://127.0.0.1:9/score"))
    with server.client() as client:
        answer = ask(client, name, numbers(1))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "127.0.0.1" not in answer.text


def test_a_place_that_the_operator_does_not_allow_is_never_asked(
    tmp_path: Path, other: Other, request: pytest.FixtureRequest
) -> None:
    own = Server(tmp_path / "data").start()
    request.addfinalizer(own.stop)
    make(own, "inward", external(other.url))
    wait_for(lambda: _is_ready(own, "inward"))
    with own.client() as client:
        assert ask(client, "inward", numbers(1)).status_code == 503
    assert other.heard == []
    assert "no address that may be connected to" in (own.data / "log").read_text()


def test_a_secret_that_is_gone_is_noticed_within_a_minute_and_told_without_its_name(
    server: Server, other: Other, endpoint: Callable[..., str]
) -> None:
    said = {"scope": "others", "key": "lost", "string_value": "x"}
    with server.client() as client:
        client.post("/api/2.0/secrets/put", json=said).raise_for_status()
        name = endpoint("lost", external(other.url, bearer_token_auth={"token": "{{secrets/others/lost}}"}))
        client.post("/api/2.0/secrets/delete", json={"scope": "others", "key": "lost"}).raise_for_status()
        answer = ask(client, name, numbers(1))
        assert answer.status_code == 503
        assert "others" not in answer.text
        refused = {"served_entities": [external(other.url, bearer_token_auth={"token": "{{secrets/others/no}}"})]}
        told = client.post(ENDPOINTS, json={"name": "never", "config": refused})
        assert (told.status_code, "there is no secret" in told.text) == (404, True)
    assert other.heard == []


def test_many_are_asked_at_once(server: Server, other: Other, endpoint: Callable[..., str]) -> None:
    name = endpoint("many", external(other.url))
    answers: list[int] = []

    def one() -> None:
        with server.client() as client:
            answers.append(ask(client, name, numbers(1)).status_code)

    threads = [threading.Thread(target=one) for _ in range(20)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    assert time.monotonic() - began < 20
