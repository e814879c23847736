"""Inference tables, and the files that hold their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, select, update

from modelyard.domain.files import Stored
from modelyard.domain.privileges import Kind
from modelyard.domain.tables import DAY, DAYS, PayloadFile, Table
from modelyard.errors import NotFound
from modelyard.store import catalogs, holdings, schema
from modelyard.store.catalogs import shown
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.domain.pages import Page, Window
    from modelyard.domain.privileges import Node
    from modelyard.domain.tables import Filter
    from modelyard.store.tx import Look, Row, Write

_securables, _principals, _blobs = schema.securables, schema.principals, schema.blobs
_tables, _files = schema.payload_tables, schema.payload_files

_GET: Final = (
    select(
        *shown(_securables, _principals),
        _tables.c.retention_days,
        _tables.c.lost,
        func.count(_files.c.batch),
        func.coalesce(func.sum(_files.c.rows), 0),
        func.coalesce(func.sum(_blobs.c.size), 0),
        func.min(_files.c.first_at),
        func.max(_files.c.last_at),
    )
    .select_from(
        _tables.join(_securables, _securables.c.id == _tables.c.id)
        .join(_principals, _principals.c.id == _securables.c.owner_id)
        .outerjoin(_files, _files.c.table_id == _tables.c.id)
        .outerjoin(_blobs, _blobs.c.id == _files.c.blob_id)
    )
    .where(_tables.c.id == bindparam("table"))
    .group_by(*shown(_securables, _principals), _tables.c.retention_days, _tables.c.lost)
)
_FILE: Final = (
    select(
        _files.c.batch,
        _files.c.rows,
        _files.c.first_at,
        _files.c.last_at,
        _blobs.c.store_id,
        _blobs.c.sha256,
        _blobs.c.size,
        _blobs.c.key,
    )
    .join(_blobs, _blobs.c.id == _files.c.blob_id)
    .where(_files.c.table_id == bindparam("table"))
)
_BY_BATCH: Final = _FILE.where(_files.c.batch == bindparam("batch"))
_NEWEST: Final = _FILE.order_by(_files.c.last_at.desc(), _files.c.batch).limit(1)
_BETWEEN: Final = (
    _FILE.where(_files.c.last_at >= bindparam("since"), _files.c.first_at < bindparam("until"))
    .order_by(_files.c.last_at.desc(), _files.c.batch)
    .limit(bindparam("most"))
)
_AFTER: Final = _FILE.where(_files.c.batch > bindparam("after")).order_by(_files.c.batch).limit(bindparam("most"))
_PLACE: Final = select(_securables.c.full_name, _securables.c.parent_id).where(
    _securables.c.id == bindparam("table"), _securables.c.kind == Kind.TABLE.value
)
_CREATOR: Final = select(_securables.c.owner_id).where(
    _securables.c.id == bindparam("endpoint"), _securables.c.kind == Kind.ENDPOINT.value
)
_HAS: Final = select(_files.c.batch).where(
    _files.c.table_id == bindparam("table"), _files.c.batch == bindparam("batch")
)
_LOCK: Final = select(_tables.c.id).where(_tables.c.id == bindparam("table")).with_for_update()
_ADD: Final = inserting(_tables)
_ADD_FILE: Final = inserting(_files)
_RETAIN: Final = (
    update(_tables).where(_tables.c.id == bindparam("table")).values(retention_days=bindparam("new_retention_days"))
)
_LOSE: Final = update(_tables).where(_tables.c.id == bindparam("table")).values(lost=_tables.c.lost + bindparam("more"))
_OLD: Final = (
    select(_files.c.table_id, _files.c.batch)
    .join(_tables, _tables.c.id == _files.c.table_id)
    .where(_files.c.last_at < bindparam("now") - _tables.c.retention_days * DAY)
    .limit(bindparam("most"))
)
_FORGET: Final = delete(_files).where(_files.c.table_id == bindparam("table"), _files.c.batch == bindparam("batch"))


def get(tx: Look, table: Node) -> Table:
    """A table, with what its files hold together."""
    row = tx.row(_GET, table=table.id)
    if row is None:
        raise NotFound(f"{table} does not exist.")
    *told, files, rows, size, first_at, last_at = row
    return Table(*told, files=files, rows=int(rows), size=int(size), first_at=first_at, last_at=last_at)


def add(tx: Write, schema_: Node, full_name: str, owner_id: str) -> str:
    """Make an empty table in a schema; its id."""
    id_ = catalogs.add(tx, Kind.TABLE, schema_, full_name, "", {})
    if owner_id != tx.caller.principal.id:
        catalogs.change(tx, id_, owner_id=owner_id)
    tx.run(_ADD, id=id_, retention_days=DAYS, lost=0)
    return id_


def retain(tx: Write, table_id: str, days: int) -> None:
    """Say how many days rows are kept."""
    tx.run(_RETAIN, table=table_id, new_retention_days=days)


def place(tx: Look, table_id: str) -> tuple[str, str] | None:
    """The full name of a table and the id of its schema; None if it is not there."""
    row = tx.row(_PLACE, table=table_id)
    return (row[0], row[1]) if row else None


def creator(tx: Look, endpoint_id: str) -> str | None:
    """The id of who made an endpoint; None if it is not there."""
    row = tx.row(_CREATOR, endpoint=endpoint_id)
    return row[0] if row else None


# Files


def _file(row: Row) -> PayloadFile:
    batch, rows, first_at, last_at, *stored = row
    return PayloadFile(batch, rows, first_at, last_at, Stored(*stored))


def file(tx: Look, table: Node, batch: str) -> PayloadFile:
    """A file of a table, by its id; without one, that with the newest rows."""
    row = tx.row(_BY_BATCH, table=table.id, batch=batch) if batch else tx.row(_NEWEST, table=table.id)
    if row is None:
        raise NotFound(f"{table} has no such file." if batch else f"{table} has no rows yet.")
    return _file(row)


def between(tx: Look, table_id: str, asked: Filter, most: int) -> list[PayloadFile]:
    """Files that may hold rows of some time, those with the newest rows first."""
    return [_file(row) for row in tx.rows(_BETWEEN, table=table_id, since=asked.since, until=asked.until, most=most)]


def files(tx: Look, table_id: str, window: Window) -> Page[PayloadFile]:
    """Files, by their ids."""
    rows = tx.rows(_AFTER, table=table_id, after=window.after, most=window.limit + 1)
    found = [_file(row) for row in rows]
    return window.cut(found, found[window.limit - 1].id if len(found) > window.limit else None)


def keep(tx: Write, table_id: str, made: PayloadFile) -> bool:
    """Name a file that is in a store; false if the table is gone, and nothing else if it was named before."""
    if not tx.row(_LOCK, table=table_id):
        return False
    blob = holdings.keep(tx, made.stored)
    if not tx.row(_HAS, table=table_id, batch=made.id):
        told = {"rows": made.rows, "first_at": made.first_at, "last_at": made.last_at}
        tx.run(_ADD_FILE, table_id=table_id, batch=made.id, blob_id=blob, **told)
    return True


def lose(tx: Write, table_id: str, rows: int) -> None:
    """Note rows that could not be kept."""
    tx.run(_LOSE, table=table_id, more=rows)


def forget_old(tx: Write, most: int) -> int:
    """Forget files whose rows are all older than their table keeps them; how many."""
    old = tx.rows(_OLD, now=tx.now, most=most)
    for table_id, batch in old:
        tx.run(_FORGET, table=table_id, batch=batch)
    return len(old)
