"""Statements of the collector. Each one sees to it by itself that nothing goes that somebody names by now.

What was in the trash for long enough goes first (`store.trash`). A manifest goes, and the time of its bytes begins to
run; their rows go when it is over, and a row of `garbage` says where the object is; the object goes outside of any
transaction; then the row of `garbage` goes. A process that dies in between leaves rows that the next one finds, and
never a file without its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, exists, func, or_, select, union_all

from modelyard.domain.collection import Garbage, Orphans, Shelved, Weight
from modelyard.store import holdings, schema
from modelyard.store.lists import is_in, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.store.tx import Look, Write

_manifests, _versions, _entries = schema.manifests, schema.versions, schema.entries
_trash, _in_trash = schema.trash, schema.trash_manifests
_blobs, _garbage = schema.blobs, schema.garbage
_payload, _workspace = schema.payload_files, schema.workspace_objects
_volumes, _outputs = schema.volumes, schema.outputs

_WITHOUT_VERSION: Final = and_(
    *(
        ~exists().where(has.c.manifest_id == _manifests.c.id)
        for has in (_versions, schema.experiments, _volumes, _outputs)
    )
)
"""Experiments, volumes and their outputs have manifests, too."""
_IN_TRASH: Final = _in_trash.c.manifest_id == _manifests.c.id
_LOOSE: Final = and_(_WITHOUT_VERSION, ~exists().where(_IN_TRASH))
_LOOSE_MANIFESTS: Final = select(_manifests.c.id).where(_LOOSE).limit(bindparam("most"))
_DROP_MANIFEST: Final = delete(_manifests).where(_manifests.c.id == bindparam("manifest"), _LOOSE)
_IN_TABLE: Final = or_(
    exists().where(_payload.c.blob_id == _blobs.c.id), exists().where(_workspace.c.blob_id == _blobs.c.id)
)
_UNNAMED: Final = and_(
    _blobs.c.touched_at <= bindparam("before"), ~exists().where(_entries.c.blob_id == _blobs.c.id), ~_IN_TABLE
)
_UNNAMED_BLOBS: Final = select(_blobs.c.id).where(_UNNAMED).limit(bindparam("most"))
_DROP_BLOB: Final = (
    delete(_blobs)
    .where(_blobs.c.id == bindparam("blob"), _UNNAMED)
    .returning(_blobs.c.store_id, _blobs.c.key, _blobs.c.size)
)
_NAMED_AGAIN: Final = exists().where(_blobs.c.store_id == _garbage.c.store_id, _blobs.c.key == _garbage.c.key)
_FORGET_NAMED: Final = delete(_garbage).where(_NAMED_AGAIN)
_DUE: Final = (
    select(_garbage.c.store_id, _garbage.c.key, _garbage.c.size)
    .where(~_NAMED_AGAIN)
    .order_by(_garbage.c.since, _garbage.c.store_id, _garbage.c.key)
    .limit(bindparam("most"))
)
_STORES: Final = select(schema.stores.c.id)
_KEYS: Final = union_all(
    *(
        select(table.c.key).where(table.c.store_id == bindparam("store"), is_in(table.c.key, "names"))
        for table in (_blobs, _garbage)
    )
)
_IS_DUE: Final = _trash.c.deleted_at <= bindparam("due")
_COUNT_TRASH: Final = select(func.count()).select_from(_trash).where(_IS_DUE)
_SOON_LOOSE: Final = and_(
    _WITHOUT_VERSION,
    ~exists().where(_IN_TRASH, _trash.c.id == _in_trash.c.trash_id, _trash.c.deleted_at > bindparam("due")),
)
_COUNT_MANIFESTS: Final = select(func.count()).select_from(_manifests).where(_SOON_LOOSE)
_OF_LOOSE: Final = select(_manifests.c.id).where(_SOON_LOOSE)
_ONLY_LOOSE: Final = and_(
    exists().where(_entries.c.blob_id == _blobs.c.id),
    ~_IN_TABLE,
    ~exists().where(_entries.c.blob_id == _blobs.c.id, _entries.c.manifest_id.not_in(_OF_LOOSE)),
)
_WEIGH_BLOBS: Final = select(func.count(), func.coalesce(func.sum(_blobs.c.size), 0)).where(_UNNAMED | _ONLY_LOOSE)
_WEIGH_GARBAGE: Final = select(func.count(), func.coalesce(func.sum(_garbage.c.size), 0)).where(~_NAMED_AGAIN)


def drop_manifests(tx: Write, most: int) -> int:
    """Remove manifests that no version, experiment, volume or output has, nor the trash; how many."""
    rows = tx.rows(_LOOSE_MANIFESTS, most=most)
    for (manifest,) in rows:
        holdings.start_the_clock(tx, manifest)
        tx.run(_DROP_MANIFEST, manifest=manifest)
    return len(rows)


def drop_blobs(tx: Write, before: int, most: int) -> int:
    """Remove rows of bytes that no file has named since a time, and note their objects as garbage; how many."""
    rows = tx.rows(_UNNAMED_BLOBS, before=before, most=most)
    for (blob,) in rows:
        gone = tx.row(_DROP_BLOB, blob=blob, before=before)
        if gone:
            holdings.discard(tx, *gone)
    return len(rows)


def due(tx: Write, most: int) -> tuple[Garbage, ...]:
    """Objects that may go; what was brought again in the meantime is garbage no more."""
    tx.run(_FORGET_NAMED)
    return tuple(Garbage(*row) for row in tx.rows(_DUE, most=most))


def forget(tx: Write, removed: Sequence[Garbage]) -> None:
    """Note that objects are gone."""
    for each in removed:
        holdings.forget(tx, each.store_id, each.key)


def stores(tx: Look) -> tuple[str, ...]:
    """The ids of all stores."""
    return tuple(row[0] for row in tx.rows(_STORES))


def orphans(tx: Look, objects: Sequence[Garbage]) -> list[Garbage]:
    """Those of some objects of one store of which no row knows."""
    if not objects:
        return []
    rows = tx.rows(_KEYS, store=objects[0].store_id, names=texts(each.key for each in objects))
    known = {row[0] for row in rows}
    return [each for each in objects if each.key not in known]


def counted(found: Sequence[Garbage], shelved: Shelved) -> Orphans:
    """How many orphans a shelf has."""
    return Orphans(len(found), sum(each.size for each in found), shelved.after)


def weigh(tx: Look, before: int, due: int) -> Weight:
    """What collecting everything would do, for bytes that no file has named since a time, and trash until another."""
    (trash,) = tx.rows(_COUNT_TRASH, due=due)[0]
    (manifests,) = tx.rows(_COUNT_MANIFESTS, due=due)[0]
    objects, size = tx.rows(_WEIGH_BLOBS, before=before, due=due)[0]
    waiting, waiting_size = tx.rows(_WEIGH_GARBAGE)[0]
    return Weight(int(manifests), int(objects), int(size), int(waiting), int(waiting_size), int(trash))
