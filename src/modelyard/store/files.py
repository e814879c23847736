"""Manifests, which list the files and directories of versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Integer, and_, bindparam, delete, func, insert, or_, select, update

from modelyard.domain.files import Entry, parents
from modelyard.domain.pages import Page, Window
from modelyard.store import holdings, schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from modelyard.store.tx import Look, Row, Write

_entries, _blobs, _manifests = schema.entries, schema.blobs, schema.manifests

_ENTRY: Final = (
    _entries.c.path,
    _entries.c.is_directory,
    _entries.c.size,
    _entries.c.sha256,
    _entries.c.modified_at,
    _blobs.c.store_id,
    _blobs.c.key,
)
_LOCATED: Final = _entries.outerjoin(_blobs, _blobs.c.id == _entries.c.blob_id)
_ENTRIES: Final = select(*_ENTRY).select_from(_LOCATED)
_OF_MANIFEST: Final = _entries.c.manifest_id == bindparam("manifest")
_THIS: Final = _entries.c.path == bindparam("at")
_GET: Final = _ENTRIES.where(_OF_MANIFEST, _THIS)
_ALL_FILES: Final = _ENTRIES.where(_OF_MANIFEST, _entries.c.is_directory == 0)
_LIST: Final = (
    _ENTRIES.where(_OF_MANIFEST, _entries.c.parent == bindparam("directory"), _entries.c.path > bindparam("after"))
    .order_by(_entries.c.path)
    .limit(bindparam("most"))
)
_FILES: Final = (
    _ENTRIES.where(_OF_MANIFEST, _entries.c.is_directory == 0, _entries.c.path > bindparam("after"))
    .order_by(_entries.c.path)
    .limit(bindparam("most"))
)
_IN_FOLDER: Final = and_(_entries.c.path >= bindparam("first"), _entries.c.path < bindparam("beyond"))
_IN_TREE: Final = or_(_THIS, _IN_FOLDER)
_TREE: Final = select(_entries.c.path).where(_OF_MANIFEST, _IN_TREE).limit(bindparam("most"))
_ADD: Final = inserting(_entries)
_REPLACE: Final = (
    update(_entries)
    .where(_OF_MANIFEST, _THIS)
    .values(
        size=bindparam("new_size"),
        sha256=bindparam("new_sha256"),
        modified_at=bindparam("now"),
        blob_id=bindparam("new_blob"),
    )
)
_REST: Final = bindparam("rest", type_=Integer)
_COPY: Final = insert(_entries).from_select(
    [column.name for column in _entries.c],
    select(
        bindparam("into", type_=schema.Name),
        func.substr(_entries.c.path, _REST),
        func.substr(_entries.c.parent, _REST),  # nothing is left of the folder itself
        _entries.c.is_directory,
        _entries.c.size,
        _entries.c.sha256,
        bindparam("now", type_=schema.Number),
        _entries.c.blob_id,
    ).where(_OF_MANIFEST, _IN_FOLDER),
)
_MEASURE: Final = select(_manifests.c.files, _manifests.c.size).where(_manifests.c.id == bindparam("manifest"))
_ADD_MANIFEST: Final = inserting(_manifests)
_FREEZE: Final = (
    update(_manifests)
    .where(_manifests.c.id == bindparam("manifest"))
    .values(digest=bindparam("new_digest"), files=bindparam("new_files"), size=bindparam("new_size"))
)
_REMOVE: Final = delete(_entries).where(_OF_MANIFEST, _THIS)
_REMOVE_TREE: Final = delete(_entries).where(_OF_MANIFEST, _IN_TREE)
_LET_GO: Final = holdings.letting_go(_OF_MANIFEST, _THIS)
_LET_TREE_GO: Final = holdings.letting_go(_OF_MANIFEST, _IN_TREE)


def get(tx: Look, manifest_id: str, path: str) -> Entry | None:
    """The file or directory at a path; the root of a version is a directory that is always there."""
    if not path:
        return Entry("", is_directory=True)
    row = tx.row(_GET, manifest=manifest_id, at=path)
    return _entry(row) if row else None


def listing(tx: Look, manifest_id: str, directory: str, window: Window) -> Page[Entry]:
    """What is directly in a directory, by path."""
    rows = tx.rows(_LIST, manifest=manifest_id, directory=directory, after=window.after, most=window.limit + 1)
    return _page(rows, window)


def page(tx: Look, manifest_id: str, window: Window) -> Page[Entry]:
    """Files of a manifest in whatever directory, by path."""
    return _page(tx.rows(_FILES, manifest=manifest_id, after=window.after, most=window.limit + 1), window)


def _page(rows: Sequence[Row], window: Window) -> Page[Entry]:
    items = [_entry(row) for row in rows]
    return window.cut(items, items[window.limit - 1].path if len(items) > window.limit else None)


def all_files(tx: Look, manifest_id: str) -> list[Entry]:
    """Every file of a manifest."""
    return [_entry(row) for row in tx.rows(_ALL_FILES, manifest=manifest_id)]


def put(tx: Write, manifest_id: str, entry: Entry) -> None:
    """Keep a file or directory, in place of a file of the same path; its parents must be there.

    For the bytes that the path named before the grace period begins: somebody may be reading them.
    """
    blob = None if entry.is_directory else holdings.keep(tx, entry.stored)
    if not entry.is_directory and tx.run(_LET_GO, manifest=manifest_id, at=entry.path, now=tx.now):
        tx.run(
            _REPLACE,
            manifest=manifest_id,
            at=entry.path,
            new_size=entry.size,
            new_sha256=entry.sha256,
            now=tx.now,
            new_blob=blob,
        )
        return
    tx.run(
        _ADD,
        manifest_id=manifest_id,
        path=entry.path,
        parent=entry.path.rpartition("/")[0],
        is_directory=int(entry.is_directory),
        size=entry.size,
        sha256=entry.sha256,
        modified_at=tx.now,
        blob_id=blob,
    )


def put_whole(tx: Write, manifest_id: str, entry: Entry) -> Entry:
    """Keep a file or directory, with the directories above it that are not there yet."""
    for above in missing_parents(tx, manifest_id, entry.path):
        put(tx, manifest_id, Entry(above, is_directory=True))
    put(tx, manifest_id, entry)
    return entry


def copy(tx: Write, manifest_id: str, directory: str, into: str) -> None:
    """Name all that is in a directory, at any depth, in an empty manifest, too: rows, and no bytes."""
    tx.run(_COPY, manifest=manifest_id, into=into, rest=len(directory) + 2, now=tx.now, **_inside(directory))


def tree(tx: Look, manifest_id: str, path: str, most: int) -> list[str]:
    """The paths of a file or directory and of all that is in it."""
    return [row[0] for row in tx.rows(_TREE, manifest=manifest_id, at=path, most=most, **_inside(path))]


def freeze(tx: Write, manifest_id: str, digest: str, entries: Collection[Entry]) -> None:
    """Note what a manifest is for good."""
    size = sum(entry.size for entry in entries)
    tx.run(_FREEZE, manifest=manifest_id, new_digest=digest, new_files=len(entries), new_size=size)


def measure(tx: Look, manifest_id: str) -> tuple[int, int]:
    """The number of files in a frozen manifest, and their bytes together; two zeros before it is frozen."""
    row = tx.row(_MEASURE, manifest=manifest_id)
    return (row[0], row[1]) if row else (0, 0)


def add_manifest(tx: Write, manifest_id: str) -> None:
    """Begin an empty manifest."""
    tx.run(_ADD_MANIFEST, id=manifest_id, created_at=tx.now, digest="", files=0, size=0)


def missing_parents(tx: Look, manifest_id: str, path: str) -> list[str]:
    """The directories above a path that are not there yet, outermost first."""
    return [parent for parent in parents(path) if tx.row(_GET, manifest=manifest_id, at=parent) is None]


def remove(tx: Write, manifest_id: str, path: str) -> None:
    """Take a file or an empty directory out of a manifest; its bytes are collected after the grace period."""
    tx.run(_LET_GO, manifest=manifest_id, at=path, now=tx.now)
    tx.run(_REMOVE, manifest=manifest_id, at=path)


def remove_tree(tx: Write, manifest_id: str, path: str) -> None:
    """Take a file or directory and all that is in it out of a manifest, likewise."""
    tx.run(_LET_TREE_GO, manifest=manifest_id, at=path, now=tx.now, **_inside(path))
    tx.run(_REMOVE_TREE, manifest=manifest_id, at=path, **_inside(path))


def _inside(directory: str) -> dict[str, str]:
    return {"first": directory + "/", "beyond": directory + "0"}  # a zero follows a slash


def _entry(row: Row) -> Entry:
    path, is_directory, size, sha256, modified_at, store_id, key = row
    return Entry(path, bool(is_directory), size, sha256, modified_at, store_id or "", key or "")
