"""What comes from a flat registry keeps its past, and gives nobody any rights by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelyard.action import Ref
from modelyard.actions import aliases, legacy, lineage, stages, versions
from modelyard.actions.imports import ImportFlatModel, ImportFlatVersion, ImportVersion
from modelyard.domain.legacy import ORIGIN, Past
from modelyard.domain.models import Announced, Registration, Status, Tag, Version
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.stages import Stage, StageMove
from modelyard.errors import AlreadyExists, Denied
from tests.gate.test_imports import DIGEST, OTHER
from tests.house.world import Person, World

PAST = Past("old:5000", "fraud", 1_600_000_000_000, "alice", Stage.PRODUCTION)
MOVE = StageMove(0, 0, Stage.NONE, Stage.PRODUCTION, 1_650_000_000_000, "bob", "")


def bring(
    world: World, model: Ref, number: int = 3, past: Past = PAST, digest: str = DIGEST, who: Person | None = None
) -> Version:
    told = Registration("runs:/abc/model", run_id="abc", comment="Best", run_link="http://old/#/runs/abc")
    told = replace(told, tags=(Tag("validation.status", "passed"),))
    return world.do(ImportFlatVersion(model, Announced(number, digest), told, past), who or world.owner)


def test_a_version_keeps_number_time_maker_run_and_stage(world: World) -> None:
    model = world.model()
    made = bring(world, model, past=replace(PAST, moves=(MOVE,)))
    assert (made.number, made.status, made.created_at) == (3, Status.PENDING_REGISTRATION, PAST.created_at)
    assert made.created_by == "alice (imported from old:5000)"
    world.do(legacy.AddOldName(world.new_name("flat"), model.name, ((Stage.PRODUCTION, "champion"),)))
    assert world.do(stages.ListLatestVersions(model), world.owner) == [], "a version without files is in no stage"
    world.finish(model, 3)
    found = world.do(versions.GetVersion(model, 3), world.owner)
    assert (found.created_at, found.created_by) == (PAST.created_at, made.created_by)
    assert (found.run_id, found.run_link, found.stage) == ("abc", "http://old/#/runs/abc", Stage.PRODUCTION)
    assert found.tags == (Tag("validation.status", "passed"),)
    (move,) = world.do(stages.ListStageMoves(model, Window(10)), world.owner).items
    assert (move.version, move.to_stage, move.moved_at) == (3, Stage.PRODUCTION, MOVE.moved_at)
    assert move.moved_by == "bob (imported from old:5000)"
    (latest,) = world.do(stages.ListLatestVersions(model), world.owner)
    assert latest.number == 3
    origins = [each.end for each in world.do(lineage.GetLineage(model, 3), world.owner)]
    assert [each.name for each in origins if each.kind == ORIGIN] == ["old:5000/fraud/3"]


def test_it_is_brought_once_and_only_from_one_place(world: World) -> None:
    model = world.model()
    first = bring(world, model)
    assert bring(world, model).id == first.id
    world.finish(model, 3)
    assert bring(world, model).status is Status.READY
    for past, digest in (
        (replace(PAST, registry="other:5000"), DIGEST),
        (replace(PAST, name="b"), DIGEST),
        (PAST, OTHER),
    ):
        with pytest.raises(AlreadyExists, match="mport into another model"):
            bring(world, model, past=past, digest=digest)
    world.do(versions.DeleteVersion(model, 3), world.owner)
    assert bring(world, model).created_at == PAST.created_at, "it may come back from the trash"


def test_what_was_registered_here_is_not_taken_for_an_import(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    with pytest.raises(AlreadyExists, match="not from 'old:5000/fraud/1'"):
        bring(world, model, number)
    world.do(ImportVersion(model, Announced(9, DIGEST), Registration("archive")), world.owner)
    with pytest.raises(AlreadyExists):
        bring(world, model, 9)


def test_a_time_to_come_is_now(world: World) -> None:
    made = bring(world, world.model(), past=replace(PAST, created_at=10**14))
    assert made.created_at < 10**13


def test_who_may_make_versions_may_not_rewrite_the_past(world: World) -> None:
    model, maker = world.model(), world.person()
    for ref, privilege in (
        (Ref(Kind.CATALOG, model.name.split(".")[0]), Privilege.USE_CATALOG),
        (Ref(Kind.SCHEMA, model.name.rpartition(".")[0]), Privilege.USE_SCHEMA),
        (model, Privilege.CREATE_MODEL_VERSION),
    ):
        world.grant(ref, maker.name, privilege)
    with pytest.raises(Denied, match="MANAGE"):
        bring(world, model, who=maker)


def test_a_protected_alias_protects_the_stage_also_from_imports(world: World) -> None:
    model = world.model()
    schema = Ref(Kind.SCHEMA, model.name.rpartition(".")[0])
    world.do(legacy.AddOldName(world.new_name("flat"), model.name, ((Stage.PRODUCTION, "champion"),)))
    world.do(aliases.ProtectAlias(schema, "champion", (world.person().name,)), world.owner)
    with pytest.raises(Denied, match="protected"):
        bring(world, model)
    assert bring(world, model, past=replace(PAST, stage=Stage.STAGING)).stage is Stage.STAGING


def test_a_model_keeps_time_and_maker_and_belongs_to_who_brings_it(world: World) -> None:
    schema = world.schema()
    action = ImportFlatModel(schema, "fraud", PAST, "Finds fraud", (Tag("team.name", "risk"),))
    made = world.do(action, world.owner)
    assert (made.full_name, made.owner) == (f"{schema.name}.fraud", world.owner.name)
    assert (made.created_at, made.created_by) == (PAST.created_at, "alice (imported from old:5000)")
    assert (made.comment, made.tags) == ("Finds fraud", (Tag("team.name", "risk"),))
    with pytest.raises(AlreadyExists):
        world.do(action, world.owner)


def test_files_that_differ_from_what_was_announced_are_not_finalized(world: World) -> None:
    model = world.model()
    made = bring(world, model, digest=OTHER)
    assert made.announced == OTHER
    with pytest.raises(Exception, match="not those that were announced"):
        world.finish(model, 3)
    assert world.do(versions.GetVersion(model, 3), world.owner).status is Status.PENDING_REGISTRATION
