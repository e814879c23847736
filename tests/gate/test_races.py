"""Two actions at the same moment on PostgreSQL: what comes out is what one after the other would have left.

Each transaction lingers before its commit (the database sleeps whenever an audit row is written), so that two which
begin together have both read what they decide by before either has written.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from modelyard.action import Action, Ref
from modelyard.actions.access import (
    CreatePrincipal,
    DeletePrincipal,
    UpdatePrincipal,
    WhoAmI,
)
from modelyard.actions.catalogs import (
    Change,
    CreateCatalog,
    CreateSchema,
    DeleteSchema,
    GetSchema,
    RenameCatalog,
    RenameSchema,
    UpdateSchema,
)
from modelyard.actions.grants import ChangeGrants, GetGrants
from modelyard.actions.models import CreateModel, DeleteModel, ModelChange, RenameModel
from modelyard.actions.tokens import CreateTokenFor
from modelyard.actions.versions import RegisterVersion
from modelyard.domain.access import ADMINS, Bearer, PrincipalChange, PrincipalKind
from modelyard.domain.models import Registration
from modelyard.domain.privileges import GrantChange, Kind, Privilege
from modelyard.errors import AlreadyExists, Failure, Invalid, NotFound, Unauthenticated, WrongState
from tests.conftest import Postgres
from tests.house.world import joining
from tests.support import InProcess, in_process

LINGER = """
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$;
    CREATE TRIGGER linger BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION linger();
"""
MISNAMED = """
    SELECT s.full_name, p.full_name FROM securables AS s JOIN securables AS p ON p.id = s.parent_id
    WHERE p.kind <> 'METASTORE' AND NOT starts_with(s.full_name, p.full_name || '.')
"""
CATALOG, SCHEMA, MODEL = Ref(Kind.CATALOG, "c"), Ref(Kind.SCHEMA, "c.s"), Ref(Kind.MODEL, "c.s.m")
RENAMED = Ref(Kind.SCHEMA, "c.t")
Both = tuple[Any, Any]


@pytest.fixture
def slow(postgres: Postgres, tmp_path: Path) -> Iterator[InProcess]:
    """A gate whose transactions linger, with a schema and a model."""
    database = postgres.make()
    with in_process(tmp_path / "data", database) as inside, psycopg.connect(database, autocommit=True) as direct:
        inside.do(CreateCatalog("c"))
        inside.do(CreateSchema(CATALOG, "s"))
        inside.do(CreateModel(SCHEMA, "m"))
        direct.execute(LINGER)
        yield inside
        assert direct.execute(MISNAMED).fetchall() == []


def together(inside: InProcess, one: Action[Any, Any], two: Action[Any, Any], *credentials: Bearer) -> Both:
    """What two actions that begin at the same moment answer: a result or a failure each."""
    first, second = credentials or (None, None)
    start = threading.Barrier(2)

    def ask(action: Action[Any, Any], credential: Bearer | None) -> Any:  # noqa: ANN401  an action's own result
        start.wait()
        try:
            return inside.do(action, credential)
        except Failure as failure:
            return failure

    with ThreadPoolExecutor(2) as pool:
        answers = pool.submit(ask, one, first), pool.submit(ask, two, second)
        return answers[0].result(), answers[1].result()


def failures(answers: Both) -> list[type[Failure]]:
    return [type(answer) for answer in answers if isinstance(answer, Failure)]


def make(inside: InProcess, kind: PrincipalKind, name: str) -> str:
    return inside.do(CreatePrincipal(kind, name)).principal.id


def admin(inside: InProcess, name: str) -> tuple[str, Bearer]:
    id_ = make(inside, PrincipalKind.USER, name)
    inside.do(joining(ADMINS, id_))
    return id_, Bearer(inside.do(CreateTokenFor(name)).secret)


def name_of(inside: InProcess, schema: Ref) -> str:
    return inside.do(GetSchema(schema)).full_name


# Who there is


def test_groups_that_join_each_other_do_not_both(slow: InProcess) -> None:
    one, two = make(slow, PrincipalKind.GROUP, "one"), make(slow, PrincipalKind.GROUP, "two")
    answers = together(
        slow,
        joining(one, two),
        joining(two, one),
    )
    assert failures(answers) == [Invalid]


def test_the_last_two_admins_do_not_both_leave(slow: InProcess) -> None:
    (one, _), (two, _) = admin(slow, "one@x"), admin(slow, "two@x")
    first = slow.do(WhoAmI()).principal.id
    slow.do(UpdatePrincipal(PrincipalKind.USER, two, PrincipalChange(active=False)))
    answers = together(
        slow,
        UpdatePrincipal(PrincipalKind.USER, one, PrincipalChange(active=False)),
        UpdatePrincipal(PrincipalKind.USER, first, PrincipalChange(active=False)),
    )
    assert failures(answers) == [Invalid]


def test_admins_who_delete_each_other_do_not_both(slow: InProcess) -> None:
    (one, by_one), (two, by_two) = admin(slow, "one@x"), admin(slow, "two@x")
    first = slow.do(WhoAmI()).principal.id
    slow.do(UpdatePrincipal(PrincipalKind.USER, first, PrincipalChange(active=False)), by_one)
    answers = together(
        slow, DeletePrincipal(PrincipalKind.USER, two), DeletePrincipal(PrincipalKind.USER, one), by_one, by_two
    )
    assert len(failures(answers)) == 1


def test_one_of_two_principals_gets_a_name(slow: InProcess) -> None:
    answers = together(slow, CreatePrincipal(PrincipalKind.USER, "a@x"), CreatePrincipal(PrincipalKind.USER, "A@x"))
    assert failures(answers) == [AlreadyExists]


def test_a_principal_that_comes_to_own_something_is_not_deleted(slow: InProcess) -> None:
    maker, by_maker = admin(slow, "maker@x")
    answers = together(slow, DeletePrincipal(PrincipalKind.USER, maker), CreateCatalog("d"), slow.admin, by_maker)
    assert failures(answers) in ([WrongState], [Unauthenticated])


# Names


def test_one_of_two_models_gets_a_name(slow: InProcess) -> None:
    assert failures(together(slow, CreateModel(SCHEMA, "n"), CreateModel(SCHEMA, "n"))) == [AlreadyExists]


def test_a_schema_is_not_deleted_with_what_is_made_in_it_at_that_moment(slow: InProcess) -> None:
    slow.do(CreateSchema(CATALOG, "e"))
    empty = Ref(Kind.SCHEMA, "c.e")
    deleted, made = together(slow, DeleteSchema(empty), CreateModel(empty, "m"))
    assert (isinstance(deleted, WrongState), isinstance(made, NotFound)) in {(True, False), (False, True)}


def test_what_is_made_in_a_schema_that_is_renamed_has_its_name(slow: InProcess) -> None:
    answers = together(slow, RenameSchema(SCHEMA, CATALOG, "t", Change()), CreateModel(SCHEMA, "n"))
    assert failures(answers) in ([], [NotFound])


def test_a_schema_made_in_a_catalog_that_is_renamed_has_its_name(slow: InProcess) -> None:
    answers = together(slow, RenameCatalog(CATALOG, "d", Change()), CreateSchema(CATALOG, "n"))
    assert failures(answers) in ([], [NotFound])


def test_a_model_and_its_schema_are_renamed_together(slow: InProcess) -> None:
    answers = together(
        slow, RenameSchema(SCHEMA, CATALOG, "t", Change()), RenameModel(MODEL, SCHEMA, "n", ModelChange())
    )
    assert failures(answers) in ([], [NotFound])


def test_a_comment_does_not_undo_a_new_name(slow: InProcess) -> None:
    answers = together(slow, RenameSchema(SCHEMA, CATALOG, "t", Change()), UpdateSchema(SCHEMA, Change(comment="seen")))
    assert failures(answers) in ([], [NotFound])
    assert name_of(slow, RENAMED) == "c.t"


def test_a_comment_and_properties_are_both_kept(slow: InProcess) -> None:
    together(slow, UpdateSchema(SCHEMA, Change(comment="said")), UpdateSchema(SCHEMA, Change(properties={"a": "b"})))
    schema = slow.do(GetSchema(SCHEMA))
    assert (schema.comment, schema.properties) == ("said", {"a": "b"})


def test_one_of_two_deletes_a_model(slow: InProcess) -> None:
    assert failures(together(slow, DeleteModel(MODEL), DeleteModel(MODEL))) == [NotFound]


def test_a_version_of_a_model_that_is_deleted_is_not_made(slow: InProcess) -> None:
    answers = together(slow, DeleteModel(MODEL), RegisterVersion(MODEL, Registration(source="somewhere")))
    assert failures(answers) in ([], [NotFound])
    with pytest.raises(NotFound):
        slow.do(RegisterVersion(MODEL, Registration(source="somewhere")))


# Grants


def everybody_holds(inside: InProcess) -> set[Privilege]:
    found = inside.do(GetGrants(CATALOG)).items
    return {held.privilege for each in found if each.principal == "account users" for held in each.privileges}


def test_grants_at_the_same_moment_are_both_kept(slow: InProcess) -> None:
    change = GrantChange("account users", frozenset({Privilege.EXECUTE}), frozenset())
    other = GrantChange("account users", frozenset({Privilege.EXECUTE, Privilege.BROWSE}), frozenset())
    assert failures(together(slow, ChangeGrants(CATALOG, (change,)), ChangeGrants(CATALOG, (other,)))) == []
    assert everybody_holds(slow) == {Privilege.EXECUTE, Privilege.BROWSE}
    everything = GrantChange("account users", frozenset(), frozenset({Privilege.ALL_PRIVILEGES}))
    more = GrantChange("account users", frozenset({Privilege.USE_CATALOG}), frozenset())
    together(slow, ChangeGrants(CATALOG, (everything,)), ChangeGrants(CATALOG, (more,)))
    assert everybody_holds(slow) <= {Privilege.USE_CATALOG}
