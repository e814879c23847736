"""SCIM's filters: what is read back is what was written, and nothing that can be typed is anything but a refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain import conditions
from modelyard.domain.conditions import Attribute, Comparison, Condition, Joined, Not, Operator
from modelyard.errors import Invalid


def written(condition: Condition) -> str:
    """A condition in SCIM's words, with parentheses around everything that has parts."""
    match condition:
        case Comparison(attribute, operator, value):
            return f"{attribute} {operator} {json.dumps(value, ensure_ascii=False)}"
        case Not(inner):
            return f"not ({written(inner)})"
        case Joined(every, parts):
            return (" and " if every else " or ").join(f"({written(part)})" for part in parts)


def comparisons() -> st.SearchStrategy[Condition]:
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    anything = st.sampled_from([Attribute.ID, Attribute.USER_NAME, Attribute.DISPLAY_NAME, Attribute.EXTERNAL_ID])
    only_equal = st.sampled_from([Operator.EQ, Operator.NE])
    return st.one_of(
        st.builds(Comparison, anything, st.sampled_from(Operator), texts),
        st.builds(Comparison, st.just(Attribute.ACTIVE), only_equal, st.booleans()),
        st.builds(Comparison, st.sampled_from([Attribute.MEMBERS, Attribute.GROUPS]), only_equal, texts),
    )


def every_condition() -> st.SearchStrategy[Condition]:
    def larger(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(parts, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(Not, parts), st.builds(Joined, st.booleans(), several))

    return st.recursive(comparisons(), larger, max_leaves=8)


@given(every_condition())
def test_what_is_written_is_read_back(condition: Condition) -> None:
    assert conditions.read(written(condition)) == condition


@given(st.text(st.sampled_from('()" \\aeqnotrdw.u:1\u0130'), max_size=60) | st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        found = conditions.read(text)
    except Invalid as refusal:
        assert refusal.message  # noqa: PT017  either outcome is right, no other exception is
    else:
        assert conditions.read(written(found)) == found


A = Comparison(Attribute.USER_NAME, Operator.EQ, "a")
B = Comparison(Attribute.ACTIVE, Operator.EQ, value=True)
C = Comparison(Attribute.MEMBERS, Operator.EQ, "7")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('USERNAME EQ "a"', A),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "a"', A),
        ('active eq "True"', B),
        ('members.value eq "7"', C),
        ('userName eq "a" or active eq true and members eq "7"', Joined(every=False, parts=(A, Joined(True, (B, C))))),  # noqa: FBT003  reads as a formula
        ('not (userName eq "a") and active eq true', Joined(every=True, parts=(Not(A), B))),
        (r'userName eq "\"\\A"', Comparison(Attribute.USER_NAME, Operator.EQ, '"\\A')),
    ],
)
def test_words_are_read_in_any_case_and_bind_as_the_rfc_says(text: str, expected: Condition) -> None:
    assert conditions.read(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at the end"),
        ('userName eq "a', "second quotation mark"),
        ('userName eq "a" userName', "at `userName`"),
        ("userName eq a", "at `a`"),
        ('userName gt "a"', "at `gt`"),
        ('shoeSize eq "a"', "shoeSize cannot be searched by"),
        ('not userName eq "a"', "at `userName`"),
        ('active co "t"', "eq or ne only"),
        ('userName eq "\\ud800"', "written as in JSON"),
        ("(" * 100_000, "at most 4096 characters"),
        ("(" * 4_000, "at most 16 parentheses"),
        ("not (" * 100 + "x", "at most 16 parentheses"),
        (" or ".join(['id eq "1"'] * 65), "at most 64 comparisons"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        conditions.read(text)
