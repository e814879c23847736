from __future__ import annotations

import time

import pytest

from modelyard.domain.flat_filters import Found, models, versions
from modelyard.errors import Invalid

ROWS = [
    Found("a", "fraud", 1, 9, 1, "r1", "here", tags={"team": "risk"}),
    Found("b", "fraud", 2, 8, 2, "r2", "there", tags={"team": "Risk"}),
    Found("c", "churn", 3, 7, 3, "r1", "here"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abc"),
        ("name='fraud'", "ab"),
        ('name = "fraud" and version_number >= 2', "b"),
        ("attributes.name LIKE 'fr_ud'", "ab"),
        ("name LIKE 'FR%'", ""),
        ("name ILIKE 'FR%'", "ab"),
        ("tags.team = 'risk'", "a"),
        ("tags.team ILIKE '%ISK'", "ab"),
        ("tag.`team` != 'risk'", "b"),
        ("run_id IN ('r1','r3')", "ac"),
        ("run_id NOT IN ('r1')", "b"),
        ("source_path = 'there'", "b"),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", "abc"),
    ],
)
def test_terms(text: str, found: str) -> None:
    assert "".join(each.id for each in versions(text, ()).chosen(ROWS)) == found


def test_orders() -> None:
    assert [each.id for each in versions("", ()).chosen(ROWS)] == ["a", "b", "c"], "what was changed last comes first"
    assert [each.id for each in versions("", ["name ASC", "version_number DESC"]).chosen(ROWS)] == ["c", "b", "a"]
    assert [each.id for each in models("", ["name DESC"]).chosen(ROWS)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text", ["name", "name = fraud", "colour = 'x'", "name = 'a' OR name = 'b'", "version_number = 'x'", "name > 'a'",
             "tags.a IN ('b')", "source_path IN ('a')", " AND ".join(["name = 'a'"] * 21), "name = 'a' AND"]
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        versions(text, ())


@pytest.mark.parametrize("order", ["colour", "name UP", "name; DROP", ""])
def test_what_is_no_order_is_refused(order: str) -> None:
    with pytest.raises(Invalid):
        models("", [order])


def test_hostile_patterns_take_no_time() -> None:
    began = time.monotonic()
    hostile = "%a" * 2_000 + "%b"
    assert versions(f"name LIKE '{hostile}'", ()).chosen([Found("x", "a" * 250, 1, 1)]) == []
    with pytest.raises(Invalid):
        versions("name = '" + "a" * 16_000, ())
    assert time.monotonic() - began < 5
