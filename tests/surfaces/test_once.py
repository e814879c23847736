"""A finalize that is asked again while it runs joins the running one: in one process, and between processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from modelyard.action import Ref
from modelyard.actions import catalogs, files, finalize, models, versions
from modelyard.domain.access import Server
from modelyard.domain.cards import Draft, Examined
from modelyard.domain.files import Stored
from modelyard.domain.journal import Origin
from modelyard.domain.models import Registration, Status
from modelyard.domain.privileges import Kind
from modelyard.surfaces import once
from tests.conftest import Postgres
from tests.support import LEGACY, UNITY, InProcess, in_process

MODEL = Ref(Kind.MODEL, "dev.team.model")


class Slow:
    """Holds the examination of files up until it is told to go on, and counts how often it is asked for."""

    def __init__(self, inside: InProcess) -> None:
        self.drafts: list[Draft] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self._examine = inside.built.storage.examine
        inside.built.storage.examine = self.examine

    @property
    def times(self) -> int:
        return len(self.drafts)

    def examine(self, draft: Draft) -> Examined:
        self.drafts.append(draft)
        self.begun.set()
        assert self.go_on.wait(30)
        return self._examine(draft)


@pytest.fixture
def slow(inside: InProcess) -> Slow:
    return Slow(inside)


def bring(inside: InProcess, *names: str) -> None:
    """A version that waits to be finalized, with files."""
    inside.do(catalogs.CreateCatalog("dev"))
    inside.do(catalogs.CreateSchema(Ref(Kind.CATALOG, "dev"), "team"))
    inside.do(models.CreateModel(Ref(Kind.SCHEMA, "dev.team"), "model"))
    version = inside.do(versions.register(MODEL, Registration(source="test")))
    for name in names:
        inside.do(files.KeepFile(MODEL, 1, name, stored(inside, version.store_id, name.encode())))


def stored(inside: InProcess, store_id: str, content: bytes) -> Stored:
    incoming = inside.built.storage.receive(store_id, len(content))
    incoming.write([content])
    done = incoming.commit()
    assert isinstance(done, Stored)
    return done


def client(inside: InProcess) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(inside.built.endpoint)  # pyright: ignore[reportArgumentType]  it sends any Mapping
    headers = {"Authorization": f"Bearer {inside.admin.secret}"}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers, timeout=60)


async def ask(caller: httpx.AsyncClient) -> httpx.Response:
    return await caller.post(f"{LEGACY}/model-versions/finalize", json={"name": MODEL.name, "version": "1"})


async def ask_natively(caller: httpx.AsyncClient) -> httpx.Response:
    return await caller.patch(f"{UNITY}/models/{MODEL.name}/versions/1/finalize", json={})


async def in_progress(slow: Slow) -> None:
    await asyncio.to_thread(slow.begun.wait, 30)


def test_a_finalize_that_is_asked_again_joins_the_running_one(inside: InProcess, slow: Slow) -> None:
    async def story() -> None:
        async with client(inside) as caller:
            first = asyncio.create_task(ask(caller))
            await in_progress(slow)
            others = [asyncio.create_task(ask(caller)) for _ in range(20)]
            others += [asyncio.create_task(ask_natively(caller))]
            await asyncio.sleep(0.5)
            # Those who wait take up no thread: somebody else is served meanwhile.
            told = await caller.get(f"{UNITY}/models/{MODEL.name}/versions/1")
            assert told.json()["status"] == "PENDING_REGISTRATION"
            slow.go_on.set()
            answers = await asyncio.gather(first, *others)
        assert {answer.status_code for answer in answers} == {200}
        assert {(answer.json().get("model_version") or answer.json())["status"] for answer in answers} == {"READY"}

    bring(inside, "MLmodel")
    asyncio.run(story())
    assert slow.times == 1


def test_a_finalize_goes_on_when_its_client_has_gone(inside: InProcess, slow: Slow) -> None:
    async def story() -> None:
        async with client(inside) as caller:
            gone = asyncio.create_task(ask(caller))
            await in_progress(slow)
            gone.cancel()
            await asyncio.wait([gone])
            again = asyncio.create_task(ask(caller))
            await asyncio.sleep(0.3)
            slow.go_on.set()
            assert (await again).json()["model_version"]["status"] == "READY"

    bring(inside, "MLmodel")
    asyncio.run(story())
    assert slow.times == 1


def test_those_who_join_hear_why_it_failed_and_may_ask_again(inside: InProcess, slow: Slow) -> None:
    async def story() -> None:
        async with client(inside) as caller:
            first = asyncio.create_task(ask(caller))
            await in_progress(slow)
            second = asyncio.create_task(ask(caller))
            await asyncio.sleep(0.3)
            slow.go_on.set()
            for answer in await asyncio.gather(first, second):
                assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_STATE")
            assert slow.times == 1
            version = inside.do(versions.GetVersion(MODEL, 1))
            kept = stored(inside, version.store_id, b"flavors: {}\n")
            await asyncio.to_thread(inside.do, files.KeepFile(MODEL, 1, "MLmodel", kept))
            assert (await ask(caller)).json()["model_version"]["status"] == "READY"

    bring(inside, "other")
    asyncio.run(story())


@pytest.fixture
def two(tmp_path: Path, postgres: Postgres) -> Iterator[tuple[InProcess, InProcess]]:
    """Two servers with one database and one store."""
    database, other = postgres.make(), tmp_path / "other"
    with in_process(tmp_path / "data", database) as one:
        other.mkdir()
        (other / "admin-token").write_text(one.admin.secret)
        with in_process(other, database, storage=str(tmp_path / "data" / "blobs")) as two:
            yield one, two


def test_of_two_processes_one_examines_and_the_other_waits(two: tuple[InProcess, InProcess]) -> None:
    slow, other = Slow(two[0]), Slow(two[1])

    async def story() -> None:
        async with client(two[0]) as caller, client(two[1]) as late:
            first = asyncio.create_task(ask(caller))
            await in_progress(slow)
            second = asyncio.create_task(ask(late))
            await asyncio.sleep(1)
            assert (other.times, second.done()) == (0, False)
            other.go_on.set()
            slow.go_on.set()
            answers = await asyncio.gather(first, second)
        assert [answer.json()["model_version"]["status"] for answer in answers] == ["READY", "READY"]

    bring(two[0], "MLmodel")
    asyncio.run(story())
    assert (slow.times, other.times) == (1, 1)
    assert other.drafts[0].version.status is Status.READY, "the second one found nothing left to examine"


def test_what_a_dead_process_was_examining_is_taken_over(two: tuple[InProcess, InProcess]) -> None:
    one, slow = two[0], Slow(two[0])
    bring(one, "MLmodel")
    version = one.do(versions.GetVersion(MODEL, 1))
    one.gate.clock = lambda: time.time() - finalize.LEASE_MILLISECONDS / 1000 + 1
    assert one.gate.do(finalize.ClaimFinalization(version.id, "the dead"), Server(), Origin("test"))
    one.gate.clock = time.time

    async def story() -> None:
        slow.go_on.set()
        async with client(one) as caller:
            assert (await ask(caller)).json()["model_version"]["status"] == "READY"

    began = time.monotonic()
    asyncio.run(story())
    assert 0.5 < time.monotonic() - began < 10


def test_who_works_for_long_keeps_the_lease(two: tuple[InProcess, InProcess], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "RENEWAL_SECONDS", 0.1)
    one, slow = two[0], Slow(two[0])
    bring(one, "MLmodel")
    claim = finalize.ClaimFinalization(one.do(versions.GetVersion(MODEL, 1)).id, "another")

    async def story() -> None:
        async with client(one) as caller:
            first = asyncio.create_task(ask(caller))
            await in_progress(slow)
            later = time.time() + finalize.LEASE_MILLISECONDS / 1000 + 10
            one.gate.clock = lambda: later
            await asyncio.sleep(1)
            assert not await asyncio.to_thread(one.gate.do, claim, Server(), Origin("test"))
            slow.go_on.set()
            assert (await first).is_success
        assert await asyncio.to_thread(one.gate.do, claim, Server(), Origin("test")), "it was given back"

    asyncio.run(story())
