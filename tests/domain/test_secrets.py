from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.secrets import (
    MAX_VALUE,
    Hidden,
    Level,
    Reference,
    highest,
    key_name,
    reference,
    scope_name,
    value,
)
from modelyard.errors import Invalid, TooLarge

NAMES = st.from_regex(r"[A-Za-z0-9_.@-]{1,128}", fullmatch=True)
BLANKS = st.text(" \t\n", max_size=3)


@given(NAMES)
def test_letters_digits_and_four_signs_are_a_name(name: str) -> None:
    assert scope_name(name) == key_name(name) == name


@pytest.mark.parametrize("name", ["", "a" * 129, "a b", "a/b", "ä", "a\n", "a\x00", "{a}", "\u0661"])
def test_anything_else_is_none(name: str) -> None:
    for checked in (scope_name, key_name):
        with pytest.raises(Invalid, match="128 letters"):
            checked(name)


@given(st.sets(st.sampled_from(Level)), st.sampled_from(Level))
def test_the_highest_level_includes_what_any_of_them_does(levels: set[Level], wanted: Level) -> None:
    most = highest(levels)
    allowed = most is not None and most.includes(wanted)
    assert allowed == any(level.includes(wanted) for level in levels)


def test_levels_are_in_order() -> None:
    order = [Level.READ, Level.WRITE, Level.MANAGE]
    assert [[one.includes(other) for other in order] for one in order] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_a_value_is_bounded_and_the_refusal_holds_nothing_of_it() -> None:
    assert value(b"x" * MAX_VALUE).reveal() == b"x" * MAX_VALUE
    with pytest.raises(TooLarge) as refusal:
        value(b"xyzzy" * MAX_VALUE)
    assert "xyzzy" not in refusal.value.message


@given(st.binary(min_size=4))
def test_a_hidden_value_is_in_no_repr_and_in_no_json(content: bytes) -> None:
    hidden = Hidden(content)
    assert hidden.reveal() == content
    assert repr(hidden) == str(hidden) == "Hidden(…)"
    assert msgspec.json.encode([hidden]) == b"[{}]"


@given(st.binary())
def test_a_hidden_value_is_a_text_where_an_environment_can_hold_it(content: bytes) -> None:
    hidden = Hidden(content)
    assert hidden.is_text() == (hidden.text().encode() == content and b"\x00" not in content)


@given(NAMES, NAMES, BLANKS, BLANKS)
def test_a_reference_is_read_as_it_is_written(scope: str, key: str, outside: str, inside: str) -> None:
    wanted = Reference(scope, key)
    assert reference(str(wanted)) == wanted
    assert reference(f"{outside}{{{{{inside}secrets/{scope}/{key}{inside}}}}}{outside}") == wanted


PIECES = st.lists(st.sampled_from(["{{", "}}", "secrets/", "secrets", "a", "/", " "])).map("".join)


@given(st.text() | PIECES)
def test_any_text_is_a_reference_or_plain_or_refused(text: str) -> None:
    try:
        found = reference(text)
    except Invalid:
        found = "refused"
    if found is None:
        assert "{{secrets/" not in text


@pytest.mark.parametrize(
    "text", ["", "{{name}}", "secrets/a/b", "{secrets/a/b}", "{{ prompts/a/b }}", "{{secretsa/b}}"]
)
def test_a_text_that_speaks_of_no_secret_is_a_text(text: str) -> None:
    assert reference(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "{{secrets/a}}",
        "{{secrets/a/b/c}}",
        "{{secrets//b}}",
        "{{secrets/a/b}",
        "{{secrets/a/b}} ok",
        "Bearer {{secrets/a/b}}",
        "{{secrets/a/b}}{{secrets/a/b}}",
        "{{secrets/ä/b}}",
        "{{ secrets / a / b }}",
    ],
)
def test_a_reference_that_is_written_wrong_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        reference(text)
