"""Versions whose files stopped coming are given up, and what was brought of them can be collected."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from modelyard.action import Ref
from modelyard.actions import collection, files, finalize, imports, stalled, uploads, versions
from modelyard.domain.access import Server
from modelyard.domain.journal import Origin
from modelyard.domain.models import Announced, Registration, Status, Version
from modelyard.domain.pages import Window
from modelyard.errors import WrongState
from tests.gate.test_imports import DIGEST
from tests.house.world import World

HOURS = 48


@pytest.fixture
def wait(world: World) -> Iterator[Callable[[float], None]]:
    """Let hours pass, as far as the gate's clock tells."""
    gate = world.inside.gate
    real, passed = gate.clock, [0.0]
    gate.clock = lambda: time.time() + passed[0]

    def waited(hours: float) -> None:
        passed[0] += hours * 3600

    yield waited
    gate.clock = real


def give_up(world: World) -> None:
    while world.inside.gate.do(stalled.GiveUpStalled(HOURS), Server(), Origin("test")):
        pass


def put(world: World, model: Ref, number: int, path: str) -> None:
    world.do(files.KeepFile(model, number, path, world.blob(path.encode())), world.owner)


def found(world: World, model: Ref, number: int) -> Version:
    return world.do(versions.GetVersion(model, number), world.owner)


def test_a_version_without_a_file_for_long_is_failed_and_says_why(world: World, wait: Callable[[float], None]) -> None:
    model = world.model()
    ready, waiting = world.ready(model), world.register(model, world.owner)
    put(world, model, waiting, "MLmodel")
    world.do(uploads.BeginUpload(model, waiting, "big"), world.owner)
    wait(HOURS - 1)
    give_up(world)
    assert found(world, model, waiting).status is Status.PENDING_REGISTRATION
    wait(2)
    before = world.do(collection.WeighGarbage(0))
    give_up(world)
    failed = found(world, model, waiting)
    assert failed.status is Status.FAILED_REGISTRATION
    assert "No file came for 48 hours" in failed.status_message
    assert found(world, model, ready).status is Status.READY
    assert world.do(files.ListDirectory(model, waiting, "", Window(10)), world.owner).items == ()
    assert world.do(collection.WeighGarbage(0)).objects > before.objects, "its bytes are nobody's now"
    with pytest.raises(WrongState, match="register a new version"):
        put(world, model, waiting, "MLmodel")
    with pytest.raises(WrongState, match="FAILED_REGISTRATION"):
        world.do(world.finalizing(model, waiting), world.owner)


def test_whatever_comes_begins_the_time_anew(world: World, wait: Callable[[float], None]) -> None:
    model = world.model()
    by_file, by_upload, by_lease = (world.register(model, world.owner) for _ in range(3))
    wait(HOURS - 1)
    put(world, model, by_file, "weights")
    world.do(uploads.BeginUpload(model, by_upload, "big"), world.owner)
    wait(2)
    claim = finalize.ClaimFinalization(found(world, model, by_lease).id, "somebody")
    world.inside.gate.do(claim, Server(), Origin("test"))
    give_up(world)
    for number in (by_file, by_upload, by_lease):
        assert found(world, model, number).status is Status.PENDING_REGISTRATION
    wait(HOURS)
    give_up(world)
    for number in (by_file, by_upload, by_lease):
        assert found(world, model, number).status is Status.FAILED_REGISTRATION


def test_an_import_begins_a_version_that_was_given_up_again(world: World, wait: Callable[[float], None]) -> None:
    model = world.model()
    announced = imports.ImportVersion(model, Announced(4, DIGEST), Registration("there"))
    world.do(announced, world.owner)
    wait(HOURS + 1)
    give_up(world)
    assert found(world, model, 4).status is Status.FAILED_REGISTRATION
    assert world.do(announced, world.owner).status is Status.PENDING_REGISTRATION
    world.finish(model, 4)
    assert found(world, model, 4).digest == DIGEST
