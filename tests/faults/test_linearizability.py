"""Aliases are registers and version numbers a counter, under 32 threads, also where a process is killed meanwhile."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import Postgres
from tests.faults.linearizability import NEVER, Operation, broken, counter, register
from tests.faults.tale import file
from tests.faults.test_workers import ready, workers
from tests.support import LEGACY, Server

THREADS, VERSIONS, ALIASES = 32, 8, 6
YES, NO, UNKNOWN = True, False, None

# Histories made by hand


def asked(kind: str, said: tuple[int, ...], answer: object, started: float, ended: float = NEVER) -> Operation:
    return Operation("it", kind, said, answer, started, ended)


GOOD = {
    "nothing": [],
    "a read after a write": [asked("set", (1,), YES, 0, 1), asked("read", (), 1, 2, 3)],
    "a read during a write sees what was": [asked("set", (1,), YES, 0, 9), asked("read", (), 0, 1, 2)],
    "a read during a write sees what will be": [asked("set", (1,), YES, 0, 9), asked("read", (), 1, 1, 2)],
    "a write without an answer happens late": [
        asked("set", (1,), UNKNOWN, 0), asked("read", (), 0, 5, 6), asked("read", (), 1, 7, 8),
    ],
    "a write without an answer never happens": [asked("set", (1,), UNKNOWN, 0), asked("read", (), 0, 5, 6)],
    "a swap that wins and one that loses": [
        asked("swap", (0, 1), YES, 0, 5), asked("swap", (0, 2), NO, 0, 5), asked("read", (), 1, 6, 7),
    ],
    "a delete, and one of nothing": [
        asked("set", (1,), YES, 0, 1), asked("delete", (), YES, 2, 3), asked("delete", (), NO, 4, 5),
    ],
}  # fmt: skip
BAD = {
    "a stale read": [
        asked("set", (1,), YES, 0, 1), asked("set", (2,), YES, 2, 3), asked("read", (), 1, 4, 5),
    ],
    "a write that is lost": [asked("set", (1,), YES, 0, 1), asked("read", (), 0, 2, 3)],
    "a write from nowhere": [asked("read", (), 1, 0, 1)],
    "a read that goes back": [
        asked("set", (1,), YES, 0, 9), asked("read", (), 1, 1, 2), asked("read", (), 0, 3, 4),
    ],
    "a write without an answer that happens and is undone": [
        asked("set", (1,), UNKNOWN, 0), asked("read", (), 1, 1, 2), asked("read", (), 0, 3, 4),
    ],
    "a write without an answer before it was asked": [asked("set", (1,), UNKNOWN, 5), asked("read", (), 1, 1, 2)],
    "two swaps that both win": [asked("swap", (0, 1), YES, 0, 5), asked("swap", (0, 2), YES, 0, 5)],
    "a swap that loses without a reason": [asked("swap", (0, 1), NO, 0, 5)],
    "two deletes of one": [
        asked("set", (1,), YES, 0, 1), asked("delete", (), YES, 2, 5), asked("delete", (), YES, 2, 5),
    ],
}  # fmt: skip
GOOD_NUMBERS = {
    "in turn": [asked("next", (), 1, 0, 1), asked("next", (), 2, 2, 3)],
    "at once": [asked("next", (), 2, 0, 5), asked("next", (), 1, 0, 5)],
    "one without an answer": [asked("next", (), UNKNOWN, 0), asked("next", (), 2, 3, 4)],
}
BAD_NUMBERS = {
    "a number twice": [asked("next", (), 1, 0, 5), asked("next", (), 1, 0, 5)],
    "a gap": [asked("next", (), 1, 0, 1), asked("next", (), 3, 2, 3)],
    "against the clock": [asked("next", (), 2, 0, 1), asked("next", (), 1, 2, 3)],
    "a gap of two with one without an answer": [asked("next", (), UNKNOWN, 0), asked("next", (), 3, 3, 4)],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_register_can_have(name: str) -> None:
    assert broken(GOOD[name], register, 0) == []


@pytest.mark.parametrize("name", BAD)
def test_a_register_cannot_have(name: str) -> None:
    assert broken(BAD[name], register, 0) == ["it"]


@pytest.mark.parametrize("name", GOOD_NUMBERS)
def test_a_counter_can_have(name: str) -> None:
    assert broken(GOOD_NUMBERS[name], counter, 0) == []


@pytest.mark.parametrize("name", BAD_NUMBERS)
def test_a_counter_cannot_have(name: str) -> None:
    assert broken(BAD_NUMBERS[name], counter, 0) == ["it"]


def test_one_object_does_not_excuse_another() -> None:
    good = [Operation("a", "next", (), number, number, number + 0.5) for number in (1, 2)]
    bad = [Operation("b", "next", (), 2, 0, 1)]
    assert broken(good + bad, counter, 0) == ["b"]


# Histories of a real server


def prepare(server: Server) -> str:
    """A model with READY versions, in a catalog of its own, and beside it one that has none yet."""
    catalog = f"dev{uuid.uuid4().hex[:8]}"
    server.make_containers(f"{catalog}.s")
    model = f"{catalog}.s.model"
    with server.client() as admin:
        for name in (model, counted(model)):
            admin.post(f"{LEGACY}/registered-models/create", json={"name": name}).raise_for_status()
        for number in range(1, VERSIONS + 1):
            told = {"name": model, "source": "somewhere"}
            admin.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
            admin.put(file(model, number, "MLmodel"), content=b"flavors: {}\n").raise_for_status()
            told = {"name": model, "version": str(number)}
            admin.post(f"{LEGACY}/model-versions/finalize", json=told).raise_for_status()
    return model


def counted(model: str) -> str:
    return f"{model}_counted"


class Client:
    """One thread's operations, as it saw them."""

    def __init__(self, server: Server, model: str, seed: int) -> None:
        self.server, self.model = server, model
        self.dice = random.Random(seed)  # noqa: S311  what is asked, nothing secret
        self.history: list[Operation] = []

    def run(self, times: int) -> list[Operation]:
        with self.server.client() as http:
            for _ in range(times):
                self._ask(http)
        return self.history

    def _ask(self, http: httpx.Client) -> None:
        kind = self.dice.choice(["read", "read", "set", "swap", "delete", "next"])
        numbers = [self.dice.randint(1, VERSIONS) for _ in range(2)]
        said = {"set": (numbers[0],), "swap": (numbers[0] * self.dice.randint(0, 1), numbers[1])}.get(kind, ())
        key = "number" if kind == "next" else f"alias{self.dice.randrange(ALIASES)}"
        started = time.monotonic()
        try:
            answer = REQUESTS[kind](http, self.model, key, *said)
        except httpx.TransportError:
            self.history.append(Operation(key, kind, said, UNKNOWN, started))
            return
        ended = time.monotonic()
        if answer.status_code != 503:  # which says that it never happened
            self.history.append(Operation(key, kind, said, _heard(kind, answer), started, ended))


def _point(http: httpx.Client, model: str, key: str, number: int, **more: object) -> httpx.Response:
    told = {"name": model, "alias": key, "version": str(number), **more}
    return http.post(f"{LEGACY}/registered-models/alias", json=told)


REQUESTS: dict[str, Callable[..., httpx.Response]] = {
    "read": lambda http, model, key: http.get(
        f"{LEGACY}/registered-models/alias", params={"name": model, "alias": key}
    ),
    "set": _point,
    "swap": lambda http, model, key, expected, number: _point(http, model, key, number, expected_version=expected),
    "delete": lambda http, model, key: http.request(
        "DELETE", f"{LEGACY}/registered-models/alias", json={"name": model, "alias": key}
    ),
    "next": lambda http, model, _: http.post(
        f"{LEGACY}/model-versions/create", json={"name": counted(model), "source": "somewhere"}
    ),
}
EXPECTED = {"read": {200, 404}, "set": {200}, "swap": {200, 409}, "delete": {200, 404}, "next": {200}}


def _heard(kind: str, answer: httpx.Response) -> object:
    assert answer.status_code in EXPECTED[kind], f"{kind}: {answer.status_code} {answer.text}"
    if kind in {"read", "next"}:
        return int(answer.json()["model_version"]["version"]) if answer.is_success else 0
    return answer.is_success


def observe(server: Server, model: str, times: int, disturb: Callable[[], None] = lambda: None) -> None:
    """Let all threads ask at once, and see whether what they saw is one story."""
    with ThreadPoolExecutor(THREADS + 1) as pool:
        futures = [pool.submit(Client(server, model, seed).run, times) for seed in range(THREADS)]
        disturbed = pool.submit(disturb)
        history = [operation for future in futures for operation in future.result()]
        disturbed.result()
    moves = [operation for operation in history if operation.kind != "next"]
    numbers = [operation for operation in history if operation.kind == "next"]
    assert len(history) > THREADS * times * 0.9
    assert broken(moves, register, 0) == []
    assert broken(numbers, counter, 0) == []
    with server.client() as admin:
        query = {"filter": f"name = '{counted(model)}'", "max_results": "1000"}
        found = admin.get(f"{LEGACY}/model-versions/search", params=query).raise_for_status().json()["model_versions"]
    given = {operation.answer for operation in numbers if operation.is_answered}
    there = sorted(int(version["version"]) for version in found)
    assert there == list(range(1, len(there) + 1))
    assert given <= set(there)
    assert len(there) <= len(numbers)


def test_aliases_and_versions_on_sqlite(sqlite_server: Server) -> None:
    observe(sqlite_server, prepare(sqlite_server), 12)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Server]:
    """Four processes on PostgreSQL, for all tests here."""
    server = Server(tmp_path_factory.mktemp("four"), postgres.make(), {"workers": "4", "threads": "4"}).start()
    ready(server)
    yield server
    server.stop()


def test_aliases_and_versions_on_postgresql_with_a_worker_killed(four: Server) -> None:
    victim = min(workers(four))
    observe(four, prepare(four), 12, lambda: os.kill(victim, signal.SIGKILL) if not time.sleep(0.7) else None)
    assert victim not in workers(four)


@pytest.mark.full
@pytest.mark.timeout(1_200)
def test_aliases_and_versions_on_postgresql_with_workers_killed_again_and_again(four: Server) -> None:
    def disturb() -> None:
        for _ in range(8):
            time.sleep(3)
            os.kill(random.choice(sorted(workers(four))), signal.SIGKILL)  # noqa: S311  whom, nothing secret

    observe(four, prepare(four), 100, disturb)


def test_sixty_four_creators_at_once_get_numbers_without_a_gap(four: Server) -> None:
    model, barrier = prepare(four), threading.Barrier(64)

    def create() -> int:
        with four.client() as admin:
            barrier.wait()
            return int(REQUESTS["next"](admin, model, "number").raise_for_status().json()["model_version"]["version"])

    with ThreadPoolExecutor(64) as pool:
        numbers = [future.result() for future in [pool.submit(create) for _ in range(64)]]
    assert sorted(numbers) == list(range(1, 65))


def test_an_alias_never_points_at_a_version_that_is_gone(four: Server) -> None:
    model, stop = prepare(four), threading.Event()

    def change(seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311  what is asked, nothing secret
        with four.client() as admin:
            while not stop.is_set():
                kind = dice.choice(["set", "delete"])
                said = (dice.randint(1, VERSIONS),) if kind == "set" else ()
                assert REQUESTS[kind](admin, model, "alias0", *said).status_code in {200, 404}

    def look() -> None:
        with four.client() as admin:
            while not stop.is_set():
                assert REQUESTS["read"](admin, model, "alias0").status_code in {200, 404}
                found = admin.get(f"{LEGACY}/registered-models/get", params={"name": model}).raise_for_status().json()
                query = {"filter": f"name = '{model}'"}
                assert admin.get(f"{LEGACY}/model-versions/search", params=query).is_success
                assert len(found["registered_model"].get("aliases", [])) <= 1

    with ThreadPoolExecutor(12) as pool:
        running = [pool.submit(change, seed) for seed in range(8)] + [pool.submit(look) for _ in range(2)]
        with four.client() as admin:
            for number in range(VERSIONS, 1, -1):
                told = {"name": model, "version": str(number)}
                gone = admin.request("DELETE", f"{LEGACY}/model-versions/delete", json=told)
                assert gone.is_success, gone.text
                alias = REQUESTS["read"](admin, model, "alias0")
                assert alias.status_code == 404 or int(alias.json()["model_version"]["version"]) < number
        stop.set()
        for future in running:
            future.result()
