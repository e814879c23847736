"""The manifest of a version: its files and directories, and multipart uploads on their way into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select, update

from modelyard.domain.files import Entry, Upload, parents
from modelyard.domain.pages import Page, Window
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Row, Write

_entries, _uploads = schema.entries, schema.uploads

_ENTRY: Final = (
    _entries.c.path,
    _entries.c.is_directory,
    _entries.c.size,
    _entries.c.sha256,
    _entries.c.modified_at,
)
_OF_VERSION: Final = _entries.c.version_id == bindparam("version")
_THIS: Final = _entries.c.path == bindparam("at")
_GET: Final = select(*_ENTRY).where(_OF_VERSION, _THIS)
_ALL_FILES: Final = select(*_ENTRY).where(_OF_VERSION, _entries.c.is_directory == 0)
_LIST: Final = (
    select(*_ENTRY)
    .where(_OF_VERSION, _entries.c.parent == bindparam("directory"), _entries.c.path > bindparam("after"))
    .order_by(_entries.c.path)
    .limit(bindparam("most"))
)
_ADD: Final = inserting(_entries)
_REPLACE: Final = (
    update(_entries)
    .where(_OF_VERSION, _THIS)
    .values(size=bindparam("new_size"), sha256=bindparam("new_sha256"), modified_at=bindparam("now"))
)
_REMOVE: Final = delete(_entries).where(_OF_VERSION, _THIS)


def get(tx: Look, version_id: str, path: str) -> Entry | None:
    """The file or directory at a path; the root of a version is a directory that is always there."""
    if not path:
        return Entry("", is_directory=True)
    row = tx.row(_GET, version=version_id, at=path)
    return _entry(row) if row else None


def listing(tx: Look, version_id: str, directory: str, window: Window) -> Page[Entry]:
    """What is directly in a directory, by path."""
    rows = tx.rows(_LIST, version=version_id, directory=directory, after=window.after, most=window.limit + 1)
    items = [_entry(row) for row in rows]
    return window.cut(items, items[window.limit - 1].path if len(items) > window.limit else None)


def all_files(tx: Look, version_id: str) -> list[Entry]:
    """Every file of a version."""
    return [_entry(row) for row in tx.rows(_ALL_FILES, version=version_id)]


def put(tx: Write, version_id: str, entry: Entry) -> None:
    """Keep a file or directory, in place of a file of the same path; its parents must be there."""
    if not entry.is_directory and tx.run(
        _REPLACE,
        version=version_id,
        at=entry.path,
        new_size=entry.size,
        new_sha256=entry.sha256,
        now=tx.now,
    ):
        return
    tx.run(
        _ADD,
        version_id=version_id,
        path=entry.path,
        parent=entry.path.rpartition("/")[0],
        is_directory=int(entry.is_directory),
        size=entry.size,
        sha256=entry.sha256,
        modified_at=tx.now,
    )


def missing_parents(tx: Look, version_id: str, path: str) -> list[str]:
    """The directories above a path that are not there yet, outermost first."""
    return [parent for parent in parents(path) if tx.row(_GET, version=version_id, at=parent) is None]


def remove(tx: Write, version_id: str, path: str) -> None:
    """Take a file or an empty directory out of a manifest; its bytes are collected later."""
    tx.run(_REMOVE, version=version_id, at=path)


def _entry(row: Row) -> Entry:
    path, is_directory, size, sha256, modified_at = row
    return Entry(path, bool(is_directory), size, sha256, modified_at)


# Multipart uploads

_ADD_UPLOAD: Final = inserting(_uploads)
_THIS_UPLOAD: Final = _uploads.c.id == bindparam("upload")
_UPLOAD: Final = select(
    _uploads.c.id,
    _uploads.c.version_id,
    _uploads.c.path,
    _uploads.c.overwrite,
    _uploads.c.principal_id,
    _uploads.c.sha256,
    _uploads.c.size,
).where(_THIS_UPLOAD)
_FINISH_UPLOAD: Final = (
    update(_uploads).where(_THIS_UPLOAD).values(sha256=bindparam("new_sha256"), size=bindparam("new_size"))
)
_REMOVE_UPLOAD: Final = delete(_uploads).where(_THIS_UPLOAD)
_REMOVE_UPLOADS: Final = delete(_uploads).where(_uploads.c.version_id == bindparam("version"))


def add_upload(tx: Write, upload: Upload) -> None:
    """Begin a multipart upload."""
    tx.run(
        _ADD_UPLOAD,
        id=upload.id,
        version_id=upload.version_id,
        path=upload.path,
        overwrite=int(upload.overwrite),
        principal_id=upload.principal_id,
        created_at=tx.now,
        sha256="",
        size=0,
    )


def finish_upload(tx: Write, upload_id: str, sha256: str, size: int) -> None:
    """Note what an upload has become, so that its client may ask again."""
    tx.run(_FINISH_UPLOAD, upload=upload_id, new_sha256=sha256, new_size=size)


def upload(tx: Look, upload_id: str) -> Upload | None:
    """A multipart upload, in progress or complete."""
    row = tx.row(_UPLOAD, upload=upload_id)
    if row is None:
        return None
    id_, version_id, path, overwrite, *rest = row
    return Upload(id_, version_id, path, bool(overwrite), *rest)


def remove_upload(tx: Write, upload_id: str) -> None:
    """Forget a multipart upload."""
    tx.run(_REMOVE_UPLOAD, upload=upload_id)


def remove_uploads(tx: Write, version_id: str) -> None:
    """Forget every multipart upload into a version."""
    tx.run(_REMOVE_UPLOADS, version=version_id)
