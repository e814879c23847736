"""Versions from other servers: the numbers that they keep, and bytes that are here already.

A number is given once. Imports may leave numbers out; those runs are rows of `gaps`, and only what is in a gap can be
given later. So a number that was lost sight of counts as given, and never the other way round (promise P5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, or_, select, update

from modelyard.domain.files import Stored
from modelyard.domain.models import Status
from modelyard.errors import AlreadyExists
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import Contended, inserting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.domain.models import Announced
    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Write

_models, _versions, _gaps = schema.models, schema.versions, schema.gaps
_entries, _blobs, _manifests = schema.entries, schema.blobs, schema.manifests
_trash, _in_trash = schema.trash, schema.trash_manifests

_OF_MODEL: Final = _gaps.c.model_id == bindparam("model")
_LAST: Final = select(_models.c.last_version).where(_models.c.id == bindparam("model")).with_for_update()
_RAISE: Final = update(_models).where(_models.c.id == bindparam("model")).values(last_version=bindparam("new_last"))
_GAP: Final = select(_gaps.c.first_number, _gaps.c.last_number).where(
    _OF_MODEL, _gaps.c.first_number <= bindparam("number"), _gaps.c.last_number >= bindparam("number")
)
_ADD_GAP: Final = inserting(_gaps)
_CLOSE_GAP: Final = delete(_gaps).where(_OF_MODEL, _gaps.c.first_number == bindparam("first"))
_IN_TRASH: Final = (
    select(_manifests.c.digest)
    .join(_in_trash, _in_trash.c.manifest_id == _manifests.c.id)
    .join(_trash, _trash.c.id == _in_trash.c.trash_id)
    .where(_trash.c.model_id == bindparam("model"), _trash.c.number == bindparam("number"))
)


def hold(tx: Write, model: Node) -> int:
    """The highest number of a model, which nobody raises until this transaction ends."""
    row = tx.row(_LAST, model=model.id)
    if row is None:
        raise Contended
    return row[0]


def claim(tx: Write, model: Node, announced: Announced) -> int:
    """Take the number of a version from another server, which no version here has; `AlreadyExists` if one had it.

    What was deleted, and is in the trash with the very same files, or without any, may come back.
    """
    number, last = announced.number, hold(tx, model)
    if number > last:
        tx.run(_RAISE, model=model.id, new_last=number)
        _leave_out(tx, model, last + 1, number - 1)
    elif gap := tx.row(_GAP, model=model.id, number=number):
        tx.run(_CLOSE_GAP, model=model.id, first=gap[0])
        _leave_out(tx, model, gap[0], number - 1)
        _leave_out(tx, model, number + 1, gap[1])
    elif not _may_return(tx, model, announced):
        raise AlreadyExists(
            f"Version {number} of '{model.full_name}' was deleted, and a number is never given to other files. "
            "Restore it from the trash, or import into another model.",
        )
    return number


def _leave_out(tx: Write, model: Node, first: int, last: int) -> None:
    if first <= last:
        tx.run(_ADD_GAP, model_id=model.id, first_number=first, last_number=last)


def _may_return(tx: Look, model: Node, announced: Announced) -> bool:
    found = tx.row(_IN_TRASH, model=model.id, number=announced.number)
    return found is not None and found[0] in {"", announced.digest}


# Bytes that are here

_READABLE: Final = or_(
    _versions.c.status == Status.READY.value,
    and_(
        _versions.c.status == Status.PENDING_REGISTRATION.value,
        _versions.c.creator_id == bindparam("caller"),
    ),
)
_NAMED: Final = (
    select(_entries.c.path)
    .join(_versions, _versions.c.manifest_id == _entries.c.manifest_id)
    .where(_entries.c.blob_id == _blobs.c.id, _versions.c.model_id == bindparam("model"), _READABLE)
    .exists()
)
_KNOWN: Final = select(_blobs.c.store_id, _blobs.c.sha256, _blobs.c.size, _blobs.c.key).where(
    _blobs.c.store_id.in_(select(schema.stores.c.id)),  # the index begins with it
    is_in(_blobs.c.sha256, "hashes"),
    _NAMED,
)


def known(tx: Look, model: Node, hashes: Iterable[str]) -> dict[str, Stored]:
    """Those of the bytes that a file has in a READY version of a model, or in one that the caller fills, by hash."""
    rows = tx.rows(_KNOWN, model=model.id, hashes=texts(hashes), caller=tx.caller.principal.id)
    return {row[1]: Stored(*row) for row in rows}
