"""Old names of models, and who still calls by them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, case, delete, func, or_, select, update

from modelyard.action import Ref
from modelyard.domain.legacy import ANY, PREFIX, OldName, Sighting
from modelyard.domain.privileges import Kind
from modelyard.domain.stages import Stage
from modelyard.errors import NotFound
from modelyard.store import schema
from modelyard.store.catalogs import IS_ADMIN, LOCATED, VISIBLE, seen_by
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

_names, _securables, _sightings = schema.legacy_names, schema.securables, schema.sightings

_SHOWN: Final = (
    _names.c.name,
    func.coalesce(_securables.c.kind, Kind.MODEL.value),
    func.coalesce(_securables.c.full_name, ""),
    _names.c.aliases,
    _names.c.created_at,
    _names.c.created_by,
    _names.c.updated_at,
    _names.c.updated_by,
    _names.c.retired_at,
    _names.c.refused_from,
    _names.c.refused_until,
)
_WITH_TARGET: Final = _names.outerjoin(_securables, _securables.c.id == _names.c.securable_id)
_GET: Final = select(*_SHOWN).select_from(_WITH_TARGET).where(_names.c.name == bindparam("called"))
_LOCK: Final = select(_names.c.securable_id).where(_names.c.name == bindparam("called")).with_for_update()
_ALIASES: Final = select(_names.c.aliases).where(_names.c.securable_id == bindparam("model")).order_by(_names.c.name)
_VISIBLE: Final = select(_securables.c.id).select_from(LOCATED).where(VISIBLE)
_LIST: Final = (
    select(*_SHOWN)
    .select_from(_WITH_TARGET)
    .where(_names.c.name > bindparam("after"), or_(IS_ADMIN, _names.c.securable_id.in_(_VISIBLE)))
    .order_by(_names.c.name)
    .limit(bindparam("most"))
)
_ADD: Final = inserting(_names)
_CHANGE: Final = (
    update(_names)
    .where(_names.c.name == bindparam("called"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("aliases", "retired_at", "refused_from", "refused_until")},
    )
    .values(updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_REMOVE: Final = delete(_names).where(_names.c.name == bindparam("called"))


def is_old(ref: Ref) -> bool:
    """Whether a reference is by an old name."""
    return ref.name.startswith(PREFIX)


def named(tx: Look, ref: Ref) -> OldName:
    """What an old name stands for that a reference has, or `NotFound`."""
    called = ref.name.removeprefix(PREFIX)
    found = find(tx, called)
    if found is None or found.kind is not ref.kind:
        raise NotFound(
            f"Registered Model with name={called} not found. Name it as catalog.schema.model; an admin can also let "
            "its old name stand for that with `modelyard legacy add`.",
        )
    if not found.target:
        raise NotFound(f"Registered Model with name={called} not found: the model that it stood for was deleted.")
    return found


def find(tx: Look, called: str) -> OldName | None:
    """An old name, whoever may see what it stands for."""
    row = tx.row(_GET, called=called)
    return _old_name(row) if row else None


def _old_name(row: Row) -> OldName:
    name, kind, target, aliases, *rest = row
    return OldName(name, Kind(kind), target, _mapped(aliases), *rest)


def _mapped(aliases: str) -> tuple[tuple[Stage, str], ...]:
    return tuple((Stage(stage), alias) for stage, alias in json.loads(aliases).items())


def _kept(aliases: Iterable[tuple[Stage, str]]) -> str:
    return json.dumps({stage.value: alias for stage, alias in aliases})


def mapped(tx: Look, model_id: str) -> dict[Stage, tuple[str, ...]]:
    """The aliases that the stages of a model are mapped to, by any old name of it; each once."""
    found: dict[Stage, dict[str, str]] = {}
    for (aliases,) in tx.rows(_ALIASES, model=model_id):
        for stage, alias in _mapped(aliases):
            found.setdefault(stage, {}).setdefault(alias.lower(), alias)
    return {stage: tuple(some.values()) for stage, some in found.items()}


def listing(tx: Look, window: Window) -> Page[OldName]:
    """The old names of models that the caller may see, by name; admins see all."""
    rows = tx.rows(_LIST, **seen_by(tx), after=window.after, most=window.limit + 1)
    found = [_old_name(row) for row in rows]
    return window.cut(found, found[window.limit - 1].name if len(found) > window.limit else None)


def hold(tx: Write, called: str) -> None:
    """Let nobody else change an old name until this transaction ends."""
    tx.row(_LOCK, called=called)


def add(tx: Write, name: str, securable_id: str, aliases: Iterable[tuple[Stage, str]]) -> None:
    """Let an old name stand for a model, or `ANY` for a schema."""
    tx.run(
        _ADD,
        name=name,
        securable_id=securable_id,
        aliases=_kept(aliases),
        retired_at=None,
        refused_from=None,
        refused_until=None,
        created_at=tx.now,
        created_by=tx.actor,
        updated_at=tx.now,
        updated_by=tx.actor,
    )


def change(tx: Write, name: OldName) -> None:
    """Keep what an old name says now."""
    tx.run(
        _CHANGE,
        called=name.name,
        new_aliases=_kept(name.aliases),
        new_retired_at=name.retired_at,
        new_refused_from=name.refused_from,
        new_refused_until=name.refused_until,
        now=tx.now,
        actor=tx.actor,
    )


def remove(tx: Write, name: str) -> None:
    """Let a name stand for nothing any more; who called by it stays known."""
    tx.run(_REMOVE, called=name)


def home(tx: Look) -> str:
    """The full name of the schema in which models of new flat names are made; empty if there is none."""
    found = find(tx, ANY)
    return found.target if found and found.kind is Kind.SCHEMA else ""


# Who called

_SEEN: Final = (
    _sightings.c.name,
    _sightings.c.principal_id,
    _sightings.c.principal,
    _sightings.c.client,
    _sightings.c.call,
    _sightings.c.stage,
    _sightings.c.first_at,
    _sightings.c.last_at,
    _sightings.c.times,
    _sightings.c.refused,
)
_THIS: Final = and_(
    *(_sightings.c[key] == bindparam(f"the_{key}") for key in ("name", "principal_id", "client", "call", "stage"))
)
_last = bindparam("last", type_=schema.Number)
_later = case((_sightings.c.last_at < _last, _last), else_=_sightings.c.last_at)
_AGAIN: Final = (
    update(_sightings)
    .where(_THIS)
    .values(
        principal=bindparam("called"),
        last_at=_later,
        times=_sightings.c.times + bindparam("more"),
        refused=_sightings.c.refused + bindparam("more_refused"),
    )
)
_FIRST: Final = inserting(_sightings)
_COUNT: Final = select(func.count()).select_from(_sightings).where(_sightings.c.name == bindparam("called"))
_OF_NAME: Final = (
    select(*_SEEN)
    .where(_sightings.c.name == bindparam("called"))
    .order_by(_sightings.c.last_at.desc(), _sightings.c.principal_id, _sightings.c.client, _sightings.c.call)
    .limit(bindparam("most"))
    .offset(bindparam("skipped"))
)
_LAST_SEEN: Final = (
    select(_sightings.c.name, func.max(_sightings.c.last_at))
    .where(is_in(_sightings.c.name, "names"))
    .group_by(_sightings.c.name)
)


def note(tx: Write, seen: Sighting) -> None:
    """Keep a sighting, or add it to what is known of the same one."""
    key = {f"the_{name}": getattr(seen, name) for name in ("name", "principal_id", "client", "call", "stage")}
    counts = {"last": seen.last_at, "more": seen.times, "more_refused": seen.refused, "called": seen.principal}
    if not tx.run(_AGAIN, **key, **counts):
        tx.run(_FIRST, **_columns(seen))


def _columns(seen: Sighting) -> Mapping[str, object]:
    return {column.name: getattr(seen, column.name) for column in _SEEN}


def kinds_of_sightings(tx: Look, name: str) -> int:
    """How many sightings of an old name are told apart."""
    row = tx.row(_COUNT, called=name)
    return row[0] if row else 0


def sightings(tx: Look, name: str, window: Window) -> Page[Sighting]:
    """Who called by an old name, the latest first."""
    skipped = window.number_after or 0
    rows = tx.rows(_OF_NAME, called=name, most=window.limit + 1, skipped=skipped)
    return window.cut([Sighting(*row) for row in rows], str(skipped + window.limit))


def last_seen(tx: Look, names: Iterable[str]) -> dict[str, int]:
    """When somebody called last by each of some old names by which anybody did."""
    return dict(tx.rows(_LAST_SEEN, names=texts(names)))
