"""Templates, tags of prompts, pages that are bounded by length, and the filters of searches."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain import names
from modelyard.domain.filters import ESCAPE, MAX_TERMS, Part, Term, prompts
from modelyard.domain.models import Tag
from modelyard.domain.prompts import MAX_TEMPLATE, tag, template, within
from modelyard.errors import Invalid

MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{question}}"}]


class TestTemplates:
    @pytest.mark.parametrize("said", ["", "Hi {{name}}", "日本 🎉\n", MESSAGES, [{"role": "user", "content": [{}]}]])
    def test_texts_and_chats_are_kept_as_they_were_written(self, said: object) -> None:
        for text in (json.dumps(said), json.dumps(said, ensure_ascii=False, indent=3)):
            assert template(text) == text

    @pytest.mark.parametrize(
        "text",
        ["", "Hi", "{", "null", "1", "{}", "[]", '["Hi"]', '[{"content": "Hi"}]', '[{"role": 1}]', "[" * 100_000],
        ids=range(11),
    )
    def test_what_clients_could_not_load_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid, match="template must be JSON"):
            template(text)

    def test_are_bounded(self) -> None:
        longest = json.dumps("x" * (MAX_TEMPLATE - 2))
        assert template(longest) == longest
        with pytest.raises(Invalid, match=f"at most {MAX_TEMPLATE} characters"):
            template(json.dumps("x" * (MAX_TEMPLATE - 1)))

    def test_hold_nothing_that_a_database_cannot_keep(self) -> None:
        for text in ('"\x00"', '"\ud800"'):
            with pytest.raises(Invalid, match="cannot be stored"):
                template(text)


def test_only_tags_of_mlflow_itself_may_be_long() -> None:
    long = "x" * (names.MAX_TAG_VALUE + 1)
    assert tag("_mlflow_prompt_response_format", long) == Tag("_mlflow_prompt_response_format", long)
    for key, value in (("mlflow", long), ("_mlflow_x", "x" * (names.MAX_COMMENT + 1)), ("a.b", "x")):
        with pytest.raises(Invalid):
            tag(key, value)


@given(st.lists(st.integers(0, 20)), st.integers(0, 40))
def test_a_page_takes_as_many_as_fit_and_at_least_one(lengths: list[int], most: int) -> None:
    count = within(lengths, most)
    assert count == len(lengths) or count >= 1
    assert sum(lengths[:count]) <= most or count == 1
    assert count == len(lengths) or sum(lengths[: count + 1]) > most


class TestFilters:
    @pytest.mark.parametrize(
        ("text", "terms"),
        [
            ("", ()),
            ("  \n", ()),
            ("name = 'Hello'", (Term(Part.NAME, "hello"),)),
            ("name LIKE 'Hel_o%'", (Term(Part.NAME, "hel_o%"),)),
            ('NAME ilike "HEL%"', (Term(Part.NAME, "hel%"),)),
            ("name = 'a.b.c'", (Term(Part.FULL_NAME, "a.b.c"),)),
            ("name='100%_/'", (Term(Part.NAME, "100/%/_//"),)),
            ("name LIKE 'a/b%'", (Term(Part.NAME, "a//b%"),)),
            ("tags.k = 'V'", (Term(Part.TAG, "V", "k"),)),
            ("tag.`some key` LIKE '%,1,%'", (Term(Part.TAG, "%,1,%", "some key"),)),
            ("tags.k ILIKE 'VÉ%'", (Term(Part.TAG_WITHOUT_CASE, "vÉ%", "k"),)),
            (
                "name LIKE 'x AND y' and tags.k = \"it's\"AND tags.k LIKE ''",
                (Term(Part.NAME, "x and y"), Term(Part.TAG, "it's", "k"), Term(Part.TAG, "", "k")),
            ),
        ],
    )
    def test_are_read(self, text: str, terms: tuple[Term, ...]) -> None:
        assert prompts(text) == terms

    @pytest.mark.parametrize(
        "text",
        [
            "name",
            "name =",
            "name = x",
            "name = 'x' AND",
            "AND name = 'x'",
            "name = 'x' OR name = 'y'",
            "name = 'x' name = 'y'",
            "name != 'x'",
            "name LIKE 'x",
            "nameLIKE'x' OR 1=1 --",
            "tags. = 'x'",
            "tags.a.b = 'x'",
            "tags.`a.b` = 'x'",
            "description = 'x'",
            "catalog = 'c'",
            "name = 'x\x00'",
            "name = '\ud800'",
            "name = ''' OR 1=1",
            " AND ".join(["name = 'x'"] * (MAX_TERMS + 1)),
            "(" * 50_000,
            "name = '" + "x' AND name = '" * 50_000,
        ],
        ids=range(21),
    )
    def test_that_are_none_are_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            prompts(text)

    @given(st.text())
    def test_are_read_or_refused(self, text: str) -> None:
        for said in (text, f"name = '{text}'", f"tags.k LIKE '{text}' AND {text}"):
            try:
                terms = prompts(said)
            except Invalid:
                continue
            assert len(terms) <= MAX_TERMS

    @given(st.text(alphabet=f"ab%_{ESCAPE}*?[").filter(bool))
    def test_equality_has_no_wildcards(self, value: str) -> None:
        [term] = prompts(f"tags.k = '{value}'")
        plain = term.pattern
        for letter in (ESCAPE, "%", "_"):
            plain = plain.replace(ESCAPE + letter, "") if letter != ESCAPE else plain.replace(ESCAPE * 2, "")
        assert not set(plain) & {"%", "_", ESCAPE}
