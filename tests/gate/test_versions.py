"""Versions, aliases and names under threads, after failures and renames: nothing is lost or comes twice."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from modelyard.action import Command, Ref
from modelyard.actions import access, catalogs, files, flat, grants, models, versions
from modelyard.domain.access import PrincipalKind
from modelyard.domain.journal import Event
from modelyard.domain.models import Alias, Status, Tag
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Kind, Privilege
from modelyard.errors import AlreadyExists, Changed, Denied, Failure, Invalid, NotFound, WrongState
from modelyard.store import models as store
from modelyard.store.tx import Row
from tests.gate.threads import THREADS, at_once, persistent
from tests.house.world import World, containers, joining, leaving
from tests.support import InProcess

NEW = versions.Registration(source="here")
AS_IT_WAS = models.ModelChange()


def moves(world: World, model_id: str, alias: str) -> list[tuple[int | None, int | None]]:
    """From where to where an alias was moved, in order."""
    with world.inside.built.database.look() as tx:
        return [(row[1], row[2]) for row in store.alias_moves(tx, model_id) if row[0] == alias]


def assert_linear(history: list[tuple[int | None, int | None]], now: int | None) -> None:
    """Each move begins where the one before ended, and the last one ended where the alias is."""
    here: int | None = None
    for before, after in history:
        assert before == here, history
        here = after
    assert here == now, history


def pointing(world: World, model: Ref, alias: str) -> int | None:
    try:
        return world.do(models.GetVersionByAlias(model, alias)).number
    except NotFound:
        return None


class TestNumbers:
    def test_are_unique_and_without_gaps_when_many_register_at_once(self, world: World) -> None:
        model = world.model()
        register = persistent(lambda: world.do(versions.RegisterVersion(model, NEW), world.owner).number)
        assert sorted(at_once([register] * 64)) == list(range(1, 65))

    def test_have_no_gap_where_a_registration_failed(self, world: World) -> None:
        model = world.model()
        too_many = versions.Registration("here", tags=tuple(Tag(f"k{n}", "") for n in range(51)))
        jobs = [NEW, too_many] * 16
        done = at_once(
            [
                persistent(lambda told=told: world.do(versions.RegisterVersion(model, told), world.owner).number)
                for told in jobs
            ]
        )
        assert sorted(number for number in done if isinstance(number, int)) == list(range(1, 17))

    def test_of_a_deleted_version_are_never_used_again(self, world: World) -> None:
        model = world.model()
        assert [world.register(model) for _ in range(3)] == [1, 2, 3]
        world.do(versions.DeleteVersion(model, 3), world.owner)
        assert world.register(model) == 4
        for number in (1, 2, 4):
            world.do(versions.DeleteVersion(model, number), world.owner)
        assert world.register(model) == 5

    def test_begin_anew_in_a_model_that_is_made_again(self, world: World) -> None:
        model = world.model()
        world.register(model)
        world.do(models.DeleteModel(model), world.owner)
        schema, name = containers(model)[1], model.name.rpartition(".")[2]
        world.do(models.CreateModel(schema, name), world.owner)
        assert world.register(model) == 1

    def test_are_unique_while_versions_are_deleted(self, world: World) -> None:
        model = world.model()

        def come_and_go() -> int:
            number = world.register(model)
            world.do(versions.DeleteVersion(model, number), world.owner)
            return number

        assert sorted(at_once([persistent(come_and_go)] * 32)) == list(range(1, 33))


class TestNames:
    def test_one_of_many_who_make_the_same_model_succeeds(self, world: World) -> None:
        schema, name = world.schema(), world.new_name()
        make = persistent(lambda: world.do(models.CreateModel(schema, name), world.owner))
        done = at_once([make] * THREADS)
        failures = [each for each in done if isinstance(each, Failure)]
        assert len(failures) == THREADS - 1
        assert {type(failure) for failure in failures} == {AlreadyExists}
        assert {failure.message for failure in failures} == {f"Routine or Model '{name}' already exists"}

    def test_one_of_many_who_rename_to_the_same_name_succeeds(self, world: World) -> None:
        schema, name = world.schema(), world.new_name()
        sources = [world.model(schema) for _ in range(THREADS)]
        done = at_once(
            [
                persistent(
                    lambda model=model: world.do(models.RenameModel(model, schema, name, AS_IT_WAS), world.owner)
                )
                for model in sources
            ]
        )
        assert sum(not isinstance(each, Failure) for each in done) == 1
        assert {type(each) for each in done if isinstance(each, Failure)} == {AlreadyExists}
        found = world.do(models.SearchModels(Window(100), schema.name), world.owner).items
        assert len(found) == THREADS

    def test_a_principal_is_made_once_when_many_make_it(self, world: World) -> None:
        name = world.new_name()
        make = persistent(lambda: world.do(access.CreatePrincipal(PrincipalKind.GROUP, name)))
        done = at_once([make] * THREADS)
        assert sorted(type(each).__name__ for each in done) == ["AlreadyExists"] * 15 + ["PrincipalCard"]


class TestAliases:
    def test_exactly_one_of_many_wins_a_compare_and_set(self, world: World) -> None:
        model = world.model()
        numbers = [world.ready(model) for _ in range(3)]
        for expected in (0, 1):
            targets = itertools.islice(itertools.cycle(numbers[1:] if expected else numbers[:1]), THREADS)
            set_alias = [
                persistent(
                    lambda to=to, expected=expected: world.do(
                        models.SetAlias(model, "champion", to, expected), world.owner
                    )
                )
                for to in targets
            ]
            done = at_once(set_alias)
            winners = [each for each in done if not isinstance(each, Failure)]
            assert len(winners) == 1
            assert {type(each) for each in done if isinstance(each, Failure)} == {Changed}
            assert pointing(world, model, "champion") == winners[0].alias.version

    def test_a_lost_compare_and_set_leaves_no_trace_in_the_history(self, world: World) -> None:
        model = world.model()
        first, second = world.ready(model), world.ready(model)
        world.do(models.SetAlias(model, "champion", first), world.owner)
        with pytest.raises(Changed, match=f"points at version {first}"):
            world.do(models.SetAlias(model, "champion", second, expected_version=second), world.owner)
        with pytest.raises(Changed, match="points nowhere"):
            world.do(models.SetAlias(model, "other", second, expected_version=first), world.owner)
        found = world.do(models.GetModel(model), world.owner)
        assert found.aliases == (Alias("champion", first),)
        assert moves(world, found.id, "champion") == [(None, first)]
        assert moves(world, found.id, "other") == []

    def test_history_is_complete_and_linear_when_many_move_one_alias(self, world: World) -> None:
        model = world.model()
        numbers = [world.ready(model) for _ in range(4)]
        id_ = world.do(models.GetModel(model)).id
        targets = list(itertools.islice(itertools.cycle(numbers), 48))
        done = at_once(
            [persistent(lambda to=to: world.do(models.SetAlias(model, "champion", to), world.owner)) for to in targets]
        )
        assert not [each for each in done if isinstance(each, Failure)]
        history = moves(world, id_, "champion")
        assert sorted(after or 0 for _, after in history) == sorted(targets)
        assert_linear(history, pointing(world, model, "champion"))

    def test_history_is_linear_while_an_alias_is_moved_taken_away_and_its_versions_deleted(self, world: World) -> None:
        for _ in range(6):
            model = world.model()
            id_ = world.do(models.GetModel(model)).id
            numbers = [world.ready(model) for _ in range(4)]
            world.do(models.SetAlias(model, "champion", numbers[0]), world.owner)
            actions: list[Command[Any, Any]] = []
            for number in numbers:
                actions.append(models.SetAlias(model, "champion", number))
                if number != numbers[-1]:
                    actions.append(versions.DeleteVersion(model, number))
                actions.append(models.DeleteAlias(model, "champion"))
            jobs = [lambda action=action: world.do(action, world.owner) for action in actions]
            done = at_once([persistent(job) for job in jobs])
            assert {type(each) for each in done if isinstance(each, Failure)} <= {NotFound}
            assert_linear(moves(world, id_, "champion"), pointing(world, model, "champion"))

    def test_are_compared_without_case_and_shown_as_written(self, world: World) -> None:
        model = world.model()
        first, second = world.ready(model), world.ready(model)
        world.do(models.SetAlias(model, "Champion", first), world.owner)
        assert pointing(world, model, "CHAMPION") == first
        world.do(models.SetAlias(model, "champion", second), world.owner)
        assert world.do(models.GetModel(model), world.owner).aliases == (Alias("champion", second),)

    def test_go_with_their_version_and_that_is_in_the_history(self, world: World) -> None:
        model = world.model()
        kept, gone = world.ready(model), world.ready(model)
        for alias, number in (("a", gone), ("b", gone), ("c", kept)):
            world.do(models.SetAlias(model, alias, number), world.owner)
        world.do(versions.DeleteVersion(model, gone), world.owner)
        found = world.do(models.GetModel(model), world.owner)
        assert found.aliases == (Alias("c", kept),)
        assert moves(world, found.id, "a") == [(None, gone), (gone, None)]
        with pytest.raises(NotFound, match="has no alias 'a'"):
            world.do(models.GetVersionByAlias(model, "a"), world.owner)

    def test_never_point_at_a_version_that_is_not_ready(self, world: World) -> None:
        model = world.model()
        number = world.register(model)
        with pytest.raises(WrongState, match="PENDING_REGISTRATION"):
            world.do(models.SetAlias(model, "champion", number), world.owner)
        assert world.do(models.GetModel(model), world.owner).aliases == ()

    def test_never_point_at_a_version_that_is_not_there(self, world: World) -> None:
        with pytest.raises(NotFound, match="has no version 7"):
            world.do(models.SetAlias(world.model(), "champion", 7), world.owner)


class TestARename:
    def test_of_a_model_keeps_versions_aliases_tags_and_grants(self, world: World) -> None:
        model, reader = world.model(), world.person()
        schema = containers(model)[1]
        _let_read(world, model, reader.name)
        number = world.ready(model)
        world.do(models.SetAlias(model, "champion", number), world.owner)
        world.do(models.SetModelTag(model, Tag("team", "a")), world.owner)
        before = world.do(models.GetModel(model), reader)
        name = world.new_name()
        world.do(models.RenameModel(model, schema, name, AS_IT_WAS), world.owner)
        renamed = Ref(Kind.MODEL, f"{schema.name}.{name}")
        after = world.do(models.GetModel(renamed), reader)
        assert (after.id, after.aliases, after.tags) == (before.id, before.aliases, before.tags)
        assert world.do(models.GetVersionByAlias(renamed, "champion"), reader).model == renamed.name
        with pytest.raises(NotFound):
            world.do(models.GetModel(model), reader)
        assert world.register(renamed) == number + 1

    def test_of_a_container_carries_everything_inside_along_and_nothing_beside(self, world: World) -> None:
        catalog = world.catalog()
        model = world.model(world.schema(catalog))
        beside = Ref(Kind.CATALOG, catalog.name + "-beside")
        world.do(catalogs.CreateCatalog(beside.name), world.owner)
        other = world.model(world.schema(beside))
        reader = world.person()
        _let_read(world, model, reader.name)
        name = world.new_name("renamed")
        world.do(catalogs.RenameCatalog(catalog, name, catalogs.Change()), world.owner)
        moved = model.name.replace(catalog.name, name, 1)
        assert world.do(models.GetModel(Ref(Kind.MODEL, moved)), reader).full_name == moved
        assert world.do(models.GetModel(other), world.owner).full_name == other.name
        schema = containers(Ref(Kind.MODEL, moved))[1]
        change = catalogs.RenameSchema(schema, Ref(Kind.CATALOG, name), "s", catalogs.Change())
        world.do(change, world.owner)
        moved = f"{name}.s.{moved.rpartition('.')[2]}"
        assert world.do(models.GetModel(Ref(Kind.MODEL, moved)), reader).full_name == moved

    def test_frees_the_old_name(self, world: World) -> None:
        model = world.model()
        schema, name = containers(model)[1], model.name.rpartition(".")[2]
        world.do(models.RenameModel(model, schema, world.new_name(), AS_IT_WAS), world.owner)
        world.do(models.CreateModel(schema, name), world.owner)
        assert len(world.do(models.SearchModels(Window(10), schema.name), world.owner).items) == 2


def _let_read(world: World, model: Ref, name: str) -> None:
    catalog, schema = containers(model)
    world.grant(catalog, name, Privilege.USE_CATALOG)
    world.grant(schema, name, Privilege.USE_SCHEMA)
    world.grant(model, name, Privilege.EXECUTE)


def test_a_model_that_is_made_again_starts_empty(world: World) -> None:
    model, reader = world.model(), world.person()
    _let_read(world, model, reader.name)
    world.do(models.SetAlias(model, "champion", world.ready(model)), world.owner)
    world.do(models.SetModelTag(model, Tag("team", "a")), world.owner)
    first = world.do(models.GetModel(model), reader)
    world.do(models.DeleteModel(model), world.owner)
    schema, name = containers(model)[1], model.name.rpartition(".")[2]
    world.do(models.CreateModel(schema, name), world.owner)
    with pytest.raises(Denied, match="EXECUTE"):
        world.do(models.GetModel(model), reader)
    again = world.do(models.GetModel(model), world.owner)
    assert (again.aliases, again.tags, again.id == first.id) == ((), (), False)
    assert world.do(grants.GetGrants(model), world.owner).items == ()


def test_a_user_that_is_made_again_starts_empty(world: World) -> None:
    model, reader = world.model(), world.person()
    _let_read(world, model, reader.name)
    world.do(access.DeletePrincipal(PrincipalKind.USER, reader.id))
    world.do(access.CreatePrincipal(PrincipalKind.USER, reader.name))
    assert world.do(grants.GetGrants(model), world.owner).items == ()


class TestOwnershipOfAGroup:
    def test_is_that_of_everybody_in_it_and_in_groups_in_it(self, world: World) -> None:
        person, stranger = world.person(), world.person()
        inner, _ = world.group(person.id)
        _, outer = world.group(inner)
        model = world.model()
        catalog, schema = containers(model)
        for on, privilege in ((catalog, Privilege.USE_CATALOG), (schema, Privilege.USE_SCHEMA)):
            world.grant(on, outer, privilege)
            world.grant(on, stranger.name, privilege)
        world.do(models.UpdateModel(model, models.ModelChange(owner=outer)), world.owner)
        assert world.do(models.UpdateModel(model, models.ModelChange(comment="mine")), person).owner == outer
        with pytest.raises(Denied, match="MANAGE"):
            world.do(models.UpdateModel(model, models.ModelChange(comment="mine")), stranger)

    def test_ends_for_whoever_leaves(self, world: World) -> None:
        person = world.person()
        id_, name = world.group(person.id)
        catalog = world.catalog()
        world.do(catalogs.UpdateCatalog(catalog, catalogs.Change(owner=name)), world.owner)
        world.do(catalogs.GetCatalog(catalog), person)
        world.do(leaving(id_, person.id))
        with pytest.raises(Denied):
            world.do(catalogs.GetCatalog(catalog), person)

    def test_keeps_the_group_from_being_deleted(self, world: World) -> None:
        id_, name = world.group()
        catalog = world.catalog()
        world.do(catalogs.UpdateCatalog(catalog, catalogs.Change(owner=name)), world.owner)
        with pytest.raises(WrongState, match=f"owns '{catalog.name}'"):
            world.do(access.DeletePrincipal(PrincipalKind.GROUP, id_))

    def test_groups_cannot_hold_each_other(self, world: World) -> None:
        inner, _ = world.group()
        outer, _ = world.group(inner)
        with pytest.raises(Failure, match="cannot hold each other"):
            world.do(joining(inner, outer))


def _counts(world: World) -> dict[str, int]:
    tables = ("securables", "models", "versions", "grants", "aliases", "alias_moves", "events", "securable_tags")
    with world.inside.built.database.engine.connect() as connection:
        return {table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables}  # noqa: S608


class TestACommandThatFails:
    def test_leaves_nothing_but_its_audit_row(self, world: World) -> None:
        schema = world.schema()
        tags = tuple(Tag(f"key{number}", "") for number in range(51))
        before, request = _counts(world), uuid.uuid4().hex
        with pytest.raises(Failure, match="at most 50 tags"):
            world.do(models.CreateModel(schema, "half", tags=tags), world.owner, request)
        assert _counts(world) == before
        [(_, principal, name, result, error, *_)] = world.recorded(request)
        assert (principal, name, result, error) == (world.owner.name, "createModel", "failed", "Invalid")

    def test_in_the_middle_of_many_changes_undoes_the_first_ones(self, world: World) -> None:
        model, person = world.model(), world.person()
        execute = frozenset({Privilege.EXECUTE})
        changes = (GrantChange(person.name, add=execute), GrantChange("nobody", add=execute))
        before = _counts(world)
        with pytest.raises(NotFound, match="Could not find principal with name nobody"):
            world.do(grants.ChangeGrants(model, changes), world.owner)
        assert _counts(world) == before

    def test_of_its_own_bug_tells_nothing_of_it(self, world: World) -> None:
        @dataclass(frozen=True)
        class Broken(Command[Any, None], abstract=True):
            """Fails in a way that nobody has thought of."""

            needs = ()
            open_to = "a test"

            def run(self, tx: Any) -> None:  # noqa: ANN401
                tx.announce(Event.TAG_SET, "")
                raise ZeroDivisionError("secret")

        before, request = _counts(world), uuid.uuid4().hex
        with pytest.raises(ZeroDivisionError):
            world.do(Broken(), world.owner, request)
        assert _counts(world) == before
        [(_, _, name, result, error, message, *_)] = world.recorded(request)
        assert (name, result, error, message) == ("broken", "failed", "ZeroDivisionError", "internal error")


class TestTheAudit:
    @pytest.fixture
    def deaf(self, inside: InProcess) -> World:
        """A world whose audit refuses every row."""
        world = World(inside)
        with inside.built.database.engine.begin() as connection:
            for statement in _DEAF["sqlite" if inside.built.database.is_sqlite else "postgresql"]:
                connection.exec_driver_sql(statement)
        return world

    def test_is_a_condition_of_every_change(self, deaf: World) -> None:
        before = _counts(deaf)
        with pytest.raises(Exception, match=r"deaf|changed the same thing"):
            deaf.do(catalogs.CreateCatalog("unheard"), deaf.owner)
        assert _counts(deaf) == before
        with pytest.raises(NotFound):
            deaf.do(catalogs.GetCatalog(Ref(Kind.CATALOG, "unheard")), deaf.owner)

    def test_is_no_condition_of_looking(self, deaf: World) -> None:
        assert deaf.do(access.WhoAmI(), deaf.owner).principal.id == deaf.owner.id

    def test_does_not_open_what_is_refused(self, deaf: World) -> None:
        with pytest.raises(Denied):
            deaf.do(access.CreatePrincipal(PrincipalKind.USER, "eve"), deaf.owner)

    def test_has_one_row_for_each_change_with_the_reason_why_it_was_allowed(self, world: World) -> None:
        schema, request = world.schema(), uuid.uuid4().hex
        world.do(models.CreateModel(schema, "heard"), world.owner, request)
        rows: list[Row] = world.recorded(request)
        [(_, principal, name, result, error, message, params, _)] = rows
        assert (principal, name, result, error) == (world.owner.name, "createModel", "done", "")
        assert message == f"owns Schema '{schema.name}'"
        assert '"heard"' in params


_DEAF = {
    "sqlite": [
        "CREATE TRIGGER deaf BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'deaf'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION deaf() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'deaf'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER deaf BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION deaf()",
    ],
}


class TestAReadyVersion:
    def test_stays_as_it_is_when_it_is_finalized_again(self, world: World) -> None:
        model = world.model()
        number = world.ready(model)
        first = world.do(versions.GetVersion(model, number), world.owner)
        assert first.status is Status.READY
        assert world.do(world.finalizing(model, number), world.owner) == first

    def test_is_made_once_when_many_finalize_it(self, world: World) -> None:
        model = world.model()
        number = world.register(model)
        world.do(files.KeepFile(model, number, "MLmodel", world.blob(b"flavors: {}\n")), world.owner)
        finalize = persistent(lambda: world.do(world.finalizing(model, number), world.owner))
        done = at_once([finalize] * THREADS)
        assert not [each for each in done if isinstance(each, Failure)]
        assert len({(each.model_id, each.digest) for each in done}) == 1


def test_a_version_from_artifacts_has_the_files_of_that_folder_and_no_others(world: World) -> None:
    folder = "run/artifacts/model"
    inside = ("MLmodel", "data/weights", "data/deep/é", "model0")
    beside = ("run/artifacts/model.txt", "run/artifacts/model0/MLmodel", "run/artifacts/other")
    where = world.experiment(*(f"{folder}/{path}" for path in inside), *beside)
    model = world.model()
    draft = world.do(flat.RegisterFromArtifacts(where, folder, model, NEW), world.owner)
    number = draft.version.number
    assert sorted(each.path for each in draft.files) == sorted(inside)
    for directory, found in {"": ["MLmodel", "data", "model0"], "data": ["data/deep", "data/weights"]}.items():
        page = world.do(files.ListDirectory(model, number, directory, Window(100)), world.owner)
        assert [each.path for each in page.items] == found
    for path in ("run/artifacts", "run/artifacts/model/data", "run/artifacts/mode"):
        with pytest.raises(Invalid, match="no MLflow model"):
            world.do(flat.RegisterFromArtifacts(where, path, model, NEW), world.owner)
