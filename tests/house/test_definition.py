"""The house rules that hold from the moment of import: actions, routes, pages of the documentation, the schema."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from modelyard import app, config
from modelyard.action import ACTIONS, METASTORE, Command, Need, Query, Ref
from modelyard.domain.privileges import Privilege
from modelyard.errors import NoSuchRoute
from modelyard.store import schema
from modelyard.surfaces.reach import actions_of
from modelyard.surfaces.routes import Routes
from modelyard.surfaces.wire import Entrance, Public, Translation
from tests.house import privileges_page, settings_page
from tests.support import InProcess, clean_environment


@pytest.fixture(autouse=True)
def _restored_actions() -> Iterator[None]:
    """What these tests define is no action of the server."""
    before = list(ACTIONS)
    yield
    ACTIONS[:] = before


class TestAnActionThatForgetsACheckIsNotDefined:
    def test_without_needs_and_without_a_reason_to_be_open(self) -> None:
        with pytest.raises(TypeError, match="Careless must say either its needs or why it is open_to"):

            @dataclass(frozen=True)
            class Careless(Query[Any, None]):
                number: int

    def test_with_both_needs_and_a_reason_to_be_open(self) -> None:
        with pytest.raises(TypeError, match="Undecided must say either"):

            @dataclass(frozen=True)
            class Undecided(Query[Any, None]):
                model: Ref
                needs = (Need(Privilege.EXECUTE, on="model"),)
                open_to = "everybody"

    def test_with_a_reference_that_nothing_guards(self) -> None:
        with pytest.raises(TypeError, match=r"\['model', 'origin'\] are touched, but \['model'\] are guarded"):

            @dataclass(frozen=True)
            class Half(Command[Any, None]):
                origin: Ref
                model: Ref
                needs = (Need(Privilege.EXECUTE, on="model"),)

    @pytest.mark.parametrize("name", ["needs", "open_to", "is_change", "is_brief"])
    def test_with_a_field_that_hides_what_the_class_says(self, name: str) -> None:
        with pytest.raises(TypeError, match="would hide"):
            type("Hiding", (Query,), {"__annotations__": {name: "bool"}, "open_to": "everybody"})

    def test_with_an_unguarded_reference_though_it_is_open_to_all(self) -> None:
        with pytest.raises(TypeError, match=r"\['model'\] are touched, but \[\] are guarded"):

            @dataclass(frozen=True)
            class Open(Query[Any, None]):
                model: Ref
                open_to = "everybody"

    def test_guarding_a_field_that_is_no_reference(self) -> None:
        with pytest.raises(TypeError, match=r"\[\] are touched, but \['model'\] are guarded"):

            @dataclass(frozen=True)
            class Named(Query[Any, None]):
                model: str
                needs = (Need(Privilege.EXECUTE, on="model"),)

    def test_guarding_a_field_that_is_not_there(self) -> None:
        with pytest.raises(TypeError, match="guarded"):

            @dataclass(frozen=True)
            class Missing(Query[Any, None]):
                model: Ref
                needs = (Need(Privilege.EXECUTE, on="modle"),)

    @pytest.mark.parametrize("annotation", ["Ref | None", "tuple[Ref, ...]", "list[Ref]", "dict[str, Ref]"])
    def test_with_references_inside_another_type(self, annotation: str) -> None:
        with pytest.raises(TypeError):
            type("Hidden", (Query,), {"__annotations__": {"model": annotation}, "open_to": "everybody"})

    def test_nothing_that_was_refused_is_in_the_list(self) -> None:
        before = list(ACTIONS)
        with pytest.raises(TypeError):
            type("Refused", (Query,), {"__annotations__": {"model": "Ref"}, "open_to": "everybody"})
        assert before == ACTIONS

    def test_whose_new_name_is_in_no_field(self) -> None:
        needs = (Need(Privilege.CREATE_MODEL, on="schema", naming="nmae"),)
        with pytest.raises(TypeError):
            type("Typo", (Command,), {"__annotations__": {"schema": "Ref", "name": "str"}, "needs": needs})


def test_a_whole_action_is_defined_and_listed() -> None:
    @dataclass(frozen=True)
    class Whole(Query[Any, None]):
        model: Ref
        metastore: Ref = METASTORE
        needs = (Need(Privilege.EXECUTE, on="model"), Need(Privilege.MANAGE, on="metastore"))

    assert ACTIONS[-1] is Whole


def test_every_action_says_what_it_does_in_a_sentence() -> None:
    for kind in ACTIONS:
        first = (kind.__doc__ or "").splitlines()[0]
        assert first.endswith((".", ";", ":")), kind
        assert first[0].isupper(), kind


@pytest.mark.parametrize("module", ["modelyard", "modelyard.cli", "modelyard.app"])
def test_importing_loads_no_heavy_library_of_the_clients(module: str) -> None:
    heavy = {"mlflow", "pandas", "sklearn", "numpy", "databricks", "pydantic"}
    code = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=clean_environment()
    )
    assert done.stdout.strip() == ""


class TestRoutes:
    def test_every_row_is_found_by_its_own_method_and_path(self) -> None:
        routes = Routes(app.ROWS)
        for row in app.ROWS:
            path = row.path.replace("{path:rest}", "Models/a/b/c/1/x")
            found, _ = routes.find(row.method, path, row.doing)
            assert found is row, f"{row.method} {row.path} {row.doing}"

    def test_an_unknown_action_is_no_request_for_the_plain_one(self) -> None:
        """A misspelt `abort-upload` must not delete the file."""
        routes = Routes(app.ROWS)
        for row in app.ROWS:
            if row.doing:
                path = row.path.replace("{path:rest}", "Models/a/b/c/1/x")
                with pytest.raises(NoSuchRoute):
                    routes.find(row.method, path, row.doing + "s")

    def test_no_two_rows_answer_the_same_request(self) -> None:
        counted = Counter((row.method, row.path, row.doing) for row in app.ROWS)
        assert [key for key, times in counted.items() if times > 1] == []

    def test_two_rows_that_collide_are_refused(self) -> None:
        [one, *_] = [row for row in app.ROWS if isinstance(row, Translation) and "{" in row.path]
        with pytest.raises(ValueError, match="two rows answer"):
            Routes((one, one))

    def test_two_rows_of_a_fixed_path_that_collide_are_refused(self) -> None:
        [one, *_] = [row for row in app.ROWS if isinstance(row, Translation) and "{" not in row.path]
        with pytest.raises(ValueError, match="two rows answer"):
            Routes((one, one))

    def test_every_row_but_the_public_ones_goes_through_an_action(self) -> None:
        assert {row.path for row in app.ROWS if isinstance(row, Public)} == {
            "/.well-known/databricks-config",
            "/health",
            "/ready",
            "/oidc/.well-known/oauth-authorization-server",
            "/oidc/.well-known/openid-configuration",
            "/api/2.0/modelyard/openapi.json",
        }
        for row in app.ROWS:
            # A door to the sign-in provider begins with a chore of the server; what comes back is an action.
            assert bool(actions_of(row)) != isinstance(row, Public) or isinstance(row, Entrance), row.path

    def test_every_action_is_reached_by_a_route(self) -> None:
        lost = [kind.__name__ for kind, routes in privileges_page.routes_of_actions().items() if not routes]
        assert lost == []


class TestDocumentation:
    def test_the_page_of_privileges_is_what_the_actions_say(self) -> None:
        assert privileges_page.PAGE.read_text() == privileges_page.page(), "run `python -m tests.house.privileges_page`"

    def test_the_page_of_settings_is_what_the_settings_say(self) -> None:
        assert settings_page.PAGE.read_text() == settings_page.page(), "run `python -m tests.house.settings_page`"

    def test_every_setting_says_what_it_is(self) -> None:
        assert settings_page.docstrings().keys() == set(config.Settings.__struct_fields__)


class TestSchema:
    def test_a_migrated_database_is_what_the_code_says(self, inside: InProcess) -> None:
        with inside.built.database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.METADATA) == []

    def test_text_sorts_as_bytes_on_postgresql(self, inside: InProcess) -> None:
        """Paging compares names in the order of the database; both must have the same."""
        if inside.built.database.is_sqlite:
            return
        wrong = text(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version'"
        )
        with inside.built.database.engine.connect() as connection:
            assert connection.execute(wrong).all() == []
