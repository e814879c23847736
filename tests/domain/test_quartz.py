"""Quartz cron expressions: what is understood, when they fire, and what happens when clocks are set."""

from __future__ import annotations

from datetime import datetime

import pytest

from modelyard.domain.jobs.quartz import check, next_fire, zone
from modelyard.errors import Invalid

BERLIN = "Europe/Berlin"


def milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def fires(expression: str, after: str, timezone: str = "UTC", count: int = 3) -> list[str]:
    at, found = milliseconds(after), list[str]()
    while len(found) < count and (at := next_fire(expression, timezone, at)) is not None:
        found.append(datetime.fromtimestamp(at / 1000, zone(timezone)).isoformat(timespec="minutes"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 12 * * ?", ["01T12:00", "02T12:00", "03T12:00"]),
        ("0 15 10 ? * MON-FRI", ["01T10:15", "02T10:15", "05T10:15"]),
        ("0 15 10 ? * 2-6", ["01T10:15", "02T10:15", "05T10:15"]),  # Quartz counts from Sunday as 1
        ("0 15 10 ? * 1", ["04T10:15", "11T10:15", "18T10:15"]),
        ("0 15 10 ? * FRI-SUN", ["02T10:15", "03T10:15", "04T10:15"]),
        ("0 15 10 ? * SAT-MON", ["03T10:15", "04T10:15", "05T10:15"]),
        ("0 15 10 ? * MON,THU", ["01T10:15", "05T10:15", "08T10:15"]),
        ("0 15 10 ? * L", ["03T10:15", "10T10:15", "17T10:15"]),
        ("0 0/20 14 * * ?", ["01T14:00", "01T14:20", "01T14:40"]),
        ("0 0 0 ? * 2/2", ["02T00:00", "05T00:00", "07T00:00"]),
        ("0 15 10 15W * ?", ["15T10:15"]),
        ("0 15 10 L * ?", ["31T10:15"]),
        ("0 15 10 ? * 6L", ["30T10:15"]),
        ("0 15 10 ? * 6#3", ["16T10:15"]),
        ("0 15 10 ? * FRI#3", ["16T10:15"]),
        ("0 0 12 * * ? 2026", ["01T12:00", "02T12:00", "03T12:00"]),
    ],
)
def test_what_databricks_shows_as_examples_fires_when_it_should(expression: str, expected: list[str]) -> None:
    check(expression, "UTC")
    found = fires(expression, "2026-01-01T00:00:00+00:00", count=len(expected))
    assert found == [f"2026-01-{each}+00:00" for each in expected]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("0 0 12 * *", "6 fields"),
        ("every day", "6 fields"),
        ("0 0 0 * * *", "must be \\?"),
        ("0 0 0 ? * ?", "must be \\?"),
        ("0 0 12 LW * ?", "LW is not understood"),
        ("0 0 12 L-3 * ?", "L-3 is not understood"),
        ("0 0 25 * * ?", "out of its range"),
        ("0 0 0 ? * 8", "1 \\(Sunday\\)"),
        ("0 0 0 ? * MON#9", "out of its range"),
        ("0 0 0 31 2 ?", "never fires"),
        ("* * * * * ?", "more often than every 10 seconds"),
        ("0/5 * * * * ?", "more often than every 10 seconds"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(expression: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        check(expression, "UTC")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", "Europe"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="not a time zone"):
        check("0 0 12 * * ?", name)


def test_what_falls_into_the_hour_that_is_left_out_fires_once_right_behind_it() -> None:
    assert fires("0 30 2 * * ?", "2026-03-28T00:00:00+01:00", BERLIN) == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_what_names_an_hour_fires_once_in_the_hour_that_comes_twice() -> None:
    assert fires("0 30 2 * * ?", "2026-10-24T00:00:00+02:00", BERLIN) == [
        "2026-10-24T02:30+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


def test_what_fires_every_hour_goes_on_when_clocks_are_set_back_or_forward() -> None:
    assert fires("0 0 * * * ?", "2026-10-25T00:30:00+02:00", BERLIN, 4) == [
        "2026-10-25T01:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
    ]
    assert fires("0 0/30 * * * ?", "2026-03-29T01:15:00+01:00", BERLIN, 3) == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-29T03:30+02:00",
    ]
