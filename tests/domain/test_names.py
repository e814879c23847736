"""Names, aliases, tags, versions and filters: what is taken, what is refused, and that nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelyard.domain import access, filters, names
from modelyard.errors import Invalid

anything = st.text(st.characters(exclude_categories=[]))
"""Any text, lone surrogates and control characters too."""


class TestNames:
    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("churn", "churn"),
            ("Churn-2", "churn-2"),
            ("ÄRA", "ära"),
            ("模型", "模型"),
            ("a@b", "a@b"),
            ("x" * 255,) * 2,
        ],
    )
    def test_are_kept_in_lower_case(self, written: str, kept: str) -> None:
        assert names.simple(written) == kept

    @pytest.mark.parametrize(
        "bad", ["", " ", "a b", "a.b", "a/b", "a\tb", "a\nb", "\x00", "\x1f", "\x7f", "a ", "x" * 256, "\ud800"]
    )
    def test_are_refused_in_the_words_of_databricks(self, bad: str) -> None:
        with pytest.raises(Invalid) as refusal:
            names.simple(bad)
        assert refusal.value.message.startswith('name "')
        assert (
            '" is not a valid name. Valid names cannot contain spaces, periods, forward slashes, '
            "or control characters" in refusal.value.message
        )

    @pytest.mark.parametrize("reserved", ["system", "SYSTEM", "information_schema", "__databricks_internal"])
    def test_that_are_reserved_cannot_be_given_but_asked_for(self, reserved: str) -> None:
        assert names.simple(reserved) == reserved.lower()
        with pytest.raises(Invalid, match="is reserved"):
            names.new_simple(reserved)

    @given(anything)
    @example("İ" * 255)
    def test_are_valid_and_the_same_once_they_are_folded(self, text: str) -> None:
        """A client asks for a model by the name that the server answered."""
        try:
            folded = names.new_simple(text)
        except Invalid:
            return
        assert names.simple(folded) == folded
        assert len(folded) <= 255
        assert not set(folded) & set("./ \x00\x1f\x7f")

    @given(anything)
    @example("\U0010ffff")
    def test_lie_between_the_bounds_by_which_everything_inside_is_found(self, text: str) -> None:
        """`store` finds what is in "a" between "a." and "a/"."""
        try:
            name = names.new_simple(text)
        except Invalid:
            return
        assert f"{name}." < f"{name}.{name}" < f"{name}/"

    @pytest.mark.parametrize("bad", ["", "a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "..", "a.b.c d"])
    def test_of_models_have_three_levels(self, bad: str) -> None:
        with pytest.raises(Invalid):
            names.model(bad)
        assert names.model("A.b.C") == "a.b.c"

    @pytest.mark.parametrize("bad", ["", "a", "a.b.c", "a.", ".b", "."])
    def test_of_schemas_have_two_levels(self, bad: str) -> None:
        with pytest.raises(Invalid):
            names.schema(bad)
        assert names.schema("A.b") == "a.b"

    def test_are_split_at_their_last_level(self) -> None:
        assert names.split("a.b.c") == ("a.b", "c")
        assert names.split("a") == ("", "a")

    def test_that_are_bad_are_shown_short_and_printable(self) -> None:
        with pytest.raises(Invalid) as refusal:
            names.simple("\x1b[31m" + "x" * 10_000)
        assert len(refusal.value.message) < 300
        assert refusal.value.message.isprintable()


class TestAliases:
    @pytest.mark.parametrize("good", ["champion", "Champion", "a-b_c", "1", "v", "v1a", "version1", "é", "x" * 255])
    def test_are_kept_as_written(self, good: str) -> None:
        assert names.alias(good) == good

    @pytest.mark.parametrize(
        "bad",
        ["", "latest", "LATEST", "Latest", "v1", "V23", "a b", "a.b", "a/b", "a@b", "a\n", "\n", "x" * 256, "-\x00"],
    )
    def test_are_refused_as_the_client_of_mlflow_does(self, bad: str) -> None:
        with pytest.raises(Invalid):
            names.alias(bad)


class TestVersions:
    @pytest.mark.parametrize(("written", "number"), [("1", 1), (1, 1), ("007", 7), (str(2**31 - 1), 2**31 - 1)])
    def test_are_whole_numbers_from_one_on(self, written: str | int, number: int) -> None:
        assert names.version(written) == number

    @pytest.mark.parametrize(
        "bad", ["", "0", 0, -1, "-1", "1.0", "1e3", " 1", "1 ", "\u0661", "²", str(2**31), "9" * 5000, "latest", "+1"]
    )
    def test_are_nothing_else(self, bad: str | int) -> None:
        with pytest.raises(Invalid):
            names.version(bad)


class TestTags:
    @pytest.mark.parametrize("good", ["team", "Team", "a b", "_mlflow_x", "é", "x" * 255])
    def test_keys_are_kept_as_written(self, good: str) -> None:
        assert names.tag_key(good) == good

    @pytest.mark.parametrize(
        "bad", ["", " a", "a ", "a.b", "a,b", "a-b", "a=b", "a/b", "a:b", "a\x00", "\n", "x" * 256, "\ud800"]
    )
    def test_keys_are_refused_by_the_rules_of_unity_catalog(self, bad: str) -> None:
        with pytest.raises(Invalid):
            names.tag_key(bad)

    def test_values_have_at_most_a_thousand_characters(self) -> None:
        assert names.tag_value("") == ""
        assert names.tag_value("ü" * 1000) == "ü" * 1000
        with pytest.raises(Invalid, match="at most 1000 characters, this one has 1001"):
            names.tag_value("x" * 1001)

    @pytest.mark.parametrize("bad", ["\x00", "a\ud800b"])
    def test_values_and_comments_hold_only_what_every_database_can(self, bad: str) -> None:
        for read in (names.tag_value, names.comment):
            with pytest.raises(Invalid, match="cannot be stored"):
                read(bad)

    def test_comments_are_bounded(self) -> None:
        assert names.comment("x" * 65_536)
        with pytest.raises(Invalid):
            names.comment("x" * 65_537)


class TestFilters:
    @pytest.mark.parametrize("text", ["name='a.b.c'", 'name = "a.b.c"', " name\t= 'A.B.C' ", "name ='a.b.c'"])
    def test_by_name_are_read(self, text: str) -> None:
        assert filters.versions(text) == filters.VersionFilter(model="a.b.c")

    def test_by_run_are_read(self) -> None:
        assert filters.versions("run_id = 'abc'") == filters.VersionFilter(run_id="abc")

    @pytest.mark.parametrize(
        "bad",
        [
            "", "name", "name='a.b'", "name LIKE 'a.b.c'", "name='a.b.c' AND run_id='x'", "name='a.b.c\"",
            "name=a.b.c", "tags.x='1'", "NAME='a.b.c'", "name='a.b.c' ORDER BY x", "name=''", "run_id=''",
            "name='a.b.c'; DROP TABLE models", "name='a.b.c' or '1'='1'", "run_id='\x00'",
        ],
    )  # fmt: skip
    def test_of_any_other_form_are_refused(self, bad: str) -> None:
        with pytest.raises(Invalid):
            filters.versions(bad)


class TestPrincipals:
    @pytest.mark.parametrize("good", ["alice@example.com", "Ops Team", "ü", "x" * 255])
    def test_names_are_kept_as_written(self, good: str) -> None:
        assert access.principal_name(good) == good

    @pytest.mark.parametrize("bad", ["", " a", "a ", "a\x00b", "a\nb", "x" * 256, "\ud800"])
    def test_names_are_refused(self, bad: str) -> None:
        with pytest.raises(Invalid):
            access.principal_name(bad)

    def test_tokens_live_for_seconds_or_without_end(self) -> None:
        assert access.lifetime(60) == 60_000
        assert [access.lifetime(each) for each in (None, 0, -1)] == [None, None, None]
        for bad in (-2, 10**12):
            with pytest.raises(Invalid):
                access.lifetime(bad)


READERS: list[Callable[[str], Any]] = [
    names.simple, names.new_simple, names.model, names.schema, names.alias, names.version, names.tag_key,
    names.tag_value, names.comment, filters.versions, access.principal_name,
]  # fmt: skip


@pytest.mark.parametrize("read", READERS, ids=lambda read: f"{read.__module__}.{read.__name__}")
@given(text=anything)
def test_any_text_is_taken_or_refused_and_what_is_taken_can_be_stored(read: Callable[[str], Any], text: str) -> None:
    try:
        taken = read(text)
    except Invalid as failure:
        failure.message.encode()  # a refusal can be sent
        return
    assert "\x00" not in str(taken)
    str(taken).encode()
