"""Bytes that a file has let go of stay for the grace period, from then on: somebody may be reading them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from modelyard.actions import artifacts, collection, files, volume_files
from tests.house.volumes import bring, holding
from tests.house.world import World

GRACE_HOURS = 24
FIRST, SECOND = b"what is read", b"what comes after it"


@pytest.fixture
def world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> Iterator[World]:
    """One whose clock the tests set."""
    made = make_world(request.param, "of grace")
    yield made
    made.inside.gate.clock = time.time


def wait(world: World, hours: float) -> None:
    clock = world.inside.gate.clock
    world.inside.gate.clock = lambda: clock() + hours * 3600


def collected(world: World) -> set[str]:
    """The keys of all that is collected."""
    keys: set[str] = set()
    is_more = True
    while is_more:
        gone = world.do(collection.CollectGarbage(GRACE_HOURS))
        world.do(collection.ForgetGarbage(gone, world.inside.built.storage.clear(gone.garbage)))
        keys |= {each.key for each in gone.garbage}
        is_more = gone.more
    return keys


def of_version(world: World) -> tuple[Callable[[bytes], object], Callable[[], object]]:
    """How a file of a version is put, and how it is deleted."""
    model = world.model()
    number, path = world.register(model, world.owner), "weights"
    return (
        lambda content: world.do(files.KeepFile(model, number, path, world.blob(content), overwrite=True), world.owner),
        lambda: world.do(files.DeleteFile(model, number, path), world.owner),
    )


def of_experiment(world: World) -> tuple[Callable[[bytes], object], Callable[[], object]]:
    """The same of an artifact."""
    at, path = world.experiment(), "run/artifacts/weights"
    return (
        lambda content: world.do(artifacts.KeepArtifact(at, path, world.blob(content), overwrite=True), world.owner),
        lambda: world.do(artifacts.DeleteArtifact(at, path), world.owner),
    )


def of_folder(world: World) -> tuple[Callable[[bytes], object], Callable[[], object]]:
    """Of an artifact that is deleted with the folder it is in."""
    at, path = world.experiment(), "run/artifacts/weights"
    return (
        lambda content: world.do(artifacts.KeepArtifact(at, path, world.blob(content), overwrite=True), world.owner),
        lambda: world.do(artifacts.DeleteArtifactDirectory(at, "run", is_deep=True), world.owner),
    )


def of_volume(world: World) -> tuple[Callable[[bytes], object], Callable[[], object]]:
    """Of a file of a volume."""
    where, path = holding(world, "weights")
    return (
        lambda content: bring(world, where, path, content),
        lambda: world.do(volume_files.DeleteVolumeFile(where, path), world.owner),
    )


@pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("kind", [of_version, of_experiment, of_folder, of_volume])
def test_the_grace_period_begins_when_a_file_lets_go(
    world: World, kind: Callable[[World], tuple[Callable[[bytes], object], Callable[[], object]]]
) -> None:
    put, delete = kind(world)
    told = kind.__name__.encode()
    first, second = (world.blob(content + told).key for content in (FIRST, SECOND))
    put(FIRST + told)
    wait(world, 2 * GRACE_HOURS)
    put(SECOND + told)
    assert first not in collected(world), "it has only just been replaced"
    wait(world, 2 * GRACE_HOURS)
    gone = collected(world)
    assert (first in gone, second in gone) == (True, False)
    delete()
    assert second not in collected(world), "it has only just been deleted"
    wait(world, 2 * GRACE_HOURS)
    assert second in collected(world)
