"""What the database says of stored bytes, stretch by stretch, to be compared with what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from modelyard.domain.files import Stored, digest
from modelyard.domain.inspection import Blob, Compared, Looked, WrongManifest
from modelyard.store import files, schema

if TYPE_CHECKING:
    from modelyard.store.tx import Look

_blobs, _entries, _versions = schema.blobs, schema.entries, schema.versions
_manifests, _securables = schema.manifests, schema.securables
_trash, _in_trash = schema.trash, schema.trash_manifests

_SOME: Final = 20
"""How many manifests are compared together, and how many files or versions are named with a finding."""
_BLOBS: Final = (
    select(_blobs.c.id, _blobs.c.store_id, _blobs.c.sha256, _blobs.c.size, _blobs.c.key)
    .where(_blobs.c.id > bindparam("after"))
    .order_by(_blobs.c.id)
    .limit(bindparam("most"))
)
_MISSED: Final = (
    select(_securables.c.full_name, _versions.c.number, _entries.c.path)
    .select_from(_entries)
    .join(_versions, _versions.c.manifest_id == _entries.c.manifest_id)
    .join(_securables, _securables.c.id == _versions.c.model_id)
    .where(_entries.c.blob_id == bindparam("blob"))
    .order_by(_securables.c.full_name, _versions.c.number, _entries.c.path)
    .limit(bindparam("most"))
)
_MISSED_IN_TRASH: Final = (
    select(_trash.c.full_name, _trash.c.id, _entries.c.path)
    .select_from(_entries)
    .join(_in_trash, _in_trash.c.manifest_id == _entries.c.manifest_id)
    .join(_trash, _trash.c.id == _in_trash.c.trash_id)
    .where(_entries.c.blob_id == bindparam("blob"))
    .order_by(_trash.c.full_name, _trash.c.id, _entries.c.path)
    .limit(bindparam("most"))
)
_FROZEN: Final = (
    select(_manifests.c.id, _manifests.c.digest, _manifests.c.files, _manifests.c.size)
    .where(_manifests.c.id > bindparam("after"), _manifests.c.files > 0)
    .order_by(_manifests.c.id)
    .limit(bindparam("most"))
)
_OF_MANIFEST: Final = (
    select(_securables.c.full_name, _versions.c.number)
    .join(_versions, _versions.c.model_id == _securables.c.id)
    .where(_versions.c.manifest_id == bindparam("manifest"))
    .order_by(_securables.c.full_name, _versions.c.number)
    .limit(bindparam("most"))
)
_IN_TRASH: Final = (
    select(_trash.c.full_name, _trash.c.id)
    .join(_in_trash, _in_trash.c.trash_id == _trash.c.id)
    .where(_in_trash.c.manifest_id == bindparam("manifest"))
    .order_by(_trash.c.full_name, _trash.c.id)
    .limit(bindparam("most"))
)


def blobs(tx: Look, after: str, most: int) -> tuple[Blob, ...]:
    """Stored bytes by the ids of their rows, from one on."""
    rows = tx.rows(_BLOBS, after=after, most=most)
    return tuple(Blob(row[0], Stored(row[1], row[2], row[3], row[4])) for row in rows)


def named(tx: Look, looked: Looked) -> Looked:
    """The same, with some of the files whose bytes are missing or damaged."""
    damage = tuple(replace(each, files=_missed_in(tx, each.blob.id)) for each in looked.damage)
    return replace(looked, damage=damage)


def _missed_in(tx: Look, blob_id: str) -> tuple[str, ...]:
    found = [f"{name}/{number}/{path}" for name, number, path in tx.rows(_MISSED, blob=blob_id, most=_SOME)]
    thrown = [
        f"{name}/{path} in trash {id_}" for name, id_, path in tx.rows(_MISSED_IN_TRASH, blob=blob_id, most=_SOME)
    ]
    return (*found, *thrown)[:_SOME]


def compare(tx: Look, after: str) -> Compared:
    """Compare some frozen manifests with what was noted of them when their version was finalized."""
    rows = tx.rows(_FROZEN, after=after, most=_SOME)
    found = [(row[0], _problem(tx, *row)) for row in rows]
    wrong = tuple(WrongManifest(id_, problem, _versions_of(tx, id_)) for id_, problem in found if problem)
    return Compared(len(rows), wrong, rows[-1][0] if len(rows) == _SOME else None)


def _problem(tx: Look, manifest_id: str, noted: str, count: int, size: int) -> str:
    there = files.all_files(tx, manifest_id)
    if any(not entry.key for entry in there):
        return "a file has no stored bytes"
    if (len(there), sum(entry.size for entry in there)) != (count, size):
        return "other files, or other sizes"
    return "" if digest(there) == noted else "another digest"


def _versions_of(tx: Look, manifest_id: str) -> tuple[str, ...]:
    found = [f"{name}/{number}" for name, number in tx.rows(_OF_MANIFEST, manifest=manifest_id, most=_SOME)]
    thrown = [f"{name} in trash {id_}" for name, id_ in tx.rows(_IN_TRASH, manifest=manifest_id, most=_SOME)]
    return (*found, *thrown)[:_SOME]
