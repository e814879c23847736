"""Prompts under threads, beside models of the same schema, and found by filters: nothing is lost or comes twice."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from modelyard.action import Command, Ref
from modelyard.actions import catalogs, grants, models, prompts
from modelyard.domain.filters import ESCAPE, Part, Term
from modelyard.domain.journal import Event
from modelyard.domain.models import Alias, Tag
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.prompts import MAX_TEMPLATE, Draft, Link, LinkKind
from modelyard.errors import AlreadyExists, Denied, Failure, Invalid, NotFound, WrongState
from modelyard.store import schema as tables
from tests.gate.threads import THREADS, at_once, persistent
from tests.house.world import Person, World, containers


def alias_moves(world: World, prompt: Ref) -> list[tuple[int | None, int | None]]:
    """From where to where the aliases of a prompt were moved, as it was announced, in order."""
    told = (Event.PROMPT_ALIAS_SET.value, Event.PROMPT_ALIAS_DELETED.value)
    events = tables.events
    asked = select(events.c.payload).where(events.c.securable == prompt.name, events.c.type.in_(told))
    with world.inside.built.database.engine.connect() as connection:
        rows = connection.execute(asked.order_by(events.c.seq)).scalars()
        payloads = [json.loads(row) for row in rows]
    return [(payload["was"], payload.get("version")) for payload in payloads]


def assert_linear(history: list[tuple[int | None, int | None]], now: int | None) -> None:
    """Each move begins where the one before ended, and the last one ended where the alias is."""
    here: int | None = None
    for before, after in history:
        assert before == here, history
        here = after
    assert here == now, history


def pointing(world: World, prompt: Ref, alias: str) -> int | None:
    try:
        return world.do(prompts.GetPromptVersionByAlias(prompt, alias), world.owner).number
    except NotFound:
        return None


def reader_of(world: World, prompt: Ref) -> Person:
    catalog, schema = containers(prompt)
    reader = world.person()
    world.let(reader, Privilege.USE_CATALOG, catalog)
    world.let(reader, Privilege.USE_SCHEMA, schema)
    world.let(reader, Privilege.EXECUTE, prompt)
    return reader


class TestNumbers:
    def test_are_unique_and_without_gaps_when_32_threads_make_versions(self, world: World) -> None:
        prompt = world.prompt()
        jobs = [persistent(lambda: world.draft(prompt))] * 96
        assert sorted(at_once(jobs, threads=32)) == list(range(1, 97))

    def test_have_no_gap_where_a_version_failed(self, world: World) -> None:
        prompt = world.prompt()
        too_many = Draft('"x"', tags=tuple(Tag(f"k{n}", "") for n in range(51)))
        jobs = [Draft('"x"'), too_many] * 16
        done = at_once(
            [
                persistent(lambda draft=draft: world.do(prompts.CreatePromptVersion(prompt, draft), world.owner))
                for draft in jobs
            ]
        )
        assert {type(each) for each in done if isinstance(each, Failure)} == {Invalid}
        assert sorted(each.number for each in done if not isinstance(each, Failure)) == list(range(1, 17))

    def test_are_never_used_again(self, world: World) -> None:
        prompt = world.prompt()
        assert [world.draft(prompt) for _ in range(3)] == [1, 2, 3]
        for number in (3, 1, 2):
            world.do(prompts.DeletePromptVersion(prompt, number), world.owner)
        assert pointing(world, prompt, "latest") is None
        assert world.draft(prompt) == 4
        assert pointing(world, prompt, "LATEST") == 4


class TestAliases:
    def test_history_is_complete_and_linear_when_many_move_one_alias(self, world: World) -> None:
        prompt = world.prompt()
        numbers = [world.draft(prompt) for _ in range(4)]
        targets = list(itertools.islice(itertools.cycle(numbers), 48))
        done = at_once(
            [
                persistent(lambda to=to: world.do(prompts.SetPromptAlias(prompt, "production", to), world.owner))
                for to in targets
            ]
        )
        assert not [each for each in done if isinstance(each, Failure)]
        history = alias_moves(world, prompt)
        assert sorted(after or 0 for _, after in history) == sorted(targets)
        assert_linear(history, pointing(world, prompt, "production"))

    def test_history_is_linear_while_an_alias_is_moved_taken_away_and_its_versions_deleted(self, world: World) -> None:
        for _ in range(6):
            prompt = world.prompt()
            numbers = [world.draft(prompt) for _ in range(4)]
            actions: list[Command] = [prompts.SetPromptAlias(prompt, "production", number) for number in numbers]
            actions += [prompts.DeletePromptVersion(prompt, number) for number in numbers[:-1]]
            actions += [prompts.DeletePromptAlias(prompt, "production")] * len(numbers)
            mixed = [action for three in itertools.zip_longest(*[iter(actions)] * 3) for action in three if action]
            done = at_once([persistent(lambda action=action: world.do(action, world.owner)) for action in mixed])
            assert {type(each) for each in done if isinstance(each, Failure)} <= {NotFound}
            assert_linear(alias_moves(world, prompt), pointing(world, prompt, "production"))

    def test_exactly_one_name_stays_when_many_spell_it_differently(self, world: World) -> None:
        prompt = world.prompt()
        number = world.draft(prompt)
        spellings = ["Production", "production", "PRODUCTION", "pRODUCTION"] * 4
        done = at_once(
            [
                persistent(lambda alias=alias: world.do(prompts.SetPromptAlias(prompt, alias, number), world.owner))
                for alias in spellings
            ]
        )
        assert not [each for each in done if isinstance(each, Failure)]
        [alias] = world.do(prompts.GetPrompt(prompt), world.owner).aliases
        assert (alias.name in spellings, alias.version) == (True, number)

    def test_go_with_their_version(self, world: World) -> None:
        prompt = world.prompt()
        kept, gone = world.draft(prompt), world.draft(prompt)
        for alias, number in (("a", gone), ("B", kept)):
            world.do(prompts.SetPromptAlias(prompt, alias, number), world.owner)
        world.do(prompts.DeletePromptVersion(prompt, gone), world.owner)
        assert world.do(prompts.GetPrompt(prompt), world.owner).aliases == (Alias("B", kept),)
        with pytest.raises(NotFound, match="has no alias 'a'"):
            world.do(prompts.GetPromptVersionByAlias(prompt, "a"), world.owner)


class TestBesideModels:
    def test_a_model_and_a_prompt_cannot_have_one_name(self, world: World) -> None:
        schema = world.schema()
        model, prompt = world.model(schema), world.prompt(schema)
        with pytest.raises(AlreadyExists):
            world.do(prompts.CreatePrompt(schema, model.name.rpartition(".")[2]), world.owner)
        with pytest.raises(AlreadyExists):
            world.do(models.CreateModel(schema, prompt.name.rpartition(".")[2]), world.owner)

    def test_only_one_of_many_models_and_prompts_gets_a_name(self, world: World) -> None:
        schema, name = world.schema(), world.new_name()
        makers = [prompts.CreatePrompt(schema, name), models.CreateModel(schema, name)] * (THREADS // 2)
        done = at_once([persistent(lambda make=make: world.do(make, world.owner)) for make in makers])
        assert sorted(type(each).__name__ for each in done)[:-1] == ["AlreadyExists"] * (THREADS - 1)

    def test_neither_is_found_as_the_other(self, world: World) -> None:
        schema = world.schema()
        model, prompt = world.model(schema), world.prompt(schema)
        for action in (
            prompts.GetPrompt(Ref(Kind.PROMPT, model.name)),
            models.GetModel(Ref(Kind.MODEL, prompt.name)),
            models.DeleteModel(Ref(Kind.MODEL, prompt.name)),
            prompts.DeletePrompt(Ref(Kind.PROMPT, model.name)),
        ):
            with pytest.raises(NotFound, match="does not exist"):
                world.do(action, world.owner)
        seen = world.do(models.SearchModels(Window(10), schema.name), world.owner).items
        assert [each.full_name for each in seen] == [model.name]
        seen = world.do(prompts.SearchPrompts((), Window(10), schema.name), world.owner).items
        assert [each.full_name for each in seen] == [prompt.name]

    def test_a_schema_with_a_prompt_is_not_empty(self, world: World) -> None:
        prompt = world.prompt()
        schema = containers(prompt)[1]
        with pytest.raises(WrongState, match=f"holds '{prompt.name}'"):
            world.do(catalogs.DeleteSchema(schema), world.owner)
        world.do(catalogs.DeleteSchema(schema, force=True), world.owner)
        with pytest.raises(NotFound):
            world.do(prompts.GetPrompt(prompt), world.owner)

    def test_a_rename_of_its_containers_keeps_a_prompt_whole(self, world: World) -> None:
        prompt = world.prompt()
        catalog, schema = containers(prompt)
        reader, number = reader_of(world, prompt), world.draft(prompt)
        world.do(prompts.SetPromptAlias(prompt, "production", number), world.owner)
        world.do(catalogs.RenameSchema(schema, catalog, "moved", catalogs.Change()), world.owner)
        name = world.new_name("renamed")
        world.do(catalogs.RenameCatalog(catalog, name, catalogs.Change()), world.owner)
        moved = Ref(Kind.PROMPT, f"{name}.moved.{prompt.name.rpartition('.')[2]}")
        found = world.do(prompts.GetPromptVersionByAlias(moved, "production"), reader)
        assert (found.prompt, found.number) == (moved.name, number)
        with pytest.raises(NotFound):
            world.do(prompts.GetPrompt(prompt), world.owner)


class TestGovernance:
    def test_metastore_admins_see_that_a_prompt_is_there_and_not_its_words(self, world: World) -> None:
        prompt = world.prompt()
        number = world.draft(prompt)
        assert world.do(prompts.GetPrompt(prompt)).full_name == prompt.name
        for action in (
            prompts.GetPromptVersion(prompt, number),
            prompts.GetPromptVersionByAlias(prompt, "latest"),
            prompts.ListPromptVersions(prompt, Window(10)),
        ):
            with pytest.raises(Denied, match=r"does not have USE CATALOG"):
                world.do(action)

    def test_it_is_granted_as_a_routine_and_as_a_prompt(self, world: World) -> None:
        prompt = world.prompt()
        reader = reader_of(world, Ref(Kind.ROUTINE, prompt.name))
        assert world.do(prompts.GetPrompt(prompt), reader)
        world.revoke(prompt, reader.name, Privilege.EXECUTE)
        with pytest.raises(Denied, match="EXECUTE on Routine or Model"):
            world.do(prompts.GetPrompt(prompt), reader)
        with pytest.raises(Invalid, match="CREATE MODEL is not applicable"):
            world.grant(prompt, reader.name, Privilege.CREATE_MODEL)
        with pytest.raises(NotFound):
            world.do(grants.GetGrants(Ref(Kind.MODEL, prompt.name)), world.owner)

    def test_ownership_is_handed_over(self, world: World) -> None:
        prompt = world.prompt()
        heir = reader_of(world, prompt)
        change = prompts.PromptChange(comment="theirs", owner=heir.name)
        changed = world.do(prompts.UpdatePrompt(prompt, change), world.owner)
        assert (changed.owner, changed.comment) == (heir.name, "theirs")
        world.do(prompts.DeletePrompt(prompt), heir)

    def test_links_are_all_made_or_none(self, world: World) -> None:
        prompt, hidden = world.prompt(), world.prompt()
        reader, number = reader_of(world, prompt), world.draft(prompt)
        runs = tuple(Link(LinkKind.RUN, f"r{place}") for place in range(3))
        both = ((prompt.name, number), (hidden.name, world.draft(hidden)))
        with pytest.raises(NotFound, match=f"prompt '{hidden.name}' does not exist, or you may not read it"):
            world.do(prompts.LinkPromptVersions(both, runs), reader)
        asked = prompts.ListPromptLinks(prompt, number, LinkKind.RUN, Window(2))
        assert world.do(asked, reader).items == ()
        link = prompts.LinkPromptVersions(both[:1], (*runs, Link(LinkKind.TRACE, "t")))
        assert not [each for each in at_once([persistent(lambda: world.do(link, reader))] * 8) if each]
        page = world.do(asked, reader)
        assert (page.items, page.after) == (runs[:2], "r1")
        rest = prompts.ListPromptLinks(prompt, number, LinkKind.RUN, Window(2, "r1"))
        assert world.do(rest, reader).items == runs[2:]


def test_a_page_of_versions_is_shorter_where_templates_are_long(world: World) -> None:
    prompt = world.prompt()
    longest = json.dumps("x" * (MAX_TEMPLATE - 2))
    for template in [longest] * 9 + ['"short"'] * 3:
        world.do(prompts.CreatePromptVersion(prompt, Draft(template)), world.owner)
    sizes, numbers, after = [], [], ""
    while True:
        page = world.do(prompts.ListPromptVersions(prompt, Window(100, after)), world.owner)
        sizes.append(len(page.items))
        numbers += [version.number for version in page.items]
        if page.after is None:
            break
        after = page.after
    assert numbers == list(range(12, 0, -1))
    assert sizes == [10, 2]


# Filters: what SQL finds is what the pattern means, on both databases.


def means(pattern: str, text: str) -> bool:
    """What a pattern means, told with a regular expression."""
    pieces = re.findall(rf"{ESCAPE}.|.", pattern, re.DOTALL)
    wildcards = {"%": ".*", "_": "."}
    expression = "".join(wildcards.get(piece) or re.escape(piece[-1]) for piece in pieces)
    return re.fullmatch(expression, text, re.DOTALL) is not None


VALUES = ("", "a", "A", "ab", "a%b", "a_b", "a/b", "[a]", "a*b", "a?b", "é", "É", "a\\b", "a\nb", "prod", "Prod")
_shelves: dict[int, tuple[Ref, dict[str, str]]] = {}


def _shelf(world: World) -> tuple[Ref, dict[str, str]]:
    """A schema with a prompt for each value, which is its tag: by full name."""
    if id(world) not in _shelves:
        schema = world.schema()
        shelf: dict[str, str] = {}
        for value in VALUES:
            prompt = world.prompt(schema)
            world.do(prompts.SetPromptTag(prompt, Tag("Key", value)), world.owner)
            shelf[prompt.name] = value
        world.prompt(schema)
        _shelves[id(world)] = schema, shelf
    return _shelves[id(world)]


_patterns = st.lists(
    st.sampled_from(["%", "_", f"{ESCAPE}%", f"{ESCAPE}_", ESCAPE * 2, *"aAbéÉ*?[]\\"]), max_size=5
).map("".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=_patterns)
def test_filters_find_what_their_patterns_mean(world: World, pattern: str) -> None:
    schema, shelf = _shelf(world)
    term = Term(Part.TAG, pattern, "Key")
    found = world.do(prompts.SearchPrompts((term,), Window(100), schema.name), world.owner).items
    assert {each.full_name for each in found} == {name for name, value in shelf.items() if means(pattern, value)}


def test_filters_are_joined_and_the_case_counts_but_for_ilike(world: World) -> None:
    schema, shelf = _shelf(world)

    def found(*terms: Term) -> list[str]:
        asked = prompts.SearchPrompts(terms, Window(100), schema.name)
        return [shelf.get(each.full_name, "") for each in world.do(asked, world.owner).items]

    assert found(Term(Part.TAG, "Prod", "Key")) == ["Prod"]
    assert found(Term(Part.TAG, "Prod", "key")) == []
    assert found(Term(Part.TAG_WITHOUT_CASE, "prod", "Key")) == ["prod", "Prod"]
    name = next(name for name, value in shelf.items() if value == "prod")
    by_name, by_full_name = Term(Part.NAME, name.rpartition(".")[2]), Term(Part.FULL_NAME, name)
    assert (
        found(by_name) == found(by_full_name) == found(by_name, Term(Part.TAG_WITHOUT_CASE, "prod", "Key")) == ["prod"]
    )
    assert found(by_name, Term(Part.TAG, "Prod", "Key")) == []
    assert found(Term(Part.NAME, name)) == found(Term(Part.FULL_NAME, name.rpartition(".")[2])) == []
    assert len(found(Term(Part.NAME, "%"))) == len(VALUES) + 1
