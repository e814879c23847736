"""Patterns of aliases, and who may move what they protect."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.aliases import MAX_REASON, Mover, Protection, barrier, matches, pattern, reason
from modelyard.errors import Invalid

ALICE, BOB = Mover("1", "alice"), Mover("2", "bob")


@given(st.text("ab*", min_size=1, max_size=8), st.text("abAB", max_size=8))
def test_a_star_stands_for_any_letters_and_case_for_nothing(told: str, alias: str) -> None:
    told_as_expression = ".*".join(map(re.escape, told.split("*")))
    assert matches(told, alias) == bool(re.fullmatch(told_as_expression, alias, re.IGNORECASE))


def test_many_stars_take_no_time() -> None:
    assert not matches("*a" * 127, "a" * 126 + "b" * 100)


@pytest.mark.parametrize("told", ["", "a b", "a.b", "a?", "a" * 256, "ä/", "champion\n"])
def test_what_no_alias_could_be_is_no_pattern(told: str) -> None:
    with pytest.raises(Invalid):
        pattern(told)


def test_a_pattern_is_kept_without_case() -> None:
    assert pattern("Champ*_-Ä") == "champ*_-ä"


def test_a_reason_is_bounded() -> None:
    assert reason("x" * MAX_REASON)
    with pytest.raises(Invalid):
        reason("x" * (MAX_REASON + 1))


def test_every_pattern_that_stands_for_an_alias_must_let_its_mover() -> None:
    narrow, wide = Protection("s", "champion", (ALICE,)), Protection("s", "champ*", (ALICE, BOB))
    assert barrier([narrow, wide], "Champion", frozenset({"1"})) is None
    assert barrier([wide, narrow], "Champion", frozenset({"2"})) is narrow
    assert barrier([wide, narrow], "Champagne", frozenset({"2"})) is None
    assert barrier([wide, narrow], "other", frozenset()) is None


def test_where_no_mover_is_left_nobody_may_move() -> None:
    alone = Protection("s", "*", ())
    assert barrier([alone], "any", frozenset({"1", "2"})) is alone
    assert "nobody may move it until an admin" in alone.who
