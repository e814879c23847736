"""The moves of aliases, and the protections of aliases in schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, insert, literal, null, or_, select, union

from modelyard.domain.aliases import Move, Mover, Protection
from modelyard.domain.privileges import Kind
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

_securables, _principals = schema.securables, schema.principals
_moves, _aliases, _versions = schema.alias_moves, schema.aliases, schema.versions
_protected, _movers = schema.protected_aliases, schema.alias_movers

_LAST_SEQ: Final = 2**62

# History

_MOVE: Final = (
    _moves.c.seq,
    _moves.c.alias,
    _moves.c.from_version,
    _moves.c.to_version,
    _moves.c.moved_at,
    _moves.c.moved_by,
    _moves.c.reason,
    _moves.c.request_id,
)
_OF_MODEL: Final = _moves.c.model_id == bindparam("model")
_OF_ALIAS: Final = _moves.c.folded == bindparam("alias")
_NEWEST_FIRST: Final = (
    select(*_MOVE)
    .where(_OF_MODEL, _moves.c.seq < bindparam("before"))
    .order_by(_moves.c.seq.desc())
    .limit(bindparam("most"))
)
_NEWEST_OF_ALIAS_FIRST: Final = _NEWEST_FIRST.where(_OF_ALIAS)
_LAST_UNTIL: Final = select(func.max(_moves.c.seq)).where(_OF_MODEL, _moves.c.moved_at <= bindparam("time"))
_STOOD: Final = _NEWEST_FIRST.where(_moves.c.seq.in_(_LAST_UNTIL.group_by(_moves.c.folded)))
_ALIAS_STOOD: Final = _NEWEST_FIRST.where(_moves.c.seq.in_(_LAST_UNTIL.where(_OF_ALIAS).group_by(_moves.c.folded)))


def history(tx: Look, model_id: str, window: Window, alias: str, at: int | None) -> Page[Move]:
    """The moves of a model's aliases, or of one of them, newest first; with a time (ms), the last one of each by then.

    Moves of a model are made one after the other, so that `seq` is their order.
    """
    before = window.number_after or _LAST_SEQ
    asked: dict[str, object] = {"model": model_id, "before": before, "most": window.limit + 1}
    one = {"alias": alias.lower()} if alias else {}
    if at is None:
        rows = tx.rows(_NEWEST_OF_ALIAS_FIRST if alias else _NEWEST_FIRST, **asked, **one)
    else:
        rows = tx.rows(_ALIAS_STOOD if alias else _STOOD, **asked, **one, time=at)
    found = [Move(*row) for row in rows]
    return window.cut(found, str(found[window.limit - 1].seq) if len(found) > window.limit else None)


_model = _securables.alias("model")
_BELOW: Final = or_(_securables.c.id == bindparam("container"), _securables.c.parent_id == bindparam("container"))
"""A schema that is this container, or in it: by id, as names may change while somebody waits for a lock."""
_FAREWELL: Final = insert(_moves).from_select(
    ["model_id", "model", "alias", "from_version", "to_version", "moved_at", "moved_by", "request_id", "folded",
     "reason"],
    select(
        _aliases.c.model_id, _model.c.full_name, _aliases.c.name, _versions.c.number, null(),
        bindparam("now", type_=schema.Number), bindparam("actor", type_=schema.Name),
        bindparam("request", type_=schema.Name), _aliases.c.folded, literal("", schema.Name),
    )
    .select_from(
        _securables.join(_model, _model.c.parent_id == _securables.c.id)
        .join(_aliases, _aliases.c.model_id == _model.c.id)
        .join(_versions, _versions.c.id == _aliases.c.version_id)
    )
    .where(_BELOW),
)  # fmt: skip


def record_farewell(tx: Write, container_id: str) -> None:
    """Keep in history that the aliases of all models in a schema or catalog go with it."""
    tx.run(
        _FAREWELL,
        container=container_id,
        now=tx.now,
        actor=tx.actor,
        request=tx.context.origin.request_id,
    )


# Protections

# Nobody shares this lock: on PostgreSQL, moves that share it without end would let no protection in. It is the weaker
# of two ("no key update"), so that making models in the schema goes on meanwhile.
_LOCK: Final = select(_securables.c.id).where(_securables.c.id == bindparam("schema")).with_for_update(key_share=True)
_LOCK_CONTAINER: Final = select(_securables.c.id).where(_securables.c.id == bindparam("container")).with_for_update()
_LOCK_INSIDE: Final = (
    select(_securables.c.id)
    .where(_securables.c.parent_id == bindparam("container"), _securables.c.kind == Kind.SCHEMA.value)
    .order_by(_securables.c.id)
    .with_for_update(key_share=True)
)
_PROTECTION: Final = (
    _securables.c.full_name,
    _protected.c.pattern,
    _protected.c.created_at,
    _protected.c.created_by,
    _principals.c.id,
    _principals.c.name,
)
_WITH_MOVERS: Final = (
    _securables.join(_protected, _protected.c.schema_id == _securables.c.id)
    .outerjoin(
        _movers,
        (_movers.c.schema_id == _protected.c.schema_id) & (_movers.c.pattern == _protected.c.pattern),
    )
    .outerjoin(_principals, _principals.c.id == _movers.c.principal_id)
)
_ORDER: Final = (_securables.c.full_name, _protected.c.pattern, _principals.c.folded)
_OF_SCHEMA: Final = (
    select(*_PROTECTION).select_from(_WITH_MOVERS).where(_securables.c.id == bindparam("schema")).order_by(*_ORDER)
)
_ALL_BELOW: Final = select(*_PROTECTION).select_from(_WITH_MOVERS).where(_BELOW).order_by(*_ORDER)


_leaf, _prompt_aliases = _securables.alias("leaf"), schema.prompt_aliases
_PROTECTING: Final = _securables.c.id.in_(select(_protected.c.schema_id))
_INSIDE: Final = _securables.join(_leaf, _leaf.c.parent_id == _securables.c.id)
_SET_BELOW: Final = union(
    select(_securables.c.full_name, _aliases.c.folded)
    .select_from(_INSIDE.join(_aliases, _aliases.c.model_id == _leaf.c.id))
    .where(_BELOW, _PROTECTING),
    select(_securables.c.full_name, _prompt_aliases.c.folded)
    .select_from(_INSIDE.join(_prompt_aliases, _prompt_aliases.c.prompt_id == _leaf.c.id))
    .where(_BELOW, _PROTECTING),
)
_ADD: Final = inserting(_protected)
_ADD_MOVER: Final = inserting(_movers)
_IS: Final = (_protected.c.schema_id == bindparam("schema")) & (_protected.c.pattern == bindparam("which"))
_REMOVE: Final = delete(_protected).where(_IS)


def protections(tx: Write, schema_id: str) -> list[Protection]:
    """What is protected in a schema, where nobody else changes that, or moves an alias, until this ends.

    The lock comes first: what is read after it holds until the end.
    """
    tx.row(_LOCK, schema=schema_id)
    return shown(tx, schema_id)


def shown(tx: Look, schema_id: str) -> list[Protection]:
    """What is protected in a schema, by pattern."""
    return _read(tx.rows(_OF_SCHEMA, schema=schema_id))


def protections_below(tx: Write, container_id: str) -> list[Protection]:
    """What is protected in a schema or in all schemas of a catalog, where no alias moves until this ends."""
    tx.row(_LOCK_CONTAINER, container=container_id)
    tx.rows(_LOCK_INSIDE, container=container_id)
    return _read(tx.rows(_ALL_BELOW, container=container_id))


def set_below(tx: Look, container_id: str) -> list[tuple[str, str]]:
    """Schema and alias (without case) of whatever is set in a container, in schemas that protect anything."""
    return [(row[0], row[1]) for row in tx.rows(_SET_BELOW, container=container_id)]


def _read(rows: Iterable[Row]) -> list[Protection]:
    found: dict[tuple[str, str], Protection] = {}
    for schema_name, pattern, created_at, created_by, mover_id, mover_name in rows:
        there = found.get((schema_name, pattern))
        movers = there.movers if there else ()
        if mover_id is not None:
            movers = (*movers, Mover(mover_id, mover_name))
        found[schema_name, pattern] = Protection(schema_name, pattern, movers, created_at, created_by)
    return list(found.values())


def protect(tx: Write, schema_id: str, pattern: str, mover_ids: Iterable[str]) -> None:
    """Protect a pattern of aliases in a schema, in place of what was said of it before."""
    unprotect(tx, schema_id, pattern)
    tx.run(_ADD, schema_id=schema_id, pattern=pattern, created_at=tx.now, created_by=tx.actor)
    for mover_id in mover_ids:
        tx.run(_ADD_MOVER, schema_id=schema_id, pattern=pattern, principal_id=mover_id)


def unprotect(tx: Write, schema_id: str, pattern: str) -> None:
    """Protect a pattern no longer."""
    tx.run(_REMOVE, schema=schema_id, which=pattern)
