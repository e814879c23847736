"""What a server does by itself: it gives up what nobody finishes, and removes what nobody names."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard.actions import files, versions
from modelyard.config import Settings
from modelyard.domain.journal import Origin
from modelyard.domain.models import Status
from modelyard.workers.duties import duties
from modelyard.workers.keeper import Desk
from tests.house.examples import MLMODEL_SHA256
from tests.house.world import World, make_world

__all__ = ["make_world"]

DAY = 24 * 3600


def objects(world: World) -> dict[str, Path]:
    folder = world.inside.built.storage.backend(world.inside.gate.store_id).url.removeprefix("file://")
    return {path.name: path for path in Path(folder, "objects").rglob("*") if path.is_file()}


def age(path: Path) -> None:
    before = time.time() - 2 * DAY
    os.utime(path, (before, before))


def do_all(world: World) -> None:
    """Do every duty until it has no more to do."""
    desk = Desk(world.inside.gate, world.inside.built.storage, Origin("test"))
    for duty in duties(Settings()):
        while duty.work(desk):
            pass


def pass_days(world: World, days: int) -> None:
    """From now on, the gate's clock is fast by so many days."""
    world.inside.gate.clock = lambda: time.time() + days * DAY


@pytest.fixture
def home(make_world: Callable[[str], World]) -> Iterator[World]:
    """A world on SQLite, whose clock is set right afterwards."""
    world = make_world("sqlite")
    real = world.inside.gate.clock
    yield world
    world.inside.gate.clock = real


def test_what_nobody_names_or_finishes_goes_and_the_rest_stays(home: World) -> None:
    model = home.model()
    kept, deleted, waiting = home.ready(model), home.ready(model), home.register(model)
    brought, orphan = home.blob(b"of a version that is given up"), home.blob(b"that no row has ever named")
    home.do(files.KeepFile(model, waiting, "weights", brought), home.owner)
    for path in objects(home).values():
        age(path)
    home.do(versions.DeleteVersion(model, deleted), home.owner)
    do_all(home)
    assert orphan.key not in objects(home)
    assert home.do(versions.GetVersion(model, waiting)).status is Status.PENDING_REGISTRATION
    pass_days(home, 3)
    do_all(home)
    assert home.do(versions.GetVersion(model, waiting)).status is Status.FAILED_REGISTRATION
    assert brought.key in objects(home), "the grace period of its bytes begins"
    pass_days(home, 5)
    do_all(home)
    assert brought.key not in objects(home)
    assert home.do(versions.GetVersion(model, kept)).status is Status.READY
    assert MLMODEL_SHA256 in objects(home)


def test_a_server_that_shall_not_collect_does_not() -> None:
    names = {duty.name for duty in duties(Settings(collect=False))}
    assert {"CollectGarbage", "HuntOrphans"} == {duty.name for duty in duties(Settings())} - names
