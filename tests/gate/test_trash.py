"""The trash: what is kept of deleted models and versions, who may put it back, and when it is gone for good."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.action import Ref
from modelyard.actions import aliases, catalogs, collection, grants, imports, models, tagging, trash, versions
from modelyard.actions.lineage import GetLineage
from modelyard.domain.access import PrincipalKind
from modelyard.domain.models import Announced, Registration, Status, Tag, TagChange
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.trash import DAY, Discarded
from modelyard.errors import AlreadyExists, NotFound, WrongState
from tests.house.world import MLMODEL, Person, World, containers


def listed(world: World, who: Person | None = None, model: Ref | None = None) -> list[Discarded]:
    """What somebody sees in the trash, page by page: of one model, where it is named."""
    found: list[Discarded] = []
    window = Window(3)
    while True:
        page = world.do(trash.ListTrash(window), who)
        found += page.items
        if page.after is None:
            return [each for each in found if model is None or each.full_name == model.name]
        window = Window(3, page.after)


def thrown(world: World, model: Ref, *, whole: bool = False) -> str:
    """The id in the trash of a model, or of the version of it that was deleted last."""
    return next(each.id for each in listed(world, model=model) if (each.number is None) is whole)


def delete(world: World, model: Ref, number: int | None = None) -> str:
    """Delete a version, or the whole model; its id in the trash."""
    action = models.DeleteModel(model) if number is None else versions.DeleteVersion(model, number)
    world.do(action, world.owner)
    return thrown(world, model, whole=number is None)


def restore(world: World, id_: str, who: Person | None = None) -> Any:  # noqa: ANN401
    return world.do(trash.RestoreFromTrash(id_), who or world.owner)


def collect(world: World, hours: int = 24) -> Any:  # noqa: ANN401
    return world.do(collection.CollectGarbage(hours))


# Versions


def test_a_version_returns_as_it_was_but_without_its_aliases(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    world.do(tagging.ChangeVersionTags(model, number, TagChange((Tag("stage", "new"),))), world.owner)
    before = world.do(versions.GetVersion(model, number), world.owner)
    lineage = world.do(GetLineage(model, number), world.owner)
    world.do(models.SetAlias(model, "champion", number), world.owner)
    id_ = delete(world, model, number)
    with pytest.raises(NotFound):
        world.do(versions.GetVersion(model, number), world.owner)
    done = restore(world, id_)
    assert (done.full_name, done.number, done.aliases) == (model.name, number, ())
    assert world.do(versions.GetVersion(model, number), world.owner) == before
    assert world.do(GetLineage(model, number), world.owner) == lineage
    assert before.tags == (Tag("stage", "new"),)
    assert listed(world, model=model) == []
    with pytest.raises(NotFound):
        restore(world, id_)


def test_what_is_in_the_trash_is_told(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    delete(world, model, number)
    [entry] = listed(world, world.owner, model)
    assert (entry.kind, entry.full_name, entry.number) == ("version", model.name, number)
    assert (entry.owner, entry.deleted_by, entry.size) == (world.owner.name, world.owner.name, len(MLMODEL))
    assert entry.until == entry.deleted_at + 7 * DAY


def test_a_version_returns_to_its_model_whatever_that_is_called_by_now(world: World) -> None:
    model = world.model()
    id_ = delete(world, model, world.ready(model))
    renamed = world.do(
        models.RenameModel(model, containers(model)[1], world.new_name(), models.ModelChange()), world.owner
    )
    assert restore(world, id_).full_name == renamed.full_name


def test_the_number_of_a_deleted_version_is_not_given_again(world: World) -> None:
    model = world.model()
    id_ = delete(world, model, world.ready(model))
    assert world.ready(model) == 2
    assert restore(world, id_).number == 1
    assert world.ready(model) == 3


def test_a_version_whose_number_was_imported_again_does_not_return(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    digest = world.do(versions.GetVersion(model, number), world.owner).digest
    id_ = delete(world, model, number)
    world.do(imports.ImportVersion(model, Announced(number, digest), Registration("there")), world.owner)
    with pytest.raises(AlreadyExists, match="there is a version 1"):
        restore(world, id_)


def test_a_version_that_never_became_ready_is_just_gone(world: World) -> None:
    model = world.model()
    world.do(versions.DeleteVersion(model, world.register(model)), world.owner)
    assert listed(world, model=model) == []


def test_a_version_of_a_deleted_model_returns_after_the_model(world: World) -> None:
    model = world.model()
    first, _second = world.ready(model), world.ready(model)
    version = delete(world, model, first)
    whole = delete(world, model)
    with pytest.raises(WrongState, match="restore that first"):
        restore(world, version)
    with pytest.raises(NotFound):
        restore(world, version, world.person())
    assert restore(world, whole).versions == 1
    restore(world, version)
    assert world.do(versions.GetVersion(model, first), world.owner).status is Status.READY


def test_a_version_of_a_model_that_was_made_again_does_not_come_into_the_new_one(world: World) -> None:
    model = world.model()
    version = delete(world, model, world.ready(model))
    delete(world, model)
    world.do(models.CreateModel(containers(model)[1], model.name.rpartition(".")[2]), world.owner)
    with pytest.raises(WrongState, match="restore that first"):
        restore(world, version)


# Models


def test_a_model_returns_as_it_was(world: World) -> None:
    model, reader = world.model(), world.person()
    first, second, _pending = world.ready(model), world.ready(model), world.register(model)
    world.grant(model, reader.name, Privilege.EXECUTE, Privilege.APPLY_TAG)
    world.do(tagging.ChangeModelTags(model, TagChange((Tag("team", "ml"),))), world.owner)
    world.do(models.UpdateModel(model, models.ModelChange(comment="Who leaves", deployment_job_id="7")), world.owner)
    world.do(models.SetAlias(model, "Champion", first), world.owner)
    before = world.do(models.GetModel(model), world.owner)
    held = world.do(grants.GetGrants(model), world.owner)
    kept = [world.do(versions.GetVersion(model, number), world.owner) for number in (first, second)]
    done = restore(world, delete(world, model))
    after = world.do(models.GetModel(model), world.owner)
    assert (done.full_name, done.versions, done.left_out) == (model.name, 2, ())
    assert after.updated_at > before.updated_at
    assert (after.id, after.comment, after.tags, after.aliases) == (
        before.id,
        "Who leaves",
        before.tags,
        before.aliases,
    )
    assert (after.owner, after.created_at, after.deployment_job_id) == (before.owner, before.created_at, "7")
    assert world.do(grants.GetGrants(model), world.owner) == held
    assert [world.do(versions.GetVersion(model, number), world.owner) for number in (first, second)] == kept
    assert world.ready(model) == 4, "the number of the version that waited is not given again"
    moves = world.do(aliases.ListAliasMoves(model, Window(10)), world.owner).items
    assert [(move.from_version, move.to_version, move.reason) for move in moves] == [
        (None, first, "restored from the trash"),
        (first, None, ""),
        (None, first, ""),
    ]


def test_a_model_returns_to_its_schema_whatever_that_is_called_by_now(world: World) -> None:
    model = world.model()
    catalog, schema = containers(model)
    world.ready(model)
    id_ = delete(world, model)
    name = world.new_name("renamed")
    world.do(catalogs.RenameSchema(schema, catalog, name, catalogs.Change()), world.owner)
    assert restore(world, id_).full_name == f"{catalog.name}.{name}.{model.name.rpartition('.')[2]}"


def test_a_model_whose_name_is_taken_waits(world: World) -> None:
    model = world.model()
    schema, name = containers(model)[1], model.name.rpartition(".")[2]
    world.ready(model)
    id_ = delete(world, model)
    world.do(models.CreateModel(schema, name), world.owner)
    with pytest.raises(AlreadyExists, match="is taken by now"):
        restore(world, id_)
    update = models.RenameModel(model, schema, world.new_name(), models.ModelChange())
    world.do(update, world.owner)
    assert restore(world, id_).versions == 1


def test_what_a_schema_held_returns_once_there_is_a_schema_again(world: World) -> None:
    one, other = world.model(), None
    catalog, schema = containers(one)
    other = world.model(schema)
    world.ready(one)
    world.do(catalogs.DeleteSchema(schema, force=True), world.owner)
    ids = [thrown(world, model, whole=True) for model in (one, other)]
    with pytest.raises(WrongState, match="make a schema of the same name"):
        restore(world, ids[0])
    with pytest.raises(NotFound):
        restore(world, ids[0], world.person())
    world.do(catalogs.CreateSchema(catalog, schema.name.rpartition(".")[2]), world.owner)
    assert [restore(world, id_).versions for id_ in ids] == [1, 0]
    assert world.do(versions.GetVersion(one, 1), world.owner).status is Status.READY


def test_what_a_catalog_held_returns_too(world: World) -> None:
    model = world.model()
    catalog, schema = containers(model)
    world.ready(model)
    world.do(catalogs.DeleteCatalog(catalog, force=True), world.owner)
    world.do(catalogs.CreateCatalog(catalog.name), world.owner)
    world.do(catalogs.CreateSchema(catalog, schema.name.rpartition(".")[2]), world.owner)
    assert restore(world, thrown(world, model, whole=True)).full_name == model.name


def test_grants_and_owners_that_are_gone_do_not_return(world: World) -> None:
    model, gone, stays = world.model(), world.person(), world.person()
    world.ready(model)
    world.grant(model, gone.name, Privilege.EXECUTE)
    world.grant(model, stays.name, Privilege.EXECUTE)
    owner = world.person()
    world.do(models.UpdateModel(model, models.ModelChange(owner=owner.name)), world.owner)
    id_ = delete(world, model)
    for person in (gone, owner):
        world.do(forgetting(person))
    [entry] = listed(world, world.owner, model)
    assert entry.owner == ""
    restore(world, id_)
    assert world.do(models.GetModel(model), world.owner).owner == world.owner.name
    assert [held.principal for held in world.do(grants.GetGrants(model), world.owner).items] == [stays.name]


def forgetting(person: Person) -> Any:  # noqa: ANN401
    from modelyard.actions.access import DeletePrincipal  # noqa: PLC0415

    return DeletePrincipal(PrincipalKind.USER, person.id)
