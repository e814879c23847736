"""Pages of lists: their length, and the tokens that lead on."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.pages import Page, Window, token, window
from modelyard.errors import Invalid

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=100)
"""What keys of rows and queries are made of."""


def read(text: str, query: str = "models") -> Window:
    return window(None, text, query, default=10, most=100)


class TestAWindow:
    @pytest.mark.parametrize(("asked", "limit"), [(None, 10), (0, 10), (1, 1), (100, 100), (101, 100), (10**9, 100)])
    def test_has_the_length_that_is_asked_for_within_a_bound(self, asked: int | None, limit: int) -> None:
        assert window(asked, None, "models", default=10, most=100) == Window(limit, "", "models")

    def test_of_a_negative_length_is_refused(self) -> None:
        with pytest.raises(Invalid, match="max_results must not be negative"):
            window(-1, None, "models", default=10, most=100)

    @given(st.lists(st.integers(), max_size=30, unique=True), st.integers(1, 10))
    def test_cuts_a_list_into_pages_that_make_it_whole(self, items: list[int], limit: int) -> None:
        rows = sorted(items)
        found: list[int] = []
        after: int | None = None
        for _ in range(40):
            rest = [row for row in rows if after is None or row > after][: limit + 1]
            page = Window(limit, query="q").cut(rest, str(rest[limit - 1]) if len(rest) > limit else None)
            assert len(page.items) <= limit
            found += page.items
            if page.after is None:
                break
            after = int(read(token(page), "q").after)
        assert found == rows


class TestAToken:
    @given(after=storable, query=storable)
    def test_comes_back_as_the_key_that_it_was_made_of(self, after: str, query: str) -> None:
        assert read(token(Page((), after, query)), query) == Window(10, after, query)

    @pytest.mark.parametrize("after", [".".join(["😀" * 255] * 3), "/".join(["模" * 85] * 12)])
    def test_of_the_longest_keys_comes_back_whole(self, after: str) -> None:
        """Full names have up to 767 characters, paths of files up to 1,024."""
        assert read(token(Page((), after, "models"))).after == after

    def test_of_a_last_page_is_empty(self) -> None:
        assert token(Page((), None, "models")) == ""

    @given(after=storable, query=storable, other=storable)
    def test_of_another_query_is_refused(self, after: str, query: str, other: str) -> None:
        if query != other:
            with pytest.raises(Invalid, match="page_token is not one that this list gave"):
                read(token(Page((), after, query)), other)

    @given(st.data())
    def test_that_is_cut_short_is_refused(self, data: st.DataObject) -> None:
        whole = token(Page((), "main.ml.churn", "models"))
        with pytest.raises(Invalid):
            read(whole[: data.draw(st.integers(1, len(whole) - 1))])

    @given(st.text(st.characters(exclude_categories=[]), min_size=1))
    def test_of_any_text_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            read(text)

    @given(st.binary(min_size=1))
    def test_of_any_bytes_is_refused(self, raw: bytes) -> None:
        with pytest.raises(Invalid):
            read(base64.urlsafe_b64encode(raw).decode().rstrip("="))

    @pytest.mark.parametrize("depth", [500, 2_000, 100_000])
    def test_that_is_nested_deeply_is_refused(self, depth: int) -> None:
        with pytest.raises(Invalid):
            read(base64.urlsafe_b64encode(b"[" * depth).decode().rstrip("="))

    @pytest.mark.parametrize("after", ["\x00", "a\x00b"])
    def test_that_somebody_made_up_with_text_that_no_database_holds_is_refused(self, after: str) -> None:
        with pytest.raises(Invalid):
            read(token(Page((), after, "models")))
