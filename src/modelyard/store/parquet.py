"""Rows of inference tables, read from Parquet files. A file is small enough to be read whole."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec

from modelyard.domain.tables import (
    COMPARED_BYTES,
    Comparing,
    Comparison,
    Filter,
    PayloadFile,
    Place,
    Reading,
    Said,
    compared,
    page_of,
)
from modelyard.domain.tables import Rows as Page
from modelyard.packer.parquet import arrow, files

Read = Callable[[PayloadFile], bytes]
"""What brings the bytes of a file."""

_MICRO: Final = 1_000_000
_COMPARED: Final = (
    "databricks_request_id",
    "client_request_id",
    "request_time",
    "status_code",
    "execution_duration_ms",
    "response",
    "served_entity_name",
    "is_shadow",
)


@cache
def _compute() -> Any:  # noqa: ANN401  pyarrow has no types
    return importlib.import_module("pyarrow.compute")


def page(reading: Reading, read: Read) -> Page:
    """A page of rows, the newest first."""
    found: list[tuple[Place, dict[str, Any]]] = []
    files = list(reading.files)
    for number, each in enumerate(files):
        found += _found(reading, read(each))
        after = files[number + 1].last_at if number + 1 < len(files) else None
        if after is not None and sum(place.at > after * 1000 + 999 for place, _ in found) >= reading.most:
            rest = Reading((), reading.asked, reading.after, reading.most, after, reading.query)
            return page_of(found, rest)
    return page_of(found, reading)


def _found(reading: Reading, content: bytes) -> list[tuple[Place, dict[str, Any]]]:
    table = _filtered(_opened(content), reading.asked, reading.after)
    newest = _newest(table, reading.most + 1 + _at(table, reading.after))
    placed = [(_place(row), row) for row in newest.to_pylist()]
    return [(place, row) for place, row in placed if _is_behind(place, reading.after)]


def _at(table: Any, after: Place | None) -> int:  # noqa: ANN401  as below
    """How many rows are of the moment of a place: those before it may all be among them."""
    if after is None:
        return 0
    moment = _moment(after.at, table.schema.field("request_time").type)
    return _compute().sum(_compute().equal(table["request_time"], moment)).as_py() or 0


def _is_behind(place: Place, after: Place | None) -> bool:
    return after is None or (place.at, place.name) < (after.at, after.name)


def _opened(content: bytes, columns: Sequence[str] | None = None) -> Any:  # noqa: ANN401  a table of pyarrow
    file = files().ParquetFile(arrow().BufferReader(content))
    return file.read(columns=list(columns) if columns else None, use_threads=False)


def _filtered(table: Any, asked: Filter, after: Place | None) -> Any:  # noqa: ANN401  as above
    """The rows that are asked for; those of the very moment of a place are all in it."""
    compute = _compute()
    kind = table.schema.field("request_time").type
    since = _moment(asked.since * 1000, kind)
    until = asked.until * 1000 - 1 if asked.until < _BEYOND else _BEYOND * 1000
    until = min(until, after.at) if after else until
    time = table["request_time"]
    mask = compute.and_(compute.greater_equal(time, since), compute.less_equal(time, _moment(until, kind)))
    for column, value in _equal(asked):
        mask = compute.and_(mask, compute.equal(table[column], value))
    return table.filter(mask)


def _moment(micro: int, kind: Any) -> Any:  # noqa: ANN401  as above
    """Epoch microseconds as a value of a column's type."""
    return arrow().scalar(micro, arrow().int64()).cast(kind)


_BEYOND: Final = 10**14
"""Epoch milliseconds of the year 5138."""


def _equal(asked: Filter) -> Iterator[tuple[str, object]]:
    if asked.status is not None:
        yield "status_code", asked.status
    if asked.entity:
        yield "served_entity_name", asked.entity
    if asked.request_id:
        yield "databricks_request_id", asked.request_id


def _newest(table: Any, most: int) -> Any:  # noqa: ANN401  as above
    """Some of the newest rows, with all rows of the last moment that is among them."""
    if table.num_rows <= most:
        return table
    compute = _compute()
    order = compute.sort_indices(table, sort_keys=[("request_time", "descending")])
    oldest = table["request_time"][order[most - 1].as_py()]
    return table.filter(compute.greater_equal(table["request_time"], oldest))


def _place(row: dict[str, Any]) -> Place:
    at: datetime = row["request_time"]
    micro = int(at.replace(microsecond=0).timestamp()) * _MICRO + at.microsecond
    return Place(micro, f"{row['databricks_request_id']}/{row['served_entity_name']}/{row['is_shadow']:d}")


# Comparing


def comparison(asked: Comparing, read: Read) -> Comparison:
    """How often two entities gave the same answer to the same request.

    A shadow answers a request under its very id. Where neither is a shadow, two requests are compared to which their
    client gave the same `client_request_id`: the last ones of each.
    """
    found: list[dict[str, Any]] = []
    room = COMPARED_BYTES
    for file in asked.files:
        for row in _filtered(_opened(read(file), _COMPARED), asked.asked, None).to_pylist():
            if row["served_entity_name"] in {asked.one, asked.other}:
                found.append(row)
                room -= len(row["response"] or "")
        if room < 0:
            break
    key = "databricks_request_id" if any(row["is_shadow"] for row in found) else "client_request_id"
    found.sort(key=lambda row: row["request_time"])
    ones, others = (
        {row[key]: _said(row) for row in found if row["served_entity_name"] == entity and row[key]}
        for entity in (asked.one, asked.other)
    )
    return compared(asked, ones, others, whole=asked.whole and room >= 0)


def _said(row: dict[str, Any]) -> Said:
    try:
        answer: object = msgspec.json.decode(row["response"] or "null")
    except (msgspec.DecodeError, RecursionError):
        answer = row["response"]
    return Said(row["status_code"], row["execution_duration_ms"], answer)
