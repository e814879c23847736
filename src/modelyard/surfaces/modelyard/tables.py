"""Inference tables: what they are, their rows, their files, and how two served entities compare by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import tables
from modelyard.domain import names, pages
from modelyard.domain import tables as rules
from modelyard.domain.files import Entry
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.tables import (
    COLUMNS,
    Comparing,
    Comparison,
    Filter,
    PayloadFile,
    Place,
    Reading,
    Side,
    Table,
)
from modelyard.domain.tables import Rows as RowsPage
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Bytes, Departure, Here, Joining, Row, Translation

_DEFAULT: Final = 100
_FILES: Final = 1_000


class Named(msgspec.Struct, frozen=True):
    """A table."""

    full_name: str = ""

    @property
    def table(self) -> Ref:
        """What it names."""
        return Ref(Kind.TABLE, names.table(self.full_name))


class Listing(Named, frozen=True):
    """A page of its files."""

    max_results: int | None = None
    page_token: str | None = None


class File(Named, frozen=True):
    """A file of a table; the one with the newest rows, if none is named."""

    file: str = ""


class Retention(Named, frozen=True):
    """For how many days rows are kept."""

    retention_days: int = 0


class Stretch(Named, frozen=True):
    """Some time, in epoch milliseconds."""

    since: int = 0
    until: int | None = None

    @property
    def asked(self) -> Filter:
        """The rows of that time."""
        return (Filter(self.since) if self.until is None else Filter(self.since, self.until)).checked()


class RowsIn(Stretch, frozen=True):
    """A page of rows, and which."""

    status_code: int | None = None
    served_entity_name: str = ""
    databricks_request_id: str = ""
    max_results: int | None = None
    page_token: str | None = None


class Pair(Stretch, frozen=True):
    """Two served entities."""

    a: str = ""
    b: str = ""


def _filter(said: RowsIn) -> Filter:
    asked = said.asked
    return Filter(asked.since, asked.until, said.status_code, said.served_entity_name, said.databricks_request_id)


def _query(said: RowsIn) -> str:
    return f"rows {said.table.name} {_filter(said)}"


def _read(said: RowsIn) -> AnyAction:
    window = pages.window(said.max_results, said.page_token, _query(said), default=_DEFAULT, most=rules.MOST_ROWS)
    return tables.ReadRows(said.table, _filter(said), window.limit, Place.parse(window.after))


def _files(said: Listing) -> AnyAction:
    window = pages.window(said.max_results, said.page_token, f"files {said.table.name}", default=_FILES, most=_FILES)
    return tables.ListTableFiles(said.table, window)


def _looked(store: Bytes, said: RowsIn, reading: Reading) -> RowsPage:
    return store.rows(replace(reading, query=_query(said)))


def _compared(store: Bytes, _said: Pair, asked: Comparing) -> Comparison:
    return store.compare(asked)


def told(table: Table, _here: Here) -> dict[str, Any]:
    """A table as it is shown."""
    return {
        "full_name": table.full_name,
        "table_id": table.id,
        "owner": table.owner,
        "comment": table.comment,
        "columns": [{"name": name, "type": kind} for name, kind in COLUMNS],
        "rows": table.rows,
        "lost_rows": table.lost,
        "files": table.files,
        "size": table.size,
        "format": "PARQUET",
        "retention_days": table.retention_days,
        "first_at": table.first_at,
        "last_at": table.last_at,
        "created_at": table.created_at,
        "created_by": table.created_by,
        "updated_at": table.updated_at,
        "updated_by": table.updated_by,
    }


def _rows(page: RowsPage, _here: Here) -> object:
    found = Page(page.rows, str(page.after) if page.after else None, page.query)
    return {"rows": [_row(row) for row in found.items], "next_page_token": pages.token(found)}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Times in ISO 8601, everything else as it is."""
    return {key: value.isoformat() if isinstance(value, datetime | date) else value for key, value in row.items()}


def _file(file: PayloadFile) -> dict[str, object]:
    return {
        "id": file.id,
        "rows": file.rows,
        "size": file.stored.size,
        "sha256": file.stored.sha256,
        "first_at": file.first_at,
        "last_at": file.last_at,
    }


def _listed(page: Page[PayloadFile], _here: Here) -> object:
    return {"files": [_file(each) for each in page.items], "next_page_token": pages.token(page)}


def _entry(file: PayloadFile) -> Entry:
    return Entry.of(f"{file.id}.parquet", file.stored, file.last_at)


def _comparison(found: Comparison, _here: Here) -> object:
    return {
        "a": _side(found.one),
        "b": _side(found.other),
        "pairs": found.pairs,
        "agreed": found.agreed,
        "agreement_rate": found.rate,
        "is_complete": found.whole,
    }


def _side(side: Side) -> dict[str, object]:
    return {
        "served_entity_name": side.entity,
        "rows": side.rows,
        "failed": side.failed,
        "mean_duration_ms": side.milliseconds,
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("tables/{full_name}"), Named, lambda said: tables.GetTable(said.table), told),
    Translation(
        "PATCH",
        at("tables/{full_name}"),
        Retention,
        lambda said: tables.RetainRows(said.table, rules.retention(said.retention_days)),
        told,
    ),
    Translation("DELETE", at("tables/{full_name}"), Named, lambda said: tables.DeleteTable(said.table)),
    Translation("GET", at("tables/{full_name}/files"), Listing, _files, _listed),
    Departure(
        "GET",
        at("tables/{full_name}/download"),
        File,
        lambda said: tables.FindTableFile(said.table, said.file),
        _entry,
    ),
    Joining("GET", at("tables/{full_name}/rows"), RowsIn, _read, _looked, write=_rows),
    Joining(
        "GET",
        at("tables/{full_name}/compare"),
        Pair,
        lambda said: tables.CompareAnswers(said.table, said.a, said.b, said.asked),
        _compared,
        write=_comparison,
    ),
)
