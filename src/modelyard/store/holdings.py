"""What the stores hold, as the database knows it: the stores themselves, and a row for each stored object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select, update

from modelyard.errors import Unavailable
from modelyard.store import schema
from modelyard.store.tx import Contended, inserting, new_id

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Update

    from modelyard.domain.files import Stored
    from modelyard.store.tx import Look, Write

_stores, _blobs, _garbage, _securables = schema.stores, schema.blobs, schema.garbage, schema.securables
_entries = schema.entries
_schema = _securables.alias("the_schema")

FIRST: Final = "default"
"""The id of the store of databases from before there could be several."""

_BY_MARKER: Final = select(_stores.c.id, _stores.c.url).where(_stores.c.marker == bindparam("marker"))
_BY_ID: Final = select(_stores.c.url, _stores.c.marker).where(_stores.c.id == bindparam("id"))
_ADD: Final = inserting(_stores)
_PLACE: Final = (
    update(_stores)
    .where(_stores.c.id == bindparam("store"))
    .values(url=bindparam("new_url"), marker=bindparam("new_marker"))
)
_OF_CONTAINERS: Final = (
    select(_schema.c.store_id, _securables.c.store_id)
    .join(_securables, _securables.c.id == _schema.c.parent_id)
    .where(_schema.c.id == bindparam("schema"))
)


def enter(tx: Write, url: str, marker: str, now: int) -> str:
    """The id of the store with this marker, which is at this URL now; the first one of an old database is adopted."""
    row = tx.row(_BY_MARKER, marker=marker) or tx.row(_BY_MARKER, marker="")
    if row is None:
        id_ = new_id()
        tx.run(_ADD, id=id_, url=url, marker=marker, added_at=now)
        return id_
    if row[1] != url:
        tx.run(_PLACE, store=row[0], new_url=url, new_marker=marker)
    return row[0]


def place(tx: Look, store_id: str) -> tuple[str, str]:
    """The URL and the marker of a store."""
    row = tx.row(_BY_ID, id=store_id)
    if row is None:
        raise Unavailable("the store of these bytes is unknown to this server.")
    return row[0], row[1]


def store_of(tx: Look, schema_id: str) -> str:
    """The id of the store for new versions in a schema: the schema's, else its catalog's, else the metastore's."""
    row = tx.row(_OF_CONTAINERS, schema=schema_id)
    if row is None:
        raise Contended
    return row[0] or row[1] or tx.context.store_id


# Stored objects

_ADD_BLOB: Final = inserting(_blobs)
_TOUCH: Final = (
    update(_blobs)
    .where(_blobs.c.store_id == bindparam("store"), _blobs.c.sha256 == bindparam("hash"))
    .values(touched_at=bindparam("now"))
    .returning(_blobs.c.id, _blobs.c.key)
)


def letting_go(*these: ColumnElement[bool]) -> Update:
    """The statement by which the grace period of the bytes of such entries begins, which are about to let go of them.

    Somebody may be reading them.
    """
    named = select(_entries.c.blob_id).where(*these)
    return update(_blobs).where(_blobs.c.id.in_(named)).values(touched_at=bindparam("now"))


_START_THE_CLOCK: Final = letting_go(_entries.c.manifest_id == bindparam("manifest"))
_FORGET: Final = delete(_garbage).where(_garbage.c.store_id == bindparam("store"), _garbage.c.key == bindparam("name"))
_DISCARD: Final = inserting(_garbage)


def keep(tx: Write, stored: Stored) -> str:
    """The id of the row of stored bytes; equal bytes of one store share a row, and so an object.

    In an object store the second of two equal objects has a name of its own: it is garbage at once.
    """
    row = tx.row(_TOUCH, store=stored.store_id, hash=stored.sha256, now=tx.now)
    if row:
        if row[1] != stored.key:
            discard(tx, stored.store_id, stored.key, stored.size)
        return row[0]
    id_ = new_id()
    tx.run(
        _ADD_BLOB,
        id=id_,
        store_id=stored.store_id,
        sha256=stored.sha256,
        size=stored.size,
        key=stored.key,
        touched_at=tx.now,
    )
    return id_


def start_the_clock(tx: Write, manifest_id: str) -> None:
    """Let the grace period of the bytes of a manifest begin, which is about to let go of them."""
    tx.run(_START_THE_CLOCK, manifest=manifest_id, now=tx.now)


def discard(tx: Write, store_id: str, key: str, size: int) -> None:
    """Note an object that no row names as garbage."""
    forget(tx, store_id, key)
    tx.run(_DISCARD, store_id=store_id, key=key, size=size, since=tx.now)


def forget(tx: Write, store_id: str, key: str) -> None:
    """Note that an object is gone, or garbage no more."""
    tx.run(_FORGET, store=store_id, name=key)
