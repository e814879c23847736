"""The runner: what serves is in step with what is wanted, whatever the engine that keeps processes says of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from modelyard.action import Ref
from modelyard.actions import endpoints, rollouts, versions
from modelyard.domain.board import Board
from modelyard.domain.endpoints import PREFIX, Elsewhere, Entity, Update
from modelyard.domain.metrics import Meters
from modelyard.domain.plans import Plan
from modelyard.domain.rollouts import Phase
from modelyard.engines.base import Served, Standing, State
from modelyard.workers.runner import Runner
from tests.house.world import World, make_world

__all__ = ["make_world"]


@dataclass
class Shelf:
    """An engine with processes that are there as soon as they are wanted, or as it was told."""

    kept: dict[str, Served] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    leads: bool = True

    def keep(self, wanted: list[Served]) -> None:
        self.kept = {each.id: each for each in wanted}

    def standings(self) -> Mapping[str, Standing]:
        return {
            id_: Standing(self.states.get(served.label.partition("/")[2], State.READY), "as it was told.")
            for id_, served in self.kept.items()
        }

    def labels(self, endpoint: Ref) -> set[str]:
        name = endpoint.name.rpartition("/")[2]
        return {each.label for each in self.kept.values() if each.label.partition("/")[0] == name}


@dataclass
class Scene:
    """A runner at work, and all that it does."""

    world: World
    shelf: Shelf
    meters: Meters
    boards: list[Board]
    runner: Runner

    def route(self, endpoint: Ref) -> tuple[tuple[str, int], ...]:
        """The shares of an endpoint on the board."""
        name = endpoint.name.rpartition("/")[2]
        route = self.boards[-1].routes.get(name) if self.boards else None
        return route.shares if route else ()

    def is_ready(self, endpoint: Ref) -> bool:
        return self.world.do(endpoints.GetEndpoint(endpoint)).is_ready


def wait_for(holds: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def scene(make_world: Callable[[str], World]) -> Iterator[Scene]:
    world = make_world("sqlite")
    shelf, meters, boards = Shelf(), Meters(), list[Board]()
    runner = Runner(world.inside.gate, shelf, meters, boards.append)
    runner.start()
    yield Scene(world, shelf, meters, boards, runner)
    runner.close()


def test_what_was_made_is_brought_up_and_shown(scene: Scene) -> None:
    made = scene.world.endpoint(scene.world.entity())
    scene.runner.catch_up()
    wait_for(lambda: scene.route(made))
    assert scene.route(made) == (("champion", 100),)
    assert scene.is_ready(made)
    scene.world.do(endpoints.StopEndpoint(made), scene.world.owner)
    scene.runner.catch_up()
    assert scene.shelf.labels(made) == set()
    scene.world.do(endpoints.DeleteEndpoint(made), scene.world.owner)
    scene.runner.catch_up()
    assert scene.route(made) == ()


def test_what_cannot_be_served_never_replaces_what_is(scene: Scene) -> None:
    made = scene.world.endpoint(scene.world.entity())
    wait_for(lambda: scene.is_ready(made))
    scene.shelf.states["broken"] = State.FAILED
    change = scene.world.serving(scene.world.entity("broken"))
    scene.world.do(endpoints.UpdateConfig(made, change), scene.world.owner)
    wait_for(lambda: scene.world.do(endpoints.GetEndpoint(made)).update is Update.UPDATE_FAILED)
    scene.runner.catch_up()
    assert scene.route(made) == (("champion", 100),)
    assert "as it was told" in scene.world.do(endpoints.GetEndpoint(made)).message
    assert scene.shelf.labels(made) == {made.name.removeprefix(PREFIX) + "/champion"}


def test_what_runs_is_kept_when_its_version_is_deleted(scene: Scene) -> None:
    model = scene.world.model()
    made = scene.world.endpoint(scene.world.entity(model=model))
    wait_for(lambda: scene.is_ready(made))
    before = scene.shelf.labels(made)
    scene.world.do(versions.DeleteVersion(model, 1), scene.world.owner)
    scene.runner.catch_up()
    assert scene.shelf.labels(made) == before
    assert scene.route(made) == (("champion", 100),)
    [served] = [each for each in scene.shelf.kept.values() if each.label in before]
    assert served.digest


def test_an_endpoint_that_is_only_elsewhere_comes_up_too(scene: Scene) -> None:
    made = scene.world.endpoint(Entity("there", elsewhere=Elsewhere("https://there.example/score")))
    wait_for(lambda: scene.is_ready(made))
    scene.runner.catch_up()
    assert scene.route(made) == (("there", 100),)


@pytest.mark.parametrize(("status", "phase", "left"), [(200, Phase.COMPLETED, 0), (500, Phase.ROLLED_BACK, 100)])
def test_a_roll_out_goes_on_by_what_is_answered(scene: Scene, status: int, phase: Phase, left: int) -> None:
    made = scene.world.served()
    wait_for(lambda: scene.route(made))
    plan = Plan("challenger", (50, 100), bake_seconds=0, min_requests=5)
    scene.world.do(rollouts.StartRollout(made, plan), scene.world.owner)
    id_ = scene.world.do(endpoints.GetEndpoint(made)).id

    def ended() -> bool:
        scene.meters.of(id_, "challenger").note(time.time(), status, 1.0, 1.0, 0.0)
        return scene.world.do(rollouts.GetRollout(made)).phase is not Phase.RUNNING

    wait_for(ended)
    assert scene.world.do(rollouts.GetRollout(made)).phase is phase
    scene.runner.catch_up()
    assert dict(scene.route(made)).get("champion", 0) == left


def test_whoever_waits_for_a_runner_that_does_not_run_waits_for_nothing(scene: Scene) -> None:
    idle = Runner(scene.world.inside.gate, scene.shelf, scene.meters, scene.boards.append)
    begun = time.monotonic()
    idle.catch_up()
    assert time.monotonic() - begun < 1
