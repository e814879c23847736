"""How grants are shown: what bears on what, the way through groups, and the words of advice."""

from __future__ import annotations

import itertools
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.explain import Check, Readiness, Remedy, Role, once
from modelyard.domain.grants import bears_on, ways
from modelyard.domain.privileges import APPLICABLE, Kind, Node, Outcome, Privilege, Step

LEVELS = [Kind.METASTORE, Kind.CATALOG, Kind.SCHEMA, Kind.MODEL]
NODES = {kind: Node(kind, kind.value, ".".join("abc"[:depth])) for depth, kind in enumerate(LEVELS)}


@pytest.mark.parametrize("above", LEVELS)
@pytest.mark.parametrize("below", LEVELS)
def test_what_is_inherited_is_passage_and_what_applies_but_never_browse(above: Kind, below: Kind) -> None:
    if LEVELS.index(above) > LEVELS.index(below):
        return
    shown = {each for each in APPLICABLE[above] if bears_on(each, NODES[above], NODES[below])}
    if above is below:
        assert shown == APPLICABLE[above]
    elif above is Kind.METASTORE:
        assert shown == set()
    else:
        passage = {Privilege.USE_CATALOG, Privilege.USE_SCHEMA} & APPLICABLE[above]
        assert shown == (APPLICABLE[above] & APPLICABLE[below] | passage) - {Privilege.BROWSE}


_memberships = st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=15)


@given(edges=_memberships)
def test_ways_lead_step_by_step_to_every_group_and_by_no_longer_way_than_needed(edges: set[tuple[str, str]]) -> None:
    found = ways("a", edges)
    reached = {"a": 0}
    for length in range(1, 7):  # as far as one group more each time
        for member, group in edges:
            if reached.get(member) == length - 1:
                reached.setdefault(group, length)
    assert {group: len(way) - 1 for group, way in found.items()} == reached
    for group, way in found.items():
        assert (way[0], way[-1]) == ("a", group)
        assert set(itertools.pairwise(way)) <= edges


@given(name=st.text(min_size=1), principal=st.text(min_size=1))
def test_advice_as_a_command_survives_any_name(name: str, principal: str) -> None:
    on = Node(Kind.CATALOG, "", name.replace(".", "_"))
    remedy = Remedy(principal, on, (Privilege.USE_CATALOG, Privilege.EXECUTE))
    words = shlex.split(remedy.command)
    assert words == ["modelyard", "grants", "set", "catalog", on.full_name, principal, "USE_CATALOG", "EXECUTE"]


def test_advice_names_each_missing_privilege_once_and_what_is_absent_apart() -> None:
    def check(privilege: Privilege, kind: Kind, outcome: Outcome) -> Check:
        return Check(Step(privilege, NODES[kind], outcome))

    denied = [
        check(Privilege.USE_CATALOG, Kind.CATALOG, Outcome.DENIED),
        check(Privilege.EXECUTE, Kind.MODEL, Outcome.DENIED),
        check(Privilege.USE_CATALOG, Kind.CATALOG, Outcome.DENIED),
        check(Privilege.MANAGE, Kind.MODEL, Outcome.DENIED),
    ]
    found = Readiness("alice", Role.DEPLOYMENT, once(denied))
    assert [(remedy.on.full_name, remedy.privileges) for remedy in found.remedies] == [
        ("a", (Privilege.USE_CATALOG,)),
        ("a.b.c", (Privilege.EXECUTE, Privilege.MANAGE)),
    ]
    missing = Readiness("alice", Role.INFERENCE, (check(Privilege.EXECUTE, Kind.MODEL, Outcome.MISSING),))
    assert (missing.ready, missing.remedies) == (False, ())
    assert missing.absent == ("Routine or Model 'a.b.c' does not exist.",)


def test_a_catalog_is_quoted_as_sql_quotes() -> None:
    remedy = Remedy("o`brien", NODES[Kind.SCHEMA], (Privilege.USE_SCHEMA,))
    assert remedy.sql == "GRANT USE SCHEMA ON SCHEMA `a`.`b` TO `o``brien`"
    on_all = Remedy("alice", NODES[Kind.METASTORE], (Privilege.CREATE_CATALOG,))
    assert on_all.sql == "GRANT CREATE CATALOG ON METASTORE TO `alice`"
