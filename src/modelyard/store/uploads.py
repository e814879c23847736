"""Multipart uploads: the same into a version and into an experiment, in a table each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Table, bindparam, delete, insert, select, update

from modelyard.domain.files import Stored, Upload
from modelyard.store import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.store.tx import Look, Row, Write

_SAID: Final = ("id", "path", "overwrite", "principal_id", "created_at", "sha256", "size", "key", "store_id")


class Uploads:
    """The uploads that a table keeps; `into` is its column that says what they go into."""

    def __init__(self, table: Table, into: Column[str]) -> None:
        columns = table.c
        this = columns.id == bindparam("upload")
        shown = (columns[name] for name in ("path", "overwrite", "principal_id", "store_id", "sha256", "size", "key"))
        self.all = select(columns.id, into, *shown)
        self._into = into.name
        self._add = insert(table).values({name: bindparam(name) for name in (into.name, *_SAID)})
        self._get = self.all.where(this)
        self._finish = (
            update(table)
            .where(this)
            .values(sha256=bindparam("new_sha256"), size=bindparam("new_size"), key=bindparam("new_key"))
        )
        self._remove = delete(table).where(this)

    def add(self, tx: Write, upload: Upload) -> None:
        """Begin an upload."""
        tx.run(
            self._add,
            **{self._into: upload.version_id},
            id=upload.id,
            path=upload.path,
            overwrite=int(upload.overwrite),
            principal_id=upload.principal_id,
            created_at=tx.now,
            sha256="",
            size=0,
            key="",
            store_id=upload.store_id,
        )

    def get(self, tx: Look, upload_id: str) -> Upload | None:
        """An upload, in progress or complete."""
        row = tx.row(self._get, upload=upload_id)
        return _upload(row) if row else None

    def finish(self, tx: Write, upload_id: str, stored: Stored) -> None:
        """Note what an upload has become, so that its client may ask again."""
        tx.run(self._finish, upload=upload_id, new_sha256=stored.sha256, new_size=stored.size, new_key=stored.key)

    def remove(self, tx: Write, upload_id: str) -> None:
        """Forget an upload."""
        tx.run(self._remove, upload=upload_id)


def _upload(row: Row) -> Upload:
    id_, into, path, overwrite, *rest = row
    return Upload(id_, into, path, bool(overwrite), *rest)


OF_VERSIONS: Final = Uploads(schema.uploads, schema.uploads.c.version_id)
OF_EXPERIMENTS: Final = Uploads(schema.artifact_uploads, schema.artifact_uploads.c.experiment_id)


# Into versions, by clients that send parts to an object store themselves

_uploads = schema.uploads
_OF_VERSION: Final = _uploads.c.version_id == bindparam("version")
_STAGE: Final = update(_uploads).where(_uploads.c.id == bindparam("upload")).values(staged=bindparam("new_staged"))
_STAGED: Final = (
    OF_VERSIONS.all.add_columns(_uploads.c.staged)
    .where(_OF_VERSION, _uploads.c.staged != "")
    .order_by(_uploads.c.created_at, _uploads.c.id)
)
_REMOVE_ALL: Final = delete(_uploads).where(_OF_VERSION)


def stage(tx: Write, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
    """Note which parts an upload is to be joined of, once its version is finalized."""
    tx.run(_STAGE, upload=upload_id, new_staged=json.dumps(parts))


def staged(tx: Look, version_id: str) -> tuple[Upload, ...]:
    """The uploads into a version that are to be joined, oldest first."""
    return tuple(replace(_upload(row[:-1]), staged=_parts(row[-1])) for row in tx.rows(_STAGED, version=version_id))


def _parts(told: str) -> tuple[tuple[int, str], ...]:
    return tuple((number, tag) for number, tag in json.loads(told))


def remove_all(tx: Write, version_id: str) -> None:
    """Forget every upload into a version."""
    tx.run(_REMOVE_ALL, version=version_id)


# Into experiments

_FORGET: Final = delete(schema.artifact_uploads).where(schema.artifact_uploads.c.created_at <= bindparam("until"))


def forget(tx: Write, until: int) -> None:
    """Forget uploads into experiments that began before a time."""
    tx.run(_FORGET, until=until)
