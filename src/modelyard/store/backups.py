"""The whole database as a backup, and back: every table, row by row, from one consistent state and into one."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
import weakref
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, column, func, insert, literal_column, or_, select, table, tuple_

from modelyard.domain import backups
from modelyard.domain.backups import OBJECTS, TRACKING, Header, Row, Section
from modelyard.domain.files import Entry, Stored
from modelyard.errors import Invalid, NotFound, TooLarge, Unavailable
from modelyard.store import schema, trackers
from modelyard.store.blobs import Blob
from modelyard.store.schema import METADATA

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Column, Table

    from modelyard.store.stores import Backend
    from modelyard.store.tx import Look, Write

_blobs, _entries, _stores = schema.blobs, schema.entries, schema.stores
_payload, _workspace = schema.payload_files, schema.workspace_objects
_PIECE: Final = 1 << 20
_MOST: Final = 1_000
"""Rows that are read at once."""
_TABLES: Final = tuple(METADATA.sorted_tables)
"""Every table, each after those that it refers to."""
_REVISION: Final = select(table("alembic_version", column("version_num")).c.version_num)
_INSTALLATION: Final = select(schema.installation.c.id)
_OBJECTS: Final = (
    select(_blobs.c.store_id, _blobs.c.sha256, _blobs.c.size)
    .where(tuple_(_blobs.c.store_id, _blobs.c.sha256) > tuple_(bindparam("store"), bindparam("after")))
    .where(
        or_(
            select(_entries.c.path).where(_entries.c.blob_id == _blobs.c.id).exists(),
            select(_payload.c.batch).where(_payload.c.blob_id == _blobs.c.id).exists(),
            select(_workspace.c.id).where(_workspace.c.blob_id == _blobs.c.id).exists(),
        )
    )
    .order_by(_blobs.c.store_id, _blobs.c.sha256)
    .limit(bindparam("most"))
)
_OBJECT: Final = (
    select(_blobs.c.store_id, _blobs.c.sha256, _blobs.c.size, _blobs.c.key)
    .where(_blobs.c.store_id.in_(select(_stores.c.id)))  # the index begins with it
    .where(_blobs.c.sha256 == bindparam("hash"))
    .limit(1)
)


def _key(kind: Table) -> tuple[Column[Any], ...]:
    """By what the rows of a table are ordered: securables by their names, as containers come before what is inside."""
    return (kind.c.full_name,) if kind is schema.securables else tuple(kind.primary_key.columns)


class _Pages:
    """The statements that read a table page by page."""

    def __init__(self, kind: Table) -> None:
        self.key: Final = _key(kind)
        self.places: Final = [list(kind.c).index(each) for each in self.key]
        after = [bindparam(f"after_{each.name}", type_=each.type) for each in self.key]
        self.first: Final = select(*kind.c).order_by(*self.key).limit(bindparam("most"))
        self.next: Final = self.first.where(tuple_(*self.key) > tuple_(*after))


_PAGES: Final = {kind.name: _Pages(kind) for kind in _TABLES}
_ADD: Final = {kind.name: insert(kind).values({each.name: bindparam(each.name) for each in kind.c}) for kind in _TABLES}
_GO_ON: Final = {
    kind.name: select(
        func.setval(
            func.pg_get_serial_sequence(literal_column(f"'{kind.name}'"), literal_column("'seq'")),
            select(func.coalesce(func.max(kind.c.seq), 0) + 1).scalar_subquery(),
            literal_column("false"),
        )
    )
    for kind in _TABLES
    if "seq" in kind.c
}
"""What PostgreSQL counts by itself, and would begin anew."""


# Writing


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Dump:
    """A backup in a file without a name, which is gone once nobody has it open any more."""

    entry: Entry
    file: IO[bytes]

    def open(self, entry: Entry) -> Blob:
        """Its bytes."""
        return Blob("", entry.size, os.dup(self.file.fileno()))


def dump(tx: Look) -> Dump:
    """Write the whole database into a private file; `Unavailable` where there is no room for it."""
    [(revision,)], [(metastore,)] = tx.rows(_REVISION), tx.rows(_INSTALLATION)
    try:
        with contextlib.ExitStack() as undo:
            beside = tx.context.beside
            logged = undo.enter_context(_copied(beside.file))
            whose = (metastore, tx.context.store_id)
            header = Header(revision, tx.now, *whose, logged is not None, beside.elsewhere)
            file = undo.enter_context(tempfile.TemporaryFile(prefix="modelyard-backup-"))
            file.writelines(backups.written(header, _sections(tx, logged)))
            file.flush()
            made = Dump(Entry("backup", is_directory=False, size=file.tell(), modified_at=tx.now), file)
            weakref.finalize(made, undo.pop_all().close)  # also where nobody comes to read it
            return made
    except OSError:
        raise Unavailable("the server has no room for a copy of its database; free some, and ask again.") from None


@contextlib.contextmanager
def _copied(file: str) -> Generator[IO[bytes] | None]:
    """A copy of MLflow's tracking database, where there is one."""
    found = trackers.copy(file) if file else None
    with found or contextlib.nullcontext():
        yield found


def _sections(tx: Look, logged: IO[bytes] | None) -> Iterator[Section]:
    yield Section(OBJECTS, ("sha256", "size"), _objects(tx))
    if logged:
        pieces = iter(lambda: logged.read(_PIECE), b"")
        yield Section(TRACKING, ("piece",), ((base64.b64encode(each).decode(),) for each in pieces))
    for kind in _TABLES:
        yield Section(kind.name, tuple(each.name for each in kind.c), _rows(tx, _PAGES[kind.name]))


def _objects(tx: Look) -> Iterator[tuple[Any, ...]]:
    found = tx.rows(_OBJECTS, store="", after="", most=_MOST)
    while found:
        yield from (row[1:] for row in found)
        found = tx.rows(_OBJECTS, store=found[-1][0], after=found[-1][1], most=_MOST)


def _rows(tx: Look, pages: _Pages) -> Iterator[tuple[Any, ...]]:
    found = tx.rows(pages.first, most=_MOST)
    while found:
        yield from map(tuple, found)
        last = {f"after_{each.name}": found[-1][at] for each, at in zip(pages.key, pages.places, strict=True)}
        found = tx.rows(pages.next, most=_MOST, **last)


def find_object(tx: Look, sha256: str) -> Entry:
    """Stored bytes by their hash, in whichever store, or `NotFound`."""
    row = tx.row(_OBJECT, hash=sha256)
    if row is None:
        raise NotFound("No file has these bytes any more; take the backup again.")
    return Entry.of(sha256, Stored(*row), tx.now)


# Putting back

_NOT_KEPT: Final = frozenset({"garbage", "uploads"})


@dataclass
class Gathered:
    """The one store in which all bytes of a backup are now, and what it calls each of them, by hash."""

    url: str
    marker: str
    keys: Mapping[str, str]
    _blobs: dict[str, str] = field(default_factory=dict[str, str])
    _same: dict[str, str] = field(default_factory=dict[str, str])

    def moved(self, header: Header, kind: str, row: Row) -> Row | None:
        """A row as it is once all bytes are in this store; None for what is no more.

        Uploads that were under way have lost their parts, and what was garbage was not kept.
        """
        if kind in _NOT_KEPT or (kind == "stores" and row["id"] != header.store_id):
            return None
        changed: Row = {}
        match kind:
            case "stores":
                changed = {"url": self.url, "marker": self.marker}
            case "blobs":
                return self._blob(header, row)
            case "entries" | "payload_files" | "workspace_objects":
                changed = {"blob_id": self._same.get(row["blob_id"], row["blob_id"])}
            case "versions" | "volumes":
                changed = {"store_id": header.store_id}
            case "securables":
                changed = {"store_id": None}
            case _:
                pass
        return row | changed

    def _blob(self, header: Header, row: Row) -> Row | None:
        """Equal bytes of several stores are one object here; bytes that no file named were not kept."""
        sha256: str = row["sha256"]
        if sha256 not in self.keys:
            return None
        first = self._blobs.setdefault(sha256, row["id"])
        if first != row["id"]:
            self._same[row["id"]] = first
            return None
        return {**row, "store_id": header.store_id, "key": self.keys[sha256]}


def gather(store: Backend, lines: Iterable[bytes], objects: Path) -> Gathered:
    """Bring every object of a backup into one store; `Invalid` for one that is missing or damaged."""
    keys = {sha256: _bring(store, objects / sha256[:2] / sha256, size) for sha256, size in backups.objects(lines)}
    return Gathered(store.url, store.marker, keys)


def _bring(store: Backend, file: Path, size: int) -> str:
    """Store an object of a backup; what the store calls it."""
    incoming = store.receive(limit=size, size=size)
    try:
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                incoming.write([piece])
        stored = incoming.commit()
    except FileNotFoundError:
        raise Invalid(f"the backup lacks the object {file.name}; take it again with its bytes.") from None
    except (Invalid, TooLarge):
        raise Invalid(_damaged(file)) from None
    finally:
        incoming.abort()
    if stored.sha256 != file.name:
        raise Invalid(_damaged(file))
    return stored.key


def _damaged(file: Path) -> str:
    return f"the object {file.name} of the backup is damaged; remove it, and take the backup again."


def check_empty(tx: Look) -> None:
    """`Invalid` unless the database has tables, and nothing in them."""
    if tx.rows(_INSTALLATION):
        raise Invalid("the database is in use already; a backup is restored into an empty one.")


def load(tx: Write, header: Header, lines: Iterable[bytes], gathered: Gathered | None, *, counts: bool) -> int:
    """Put every row of a backup back; the number of rows. `counts` says whether the database counts by itself."""
    check_empty(tx)
    loaded = 0
    for kind, row in backups.rows(lines):
        if kind in {OBJECTS, TRACKING}:
            continue
        kept = gathered.moved(header, kind, row) if gathered else row
        if kept is not None:
            loaded += tx.run(_ADD[kind], **kept)
    for statement in _GO_ON.values() if counts else ():
        tx.rows(statement)
    return loaded
