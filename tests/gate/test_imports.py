"""Imported versions keep their numbers, and a number is never given to other files (promise P5)."""

from __future__ import annotations

import hashlib
import random

import pytest
from sqlalchemy import text

from modelyard.action import Ref
from modelyard.actions import copies, files, imports, models, versions
from modelyard.domain.files import Entry, digest
from modelyard.domain.models import Announced, Registration, Status, Version
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import AlreadyExists, Denied, WrongState
from tests.gate.threads import at_once
from tests.house.world import MLMODEL, Person, World, containers

SHA256 = hashlib.sha256(MLMODEL).hexdigest()
DIGEST = digest([Entry("MLmodel", is_directory=False, size=len(MLMODEL), sha256=SHA256)])
OTHER = "0" * 64
WANTED = (imports.Wanted("MLmodel", SHA256, len(MLMODEL)),)


def bring(world: World, model: Ref, number: int, announced: str = DIGEST, who: Person | None = None) -> Version:
    action = imports.ImportVersion(model, Announced(number, announced), Registration("there", comment="Best of May"))
    return world.do(action, who or world.owner)


def numbers(world: World, model: Ref) -> list[int]:
    return [version.number for version in world.do(versions.ListVersions(model, Window(100)), world.owner).items]


def test_a_version_keeps_its_number_and_the_next_one_follows_it(world: World) -> None:
    model = world.model()
    made = bring(world, model, 7)
    assert (made.number, made.status, made.announced) == (7, Status.PENDING_REGISTRATION, DIGEST)
    world.finish(model, 7)
    again = bring(world, model, 7)
    assert (again.id, again.status, again.digest, again.announced) == (made.id, Status.READY, DIGEST, "")
    assert world.ready(model) == 8


def test_numbers_that_were_left_out_can_come_later_but_only_once(world: World) -> None:
    model = world.model()
    for number in (9, 3, 8, 1, 5):
        bring(world, model, number)
    assert numbers(world, model) == [9, 8, 5, 3, 1]
    for number in (1, 5, 9):
        world.finish(model, number)
        world.do(versions.DeleteVersion(model, number), world.owner)
        with pytest.raises(AlreadyExists, match="was deleted"):
            bring(world, model, number, OTHER)
    for number in (2, 4, 6, 7):
        bring(world, model, number)
    assert numbers(world, model) == [8, 7, 6, 4, 3, 2]


def test_a_number_that_was_given_here_and_deleted_is_not_given_to_other_files(world: World) -> None:
    model = world.model()
    world.ready(model)
    world.do(versions.DeleteVersion(model, 1), world.owner)
    with pytest.raises(AlreadyExists):
        bring(world, model, 1, OTHER)


def test_what_is_in_the_trash_with_the_same_files_may_be_imported_again(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    with world.inside.built.database.engine.begin() as raw:
        found = text(
            "SELECT versions.id, model_id, manifest_id FROM versions "
            "JOIN securables ON securables.id = model_id WHERE full_name = :name"
        )
        row = raw.execute(found, {"name": model.name}).one()
        raw.execute(
            text(
                "INSERT INTO trash (id, kind, full_name, number, model_id, owner_id, size, deleted_at, deleted_by, "
                "content) VALUES (:id, 'version', :name, 1, :model, '', 0, 0, '', '{}')"
            ),
            {"id": row[0], "name": model.name, "model": row[1]},
        )
        raw.execute(text("INSERT INTO trash_manifests VALUES (:id, :manifest)"), {"id": row[0], "manifest": row[2]})
    world.do(versions.DeleteVersion(model, number), world.owner)
    with pytest.raises(AlreadyExists):
        bring(world, model, number, OTHER)
    assert bring(world, model, number).number == number


def test_another_digest_under_the_same_number_is_refused(world: World) -> None:
    model = world.model()
    bring(world, model, 2)
    with pytest.raises(AlreadyExists, match="other files"):
        bring(world, model, 2, OTHER)
    world.finish(model, 2)
    with pytest.raises(AlreadyExists, match="other files"):
        bring(world, model, 2, OTHER)


def test_an_import_that_was_given_up_before_its_files_came_may_begin_again(world: World) -> None:
    model, other = world.model(), world.person()
    for number in (1, 2):
        bring(world, model, number, OTHER)
    world.do(files.KeepFile(model, 1, "MLmodel", world.blob(MLMODEL)), world.owner)
    with world.inside.built.database.engine.begin() as raw:
        given_up = text(
            "UPDATE versions SET status = 'FAILED_REGISTRATION', status_message = 'Too late', digest = '' "
            "WHERE model_id = (SELECT id FROM securables WHERE full_name = :name)"
        )
        raw.execute(given_up, {"name": model.name})
    with world.uploading(other, model), pytest.raises(Denied, match="by somebody else"):
        bring(world, model, 1, who=other)
    again = bring(world, model, 1)
    assert (again.status, again.status_message, again.announced) == (Status.PENDING_REGISTRATION, "", DIGEST)
    assert world.do(world.finalizing(model, 1), world.owner).digest == DIGEST


def test_no_number_is_ever_given_twice_in_whatever_order_versions_come_and_go(world: World) -> None:
    dice = random.Random(4)  # noqa: S311  which step comes next, nothing secret
    model = world.model()
    given: set[int] = set()
    alive: set[int] = set()
    for _ in range(60):
        number = dice.randint(1, max(given, default=0) + 4)
        step = dice.choice(("import", "import", "register", "delete"))
        if step == "delete" and alive:
            gone = dice.choice(sorted(alive))
            world.do(versions.DeleteVersion(model, gone), world.owner)
            alive.remove(gone)
            continue
        if step == "register":
            number = world.ready(model)
            assert number == max(given, default=0) + 1
        elif number in given:
            with pytest.raises(AlreadyExists):
                bring(world, model, number, OTHER)
            continue
        else:
            assert bring(world, model, number).number == number
            world.finish(model, number)
        given.add(number)
        alive.add(number)
    assert set(numbers(world, model)) == alive


def test_only_who_brings_a_version_may_go_on_with_it(world: World) -> None:
    model, other = world.model(), world.person()
    bring(world, model, 2)
    with world.uploading(other, model), pytest.raises(Denied, match="by somebody else"):
        bring(world, model, 2, who=other)


def test_just_the_announced_files_are_finalized(world: World) -> None:
    model = world.model()
    bring(world, model, 4, OTHER)
    with pytest.raises(WrongState, match="not those that were announced"):
        world.finish(model, 4)
    assert world.do(versions.GetVersion(model, 4), world.owner).status is Status.PENDING_REGISTRATION


def test_imports_at_once_make_one_version(world: World) -> None:
    model = world.model()
    done = at_once([lambda: bring(world, model, 3)] * 8)
    assert len({version.id for version in done}) == 1
    assert numbers(world, model) == [3]


def test_bytes_that_are_here_are_taken_and_no_others(world: World) -> None:
    origin, model = world.model(), world.model()
    world.ready(origin)
    bring(world, model, 1)
    wanted = (*WANTED, imports.Wanted("data/other", OTHER, 1), imports.Wanted("cut", SHA256, 1))
    for _ in range(2):
        assert world.do(imports.TakeFiles(origin, model, 1, wanted), world.owner) == ("MLmodel",)
    assert world.do(world.finalizing(model, 1), world.owner).digest == DIGEST
    page = world.do(files.ListFiles(model, 1, Window(10)), world.owner).page
    assert [(entry.path, entry.sha256) for entry in page.items] == [("MLmodel", SHA256)]


def test_nobody_takes_bytes_that_it_may_not_read(world: World) -> None:
    """Who knows a hash knows nothing yet: bytes come only from a model that the caller may read."""
    secret, person = world.model(), world.person()
    mlmodel = world.blob(b"flavors: {secret: yes}")
    number = world.register(secret)
    world.do(files.KeepFile(secret, number, "MLmodel", mlmodel), world.owner)
    world.do(world.finalizing(secret, number), world.owner)
    model = world.model()
    wanted = (imports.Wanted("MLmodel", mlmodel.sha256, mlmodel.size),)
    with world.uploading(person, model):
        own = world.register(model, person)
        with pytest.raises(Denied):
            world.do(imports.TakeFiles(secret, model, own, wanted), person)
        world.let(person, Privilege.EXECUTE, model)
        assert world.do(imports.TakeFiles(model, model, own, wanted), person) == ()
        for privilege, on in zip((Privilege.USE_CATALOG, Privilege.USE_SCHEMA), containers(secret), strict=True):
            world.let(person, privilege, on)
        world.let(person, Privilege.EXECUTE, secret)
        assert world.do(imports.TakeFiles(secret, model, own, wanted), person) == ("MLmodel",)


def test_what_somebody_else_is_bringing_is_not_taken(world: World) -> None:
    model, person = world.model(), world.person()
    pending = world.register(model)
    world.do(files.KeepFile(model, pending, "MLmodel", world.blob(MLMODEL)), world.owner)
    with world.uploading(person, model):
        world.let(person, Privilege.EXECUTE, model)
        own = world.register(model, person)
        assert world.do(imports.TakeFiles(model, model, own, WANTED), person) == ()
    mine = world.register(model)
    assert world.do(imports.TakeFiles(model, model, mine, WANTED), world.owner) == ("MLmodel",)


def test_an_import_is_copied_and_deleted_as_any_other_version(world: World) -> None:
    model, target = world.model(), world.model()
    bring(world, model, 5)
    world.finish(model, 5)
    assert world.do(copies.CopyVersion(model, 5, target), world.owner).digest == DIGEST
    world.do(models.DeleteModel(model), world.owner)
    assert numbers(world, target) == [1]
