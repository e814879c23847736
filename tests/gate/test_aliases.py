"""Aliases: their history, and protections that bind everybody whom they do not name, whatever is tried."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from modelyard.action import METASTORE, Action, Ref
from modelyard.actions import access, aliases, catalogs, models, prompts, versions
from modelyard.domain.access import PrincipalKind
from modelyard.domain.aliases import Move
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import Changed, Denied, Invalid, NoSuchPrincipal, NotFound, Unavailable
from modelyard.store import aliases as store
from tests.house.world import Person, World, containers


@dataclass
class Guarded:
    """A model of the owner's with two READY versions, and "Champion" of it protected, on version 1."""

    world: World
    mover: Person
    manager: Person
    model: Ref

    @property
    def schema(self) -> Ref:
        return containers(self.model)[1]

    @property
    def catalog(self) -> Ref:
        return containers(self.model)[0]

    def moves(self) -> dict[str, Action[Any, Any]]:
        """Everything that would move the alias, or take it away."""
        new = self.world.new_name()
        return {
            "set": models.SetAlias(self.model, "CHAMPION", 2),
            "set where it is": models.SetAlias(self.model, "Champion", 1),
            "make another that the pattern stands for": models.SetAlias(self.model, "champion-eu", 1),
            "delete": models.DeleteAlias(self.model, "champion"),
            "delete its version": versions.DeleteVersion(self.model, 1),
            "rename its model": models.RenameModel(self.model, self.schema, new, models.ModelChange()),
            "rename its schema": catalogs.RenameSchema(self.schema, self.catalog, new, catalogs.Change()),
            "rename its catalog": catalogs.RenameCatalog(self.catalog, new, catalogs.Change()),
            "delete its model": models.DeleteModel(self.model),
            "delete its schema": catalogs.DeleteSchema(self.schema, force=True),
            "delete its catalog": catalogs.DeleteCatalog(self.catalog, force=True),
        }


MOVES = [
    "set", "set where it is", "make another that the pattern stands for", "delete", "delete its version",
    "rename its model", "rename its schema", "rename its catalog", "delete its model", "delete its schema",
    "delete its catalog",
]  # fmt: skip


@pytest.fixture
def guarded(world: World) -> Guarded:
    """Mover and manager hold all that the owner does, besides owning; the mover is named by a group in a group."""
    mover, manager = world.person(), world.person()
    model = world.model()
    for _ in range(2):
        world.ready(model)
    world.do(models.SetAlias(model, "Champion", 1), world.owner)
    for who in (mover, manager):
        world.grant(containers(model)[0], who.name, Privilege.MANAGE, Privilege.ALL_PRIVILEGES)
        world.grant(METASTORE, who.name, Privilege.CREATE_CATALOG)
    world.grant(containers(model)[0], "admin", Privilege.ALL_PRIVILEGES)  # so that only the protection is in its way
    group = world.group(world.group(mover.id)[0])[1]
    world.do(aliases.ProtectAlias(containers(model)[1], "champion*", (group,)), world.owner)
    return Guarded(world, mover, manager, model)


def where(world: World, model: Ref, alias: str = "champion") -> int:
    return world.do(models.GetVersionByAlias(model, alias)).number


class TestProtection:
    @pytest.mark.parametrize("what", MOVES)
    def test_binds_owners_managers_and_admins_alike(self, guarded: Guarded, what: str) -> None:
        world = guarded.world
        for who in (world.owner, guarded.manager, None):
            with pytest.raises(Denied) as refusal:
                world.do(guarded.moves()[what], who, request := world.new_name("request"))
            told = refusal.value.message
            assert f"is protected in Schema '{guarded.schema.name}' by 'champion*': only group" in told
            [row] = world.recorded(request)
            assert (row[3], row[5]) == ("refused", told)
        assert where(world, guarded.model) == 1

    @pytest.mark.parametrize("what", MOVES)
    def test_lets_whom_it_names(self, guarded: Guarded, what: str) -> None:
        guarded.world.do(guarded.moves()[what], guarded.mover)

    def test_gives_no_privilege(self, guarded: Guarded) -> None:
        guarded.world.revoke(guarded.catalog, guarded.mover.name, Privilege.MANAGE)
        with pytest.raises(Denied, match="does not have MANAGE"):
            guarded.world.do(guarded.moves()["set"], guarded.mover)

    def test_leaves_everything_else_alone(self, guarded: Guarded) -> None:
        world, owner = guarded.world, guarded.world.owner
        world.do(models.SetAlias(guarded.model, "Challenger", 2), owner)
        world.do(versions.DeleteVersion(guarded.model, 2), owner)
        another = world.model(guarded.schema)
        world.do(models.DeleteModel(another), owner)
        elsewhere = world.model(world.schema(guarded.catalog))
        world.do(models.SetAlias(elsewhere, "Champion", world.ready(elsewhere)), owner)
        world.do(models.DeleteModel(elsewhere), owner)

    def test_that_nothing_is_set_of_keeps_nobody_from_deleting_or_renaming(self, guarded: Guarded) -> None:
        guarded.world.do(models.DeleteAlias(guarded.model, "champion"), guarded.mover)
        for what in ("delete its version", "delete its catalog"):
            guarded.world.do(guarded.moves()[what], guarded.world.owner)

    def test_covers_aliases_of_prompts(self, guarded: Guarded) -> None:
        world, owner = guarded.world, guarded.world.owner
        world.do(models.DeleteAlias(guarded.model, "champion"), guarded.mover)
        prompt = world.prompt(guarded.schema)
        number = world.draft(prompt)
        setting = prompts.SetPromptAlias(prompt, "Champion", number)
        with pytest.raises(Denied, match="'Champion' is protected"):
            world.do(setting, owner)
        world.do(setting, guarded.mover)
        for move in (
            setting,
            prompts.DeletePromptAlias(prompt, "champion"),
            prompts.DeletePromptVersion(prompt, number),
            prompts.DeletePrompt(prompt),
            guarded.moves()["delete its catalog"],
        ):
            with pytest.raises(Denied, match="is protected in Schema"):
                world.do(move, owner)
        world.do(prompts.DeletePrompt(prompt), guarded.mover)

    def test_of_a_mover_who_is_deleted_opens_nothing(self, guarded: Guarded) -> None:
        world = guarded.world
        leaver = world.person()
        world.do(aliases.ProtectAlias(guarded.schema, "alone", (leaver.name,)), world.owner)
        world.do(access.DeletePrincipal(PrincipalKind.USER, leaver.id))
        for who in (world.owner, guarded.mover, None):
            with pytest.raises(Denied, match="nobody may move it until an admin changes the protection"):
                world.do(models.SetAlias(guarded.model, "alone", 1), who)
        for who in (world.owner, guarded.mover):
            with pytest.raises(Denied, match="changed only by those who may move it, and by admins"):
                world.do(aliases.UnprotectAlias(guarded.schema, "alone"), who)
        world.do(aliases.ProtectAlias(guarded.schema, "alone", (world.owner.name,)))
        world.do(models.SetAlias(guarded.model, "alone", 1), world.owner)

    @pytest.mark.parametrize("what", ["delete its schema", "delete its catalog"])
    def test_is_not_lost_where_a_container_is_renamed_at_the_same_time(self, guarded: Guarded, what: str) -> None:
        """The gate has read the old name already when the rename commits: the rest goes by id."""
        world, delete = guarded.world, guarded.moves()[what]
        rename = guarded.moves()["rename its schema" if "schema" in what else "rename its catalog"]
        with ThreadPoolExecutor(2) as pool:
            renamed = pool.submit(world.do, rename, guarded.mover)
            deleted = pool.submit(world.do, delete, world.owner)
            renamed.result()
            assert isinstance(deleted.exception(), Denied | NotFound)


class TestChangingAProtection:
    def test_is_for_its_movers_and_for_admins(self, guarded: Guarded) -> None:
        world = guarded.world
        loosened = (
            aliases.ProtectAlias(guarded.schema, "champion*", (guarded.manager.name,)),
            aliases.UnprotectAlias(guarded.schema, "champion*"),
        )
        for who in (world.owner, guarded.manager):
            for action in loosened:
                with pytest.raises(Denied, match="changed only by those who may move it, and by admins"):
                    world.do(action, who)
        world.do(loosened[0], guarded.mover)
        with pytest.raises(Denied):
            world.do(guarded.moves()["set"], guarded.mover)
        world.do(loosened[1], None, "an-admin-unprotects")
        assert [row[3] for row in world.recorded("an-admin-unprotects")] == ["done"]
        world.do(guarded.moves()["set"], world.owner)

    def test_a_wider_pattern_of_somebody_else_does_not_open_a_narrow_one(self, guarded: Guarded) -> None:
        wider = aliases.ProtectAlias(guarded.schema, "*", (guarded.manager.name,))
        guarded.world.do(wider, guarded.manager)
        with pytest.raises(Denied, match="by 'champion\\*'"):
            guarded.world.do(guarded.moves()["set"], guarded.manager)

    def test_needs_movers_who_are_there(self, guarded: Guarded) -> None:
        with pytest.raises(Invalid):
            guarded.world.do(aliases.ProtectAlias(guarded.schema, "x", ()))
        with pytest.raises(NoSuchPrincipal):
            guarded.world.do(aliases.ProtectAlias(guarded.schema, "x", ("nobody",)))
        with pytest.raises(NotFound):
            guarded.world.do(aliases.UnprotectAlias(guarded.schema, "x"))

    def test_holds_for_every_move_that_is_seen_after_it(self, world: World) -> None:
        """Moves and a protection at once: once it is acknowledged, what was seen stays."""
        for _ in range(5):
            model = world.model()
            for _ in range(2):
                world.ready(model)
            mover, done = world.person(), threading.Event()

            def move(number: int, model: Ref = model, done: threading.Event = done) -> None:
                while not done.is_set():
                    with contextlib.suppress(Denied, Unavailable):
                        world.do(models.SetAlias(model, "Champion", number), world.owner)
                    time.sleep(0.002)  # so that on SQLite others come in between

            with ThreadPoolExecutor(4) as pool:
                movers = [pool.submit(move, number) for number in (1, 2, 1, 2)]
                try:
                    protect = aliases.ProtectAlias(containers(model)[1], "champion", (mover.name,))
                    persistently(lambda protect=protect: world.do(protect, world.owner))
                    seen = seen_last(world, model)
                    assert [seen_last(world, model) for _ in range(10)] == [seen] * 10
                finally:
                    done.set()
                for each in movers:
                    each.result()
            assert seen_last(world, model) == seen


def persistently(job: Callable[[], Any]) -> None:
    for _ in range(50):
        with contextlib.suppress(Unavailable):
            job()
            return
    raise AssertionError


def seen_last(world: World, model: Ref) -> list[Move]:
    return list(world.do(aliases.ListAliasMoves(model, Window(1))).items)


class TestHistory:
    def test_tells_every_move_with_who_when_and_why(self, world: World) -> None:
        model, other = world.model(), world.person()
        world.ready(model)
        world.ready(model)
        world.grant(containers(model)[0], other.name, Privilege.MANAGE, Privilege.ALL_PRIVILEGES)
        world.do(models.SetAlias(model, "Champion", 1, reason="first"), world.owner, "r1")
        world.do(models.SetAlias(model, "champion", 2, 1, "better"), other, "r2")
        world.do(models.SetAlias(model, "Challenger", 1), other)
        with pytest.raises(Changed):
            world.do(models.DeleteAlias(model, "CHAMPION", 1, "worse"), other)
        world.do(models.DeleteAlias(model, "CHAMPION", 2, "worse"), other)

        def told(**asked: Any) -> list[tuple[object, ...]]:  # noqa: ANN401
            found = world.do(aliases.ListAliasMoves(model, Window(10), **asked)).items
            return [(move.alias, move.from_version, move.to_version, move.moved_by, move.reason) for move in found]

        champion = [
            ("CHAMPION", 2, None, other.name, "worse"),
            ("champion", 1, 2, other.name, "better"),
            ("Champion", None, 1, world.owner.name, "first"),
        ]
        assert told(alias="champion") == champion
        assert told() == [champion[0], ("Challenger", None, 1, other.name, ""), *champion[1:]]
        moves = world.do(aliases.ListAliasMoves(model, Window(10), "champion")).items
        assert [move.request_id for move in moves[1:]] == ["r2", "r1"]

    def test_answers_where_an_alias_stood_at_a_time(self, world: World) -> None:
        model = world.model()
        numbers = [world.ready(model) for _ in range(3)]
        clock = world.inside.gate
        real, now = clock.clock, [1_900_000_000.0]
        clock.clock = lambda: now[0]
        try:
            for number in numbers:
                world.do(models.SetAlias(model, "Champion", number))
                world.do(models.SetAlias(model, f"only{number}", number))
                now[0] += 100
            world.do(models.DeleteAlias(model, "Champion"))
        finally:
            clock.clock = real

        def stood(at: float, alias: str = "") -> dict[str, int | None]:
            asked = aliases.ListAliasMoves(model, Window(10), alias, int(at * 1000))
            return {move.alias: move.to_version for move in world.do(asked).items}

        assert stood(1_899_999_999.9) == {}
        assert stood(1_900_000_000) == {"Champion": 1, "only1": 1}
        assert stood(1_900_000_150) == {"Champion": 2, "only1": 1, "only2": 2}
        assert stood(1_900_000_299.9, "champion") == {"Champion": 3}
        assert stood(1_900_000_300, "champion") == {"Champion": None}

    @pytest.mark.parametrize("what", ["version", "model", "schema", "catalog"])
    def test_keeps_that_an_alias_went_with_what_it_was_on(self, world: World, what: str) -> None:
        model = world.model()
        number = world.ready(model)
        world.do(models.SetAlias(model, "Champion", number), world.owner)
        id_ = world.do(models.GetModel(model)).id
        catalog, schema = containers(model)
        gone: dict[str, Action[Any, Any]] = {
            "version": versions.DeleteVersion(model, number),
            "model": models.DeleteModel(model),
            "schema": catalogs.DeleteSchema(schema, force=True),
            "catalog": catalogs.DeleteCatalog(catalog, force=True),
        }
        world.do(gone[what], world.owner)
        with world.inside.built.database.look() as tx:
            [last, _] = store.history(tx, id_, Window(10), "champion", None).items
        assert (last.alias, last.from_version, last.to_version, last.moved_by) == (
            "Champion", number, None, world.owner.name,
        )  # fmt: skip

    def test_comes_in_pages(self, world: World) -> None:
        model = world.model()
        number = world.ready(model)
        for times in range(5):
            world.do(models.SetAlias(model, f"a{times}", number))
        found, after = [], ""
        while after is not None:
            page = world.do(aliases.ListAliasMoves(model, Window(2, after)))
            found += [move.alias for move in page.items]
            after = page.after
        assert found == ["a4", "a3", "a2", "a1", "a0"]
