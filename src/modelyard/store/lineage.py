"""Edges of lineage: noted once and counted after that, and asked for from either end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, literal, select, update

from modelyard.domain.lineage import MAX_EDGES, VERSION, Direction, Edge, End
from modelyard.store import schema
from modelyard.store.catalogs import LOCATED, VISIBLE, seen_by
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.store.tx import Look, Row, Write

_lineage, _versions, _securables = schema.lineage, schema.versions, schema.securables

_ADD: Final = inserting(_lineage)
_COUNT: Final = (
    update(_lineage)
    .where(
        _lineage.c.version_id == bindparam("version"),
        _lineage.c.direction == bindparam("side"),
        _lineage.c.kind == bindparam("of_kind"),
        _lineage.c.name == bindparam("called"),
    )
    .values(
        times=_lineage.c.times + 1,
        last_at=bindparam("now"),
        noted_by=bindparam("actor"),
        details=bindparam("new_details"),
    )
)
_NOTED: Final = (
    _lineage.c.kind,
    _lineage.c.name,
    _lineage.c.details,
    _lineage.c.first_at,
    _lineage.c.last_at,
    _lineage.c.times,
    _lineage.c.noted_by,
)
_NO_VERSION: Final = (literal("").label("id"), literal("").label("model"), literal(0).label("number"))
_FOUND: Final = (_versions.c.id, _securables.c.full_name, _versions.c.number)
_LABELS: Final = (
    select(*_NOTED, *_NO_VERSION)
    .where(
        _lineage.c.version_id == bindparam("version"),
        _lineage.c.direction == bindparam("side"),
        _lineage.c.other_id == "",
    )
    .order_by(_lineage.c.seq)
    .limit(MAX_EDGES)
)
"""Ends that are no versions here: whoever may read the version may read what was said of it."""

_NAMES: Final = (
    select(_lineage.c.name)
    .where(
        _lineage.c.version_id == bindparam("version"),
        _lineage.c.direction == Direction.UPSTREAM.value,
        _lineage.c.kind == bindparam("of_kind"),
    )
    .order_by(_lineage.c.seq)
    .limit(MAX_EDGES)
)

_OTHERS: Final = LOCATED.join(_versions, _versions.c.model_id == _securables.c.id)
_ORIGINS: Final = (
    select(*_NOTED, *_FOUND)
    .select_from(_OTHERS.join(_lineage, _lineage.c.other_id == _versions.c.id))
    .where(_lineage.c.version_id == bindparam("version"), VISIBLE)
    .order_by(_lineage.c.seq)
    .limit(MAX_EDGES)
)
"""The versions that one was made from, as far as the caller may see them."""

_COPIES: Final = (
    select(*_NOTED, *_FOUND)
    .select_from(_OTHERS.join(_lineage, _lineage.c.version_id == _versions.c.id))
    .where(_lineage.c.other_id == bindparam("version"), VISIBLE)
    .order_by(_lineage.c.seq)
    .limit(MAX_EDGES)
)
"""The versions that were made from one, as far as the caller may see them."""


def note(tx: Write, version_id: str, direction: Direction, ends: Iterable[End], other_id: str = "") -> None:
    """Keep what a client says of a version; what was said before is counted."""
    for end in ends:
        details = json.dumps(end.details)
        known = {"side": direction.value, "of_kind": end.kind, "called": end.name}
        if tx.run(_COUNT, version=version_id, now=tx.now, actor=tx.actor, new_details=details, **known):
            continue
        tx.run(
            _ADD,
            version_id=version_id,
            direction=direction.value,
            kind=end.kind,
            name=end.name,
            other_id=other_id,
            details=details,
            first_at=tx.now,
            last_at=tx.now,
            times=1,
            noted_by=tx.actor,
        )


def upstream(tx: Look, version_id: str, kind: str) -> list[str]:
    """The names of what a version comes from, of one kind."""
    return [name for (name,) in tx.rows(_NAMES, version=version_id, of_kind=kind)]


def edges(tx: Look, version_id: str, direction: Direction, most_depth: int) -> list[Edge]:
    """The edges on one side of a version, then those of the versions there, and so on; each version once."""
    found: list[Edge] = []
    seen, level = {version_id}, [version_id]
    for depth in range(1, most_depth + 1):
        rows = [row for each in level for row in _step(tx, each, direction)]
        fresh = [row for row in rows if not row[-3] or row[-3] not in seen]
        found += [_edge(row, direction, depth) for row in fresh]
        level = [row[-3] for row in fresh if row[-3]][:MAX_EDGES]
        seen.update(level)
    return found


def _step(tx: Look, version_id: str, direction: Direction) -> list[Row]:
    others = _ORIGINS if direction is Direction.UPSTREAM else _COPIES
    labels = tx.rows(_LABELS, version=version_id, side=direction.value)
    return [*labels, *tx.rows(others, version=version_id, **seen_by(tx))]


def _edge(row: Row, direction: Direction, depth: int) -> Edge:
    kind, name, details, first_at, last_at, times, noted_by, _, model, number = row
    shown = f"{model}/{number}" if model else name
    end = End(VERSION if model else kind, shown, json.loads(details))
    return Edge(direction, end, first_at, last_at, times, noted_by, model, number, depth)
