"""The trash: what is kept of deleted models and versions, who may put it back, and when it is gone for good."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from modelyard.action import Ref
from modelyard.actions import aliases, catalogs, collection, grants, imports, models, tagging, trash, versions
from modelyard.actions.access import DeletePrincipal
from modelyard.actions.files import KeepFile
from modelyard.actions.journal import ListAudit
from modelyard.actions.lineage import GetLineage
from modelyard.domain.access import ADMINS, PrincipalKind
from modelyard.domain.files import digest
from modelyard.domain.journal import AuditFilter
from modelyard.domain.models import Announced, Registration, Status, Tag, TagChange
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.trash import DAY, Discarded
from modelyard.errors import AlreadyExists, Denied, Invalid, NotFound, WrongState
from modelyard.store import files
from modelyard.store import models as model_rows
from modelyard.store import trash as store
from modelyard.store.schema import METADATA
from modelyard.store.trash import KEPT
from tests.gate.threads import at_once, persistent
from tests.house import jobs
from tests.house.approvals import PARAMETERS
from tests.house.world import MLMODEL, Person, World, containers, joining, leaving


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
    job = jobs.make(world, parameters=PARAMETERS).name.rpartition("/")[2]
    world.do(models.UpdateModel(model, models.ModelChange(comment="Who leaves", deployment_job_id=job)), world.owner)
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
    assert (after.owner, after.created_at, after.deployment_job_id) == (before.owner, before.created_at, job)
    assert world.do(grants.GetGrants(model), world.owner) == held
    assert [world.do(versions.GetVersion(model, number), world.owner) for number in (first, second)] == kept
    assert world.ready(model) == 4, "the number of the version that waited is not given again"
    moves = world.do(aliases.ListAliasMoves(model, Window(10)), world.owner).items
    assert [(move.from_version, move.to_version, move.reason) for move in moves] == [
        (None, first, "restored from the trash"),
        (first, None, ""),
        (None, first, ""),
    ]


def test_numbers_that_imports_left_out_can_still_be_given_after_a_return(world: World) -> None:
    model = world.model()
    world.do(imports.ImportVersion(model, Announced(5, "0" * 64), Registration("there")), world.owner)
    restore(world, delete(world, model))
    for number in (3, 1):
        world.do(imports.ImportVersion(model, Announced(number, "0" * 64), Registration("there")), world.owner)
    with pytest.raises(AlreadyExists):
        world.do(imports.ImportVersion(model, Announced(5, "0" * 64), Registration("there")), world.owner)


@pytest.mark.parametrize("what", ["version", "model"])
def test_what_was_in_quarantine_returns_into_it(world: World, what: str) -> None:
    model = world.model()
    number = world.ready(model)
    id_ = world.do(versions.GetVersion(model, number), world.owner).id
    with world.inside.built.database.engine.begin() as raw:
        say = "INSERT INTO quarantines (version_id, reasons, since) VALUES (:id, :reasons, 7)"
        raw.execute(text(say), {"id": id_, "reasons": '["a pickle"]'})
    restore(world, delete(world, model, number if what == "version" else None))
    with world.inside.built.database.engine.connect() as raw:
        ask = "SELECT reasons, since, released_at FROM quarantines WHERE version_id = :id"
        assert list(raw.execute(text(ask), {"id": id_})) == [('["a pickle"]', 7, None)]


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


# Protected aliases


def test_a_protected_alias_returns_only_for_whoever_may_move_it(world: World) -> None:
    model, mover = world.model(), world.person()
    schema = containers(model)[1]
    number = world.ready(model)
    for alias in ("champion", "free"):
        world.do(models.SetAlias(model, alias, number), world.owner)
    id_ = delete(world, model)
    world.do(aliases.ProtectAlias(schema, "champ*", (mover.name,)), world.owner)
    done = restore(world, id_)
    assert ([alias.name for alias in done.aliases], done.left_out) == (["free"], ("champion",))
    assert [alias.name for alias in world.do(models.GetModel(model), world.owner).aliases] == ["free"]
    id_ = delete(world, model)
    world.do(catalogs.UpdateSchema(schema, catalogs.Change(owner=mover.name)), world.owner)
    world.grant(containers(model)[0], mover.name, Privilege.USE_CATALOG)
    assert [alias.name for alias in restore(world, id_, mover).aliases] == ["free"]


def test_a_protected_alias_returns_for_its_mover(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    world.do(models.SetAlias(model, "champion", number), world.owner)
    world.do(aliases.ProtectAlias(containers(model)[1], "champion", (world.owner.name,)), world.owner)
    done = restore(world, delete(world, model))
    assert ([alias.name for alias in done.aliases], done.left_out) == (["champion"], ())


# Who may restore


@dataclass(frozen=True)
class Persona:
    """What somebody holds on a model's way; `owner` is what it owns there."""

    catalog: tuple[Privilege, ...] = ()
    schema: tuple[Privilege, ...] = ()
    model: tuple[Privilege, ...] = ()
    owns: str = ""
    restores_version: bool = False
    restores_model: bool = False


USE_CATALOG, USE_SCHEMA = (Privilege.USE_CATALOG,), (Privilege.USE_SCHEMA,)
PERSONAS = {
    "a stranger": Persona(),
    "a reader": Persona(USE_CATALOG, USE_SCHEMA, model=(Privilege.EXECUTE,)),
    "all privileges on the model": Persona(USE_CATALOG, USE_SCHEMA, model=(Privilege.ALL_PRIVILEGES,)),
    "MANAGE on the model": Persona(USE_CATALOG, USE_SCHEMA, model=(Privilege.MANAGE,), restores_version=True),
    "MANAGE on the model without the way": Persona(model=(Privilege.MANAGE,)),
    "MANAGE on the schema": Persona(
        USE_CATALOG, (*USE_SCHEMA, Privilege.MANAGE), restores_version=True, restores_model=True
    ),
    "MANAGE on the schema without passing it": Persona(USE_CATALOG, (Privilege.MANAGE,), restores_model=True),
    "MANAGE on the catalog": Persona(
        (Privilege.USE_CATALOG, Privilege.USE_SCHEMA, Privilege.MANAGE), restores_version=True, restores_model=True
    ),
    "CREATE MODEL": Persona(USE_CATALOG, (*USE_SCHEMA, Privilege.CREATE_MODEL)),
    "the model's owner": Persona(USE_CATALOG, USE_SCHEMA, owns="model", restores_version=True),
    "the model's owner with CREATE MODEL": Persona(
        USE_CATALOG, (*USE_SCHEMA, Privilege.CREATE_MODEL), owns="model", restores_version=True,
        restores_model=True,
    ),
    "the model's owner without the way": Persona(schema=(Privilege.CREATE_MODEL,), owns="model"),
    "the schema's owner": Persona(USE_CATALOG, owns="schema", restores_version=True, restores_model=True),
    "the catalog's owner": Persona(owns="catalog", restores_version=True, restores_model=True),
    "an admin": Persona(owns="metastore", restores_version=True, restores_model=True),
}  # fmt: skip


def settle(world: World, persona: Persona, who: str, model: Ref) -> None:
    """Give a principal what a persona holds."""
    catalog, schema = containers(model)
    for on, privileges in ((catalog, persona.catalog), (schema, persona.schema), (model, persona.model)):
        if privileges:
            world.grant(on, who, *privileges)
    match persona.owns:
        case "model":
            world.do(models.UpdateModel(model, models.ModelChange(owner=who)))
        case "schema":
            world.do(catalogs.UpdateSchema(schema, catalogs.Change(owner=who)))
        case "catalog":
            world.do(catalogs.UpdateCatalog(catalog, catalogs.Change(owner=who)))
        case _:
            pass


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("way", ["directly", "by a group"])
def test_whoever_may_restore_sees_it_and_nobody_else_does(world: World, name: str, way: str) -> None:
    persona, who, model = PERSONAS[name], world.person(), world.model()
    number = world.ready(model)
    if persona.owns == "metastore":
        world.do(joining(ADMINS, who.id))
    settle(world, persona, world.group(who.id)[1] if way == "by a group" else who.name, model)
    for whole, allowed in ((False, persona.restores_version), (True, persona.restores_model)):
        action = models.DeleteModel(model) if whole else versions.DeleteVersion(model, number)
        world.do(action)
        id_ = thrown(world, model, whole=whole)
        assert [entry.id for entry in listed(world, who, model)] == ([id_] if allowed else [])
        if not allowed:
            with pytest.raises(NotFound, match="nothing in the trash"):
                restore(world, id_, who)
        world.do(trash.RestoreFromTrash(id_), who if allowed else None)
        assert world.do(versions.GetVersion(model, number)).status is Status.READY
    if persona.owns == "metastore":
        world.do(leaving(ADMINS, who.id))


def test_only_the_last_owner_and_admins_see_what_has_no_schema_any_more(world: World) -> None:
    model, holder = world.model(), world.person()
    world.grant(containers(model)[1], holder.name, Privilege.MANAGE)
    world.do(catalogs.DeleteSchema(containers(model)[1], force=True), world.owner)
    assert len(listed(world, world.owner, model)) == len(listed(world, None, model)) == 1
    assert listed(world, holder, model) == []


def test_a_page_of_the_trash_begins_where_the_last_one_ended(world: World) -> None:
    schema = world.schema()
    made = [world.model(schema) for _ in range(7)]
    for model in made:
        world.do(models.DeleteModel(model), world.owner)
    found = [entry for entry in listed(world, world.owner) if entry.full_name.startswith(f"{schema.name}.")]
    assert sorted(entry.full_name for entry in found) == sorted(model.name for model in made)
    assert [entry.deleted_at for entry in found] == sorted((entry.deleted_at for entry in found), reverse=True)


@pytest.mark.parametrize("after", ["x", "1x y", "-1 y", "9" * 30])
def test_a_page_that_no_list_gave_is_refused(world: World, after: str) -> None:
    with pytest.raises(Invalid, match="page_token"):
        world.do(trash.ListTrash(Window(3, after)), world.owner)


def test_what_is_restored_and_purged_is_in_the_audit_under_its_name(world: World) -> None:
    model = world.model()
    request, other = uuid.uuid4().hex, uuid.uuid4().hex
    world.do(trash.RestoreFromTrash(delete(world, model)), world.owner, request)
    world.do(trash.PurgeTrash(delete(world, model)), None, other)
    told = world.do(ListAudit(AuditFilter(securable=model.name), Window(100))).items
    by_request = {entry.request_id: (entry.action_name, entry.result) for entry in told}
    assert by_request[request] == ("restoreFromTrash", "done")
    assert by_request[other] == ("purgeTrash", "done")
    events = [(kind, json.loads(payload)) for kind, payload in announced(world, model.name)]
    told_of = {"versions": 0, "aliases": {}, "by": world.owner.name}
    assert ("registered_model.restored", told_of) in events
    assert events[-1][0] == "registered_model.purged"


def announced(world: World, full_name: str) -> list[Any]:
    """What was announced of a model, in order."""
    with world.inside.built.database.engine.connect() as raw:
        asked = text("SELECT type, payload FROM events WHERE securable = :name ORDER BY seq")
        return list(raw.execute(asked, {"name": full_name}))


# For good


@pytest.fixture
def days(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how long the trash is kept."""
    return lambda number: monkeypatch.setattr(world.inside.gate, "trash_days", number)


def test_without_a_trash_everything_is_gone_at_once(world: World, days: Callable[[int], None]) -> None:
    days(0)
    model = world.model()
    world.do(versions.DeleteVersion(model, world.ready(model)), world.owner)
    world.do(models.DeleteModel(model), world.owner)
    other = world.model()
    world.ready(other)
    world.do(catalogs.DeleteSchema(containers(other)[1], force=True), world.owner)
    assert listed(world, None, model) + listed(world, None, other) == []


def test_the_collector_keeps_what_is_in_the_trash_and_then_does_not(world: World, days: Callable[[int], None]) -> None:
    model = world.model()
    number = world.ready(model)
    manifest = world.do(versions.GetVersion(model, number), world.owner).manifest_id
    id_ = delete(world, model, number)
    while collect(world, hours=0).more:
        pass
    assert files_of(world, manifest) == 1
    before = world.do(collection.WeighGarbage(0))
    days(0)
    weight = world.do(collection.WeighGarbage(0))
    assert (weight.trash, weight.manifests) >= (before.trash + 1, before.manifests + 1)
    helping = collect(world, hours=0)
    assert helping.trash >= 1
    while collect(world, hours=0).more:
        pass
    assert files_of(world, manifest) == 0
    with pytest.raises(NotFound):
        restore(world, id_)


def files_of(world: World, manifest: str) -> int:
    """How many files a manifest has."""
    with world.inside.built.database.look() as tx:
        return len(files.all_files(tx, manifest))


def test_an_admin_purges_a_model_with_the_versions_that_were_deleted_before(world: World) -> None:
    model = world.model()
    first, _ = world.ready(model), world.ready(model)
    version = delete(world, model, first)
    whole = delete(world, model)
    with pytest.raises(Denied):
        world.do(trash.PurgeTrash(whole), world.owner)
    world.do(trash.PurgeTrash(whole))
    for id_ in (whole, version):
        with pytest.raises(NotFound):
            world.do(trash.PurgeTrash(id_))
    assert listed(world, None, model) == []


def test_an_admin_purges_one_version_and_no_other(world: World) -> None:
    model = world.model()
    first, second = world.ready(model), world.ready(model)
    one, other = delete(world, model, first), delete(world, model, second)
    world.do(trash.PurgeTrash(one))
    assert restore(world, other).number == second


# Races


def together(first: Callable[[], Any], paused: threading.Event, second: Callable[[], Any]) -> list[Any]:
    """What two threads get, of which the second begins once the first has paused inside its transaction."""

    def follow() -> Any:  # noqa: ANN401
        assert paused.wait(20)
        return second()

    return at_once([first, follow])


def pausing(monkeypatch: pytest.MonkeyPatch, name: str, module: Any = store) -> threading.Event:  # noqa: ANN401
    """Let a function of the store take its time, once it has done its work; set when it has."""
    reached, work = threading.Event(), getattr(module, name)

    def slow(*said: Any, **more: Any) -> Any:  # noqa: ANN401
        done = work(*said, **more)
        reached.set()
        time.sleep(0.5)
        return done

    monkeypatch.setattr(module, name, slow)
    return reached


def test_a_restore_before_a_purge_wins(
    world: World, days: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = world.model()
    number = world.ready(model)
    id_ = delete(world, model, number)
    days(0)
    reached = pausing(monkeypatch, "restore_version")
    restored, helping = together(lambda: restore(world, id_), reached, lambda: collect(world, hours=0))
    assert (restored.number, helping.more) == (number, False)
    assert whole(world, model, number)


def test_a_purge_before_a_restore_wins(
    world: World, days: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = world.model()
    number = world.ready(model)
    days(0)
    while collect(world, hours=0).more:
        pass  # what earlier tests left, so that one helping is enough
    days(7)
    id_ = delete(world, model, number)
    days(0)
    reached = pausing(monkeypatch, "purge")
    helping, refused = together(lambda: collect(world, hours=0), reached, lambda: restore(world, id_))
    assert helping.trash >= 1
    assert isinstance(refused, NotFound)
    assert listed(world, None, model) == []


def whole(world: World, model: Ref, number: int) -> bool:
    """Whether a version is READY and its files are what its digest says."""
    version = world.do(versions.GetVersion(model, number), world.owner)
    with world.inside.built.database.look() as tx:
        return version.status is Status.READY and digest(files.all_files(tx, version.manifest_id)) == version.digest


def test_restoring_twice_at_once_restores_once(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    id_ = delete(world, model, number)
    found = at_once([persistent(lambda: restore(world, id_))] * 4)
    assert sorted(type(each).__name__ for each in found) == ["NotFound", "NotFound", "NotFound", "Restored"]
    assert whole(world, model, number)


def test_deleting_twice_at_once_deletes_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model = world.model()
    world.ready(model)
    reached = pausing(monkeypatch, "discard_models")
    delete = models.DeleteModel(model)
    _, refused = together(lambda: world.do(delete, world.owner), reached, lambda: world.do(delete, world.owner))
    assert isinstance(refused, NotFound)
    assert len(listed(world, model=model)) == 1


def test_what_returns_while_its_catalog_is_deleted_is_not_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model = world.model()
    catalog = containers(model)[0]
    world.ready(model)
    id_ = delete(world, model)
    reached = pausing(monkeypatch, "discard_models")
    remove = catalogs.DeleteCatalog(catalog, force=True)
    _, refused = together(lambda: world.do(remove, world.owner), reached, lambda: restore(world, id_))
    assert isinstance(refused, WrongState)
    assert [entry.id for entry in listed(world, model=model)] == [id_]


def test_no_model_is_made_in_a_catalog_once_that_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = world.catalog()
    schema = world.schema(catalog)
    reached = pausing(monkeypatch, "discard_models")
    remove, make = catalogs.DeleteCatalog(catalog, force=True), models.CreateModel(schema, "late")
    _, refused = together(lambda: world.do(remove, world.owner), reached, lambda: world.do(make, world.owner))
    assert isinstance(refused, NotFound)


def test_two_models_of_one_name_that_return_at_once_do_not_both(world: World) -> None:
    model = world.model()
    schema, name = containers(model)[1], model.name.rpartition(".")[2]
    first = delete(world, model)
    world.do(models.CreateModel(schema, name), world.owner)
    world.do(models.DeleteModel(model), world.owner)
    [second] = {entry.id for entry in listed(world, world.owner, model)} - {first}
    found = at_once([persistent(lambda id_=id_: restore(world, id_)) for id_ in (first, second)])
    assert sorted(type(each).__name__ for each in found) == ["AlreadyExists", "Restored"]


def about_to_finish(world: World) -> tuple[Ref, Callable[[], Any], Callable[[], Any]]:
    """A model, what makes its version READY, and what deletes it."""
    model = world.model()
    number = world.register(model)
    world.do(KeepFile(model, number, "MLmodel", world.blob(MLMODEL)), world.owner)
    finalizing = world.finalizing(model, number)
    delete = models.DeleteModel(model)
    return model, lambda: world.do(finalizing, world.owner), lambda: world.do(delete, world.owner)


def test_a_version_that_became_ready_before_its_model_went_is_in_the_trash(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, finish, remove = about_to_finish(world)
    reached = pausing(monkeypatch, "settle", model_rows)
    done, _ = together(finish, reached, remove)
    assert done.status is Status.READY
    assert restore(world, thrown(world, model, whole=True)).versions == 1
    assert whole(world, model, done.number)


def test_a_version_does_not_become_ready_once_its_model_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    model, finish, remove = about_to_finish(world)
    reached = pausing(monkeypatch, "discard_models")
    _, refused = together(remove, reached, finish)
    assert isinstance(refused, NotFound)
    assert restore(world, thrown(world, model, whole=True)).versions == 0


# What is kept


def test_every_table_that_hangs_on_models_and_versions_is_kept_or_of_no_use_afterwards() -> None:
    of_no_use = {"uploads", "finalizations"}
    hanging = {"models"}
    for table in METADATA.sorted_tables:
        if any(key.column.table.name in {"models", "versions"} for key in table.foreign_keys):
            hanging.add(table.name)
    assert hanging - of_no_use == KEPT - {"securables", "securable_tags", "grants"}
    nothing_of_models = {
        "policies",
        "protected_aliases",
        "prompts",
        "endpoints",
        "payload_tables",
        "experiments",
        "volumes",
        "jobs",
    }
    on_securables = {
        table.name
        for table in METADATA.sorted_tables
        if any(key.column.table.name == "securables" and key.ondelete for key in table.foreign_keys)
    }
    assert on_securables - nothing_of_models <= KEPT


def forgetting(person: Person) -> DeletePrincipal:
    return DeletePrincipal(PrincipalKind.USER, person.id)
