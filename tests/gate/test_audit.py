"""The audit is asked by time, principal, securable, action, result and request, and tells each what is its to know."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from modelyard.action import Ref
from modelyard.actions import catalogs, journal, models
from modelyard.domain.journal import AuditFilter, Entry
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import Denied, Invalid
from modelyard.store import journal as store
from tests.house.world import Person, World, containers
from tests.support import InProcess

NOW = 1_800_000_000_000
DAY = 24 * 3600


def listed(
    world: World, asked: AuditFilter, who: Person | None = None, *, most: int = 1_000, oldest_first: bool = False
) -> list[Entry]:
    """All pages."""
    found: list[Entry] = []
    after = ""
    while True:
        page: Page[Entry] = world.do(journal.ListAudit(asked, Window(most, after), oldest_first), who)
        found += page.items
        if page.after is None:
            return found
        after = page.after


def actions(found: list[Entry]) -> list[str]:
    return [entry.action_name for entry in found]


class TestFilters:
    @pytest.fixture
    def schema(self, world: World) -> Ref:
        """A schema in which something was done, and refused."""
        schema = world.schema()
        model = world.model(schema)
        number = world.ready(model)
        world.do(models.SetAlias(model, "Champion", number), world.owner)
        with pytest.raises(Denied):
            world.do(models.DeleteModel(model), world.person())
        return schema

    def test_by_securable_for_everything_inside(self, world: World, schema: Ref) -> None:
        catalog = containers(schema)[0]
        inside = listed(world, AuditFilter(securable=schema.name))
        assert actions(inside) == [
            "deleteModel", "setAlias", "finalizeVersion", "keepFile", "registerVersion", "createModel",
            "createSchema",
        ]  # fmt: skip
        assert actions(listed(world, AuditFilter(securable=catalog.name)))[-2:] == ["createSchema", "createCatalog"]
        world.do(catalogs.CreateCatalog(catalog.name + "-x"), world.owner)
        assert len(listed(world, AuditFilter(securable=catalog.name))) == len(inside) + 1

    def test_by_everything_else(self, world: World, schema: Ref) -> None:
        def found(**asked: Any) -> list[str]:  # noqa: ANN401
            return actions(listed(world, AuditFilter(securable=schema.name, **asked)))

        assert found(result="refused") == ["deleteModel"]
        assert found(action="setAlias") == ["setAlias"]
        assert found(action="setAlias", result="refused") == []
        assert "deleteModel" not in found(principal=world.owner.name.upper())
        assert found(principal="nobody") == []
        whole = listed(world, AuditFilter(securable=schema.name))
        for entry in whole:
            assert found(request_id=entry.request_id) == [entry.action_name]
        since = whole[2].event_time
        assert found(since=since) == actions([entry for entry in whole if entry.event_time >= since])
        assert found(until=since) == actions([entry for entry in whole if entry.event_time < since])
        assert found(since=since + 24 * 3600 * 1000) == []

    def test_by_time_though_clocks_differ(self, make_world: Callable[..., World]) -> None:
        world = make_world("sqlite", "of two clocks")
        gate = world.inside.gate
        names: list[str] = []
        for ahead in (-40 * DAY, 300, 40 * DAY, 0.9 * DAY, 0):  # seconds: hosts that write by turns
            gate.clock = lambda ahead=ahead: time.time() + ahead
            names.append(world.catalog().name)
        gate.clock = time.time

        def made(**asked: Any) -> list[str]:  # noqa: ANN401
            found = listed(world, AuditFilter(action="createCatalog", **asked), oldest_first=True)
            return [entry.securable for entry in found if entry.securable in names]

        now = int(time.time() * 1000) + 1
        assert made(until=now) == [names[0], names[4]]
        assert made(since=now) == names[1:4]
        assert made(since=now - 60_000) == names[1:]
        assert made(since=now, until=now + 600_000) == [names[1]]
        assert made(until=1) == []

    def test_in_pages_and_in_both_orders(self, world: World, schema: Ref) -> None:
        for securable in (schema.name, containers(schema)[0].name, ""):
            asked = AuditFilter(securable=securable)
            newest = listed(world, asked)
            assert listed(world, asked, most=2)[:50] == newest[:50]
            assert listed(world, asked, oldest_first=True, most=1_000)[::-1] == newest
            assert [entry.seq for entry in newest] == sorted((entry.seq for entry in newest), reverse=True)


class TestWhoSeesWhat:
    def test_everybody_sees_its_own_rows_and_no_others(self, world: World) -> None:
        model, person = world.model(), world.person()
        with pytest.raises(Denied):
            world.do(models.DeleteModel(model), person)
        assert actions(listed(world, AuditFilter(), person)) == ["deleteModel"]
        assert actions(listed(world, AuditFilter(securable=model.name), person)) == ["deleteModel"]
        assert listed(world, AuditFilter(principal=world.owner.name), person) == []

    def test_whoever_manages_a_securable_sees_all_that_was_done_to_it(self, world: World) -> None:
        model, person = world.model(), world.person()
        catalog, schema = containers(model)
        world.grant(catalog, person.name, Privilege.USE_CATALOG)
        world.grant(schema, person.name, Privilege.USE_SCHEMA, Privilege.EXECUTE)
        assert listed(world, AuditFilter(securable=model.name), person) == []
        world.grant(model, person.name, Privilege.MANAGE)
        assert actions(listed(world, AuditFilter(securable=model.name), person)) == ["changeGrants", "createModel"]
        assert listed(world, AuditFilter(securable=schema.name), person) == []
        world.revoke(schema, person.name, Privilege.USE_SCHEMA)
        assert listed(world, AuditFilter(securable=model.name), person) == [], "as the gate decides of the model itself"

    def test_whoever_manages_a_container_sees_what_was_done_to_what_is_gone(self, world: World) -> None:
        model = world.model()
        world.do(models.DeleteModel(model), world.owner)
        for who in (world.owner, None):
            assert actions(listed(world, AuditFilter(securable=model.name), who)) == ["deleteModel", "createModel"]
        assert listed(world, AuditFilter(securable=model.name), world.person()) == []

    def test_admins_see_everything(self, world: World) -> None:
        person = world.person()
        with pytest.raises(Denied):
            world.do(catalogs.CreateCatalog("mine"), person)
        assert actions(listed(world, AuditFilter(principal=person.name))) == ["createCatalog"]

    def test_questions_are_recorded_only_where_they_are_refused(self, world: World) -> None:
        world.do(journal.ListAudit(AuditFilter(), Window(1)), None, "a-question")
        assert world.recorded("a-question") == []


def test_a_page_token_of_another_question_is_refused(world: World) -> None:
    with pytest.raises(Invalid):
        world.do(journal.ListAudit(AuditFilter(), Window(1, "x")))


ROWS = 200_000


def fill(inside: InProcess, rows: int = ROWS) -> None:
    """Rows of a hundred people on five hundred models, a second apart."""
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
        " INSERT INTO audit (event_id, event_time, request_id, service_name, action_name, principal, principal_id,"
        " token_id, source_ip_address, user_agent, request_params, result, error, message, securable)"
        " SELECT 'e' || i, :now + i * 1000, 'r' || i, 'modelyard', 'action' || (i % 40), 'p' || (i % 100), 'id', '',"
        " '', '', '{}', 'done', '', '', 'c' || (i % 5) || '.s' || (i % 50) || '.m' || (i % 500) FROM n"
    )
    with create_engine(inside.built.database.engine.url, poolclass=NullPool).begin() as connection:
        connection.execute(text(numbers), {"rows": rows, "now": NOW})
        connection.execute(text("ANALYZE audit"))


def plan(inside: InProcess, asked: AuditFilter, *, oldest_first: bool) -> str:
    """How the database would look for a page, from somewhere in the middle."""
    values = store._values(asked, "")  # noqa: SLF001  the statement is what is tested
    statement = store._asking(frozenset(values.keys() & store._FILTERS.keys()), oldest_first=oldest_first)  # noqa: SLF001
    with inside.built.database.look() as tx:
        low, high = store._bounds(tx, asked)  # noqa: SLF001
        explain = "EXPLAIN QUERY PLAN " if inside.built.database.is_sqlite else "EXPLAIN "
        known = inside.built.database._statement(statement)  # noqa: SLF001  as above
        cursor: Any = tx._cursor._cursor  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue]  as above
        cursor.execute(explain + known.sql, known.values({**values, "low": low, "high": high, "most": 101}))
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_questions_are_answered_by_indexes(inside: InProcess) -> None:
    fill(inside)
    early, late = NOW + 1_000_000, NOW + 2_000_000
    questions = [
        AuditFilter(),
        AuditFilter(since=early, until=late),
        AuditFilter(principal="p7"),
        AuditFilter(principal="p7", since=early),
        AuditFilter(action="action3", until=late),
        AuditFilter(securable="c1.s1.m1"),
        AuditFilter(securable="c1.s1"),
        AuditFilter(request_id="r77"),
        AuditFilter(principal="p7", action="action3", result="done"),
    ]
    for asked, oldest_first in itertools.product(questions, (False, True)):
        told = plan(inside, asked, oldest_first=oldest_first)
        assert "SCAN" not in told, (asked, told)
        assert "Seq Scan" not in told, (asked, told)
        assert "SEARCH" in told or "Index" in told, (asked, told)
        exact = {asked.principal, asked.action, asked.request_id} != {""} or asked.securable.count(".") == 2
        if exact and inside.built.database.is_sqlite:
            assert "B-TREE" not in told, (asked, told)
