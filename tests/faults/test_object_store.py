"""The object store is in trouble: it is busy, slow, breaks off, does what it is asked and does not say so.

Nothing acknowledged is lost, nothing is there by halves, and clients are told to come back.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.faults.objects import Fault, Objects, Trouble
from tests.faults.tale import OURS, SOURCE, STEPS, Killed, Memory, Tale, check, contents, file, is_sound
from tests.faults.test_kill import (
    Starter,
    collect_and_be_killed,
    killing_after,
    killing_during,
    prepare,
    survive,
)
from tests.object_stores import ObjectStore, Place
from tests.support import LEGACY, Server

MIB = 1 << 20


@pytest.fixture
def objects(object_store: ObjectStore) -> Objects:
    return Objects(object_store.endpoint)


@pytest.fixture
def place(objects: Objects, object_store: ObjectStore) -> Iterator[Place]:
    """A place that is reached through the proxy."""
    with objects.listening() as url:
        yield object_store.place(url)


@pytest.fixture
def server(start_server: Starter, place: Place) -> Server:
    """A server on SQLite, with its bytes in the object store."""
    return start_server("", "data", **place.settings)


@pytest.fixture
def on_either(start_server: Starter, place: Place, database: str) -> Server:
    """A server on each database, with its bytes in the object store."""
    return start_server(database, "data", **place.settings)


def is_blob(method: str) -> Callable[[str, str], bool]:
    """Requests of one kind that are about an object."""
    return lambda asked, path: asked == method and "/blobs/" in path


def is_removal(method: str, path: str) -> bool:
    """Requests to remove one object, or many."""
    return method == "DELETE" or (method == "POST" and "delete" in path)


@contextlib.contextmanager
def begun(server: Server) -> Iterator[httpx.Client]:
    """The admin's client, once a version was begun."""
    with server.client() as admin:
        told = {"name": SOURCE, "source": "somewhere"}
        admin.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
        yield admin


def test_the_main_job_is_done_on_an_object_store(server: Server, place: Place) -> None:
    token, memory = prepare(server), Memory()
    Tale(server, memory, 1).tell()
    with server.client(token) as reader:
        check(server, memory, reader)
    sizes = sorted((place.folder / key).stat().st_size for key in place.objects if key.startswith("blobs/"))
    assert set(sizes) >= {len(content) for content in contents(1).values()}


def test_what_was_acknowledged_survives_a_kill_on_an_object_store(on_either: Server) -> None:
    survive(on_either, [killing_after(4), killing_during(9, 0.01), killing_during(20, 0.005)])


@pytest.mark.full
@pytest.mark.timeout(2_400)
def test_what_was_acknowledged_survives_a_kill_at_any_step_on_an_object_store(on_either: Server) -> None:
    dice = random.Random(7)  # noqa: S311  which moments, nothing secret
    after = [killing_after(number) for number in range(1, STEPS + 1)]
    survive(on_either, [*after, *(killing_during(number, dice.uniform(0, 0.05)) for number in range(1, STEPS + 1))])


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03])
def test_a_kill_while_garbage_is_collected_from_an_object_store_loses_nothing(
    on_either: Server, place: Place, seconds: float
) -> None:
    collect_and_be_killed(on_either, seconds)
    assert len([key for key in place.objects if key.startswith("blobs/")]) == len(contents(1))


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD"])
def test_a_trouble_that_passes_is_not_noticed_or_told(server: Server, objects: Objects, method: str) -> None:
    """One request in trouble; whoever is refused is told to come back, and then it works."""
    token, memory = prepare(server), Memory()
    for number, trouble in enumerate(Trouble, 1):
        objects.faults, objects.struck = [Fault(trouble, 1, is_blob(method))], 0
        tale = _Patient(server, memory, number)
        tale.tell()
        assert objects.struck == 1, trouble
        assert tale.refused <= 1, trouble
    with server.client(token) as reader:
        check(server, memory, reader)


class _Patient(Tale):
    """A client that asks again when it is told to."""

    refused = 0

    def _ask(self, client: httpx.Client, method: str, path: str, **said: object) -> httpx.Response:
        answer = client.request(method, path, **said)  # pyright: ignore[reportArgumentType]
        if answer.status_code == 503:
            assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
            self.refused += 1
            return super()._ask(client, method, path, **said)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        self.acknowledged += 1
        return answer


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.EXPIRED])
def test_a_store_that_stays_in_trouble_refuses_and_leaves_nothing(
    server: Server, objects: Objects, place: Place, trouble: Trouble
) -> None:
    prepare(server)
    with begun(server) as admin:
        admin.put(file(SOURCE, 1, "MLmodel"), content=b"kept").raise_for_status()
        before = place.objects
        objects.faults = [Fault(trouble, 1_000, is_blob("PUT")), Fault(trouble, 1_000, is_blob("POST"))]
        for content in (b"small", b"l" * 20 * MIB):
            answer = admin.put(file(SOURCE, 1, "other"), content=content, timeout=120)
            assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
            assert admin.get(file(SOURCE, 1, "other")).status_code == 404
        assert place.objects == before
        objects.faults = []
        admin.put(file(SOURCE, 1, "other"), content=b"small").raise_for_status()
        told = {"name": SOURCE, "version": "1"}
        admin.post(f"{LEGACY}/model-versions/finalize", json=told).raise_for_status()
        assert admin.get(file(SOURCE, 1, "other")).content == b"small"


def test_an_answer_that_breaks_off_is_fetched_on(server: Server, objects: Objects) -> None:
    prepare(server)
    content = bytes(range(256)) * 40_000
    with begun(server) as admin:
        admin.put(file(SOURCE, 1, "large"), content=content).raise_for_status()
        objects.faults = [Fault(Trouble.TRUNCATED, 2, is_blob("GET"))]
        assert admin.get(file(SOURCE, 1, "large")).content == content
        assert objects.struck == 2


def test_missing_and_damaged_objects_are_told(server: Server, place: Place) -> None:
    prepare(server)
    with begun(server) as admin:
        before = place.objects
        admin.put(file(SOURCE, 1, "MLmodel"), content=b"here").raise_for_status()
        (key,) = place.objects - before
        place.put(key, b"other size")
        assert admin.get(file(SOURCE, 1, "MLmodel")).status_code == 404
        place.delete(key)
        answer = admin.get(file(SOURCE, 1, "MLmodel"))
        assert answer.status_code == 404
        assert "fsck" in answer.json()["message"]
        told = {"name": SOURCE, "version": "1"}
        assert admin.post(f"{LEGACY}/model-versions/finalize", json=told).status_code == 404


def test_a_client_that_leaves_in_the_middle_leaves_nothing(server: Server, place: Place) -> None:
    prepare(server)
    with begun(server) as admin:
        before = place.objects

        def some() -> Iterator[bytes]:
            for _ in range(12):
                yield bytes(MIB)
            raise Killed

        with pytest.raises(Killed):
            admin.put(file(SOURCE, 1, "half"), content=some(), headers={"Content-Length": str(40 * MIB)})
        assert admin.get(file(SOURCE, 1, "half")).status_code == 404
        until = time.monotonic() + 20
        while place.objects != before and time.monotonic() < until:
            time.sleep(0.05)
        assert place.objects == before
        admin.put(file(SOURCE, 1, "half"), content=b"whole").raise_for_status()


def test_what_nobody_names_is_collected_and_a_trouble_only_delays_it(
    server: Server, objects: Objects, place: Place
) -> None:
    prepare(server)
    with begun(server) as admin:
        before = place.objects
        admin.put(file(SOURCE, 1, "MLmodel"), content=b"here").raise_for_status()
        told = {"name": SOURCE, "version": "1"}
        admin.request("DELETE", f"{LEGACY}/model-versions/delete", json=told).raise_for_status()
        objects.faults = [Fault(Trouble.EXPIRED, 1, is_removal)]
        refused = admin.post(f"{OURS}/gc", json={"grace_hours": 0})
        assert (refused.status_code, objects.struck) == (503, 1)
        assert len(place.objects - before) == 1
        assert admin.post(f"{OURS}/gc", json={"grace_hours": 0}).raise_for_status().json()["objects"] == 1
        assert place.objects == before
        is_sound(admin)


def test_equal_bytes_that_came_twice_are_kept_once(server: Server, place: Place) -> None:
    prepare(server)
    with begun(server) as admin:
        before = place.objects
        for path in ("one", "two", "three"):
            admin.put(file(SOURCE, 1, path), content=b"the same").raise_for_status()
        assert len(place.objects - before) == 3
        assert admin.post(f"{OURS}/gc").raise_for_status().json()["objects"] == 2
        assert len(place.objects - before) == 1
        assert [admin.get(file(SOURCE, 1, path)).content for path in ("one", "two", "three")] == [b"the same"] * 3
        is_sound(admin)


def test_a_store_that_cannot_be_reached_is_told_at_the_start(start_server: Starter, place: Place) -> None:
    wrong = {**place.options, "secret_access_key": "not-the-secret-0123456789"}
    with pytest.raises(AssertionError, match="cannot be used") as failed:
        start_server("", "data", storage=place.url, storage_options=json.dumps({place.url: wrong}))
    assert "not-the-secret" not in str(failed.value)
    assert "Traceback" not in str(failed.value)
