"""Objects of the workspace, and who was given what on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from modelyard.domain.files import Stored
from modelyard.domain.workspace import Access, Draft, Level, Object, ObjectType, id_of, parent
from modelyard.errors import AlreadyExists
from modelyard.store import holdings, schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelyard.store.tx import Look, Row, Write

_objects, _acls, _blobs = schema.workspace_objects, schema.workspace_acls, schema.blobs
_principals = schema.principals

_SHOWN: Final = (
    select(
        _objects.c.id,
        _objects.c.path,
        _objects.c.type,
        _objects.c.language,
        _objects.c.created_at,
        _objects.c.modified_at,
        _objects.c.owner_id,
        _blobs.c.store_id,
        _blobs.c.sha256,
        _blobs.c.size,
        _blobs.c.key,
    )
).select_from(_objects.outerjoin(_blobs, _blobs.c.id == _objects.c.blob_id))
_BELOW: Final = and_(_objects.c.path > bindparam("first"), _objects.c.path < bindparam("last"))
_GET: Final = _SHOWN.where(_objects.c.path == bindparam("at"))
_BY_ID: Final = _SHOWN.where(_objects.c.id == bindparam("number"))
_MINE: Final = and_(_acls.c.object_id == _objects.c.id, is_in(_acls.c.principal_id, "mine"))
_CHILDREN: Final = (
    _SHOWN.where(_objects.c.parent == bindparam("at"))
    .where(
        or_(
            bindparam("everything") == 1,
            _objects.c.path == bindparam("home"),
            select(_acls.c.level).where(_MINE).exists(),
        )
    )
    .order_by(_objects.c.path)
    .limit(bindparam("most"))
)
_TREE: Final = _SHOWN.where(_BELOW).order_by(_objects.c.path).limit(bindparam("most"))
_WEIGHT: Final = (
    select(func.count(), func.coalesce(func.sum(_blobs.c.size), 0))
    .select_from(_objects.outerjoin(_blobs, _blobs.c.id == _objects.c.blob_id))
    .where(_BELOW)
)
_HAS_CHILDREN: Final = select(_objects.c.id).where(_objects.c.parent == bindparam("at")).limit(1)
_LEVELS: Final = (
    select(_acls.c.level)
    .join(_objects, _objects.c.id == _acls.c.object_id)
    .where(is_in(_objects.c.path, "paths"), is_in(_acls.c.principal_id, "mine"))
)
_ACCESSES: Final = (
    select(_principals.c.name, _principals.c.kind, _acls.c.level, _objects.c.path)
    .select_from(
        _acls.join(_objects, _objects.c.id == _acls.c.object_id).join(
            _principals, _principals.c.id == _acls.c.principal_id
        )
    )
    .where(is_in(_objects.c.path, "paths"))
    .order_by(_objects.c.path, _principals.c.folded)
)
_ADD: Final = inserting(_objects)
_REPLACE: Final = (
    update(_objects)
    .where(_objects.c.id == bindparam("number"))
    .values(
        type=bindparam("new_type"),
        language=bindparam("new_language"),
        blob_id=bindparam("new_blob"),
        modified_at=bindparam("now"),
        modified_by=bindparam("actor"),
    )
)
_DELETE: Final = delete(_objects).where(or_(_objects.c.path == bindparam("at"), _BELOW))
_START_THE_CLOCK: Final = (
    update(_blobs)
    .where(_blobs.c.id.in_(select(_objects.c.blob_id).where(or_(_objects.c.path == bindparam("at"), _BELOW))))
    .values(touched_at=bindparam("now"))
)
_LOCK: Final = select(schema.installation.c.id).with_for_update()
_GIVE: Final = inserting(_acls)
_TAKE: Final = delete(_acls).where(
    _acls.c.object_id == bindparam("number"), _acls.c.principal_id == bindparam("grantee")
)
_TAKE_ALL: Final = delete(_acls).where(_acls.c.object_id == bindparam("number"))


def _below(path: str) -> dict[str, str]:
    """The paths below one: a slash comes right before a zero."""
    stem = path.rstrip("/")
    return {"first": f"{stem}/", "last": f"{stem}0"}


def _object(row: Row) -> Object:
    id_, path, kind, language, created_at, modified_at, owner_id, *stored = row
    bytes_ = Stored(*stored) if stored[0] else None
    return Object(id_, path, ObjectType(kind), language, created_at, modified_at, owner_id, bytes_)


def get(tx: Look, path: str) -> Object | None:
    """What is kept at a path."""
    row = tx.row(_GET, at=path)
    return _object(row) if row else None


def by_id(tx: Look, number: int) -> Object | None:
    """What has this id."""
    row = tx.row(_BY_ID, number=number)
    return _object(row) if row else None


def children(tx: Look, path: str, home: str, most: int, *, everything: bool) -> list[Object]:
    """What is directly in a directory: everything, or what is the caller's home or was given to it by itself."""
    mine = texts(tx.caller.identities)
    rows = tx.rows(_CHILDREN, at=path, home=home, everything=int(everything), mine=mine, most=most)
    return [_object(row) for row in rows if row[1] != path]


def tree(tx: Look, path: str, most: int) -> list[Object]:
    """Everything below a directory."""
    return [_object(row) for row in tx.rows(_TREE, most=most, **_below(path))]


def weigh(tx: Look, path: str) -> tuple[int, int]:
    """How many objects are below a directory, and how many bytes they have together."""
    count, size = tx.rows(_WEIGHT, **_below(path))[0]
    return int(count), int(size)


def has_children(tx: Look, path: str) -> bool:
    """Whether something is in a directory."""
    return tx.row(_HAS_CHILDREN, at=path) is not None


def levels(tx: Look, paths: Iterable[str], identities: Iterable[str]) -> set[Level]:
    """What was given to some identities on some paths."""
    return {Level(level) for (level,) in tx.rows(_LEVELS, paths=texts(paths), mine=texts(identities))}


def accesses(tx: Look, paths: Iterable[str]) -> list[Access]:
    """Who was given what on some paths."""
    rows = tx.rows(_ACCESSES, paths=texts(paths))
    return [Access(name, kind, Level(level), path) for name, kind, level, path in rows]


def lock(tx: Write) -> None:
    """Let nobody else make or remove something in the workspace before this transaction ends."""
    tx.rows(_LOCK)


def add(tx: Write, draft: Draft, stored: Stored | None, owner_id: str) -> Object:
    """Keep something new; the directories above it must be there."""
    number = id_of(new_id())
    if get(tx, draft.path):
        raise AlreadyExists(f"Path ({draft.path}) already exists.")
    tx.run(
        _ADD,
        id=number,
        path=draft.path,
        parent=parent(draft.path),
        type=draft.type.value,
        language=draft.language,
        blob_id=holdings.keep(tx, stored) if stored else None,
        owner_id=owner_id,
        created_at=tx.now,
        modified_at=tx.now,
        modified_by=tx.actor,
    )
    return Object(number, draft.path, draft.type, draft.language, tx.now, tx.now, owner_id, stored)


def replace(tx: Write, there: Object, draft: Draft, stored: Stored) -> None:
    """Keep other bytes in place of those that are there."""
    tx.run(_START_THE_CLOCK, at=there.path, first="", last="", now=tx.now)
    tx.run(
        _REPLACE,
        number=there.id,
        new_type=draft.type.value,
        new_language=draft.language,
        new_blob=holdings.keep(tx, stored),
        now=tx.now,
        actor=tx.actor,
    )


def remove(tx: Write, path: str) -> None:
    """Remove something with all that is below it; the bytes are collected later."""
    tx.run(_START_THE_CLOCK, at=path, now=tx.now, **_below(path))
    tx.run(_DELETE, at=path, **_below(path))


def give(tx: Write, number: int, principal_id: str, level: Level) -> None:
    """Let a principal do this with something, and with all that is below it."""
    tx.run(_TAKE, number=number, grantee=principal_id)
    tx.run(_GIVE, object_id=number, principal_id=principal_id, level=level.value)


def take_all(tx: Write, number: int) -> None:
    """Take away what was given on something itself."""
    tx.run(_TAKE_ALL, number=number)


def files_of(found: Sequence[Object]) -> list[Object]:
    """Those that have bytes."""
    return [each for each in found if each.stored]
