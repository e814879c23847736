"""Copies that the server makes: all that an origin says of itself, no new bytes, and nothing without the privileges."""

from __future__ import annotations

import pytest

from modelyard.action import Ref
from modelyard.actions import cards, copies, files, models, tagging, versions
from modelyard.domain.models import Alias, Status, Tag, TagChange, Version
from modelyard.domain.pages import Window
from modelyard.errors import Changed, NotFound, WrongState
from modelyard.store.disk import Disk
from tests.gate.threads import at_once
from tests.house.world import MLMODEL, World


def stored(world: World) -> set[str]:
    """The objects of the metastore's store."""
    root = world.inside.built.storage.backend(world.inside.gate.store_id)
    assert isinstance(root, Disk)
    return {held.key for held in root.held()}


def get(world: World, model: Ref, number: int) -> Version:
    return world.do(versions.GetVersion(model, number), world.owner)


def origin(world: World) -> tuple[Ref, int]:
    """A READY version with a run, a comment, a tag and two files."""
    model = world.model()
    told = versions.Registration(source="runs:/r1/model", run_id="r1", comment="Trained in May")
    number = world.do(versions.RegisterVersion(model, told), world.owner).number
    world.do(files.KeepFile(model, number, "data/weights", world.blob(model.name.encode())), world.owner)
    world.finish(model, number)
    world.do(tagging.ChangeVersionTags(model, number, TagChange((Tag("checked", "yes"),))), world.owner)
    return model, number


def test_a_copy_is_ready_and_says_what_its_origin_says(world: World) -> None:
    model, number = origin(world)
    target = world.model()
    before = stored(world)
    made = world.do(copies.CopyVersion(model, number, target), world.owner)
    first = get(world, model, number)
    assert (made.status, made.number, made.source) == (Status.READY, 1, f"models:/{model.name}/{number}")
    assert (made.run_id, made.comment, made.model_id) == ("r1", "Trained in May", first.model_id)
    assert (made.digest, made.tags) == (first.digest, first.tags)
    assert stored(world) == before
    listed = world.do(files.ListDirectory(target, 1, "data", Window(10)), world.owner).items
    assert [entry.path for entry in listed] == ["data/weights"]
    assert world.do(cards.GetCard(target, 1), world.owner).size == len(MLMODEL) + len(model.name)


def test_a_copy_outlives_its_origin(world: World) -> None:
    model, number = origin(world)
    target = world.model()
    world.do(copies.CopyVersion(model, number, target), world.owner)
    world.do(models.DeleteModel(model), world.owner)
    entry = world.do(files.FindFile(target, 1, "MLmodel"), world.owner)
    reader = world.inside.built.storage.open(entry)
    assert reader.read(0, entry.size) == MLMODEL
    reader.close()


def test_a_version_that_is_not_ready_is_not_copied(world: World) -> None:
    model, target = world.model(), world.model()
    number = world.register(model)
    with pytest.raises(WrongState, match="cannot be copied"):
        world.do(copies.CopyVersion(model, number, target), world.owner)
    with pytest.raises(NotFound):
        world.do(copies.CopyVersion(model, 7, target), world.owner)


def test_a_promotion_moves_the_alias_or_copies_nothing(world: World) -> None:
    model, number = origin(world)
    target = world.model()
    made = world.do(copies.PromoteVersion(model, number, target, "Champion", expected_version=0), world.owner)
    assert made.aliases == (Alias("Champion", 1),)
    with pytest.raises(Changed):
        world.do(copies.PromoteVersion(model, number, target, "Champion", expected_version=0), world.owner)
    page = world.do(versions.ListVersions(target, Window(10)), world.owner)
    assert [version.number for version in page.items] == [1], "a promotion that was refused copies nothing"


def test_copies_at_once_get_numbers_of_their_own(world: World) -> None:
    model, number = origin(world)
    target = world.model()
    done = at_once([lambda: world.do(copies.CopyVersion(model, number, target), world.owner)] * 8)
    assert sorted(version.number for version in done) == list(range(1, 9))
