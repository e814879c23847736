"""Lineage: what was said is kept and counted, and shown in both directions to those who may see it."""

from __future__ import annotations

import pytest

from modelyard.action import Ref
from modelyard.actions import catalogs, lineage, versions
from modelyard.domain.lineage import Direction, Edge, End
from modelyard.domain.models import Registration
from modelyard.domain.privileges import Privilege
from modelyard.errors import Invalid
from tests.house.world import Person, World, containers

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM


def told(
    world: World, model: Ref, number: int, side: Direction, depth: int = 1, who: Person | None = None
) -> list[Edge]:
    return list(world.do(lineage.GetLineage(model, number, (side,), depth), who))


def names(edges: list[Edge]) -> list[tuple[str, str, int]]:
    return [(edge.end.kind, edge.end.name, edge.depth) for edge in edges]


def reading(world: World, model: Ref) -> Person:
    """Somebody who may read just this model."""
    reader = world.person()
    for privilege, on in zip((Privilege.USE_CATALOG, Privilege.USE_SCHEMA), containers(model), strict=True):
        world.grant(on, reader.name, privilege)
    world.grant(model, reader.name, Privilege.EXECUTE)
    return reader


def copy(world: World, origin: tuple[Ref, int]) -> tuple[Ref, int]:
    """Promote a version into a model of its own catalog, and make it READY."""
    model = world.model()
    said = Registration(source=f"models:/{origin[0].name}/{origin[1]}")
    number = world.do(versions.RegisterCopy(*origin, model, said), world.owner).number
    world.finish(model, number)
    return model, number


def test_a_registration_says_what_the_version_was_made_from(world: World) -> None:
    model = world.model()
    said = Registration(
        source="here",
        run_id="r1",
        run_tracking_server_id="42",
        dependencies=(("DATABRICKS_TABLE", "main.raw.events"),),
        sources=(End("job", "7", {"run": "8"}), End("table", "s3://bucket/events")),
    )
    number = world.do(versions.RegisterVersion(model, said), world.owner).number
    found = told(world, model, number, UP)
    assert [(edge.end, edge.times) for edge in found] == [
        (End("run", "r1", {"tracking_server": "42"}), 1),
        (End("databricks_table", "main.raw.events"), 1),
        (End("job", "7", {"run": "8"}), 1),
        (End("table", "s3://bucket/events"), 1),
    ]
    assert told(world, model, number, DOWN) == []


def test_promotions_are_seen_from_both_ends_and_as_far_as_is_asked(world: World) -> None:
    dev = world.model()
    first = (dev, world.ready(dev))
    second = copy(world, first)
    third = copy(world, second)
    up = [("model_version", f"{model.name}/{number}", depth) for (model, number), depth in ((second, 1), (first, 2))]
    down = [("model_version", f"{model.name}/{number}", depth) for (model, number), depth in ((second, 1), (third, 2))]
    assert names(told(world, *third, UP)) == up[:1]
    assert names(told(world, *third, UP, 2)) == up
    assert names(told(world, *first, DOWN, 10)) == down


def test_a_version_that_the_caller_may_not_see_is_left_out(world: World) -> None:
    model = world.model()
    first = (model, world.ready(model))
    second = copy(world, first)
    assert told(world, *second, UP, 1, reading(world, second[0])) == []
    assert len(told(world, *second, UP)) == 1


def test_what_is_said_again_is_counted_and_says_who_said_it_last(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    job = (End("job", "nightly"),)
    world.do(lineage.NoteLineage(model, number, DOWN, job), world.owner)
    reader = reading(world, model)
    world.do(lineage.NoteLineage(model, number, DOWN, job), reader)
    [edge] = told(world, model, number, DOWN)
    assert (edge.end.name, edge.times, edge.noted_by) == ("nightly", 2, reader.name)


def test_a_reader_that_names_nothing_is_noted_itself(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    world.do(lineage.NoteLineage(model, number), world.owner)
    assert names(told(world, model, number, DOWN)) == [("reader", world.owner.name, 1)]


def test_a_renamed_catalog_is_named_as_it_is_now(world: World) -> None:
    model = world.model()
    second = copy(world, (model, world.ready(model)))
    catalog = containers(model)[0]
    renamed = world.new_name("renamed")
    world.do(catalogs.RenameCatalog(catalog, renamed, catalogs.Change()))
    [edge] = told(world, *second, UP)
    assert edge.model.startswith(f"{renamed}.")


def test_too_many_ends_are_refused(world: World) -> None:
    model = world.model()
    said = Registration(source="here", sources=tuple(End("table", str(number)) for number in range(200)))
    with pytest.raises(Invalid, match="at most 100"):
        world.do(versions.RegisterVersion(model, said), world.owner)
