"""Versions whose files stopped coming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, exists, select

from modelyard.domain.models import Status
from modelyard.domain.privileges import Kind, Node
from modelyard.store import holdings, schema

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Write

_versions, _securables = schema.versions, schema.securables
_entries, _uploads, _leases = schema.entries, schema.uploads, schema.finalizations

_ALL: Final = (
    select(_versions.c.model_id, _securables.c.full_name, _versions.c.number)
    .join(_securables, _securables.c.id == _versions.c.model_id)
    .where(
        _versions.c.status == Status.PENDING_REGISTRATION.value,
        _versions.c.updated_at <= bindparam("before"),
        ~exists().where(
            _entries.c.manifest_id == _versions.c.manifest_id,
            _entries.c.modified_at > bindparam("before"),
        ),
        ~exists().where(_uploads.c.version_id == _versions.c.id, _uploads.c.created_at > bindparam("before")),
        ~exists().where(_leases.c.version_id == _versions.c.id, _leases.c.until > bindparam("now")),
    )
)
_OLDEST: Final = _ALL.order_by(_versions.c.updated_at, _versions.c.id).limit(bindparam("most"))
_THIS: Final = _ALL.where(_versions.c.id == bindparam("version"))
_EMPTY: Final = delete(_entries).where(_entries.c.manifest_id == bindparam("manifest"))


def oldest(tx: Look, before: int, most: int) -> list[tuple[Node, int]]:
    """PENDING versions that nobody has touched since a time: the model, and the number."""
    rows = tx.rows(_OLDEST, before=before, now=tx.now, most=most)
    return [(Node(Kind.MODEL, row[0], row[1]), row[2]) for row in rows]


def is_stalled(tx: Look, version_id: str, before: int) -> bool:
    """Whether a version is one of those."""
    return tx.row(_THIS, version=version_id, before=before, now=tx.now) is not None


def empty(tx: Write, manifest_id: str) -> None:
    """Take every file out of a manifest that was never frozen; their bytes are collected later."""
    holdings.start_the_clock(tx, manifest_id)
    tx.run(_EMPTY, manifest=manifest_id)
