"""Serving when things go wrong: questions that make no sense, models that misbehave, clients that dawdle or leave."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.serving import (
    ENDPOINTS,
    OURS,
    SCHEMA,
    WORDS,
    Load,
    Naughty,
    Times,
    ask,
    change,
    drop,
    entity,
    invocations,
    make,
    numbers,
    register,
    save_linear,
    save_python,
    scorers,
    settled,
    shares,
    wait_for,
    words,
)
from tests.support import Server

LONG = 60.0
"""Seconds in which a process comes up, however busy this machine is."""
REQUEST_SECONDS = 6
SLOW_CLIENTS = 200
INTERNAL = re.compile(r"Traceback|File \"|\.py\b|\.sock|127\.0\.0\.1|localhost|(?:/[\w.-]+){2,}")
"""What is nobody's business: stack traces, paths, and where anything listens."""
MANUAL = "https://mlflow.org/docs/latest/models.html"
"""MLflow points to it."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved models: two that multiply, one that does what it is told, and one that cannot be loaded."""
    folder = tmp_path_factory.mktemp("models")
    for factor in (1, 2):
        save_linear(folder / str(factor), factor)
    save_python(folder / "naughty", Naughty(), WORDS)
    save_python(folder / "damaged", Times(1))
    (folder / "damaged" / "python_model.pkl").write_bytes(b"\x80\x05N.")
    save_python(folder / "impossible", Times(1), None, "no-such-package-of-ours==99.0")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Iterator[Server]:
    """A server whose models have some seconds for an answer, and not much memory."""
    settings = {
        "serving_env": "local",
        "serving_request_seconds": str(REQUEST_SECONDS),
        "serving_memory": str(4 << 30),
        "threads": "4",
    }
    server = Server(tmp_path_factory.mktemp("server") / "data", "", settings).start()
    stock(server, folders)
    make(server, "steady", entity("price", 1, "one"))
    make(server, "naughty", entity("naughty", 1, "naughty"))
    yield server
    server.stop()


def stock(server: Server, folders: Path) -> None:
    server.make_containers(SCHEMA)
    for number in (1, 2):
        assert register(server, "price", folders / str(number)) == number
    register(server, "naughty", folders / "naughty")
    register(server, "damaged", folders / "damaged")


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def is_told(answer: httpx.Response) -> dict[str, Any]:
    """What a refusal says, which is `error_code` and `message` and nothing of the inside."""
    told = answer.json()
    assert {"error_code", "message"} <= told.keys()
    assert not INTERNAL.search(answer.text.replace(MANUAL, "")), answer.text
    return told


# Questions that make no sense

SPLIT = {"columns": ["x"], "data": [[1.0]]}
ODD: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"inputs": "\xff"}',
    "a list": b"[]",
    "a number": b"1",
    "no input": b"{}",
    "two inputs": json.dumps({"dataframe_split": SPLIT, "inputs": [1]}).encode(),
    "unknown key": b'{"something": [1]}',
    "split of a list": b'{"dataframe_split": [1]}',
    "no data": b'{"dataframe_split": {"columns": ["x"]}}',
    "ragged": b'{"dataframe_split": {"columns": ["x"], "data": [[1, 2]]}}',
    "unknown column": b'{"dataframe_split": {"columns": ["y"], "data": [[1]]}}',
    "text for a number": b'{"dataframe_split": {"columns": ["x"], "data": [["one"]]}}',
    "a list for a number": b'{"dataframe_split": {"columns": ["x"], "data": [[[1, 2]]]}}',
    "records of numbers": b'{"dataframe_records": [1, 2]}',
    "wrong shape": b'{"inputs": [[[1]]]}',
    "NaN": b'{"dataframe_split": {"columns": ["x"], "data": [[NaN]]}}',
    "Infinity": b'{"dataframe_split": {"columns": ["x"], "data": [[Infinity]]}}',
    "deep": b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep beside an id": b'{"client_request_id": ' + b"[" * 100_000 + b"]" * 100_000 + b', "inputs": 1}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_questions_that_make_no_sense_are_refused_in_words(client: httpx.Client, body: bytes) -> None:
    answer = client.post(invocations("steady"), content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert is_told(answer)["message"]
    assert ask(client, "steady", numbers(5)).json()["predictions"] == pytest.approx([5])


def test_other_types_of_content_are_refused(client: httpx.Client) -> None:
    for kind in ("text/html", "application/json; charset=latin-1", "multipart/form-data", "x" * 3_000):
        answer = client.post(invocations("steady"), content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415
        assert not INTERNAL.search(answer.text)


def test_a_body_beyond_the_limit_is_refused_whether_it_says_so_or_not(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * (1 << 20)

    for content in (b" " * ((16 << 20) + 1), endless()):
        with contextlib.suppress(httpx.WriteError):  # the server need not listen to the end
            answer = client.post(invocations("steady"), content=content)
            assert answer.status_code == 413
            assert is_told(answer)["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    assert ask(client, "steady", numbers(5)).is_success


def test_names_that_are_none_lead_nowhere(client: httpx.Client) -> None:
    for path in (
        "/serving-endpoints/a%20b/invocations",
        "/serving-endpoints//invocations",
        "/serving-endpoints/steady",
    ):
        assert client.post(path, json={}).status_code in {400, 404}
    assert client.get(invocations("steady")).status_code == 404
    assert client.post(invocations("steady"), json={}, headers={"host": "elsewhere.example"}).status_code == 400
    assert client.post(invocations("steady"), json={}, headers={"authorization": "Bearer no"}).status_code == 401
    assert client.post(invocations("steady"), json={}, headers={"authorization": ""}).status_code == 401


# Models that misbehave


def test_what_a_model_raises_is_for_its_log(client: httpx.Client) -> None:
    answer = ask(client, "naughty", words("fail"))
    assert answer.status_code == 400
    assert "unexpected error while evaluating the model" in is_told(answer)["message"]
    logs = client.get(f"{ENDPOINTS}/naughty/served-models/naughty/logs").raise_for_status().json()["logs"]
    assert "Traceback" in logs
    assert "ValueError: as asked" in logs


def recovers(client: httpx.Client) -> None:
    """The entity answers again, within the time of a start."""
    until = time.monotonic() + LONG
    while (answer := ask(client, "naughty", words("echo hello"))).status_code == 503:
        assert time.monotonic() < until
        assert int(answer.headers["retry-after"]) >= 1
        is_told(answer)
        time.sleep(0.2)
    assert answer.json()["predictions"] == ["echo hello"]


@pytest.mark.parametrize("deed", ["leave", "crash", "hoard"])
def test_a_process_that_dies_is_replaced(server: Server, client: httpx.Client, deed: str) -> None:
    recovers(client)
    with Load(server, "steady", people=1) as load:
        answer = ask(client, "naughty", words(deed))
        recovers(client)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert "ended" in is_told(answer)["message"]
    assert load.bad == []


def test_a_model_that_hangs_is_given_up_and_replaced(server: Server, client: httpx.Client) -> None:
    recovers(client)
    before = scorers(server)
    with Load(server, "steady", people=2) as load:
        begun = time.monotonic()
        answer = ask(client, "naughty", words("hang"))
        took = time.monotonic() - begun
        wait_for(lambda: before - scorers(server))
        recovers(client)
    assert (answer.status_code, is_told(answer)["error_code"]) == (504, "DEADLINE_EXCEEDED")
    assert REQUEST_SECONDS <= took < REQUEST_SECONDS + 5
    assert load.bad == []
    assert load.slowest < 5


def test_a_model_that_prints_and_forks_answers_once(client: httpx.Client) -> None:
    recovers(client)
    assert ask(client, "naughty", words("shout")).json()["predictions"] == ["shouted"]
    assert ask(client, "naughty", words("fork")).json()["predictions"] == ["parent"]
    assert ask(client, "naughty", words("echo there")).json()["predictions"] == ["echo there"]
    logs = client.get(f"{ENDPOINTS}/naughty/served-models/naughty/logs").raise_for_status().json()["logs"]
    assert "quite a lot" in logs
    assert "and more" in logs


# Versions that cannot be served


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(server: Server, client: httpx.Client) -> None:
    make(server, "kept", entity("price", 1, "one"))
    with Load(server, "kept", people=2) as load:
        found = change(server, "kept", served_entities=[entity("damaged", 1, "new")], traffic_config=shares(new=100))
        load.go_on()
    assert found["state"]["config_update"] == "UPDATE_FAILED"
    assert found["state"]["ready"] == "READY"
    assert "could not be loaded" in found["state"]["message"]
    assert "/" not in found["state"]["message"].replace("…/", "")
    assert load.bad == []
    assert load.served.keys() == {"one"}
    found = change(server, "kept", served_entities=[entity("price", 2, "two")], traffic_config=shares(two=100))
    assert found["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert ask(client, "kept", numbers(3)).json()["predictions"] == pytest.approx([6])
    drop(server, "kept")


def test_bytes_that_are_not_those_that_were_registered_never_run(
    server: Server, client: httpx.Client, tmp_path: Path
) -> None:
    save_python(tmp_path / "tampered", Times(11))
    register(server, "tampered", tmp_path / "tampered")
    content = (tmp_path / "tampered" / "python_model.pkl").read_bytes()
    [blob] = [
        path
        for path in (server.data / "blobs").rglob("*")
        if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content
    ]
    blob.chmod(0o600)
    save_python(tmp_path / "other", Times(66))
    other = (tmp_path / "other" / "python_model.pkl").read_bytes()
    blob.write_bytes(other[: len(content)].ljust(len(content), b"."))
    before = scorers(server)
    client.post(ENDPOINTS, json={"name": "tampered", "config": {"served_entities": [entity("tampered", 1, "t")]}})
    found = settled(server, "tampered")
    assert found["state"]["config_update"] == "UPDATE_FAILED"
    assert "not those that were registered" in found["state"]["message"]
    assert scorers(server) <= before
    answer = ask(client, "tampered", numbers(1))
    assert answer.status_code == 503
    is_told(answer)
    drop(server, "tampered")


def test_an_environment_that_cannot_be_built_is_told_with_its_log(
    start_server: Callable[..., Server], folders: Path, tmp_path: Path
) -> None:
    (tmp_path / "index").mkdir()
    server = start_server(package_index=(tmp_path / "index").as_uri())  # an empty one: nothing is downloaded
    server.make_containers(SCHEMA)
    register(server, "impossible", folders / "impossible")
    found = make(server, "impossible", entity("impossible", 1, "never"))
    assert found["state"]["config_update"] == "UPDATE_FAILED"
    assert found["state"]["ready"] == "NOT_READY"
    assert "environment could not be built" in found["state"]["message"]
    with server.client() as client:
        path = f"{ENDPOINTS}/impossible/served-models/never/build-logs"
        assert "your requirements are unsatisfiable" in client.get(path).raise_for_status().json()["logs"]
        answer = ask(client, "impossible", numbers(1))
        assert answer.status_code == 503
        is_told(answer)


# Clients that dawdle, leave, or come all at once


def sending(server: Server, name: str, length: int) -> socket.socket:
    """A connection on which a question was begun."""
    place = urlsplit(server.url)
    connection = socket.create_connection((place.hostname, place.port), timeout=60)
    head = f"POST {invocations(name)} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {server.token}\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode())
    return connection


def answer_on(connection: socket.socket) -> bytes:
    """All that comes until the answer is whole."""
    found = b""
    while b"\r\n\r\n" not in found or not found.endswith(b"}"):
        more = connection.recv(65_536)
        assert more, found
        found += more
    return found


def test_clients_that_dawdle_hold_nobody_up(server: Server) -> None:
    body = json.dumps(numbers(21)).encode()
    slow = [sending(server, "steady", len(body)) for _ in range(SLOW_CLIENTS)]
    with Load(server, "steady", people=2) as load:
        for place in range(10):
            for connection in slow:
                connection.sendall(body[place : place + 1])
            load.go_on(20)
    assert load.bad == []
    assert load.slowest < 5
    for connection in slow:
        connection.sendall(body[10:])
    for connection in slow:
        with connection:
            assert answer_on(connection).startswith(b"HTTP/1.1 200")


def test_a_question_that_is_still_on_its_way_gets_the_version_that_serves_then(server: Server) -> None:
    make(server, "moving", entity("price", 1, "one"))
    body = json.dumps(numbers(21)).encode()
    with sending(server, "moving", len(body)) as connection:
        connection.sendall(body[:5])
        change(server, "moving", served_entities=[entity("price", 2, "two")], traffic_config=shares(two=100))
        connection.sendall(body[5:])
        answer = answer_on(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"] == pytest.approx([42])
    drop(server, "moving")


def test_questions_of_clients_that_left_are_not_computed(server: Server, client: httpx.Client) -> None:
    """Ten naps of three seconds would take longer than anybody may wait."""
    recovers(client)
    before = refused(client)
    body = json.dumps(words("nap")).encode()
    for _ in range(10):
        with sending(server, "naughty", len(body)) as connection:
            connection.sendall(body)
            time.sleep(0.2)
    answer = ask(client, "naughty", words("echo now"))
    assert answer.is_success, answer.text
    assert refused(client) == before + 10  # they are counted all the same


def refused(client: httpx.Client) -> int:
    """How many questions had no answer because of who asked."""
    told = client.get(f"{OURS}/naughty/statistics").raise_for_status().json()["served_entities"]
    return told[0]["errors_4xx"]


def test_no_answer_belongs_to_another_question(server: Server, client: httpx.Client) -> None:
    recovers(client)
    with Load(server, "steady", people=16, most=2_000) as load, ThreadPoolExecutor(8) as pool:

        def echoed(number: int) -> str:
            with server.client() as mine:
                return ask(mine, "naughty", words(f"echo {number}")).json()["predictions"][0]

        assert list(pool.map(echoed, range(200))) == [f"echo {number}" for number in range(200)]
        load.wait()
    assert load.bad == []
    assert len(load.heard) == 2_000
    assert all(round(each.factor, 6) == 1 for each in load.heard)


# The server itself


def test_endpoints_outlive_the_server_and_updates_go_on(start_server: Callable[..., Server], folders: Path) -> None:
    server = start_server(serving_env="local")
    stock(server, folders)
    make(server, "lasting", entity("price", 1, "one"))
    with server.client() as client:
        told = {"served_entities": [entity("price", 2, "two")], "traffic_config": shares(two=100)}
        assert client.put(f"{ENDPOINTS}/lasting/config", json=told).json()["state"]["config_update"] == "IN_PROGRESS"
    server.kill()
    server.start()
    assert answered(server) in {7, 14}  # the old version, or the new one already
    found = settled(server, "lasting")
    assert found["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert found["config"]["served_entities"][0]["entity_version"] == "2"
    assert answered(server) == 14
    wait_for(lambda: of_folder(server) == scorers(server))  # also what was only being started when it was killed
    server.stop()
    server.start()
    assert answered(server) == 14


def of_folder(server: Server) -> set[int]:
    """Every process that answers for a model of a server, whoever is its parent now."""
    found: set[int] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline() or [""]
            if "python" in Path(line[0]).name and any(each.startswith(f"{server.data}/run/models/") for each in line):
                found.add(process.pid)
    return found


def answered(server: Server) -> int:
    """What the endpoint answers once a process is up; before, it says so."""
    until = time.monotonic() + LONG
    with server.client() as client:
        while (answer := client.post(invocations("lasting"), json=numbers(7), timeout=LONG)).status_code == 503:
            assert time.monotonic() < until
            is_told(answer)
            time.sleep(0.2)
    return round(answer.raise_for_status().json()["predictions"][0])


def test_an_old_process_that_is_killed_during_an_update_is_replaced(server: Server) -> None:
    before = scorers(server)
    make(server, "unlucky", entity("price", 1, "one"))
    mine = scorers(server) - before
    assert mine
    with Load(server, "unlucky", people=2) as load:
        with server.client() as client:
            told = {"served_entities": [entity("price", 2, "two")], "traffic_config": shares(two=100)}
            client.put(f"{ENDPOINTS}/unlucky/config", json=told).raise_for_status()
        for pid in mine:
            os.kill(pid, signal.SIGKILL)
        settled(server, "unlucky")
        load.go_on()
    assert load.bad == []
    assert "two" in load.served
    drop(server, "unlucky")
