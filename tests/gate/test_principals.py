"""Principals inside: searches mean the same in Python and in both databases, and groups stay sane."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.action import Ref
from modelyard.actions import access, catalogs, credentials, grants, tokens
from modelyard.domain.access import ADMINS, EVERYBODY, Bearer, Principal, PrincipalChange, PrincipalKind, Profile
from modelyard.domain.conditions import Attribute, Comparison, Condition, Joined, Not, Operator
from modelyard.domain.privileges import GrantChange, Privilege
from modelyard.errors import AlreadyExists, Denied, Failure, Invalid
from tests.house.world import World, joining, leaving
from tests.support import InProcess

USER, GROUP = PrincipalKind.USER, PrincipalKind.GROUP
NAMES = ("ann", "Anna", "a%b", "a_b", "Ärger", "ärger", "x!y", "q'uote", 'q"uote', "back\\slash", "Ⅷ", "İ")
TEXTS = st.sampled_from([*NAMES, "", "a", "AN", "%", "_", "!", "ä", "Ä", "\\", "'", "e-1", "E-1"])


def lowered(text: str) -> str:
    """As both databases' `lower` does."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def holds(condition: Condition, card: access.PrincipalCard) -> bool:
    """The same question, in Python."""
    match condition:
        case Joined(every, parts):
            return (all if every else any)(holds(part, card) for part in parts)
        case Not(inner):
            return not holds(inner, card)
        case Comparison(Attribute.ACTIVE, operator, value):
            return (card.principal.active == value) == (operator is Operator.EQ)
        case Comparison(attribute, operator, value):
            return compares(operator, *told(attribute, str(value), card))


def told(attribute: Attribute, value: str, card: access.PrincipalCard) -> tuple[str, str]:
    match attribute:
        case Attribute.USER_NAME:
            return card.principal.name.lower(), value.lower()
        case Attribute.DISPLAY_NAME:
            return lowered(card.principal.display_name), lowered(value)
        case Attribute.EXTERNAL_ID:
            return card.profile.external_id, value
        case _:
            return "", lowered(value)  # service principals' names, which users do not have


def compares(operator: Operator, held: str, value: str) -> bool:
    return {
        Operator.EQ: held == value,
        Operator.NE: held != value,
        Operator.CO: value in held,
        Operator.SW: held.startswith(value),
    }[operator]


def searches() -> st.SearchStrategy[Condition]:
    attributes = [Attribute.USER_NAME, Attribute.DISPLAY_NAME, Attribute.EXTERNAL_ID, Attribute.APPLICATION_ID]
    equal = st.sampled_from([Operator.EQ, Operator.NE])
    leaves = st.one_of(
        st.builds(Comparison, st.sampled_from(attributes), st.sampled_from(Operator), TEXTS),
        st.builds(Comparison, st.just(Attribute.ACTIVE), equal, st.booleans()),
    )
    return st.recursive(
        leaves,
        lambda parts: st.one_of(
            st.builds(Not, parts),
            st.builds(Joined, st.booleans(), st.lists(parts, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=5,
    )


@pytest.fixture
def crowd(inside: InProcess) -> dict[str, access.PrincipalCard]:
    """Users with names that databases could take for patterns, and the first admin, by their ids."""
    for number, name in enumerate(NAMES):
        profile = Profile(external_id=f"{'eE'[number % 2]}-{number % 3}")
        inside.do(access.CreatePrincipal(USER, f"{name}{number}", name, profile=profile, active=number % 4 > 0))
    cards = inside.do(access.ListPrincipals(USER)).cards
    return {card.principal.id: card for card in cards}


class TestASearch:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(condition=searches())
    def test_finds_what_meets_its_condition(
        self, inside: InProcess, crowd: dict[str, access.PrincipalCard], condition: Condition
    ) -> None:
        found = inside.do(access.ListPrincipals(USER, condition=condition))
        expected = {id_ for id_, card in crowd.items() if holds(condition, card)}
        assert {card.principal.id for card in found.cards} == expected
        assert found.total == len(expected)

    def test_leaves_no_statement_behind(self, inside: InProcess, crowd: dict[str, access.PrincipalCard]) -> None:
        assert crowd
        known = inside.built.database._compiled  # noqa: SLF001  whether memory grows is seen nowhere else
        before = len(known)
        for number in range(50):
            condition = Comparison(Attribute.USER_NAME, Operator.CO, f"x{number}")
            inside.do(access.ListPrincipals(USER, condition=condition))
        assert len(known) <= before + 10

    def test_asks_as_many_questions_for_many_as_for_one(
        self, inside: InProcess, crowd: dict[str, access.PrincipalCard], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        team = inside.do(access.CreatePrincipal(GROUP, "team", members=tuple(crowd)))
        asked: list[int] = []
        with inside.built.database.look() as tx:
            rows = type(tx).rows
        monkeypatch.setattr(type(tx), "rows", lambda *args, **values: asked.append(1) or rows(*args, **values))
        inside.do(access.ListPrincipals(USER, most=1))
        one = len(asked)
        assert len(inside.do(access.ListPrincipals(USER)).cards) == len(crowd)
        assert len(asked) == 2 * one
        assert {each.id for each in team.members} == set(crowd)


def holders(world: World, on: Ref, principal: str = "") -> set[str]:
    """Who was granted anything on a securable."""
    return {each.principal for each in world.do(grants.GetGrants(on, principal)).items}


class TestARename:
    def test_keeps_grants_and_a_new_principal_of_the_old_name_starts_empty(self, world: World) -> None:
        catalog, person = world.catalog(), world.person()
        world.grant(catalog, person.name, Privilege.USE_CATALOG)
        renamed = world.new_name("renamed")
        world.do(access.UpdatePrincipal(USER, person.id, PrincipalChange(name=renamed)))
        world.do(catalogs.GetCatalog(catalog), person)
        assert holders(world, catalog) == {renamed}
        world.do(access.CreatePrincipal(USER, person.name))
        assert holders(world, catalog) == {renamed}

    def test_to_a_name_that_is_taken_in_any_case_is_refused(self, world: World) -> None:
        one, other = world.person(), world.person()
        with pytest.raises(AlreadyExists):
            world.do(access.UpdatePrincipal(USER, one.id, PrincipalChange(name=other.name.upper())))
        again = PrincipalChange(name=one.name.upper())
        assert world.do(access.UpdatePrincipal(USER, one.id, again)).principal.name == one.name.upper()


class TestTheGroupOfEverybody:
    def test_is_also_called_users(self, world: World) -> None:
        catalog, person = world.catalog(), world.person()
        with pytest.raises(Denied):
            world.do(catalogs.GetCatalog(catalog), person)
        world.do(grants.ChangeGrants(catalog, (GrantChange("users", add=frozenset({Privilege.USE_CATALOG})),)))
        world.do(catalogs.GetCatalog(catalog), person)
        assert holders(world, catalog, "Users") == {EVERYBODY}

    def test_keeps_its_names_for_itself(self, world: World) -> None:
        for name in ("users", "Users", "Account Users"):
            with pytest.raises(AlreadyExists):
                world.do(access.CreatePrincipal(GROUP, name))
        with pytest.raises(Invalid, match="built in"):
            world.do(access.UpdatePrincipal(GROUP, EVERYBODY, PrincipalChange(name="nobody")))

    def test_has_no_members_of_its_own_and_is_in_no_group(self, world: World) -> None:
        group, _ = world.group()
        with pytest.raises(Invalid, match="everybody is in"):
            world.do(joining(EVERYBODY, world.owner.id))
        with pytest.raises(Invalid, match="cannot hold each other"):
            world.do(joining(group, EVERYBODY))


class TestTheLastAdmin:
    def test_may_come_through_a_group_but_must_be_somebody(self, inside: InProcess) -> None:
        """A group without active members in the group of admins is no admin."""
        me: Principal = inside.do(access.WhoAmI()).principal
        empty = inside.do(access.CreatePrincipal(GROUP, "empty")).principal
        inside.do(joining("admins", empty.id))
        with pytest.raises(Invalid, match="last active admin"):
            inside.do(leaving("admins", me.id))
        inside.do(joining(empty.id, me.id))
        inside.do(leaving("admins", me.id))
        with pytest.raises(Invalid, match="last active admin"):
            inside.do(access.DeletePrincipal(GROUP, empty.id))
        assert inside.do(access.WhoAmI()).principal.id == me.id


def succeeded(works: list[Callable[[], object]]) -> int:
    """How many of these succeed when all of them are done at the same time; the others must be refused."""

    def tried(work: Callable[[], object]) -> bool:
        try:
            work()
        except Failure:
            return False
        return True

    with ThreadPoolExecutor(len(works)) as pool:
        return sum(pool.map(tried, works))


class TestAtTheSameTime:
    def test_two_admins_cannot_shut_each_other_out(self, inside: InProcess) -> None:
        me: Principal = inside.do(access.WhoAmI()).principal
        other = inside.do(access.CreatePrincipal(USER, "other")).principal
        inside.do(joining(ADMINS, other.id))
        theirs = Bearer(inside.do(tokens.CreateTokenFor("other")).secret)
        shut, let = PrincipalChange(active=False), PrincipalChange(active=True)
        for _ in range(5):
            done = succeeded(
                [
                    lambda: inside.do(access.UpdatePrincipal(USER, other.id, shut)),
                    lambda: inside.do(access.UpdatePrincipal(USER, me.id, shut), theirs),
                ]
            )
            assert done == 1
            survivor, out = (None, other.id) if succeeded([lambda: inside.do(access.WhoAmI())]) else (theirs, me.id)
            inside.do(access.UpdatePrincipal(USER, out, let), survivor)

    def test_no_third_secret_is_made(self, inside: InProcess) -> None:
        robot = inside.do(access.CreatePrincipal(PrincipalKind.SERVICE_PRINCIPAL, "robot")).principal
        assert succeeded([lambda: inside.do(credentials.CreateSecret(robot.id))] * 6) == credentials.MAX_LIVE
        assert len(inside.do(credentials.ListSecrets(robot.id)).secrets) == credentials.MAX_LIVE
