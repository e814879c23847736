"""What lists show is what single requests allow: the filter in SQL equals the pure rule, whoever holds what."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelyard.action import Action, Ref
from modelyard.actions import catalogs, models, prompts, versions
from modelyard.domain.access import EVERYBODY
from modelyard.domain.filters import Part, Term, VersionFilter
from modelyard.domain.pages import Window
from modelyard.domain.privileges import APPLICABLE, Kind, Privilege
from modelyard.domain.prompts import Link, LinkKind
from modelyard.errors import Denied, NotFound
from tests.house.world import Person, World, joining, leaving

PEOPLE, GROUPS = 3, 3
MOST = int(os.environ.get("MODELYARD_TEST_WORLDS", "20"))
TREE = ("0", "0.0", "0.0.0", "0.0.1", "0.0.p", "0.1", "0.1.0", "0.1.p", "1", "1.0", "1.0.0", "1.0.p")
"""Places in the tree: of catalogs (one level), schemas (two), models and prompts (three)."""

_LEVELS = (Kind.CATALOG, Kind.SCHEMA, Kind.MODEL)
_INTERESTING = (
    Privilege.ALL_PRIVILEGES,
    Privilege.BROWSE,
    Privilege.EXECUTE,
    Privilege.MANAGE,
    Privilege.USE_CATALOG,
    Privilege.USE_SCHEMA,
)
_grantees = st.integers(0, PEOPLE + GROUPS)
"""People, then groups, then everybody."""


def _kind(place: str) -> Kind:
    return Kind.PROMPT if place.endswith("p") else _LEVELS[place.count(".")]


@dataclass(frozen=True)
class Arrangement:
    """Who is in which group, who owns and who holds what, and whether somebody is an admin."""

    members: frozenset[tuple[int, int]]
    owners: dict[str, int]
    grants: frozenset[tuple[str, int, Privilege]]
    admin: int | None


@st.composite
def _grants(draw: st.DrawFn) -> tuple[str, int, Privilege]:
    place = draw(st.sampled_from(TREE))
    applicable = [each for each in _INTERESTING if each in APPLICABLE[_kind(place)]]
    return place, draw(_grantees), draw(st.sampled_from(applicable))


def _memberships() -> st.SearchStrategy[tuple[int, int]]:
    """A group, and a member of it: a person, or a group with a higher number, so that there is no circle."""
    pairs = [(group, person) for group in range(PEOPLE, PEOPLE + GROUPS) for person in range(PEOPLE)]
    pairs += [(PEOPLE + low, PEOPLE + high) for low in range(GROUPS) for high in range(low + 1, GROUPS)]
    return st.sampled_from(pairs)


arrangements = st.builds(
    Arrangement,
    members=st.frozensets(_memberships(), max_size=8),
    owners=st.dictionaries(st.sampled_from(TREE), st.integers(0, PEOPLE + GROUPS - 1), max_size=4),
    grants=st.frozensets(_grants(), max_size=14),
    admin=st.one_of(st.none(), st.none(), st.none(), st.integers(0, PEOPLE - 1)),
)


def _holding(*grants: tuple[str, Privilege]) -> Arrangement:
    """The first person holds these, and nobody anything else."""
    held = frozenset((place, 0, privilege) for place, privilege in grants)
    return Arrangement(frozenset(), {}, held, None)


class Tree:
    """A tree of securables in a world, and the people around it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.people = [world.person() for _ in range(PEOPLE)]
        groups = [world.group() for _ in range(GROUPS)]
        self.ids = [*(person.id for person in self.people), *(id_ for id_, _ in groups)]
        self.names = [*(person.name for person in self.people), *(name for _, name in groups), EVERYBODY]
        self.refs: dict[str, Ref] = {}
        for place in TREE:
            above = self.refs.get(place.rpartition(".")[0])
            make = {
                Kind.CATALOG: world.catalog,
                Kind.SCHEMA: world.schema,
                Kind.MODEL: world.model,
                Kind.PROMPT: world.prompt,
            }
            self.refs[place] = make[_kind(place)](*([above] if above else []))
            if _kind(place) is Kind.MODEL:
                world.register(self.refs[place])
            if _kind(place) is Kind.PROMPT:
                world.draft(self.refs[place])

    def arrange(self, wanted: Arrangement) -> Callable[[], None]:
        """Bring an arrangement about; what is returned takes it back."""
        do = self.world.do
        for group, member in wanted.members:
            join = joining(self.ids[group], self.ids[member])
            do(join)
        for place, owner in wanted.owners.items():
            do(self._give(place, self.names[owner]))
        for place, grantee, privilege in wanted.grants:
            self.world.grant(self.refs[place], self.names[grantee], privilege)
        if wanted.admin is not None:
            self.world.let(self.people[wanted.admin], Privilege.MANAGE, Ref(Kind.METASTORE, ""))

        def undo() -> None:
            if wanted.admin is not None:
                self.world.forbid(self.people[wanted.admin], Privilege.MANAGE, Ref(Kind.METASTORE, ""))
            for place, grantee, privilege in wanted.grants:
                self.world.revoke(self.refs[place], self.names[grantee], privilege)
            for place in wanted.owners:
                do(self._give(place, self.world.owner.name))
            for group, member in wanted.members:
                leave = (self.ids[member],)
                do(leaving(self.ids[group], *leave))

        return undo

    def _give(self, place: str, owner: str) -> Action[Any, Any]:
        ref = self.refs[place]
        match ref.kind:
            case Kind.CATALOG:
                return catalogs.UpdateCatalog(ref, catalogs.Change(owner=owner))
            case Kind.SCHEMA:
                return catalogs.UpdateSchema(ref, catalogs.Change(owner=owner))
            case Kind.PROMPT:
                return prompts.UpdatePrompt(ref, prompts.PromptChange(owner=owner))
            case _:
                return models.UpdateModel(ref, models.ModelChange(owner=owner))

    def of(self, kind: Kind) -> list[Ref]:
        return [ref for ref in self.refs.values() if ref.kind is kind]

    def shown(self, who: Person, query: Callable[[Window], Action[Any, Any]], size: int) -> dict[str, Any]:
        """Everything of this tree that a list shows, page by page."""
        found: dict[str, Any] = {}
        window = Window(size)
        while True:
            page = self.world.do(query(window), who)
            assert not found.keys() & {item.full_name for item in page.items}
            found |= {item.full_name: item for item in page.items}
            if page.after is None:
                mine = {ref.name for ref in self.refs.values()}
                return {name: item for name, item in found.items() if name in mine}
            window = Window(size, page.after)

    def allowed(self, who: Person, get: Callable[[Ref], Action[Any, Any]], kind: Kind) -> dict[str, Any]:
        """Everything of this tree that single requests allow."""
        found: dict[str, Any] = {}
        for ref in self.of(kind):
            try:
                found[ref.name] = self.world.do(get(ref), who)
            except Denied:
                continue
        return found


_trees: dict[int, Tree] = {}


def tree_of(world: World) -> Tree:
    """The tree of a world; one is enough, as each arrangement is taken back."""
    if id(world) not in _trees:
        _trees[id(world)] = Tree(world)
    return _trees[id(world)]


def _check(tree: Tree, who: Person, size: int) -> None:
    """Whole results are compared: also owners, comments, and whether something may only be browsed."""
    got = tree.allowed(who, catalogs.GetCatalog, Kind.CATALOG)
    assert tree.shown(who, catalogs.ListCatalogs, size) == got
    got = tree.allowed(who, catalogs.BrowseCatalog, Kind.CATALOG)
    assert tree.shown(who, lambda window: catalogs.ListCatalogs(window, browse=True), size) == got
    for browse, get in ((False, catalogs.GetSchema), (True, catalogs.BrowseSchema)):
        listed: dict[str, Any] = {}
        for catalog in tree.of(Kind.CATALOG):

            def inside(window: Window, name: str = catalog.name, *, browse: bool = browse) -> Action[Any, Any]:
                return catalogs.ListSchemas(name, window, browse=browse)

            listed |= tree.shown(who, inside, size)
        assert listed == tree.allowed(who, get, Kind.SCHEMA)
    for browse, get in ((False, models.GetModel), (True, models.BrowseModel)):
        got = tree.allowed(who, get, Kind.MODEL)
        for container in ("", *(ref.name for kind in (Kind.CATALOG, Kind.SCHEMA) for ref in tree.of(kind))):

            def within(window: Window, name: str = container, *, browse: bool = browse) -> Action[Any, Any]:
                return models.SearchModels(window, name, browse)

            below = {name: model for name, model in got.items() if name.startswith(f"{container}.".lstrip("."))}
            assert tree.shown(who, within, size) == below
    _check_prompts(tree, who, size)
    single = tree.allowed(who, lambda ref: versions.GetVersion(ref, 1), Kind.MODEL)
    for ref in tree.of(Kind.MODEL):
        page = tree.world.do(versions.SearchVersions(VersionFilter(model=ref.name), Window(10)), who)
        assert list(page.items) == ([single[ref.name]] if ref.name in single else [])


def _check_prompts(tree: Tree, who: Person, size: int) -> None:
    got = tree.allowed(who, prompts.GetPrompt, Kind.PROMPT)
    everything = (Term(Part.FULL_NAME, "%"),)
    assert tree.shown(who, lambda window: prompts.SearchPrompts((), window), size) == got
    for schema in tree.of(Kind.SCHEMA):

        def within(window: Window, name: str = schema.name) -> Action[Any, Any]:
            return prompts.SearchPrompts(everything, window, name)

        below = {name: prompt for name, prompt in got.items() if name.startswith(schema.name + ".")}
        assert tree.shown(who, within, size) == below
    for ref in tree.of(Kind.PROMPT):
        link = prompts.LinkPromptVersions(((ref.name, 1),), (Link(LinkKind.RUN, "r"),))
        try:
            tree.world.do(link, who)
        except NotFound:
            assert ref.name not in got
        else:
            assert ref.name in got


@settings(
    max_examples=MOST,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(wanted=_holding(("0.0", Privilege.ALL_PRIVILEGES)), size=1)
@example(wanted=_holding(("0", Privilege.BROWSE), ("0.0", Privilege.USE_SCHEMA)), size=1)
@example(wanted=_holding(("0", Privilege.BROWSE), ("0.0.0", Privilege.EXECUTE)), size=1)
@example(wanted=_holding(("0", Privilege.ALL_PRIVILEGES), ("1", Privilege.MANAGE)), size=1)
@example(
    wanted=_holding(("0", Privilege.USE_CATALOG), ("0.0", Privilege.USE_SCHEMA), ("0.0.p", Privilege.EXECUTE)), size=1
)
@given(wanted=arrangements, size=st.sampled_from((1, 2, 100)))
def test_lists_show_exactly_what_single_requests_allow(world: World, wanted: Arrangement, size: int) -> None:
    tree = tree_of(world)
    undo = tree.arrange(wanted)
    try:
        for who in tree.people:
            _check(tree, who, size)
    finally:
        undo()
