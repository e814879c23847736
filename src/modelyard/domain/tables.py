"""Inference tables: their columns, what is asked of their rows, and how two served entities are compared by them.

The first columns, their names and their types are those of Databricks' inference tables (protocol notes §2.6); those
behind them are ours. A row is one request, or the answer of one shadow to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from modelyard.domain.files import Stored
from modelyard.errors import Invalid

DAYS: Final = 30
"""How long rows are kept unless somebody who manages the table says otherwise."""
MOST_DAYS: Final = 3_650
DAY: Final = 86_400_000
"""Milliseconds."""
MOST_ROWS: Final = 1_000
"""On one page."""
MOST_BYTES: Final = 8 << 20
"""Of requests and answers on one page; a single row always fits."""
MOST_FILES: Final = 256
"""That are looked through for one page: where few rows match, a page is short and tells where to go on."""
COMPARED_BYTES: Final = 32 << 20
"""Of answers that a comparison holds."""
_LATEST: Final = 2**62
_CLOSE: Final = 1e-6
"""Numbers that differ by no more than this part of them are the same answer."""

COLUMNS: Final = (
    ("databricks_request_id", "STRING"),
    ("request_date", "DATE"),
    ("client_request_id", "STRING"),
    ("request_time", "TIMESTAMP"),
    ("status_code", "INT"),
    ("sampling_fraction", "DOUBLE"),
    ("execution_duration_ms", "BIGINT"),
    ("request", "STRING"),
    ("response", "STRING"),
    ("logging_error_codes", "ARRAY<STRING>"),
    ("served_entity_id", "STRING"),
    ("requester", "STRING"),
    ("endpoint_id", "STRING"),
    ("served_entity_name", "STRING"),
    ("model_name", "STRING"),
    ("model_version", "INT"),
    ("is_shadow", "BOOLEAN"),
    ("model_duration_ms", "DOUBLE"),
    ("queue_duration_ms", "DOUBLE"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """An inference table; times are epoch milliseconds, `first_at` and `last_at` those of its rows.

    `lost` is how many rows were to be logged and could not be kept.
    """

    id: str
    full_name: str
    owner: str
    comment: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    retention_days: int
    lost: int
    files: int
    rows: int
    size: int
    first_at: int | None
    last_at: int | None


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """A Parquet file with some rows of a table."""

    id: str
    rows: int
    first_at: int
    last_at: int
    stored: Stored


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are asked for; times are epoch milliseconds, from `since` up to, not with, `until`."""

    since: int = 0
    until: int = _LATEST
    status: int | None = None
    entity: str = ""
    request_id: str = ""

    def checked(self) -> Filter:
        """The same, if there can be such rows."""
        if not 0 <= self.since <= self.until:
            raise Invalid("since and until are epoch milliseconds, and since comes first.")
        return self


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of rows, which begins with the newest: in epoch microseconds, then by ids."""

    at: int
    name: str = ""

    def __str__(self) -> str:
        """As `place` reads it."""
        return f"{self.at} {self.name}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that a page token holds; None for the begin."""
        at, _, name = text.partition(" ")
        return cls(int(at), name) if at.isdigit() else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page of rows is read from: files, those with the newest rows first, and the newest row in others.

    `rest_at` is the time, in epoch milliseconds, from which on backwards other files have rows, too; None: there are
    no others.
    """

    files: tuple[PayloadFile, ...]
    asked: Filter
    after: Place | None
    most: int
    rest_at: int | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of rows by column, and where the next one begins."""

    rows: tuple[dict[str, Any], ...]
    after: Place | None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where rows of a table are to be kept, and of which endpoints: the others may not log any more."""

    store_id: str
    endpoints: frozenset[str]


def retention(days: int) -> int:
    """How many days rows are kept, checked."""
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"retention_days must be from 1 to {MOST_DAYS}.")
    return days


# Comparing


@dataclass(frozen=True, slots=True)
class Comparing:
    """Which answers are compared: those of two served entities in some files."""

    files: tuple[PayloadFile, ...]
    asked: Filter
    one: str
    other: str
    whole: bool = True
    """Whether the files hold all that was asked for."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of one entity, as it is compared."""

    status: int
    milliseconds: float
    answer: object


@dataclass(frozen=True, slots=True)
class Side:
    """What one entity did with the requests that both answered."""

    entity: str
    rows: int
    failed: int
    milliseconds: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How often two entities answered the same; `rate` is None where they had no request in common."""

    one: Side
    other: Side
    pairs: int
    agreed: int
    whole: bool

    @property
    def rate(self) -> float | None:
        """The share of common requests with the same answer."""
        return self.agreed / self.pairs if self.pairs else None


def compared(asked: Comparing, ones: Mapping[str, Said], others: Mapping[str, Said], *, whole: bool) -> Comparison:
    """The comparison of answers that are given by what identifies their request."""
    pairs = [(ones[key], others[key]) for key in ones if key in others]
    agreed = sum(one.status == other.status and same(one.answer, other.answer) for one, other in pairs)
    return Comparison(
        _side(asked.one, len(ones), [one for one, _ in pairs]),
        _side(asked.other, len(others), [other for _, other in pairs]),
        len(pairs),
        agreed,
        whole,
    )


def _side(entity: str, rows: int, paired: list[Said]) -> Side:
    failed = sum(each.status >= 400 for each in paired)  # noqa: PLR2004  HTTP's own bound
    mean = sum(each.milliseconds for each in paired) / len(paired) if paired else None
    return Side(entity, rows, failed, mean)


def same(one: object, other: object) -> bool:
    """Whether two JSON values are the same answer: numbers may differ by rounding."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or math.isclose(one, other, rel_tol=_CLOSE, abs_tol=1e-12)
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("dict[str, object]", one), cast("dict[str, object]", other)
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(one, list) and isinstance(other, list):
        ones, others = cast("list[object]", one), cast("list[object]", other)
        return len(ones) == len(others) and all(map(same, ones, others))
    return one == other


def page_of(found: Iterable[tuple[Place, dict[str, Any]]], reading: Reading) -> Rows:
    """The newest of some rows, as far as no other file can have newer ones; where to go on, if there may be more."""
    floor = -1 if reading.rest_at is None else reading.rest_at * 1000 + 999
    if reading.after and floor >= reading.after.at:
        floor = -1  # more files have rows of one moment than are looked through: those are left out
    ordered = sorted(found, key=lambda each: (each[0].at, each[0].name), reverse=True)
    sure = [each for each in ordered if each[0].at > floor]
    taken = _within(sure[: reading.most])
    if len(taken) < len(sure):
        return Rows(tuple(row for _, row in taken), taken[-1][0], reading.query)
    return Rows(tuple(row for _, row in taken), Place(floor + 1) if floor >= 0 else None, reading.query)


def _within(rows: list[tuple[Place, dict[str, Any]]]) -> list[tuple[Place, dict[str, Any]]]:
    size = 0
    for count, (_, row) in enumerate(rows):
        size += len(row["request"] or "") + len(row["response"] or "")
        if size > MOST_BYTES and count:
            return rows[:count]
    return rows
