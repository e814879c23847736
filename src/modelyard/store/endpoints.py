"""Serving endpoints, their configs, how it stands with what they serve, and their roll-outs.

An endpoint is a securable of the metastore; who made it owns it for good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import and_, bindparam, delete, or_, select, update

from modelyard.domain.endpoints import (
    Config,
    Deployment,
    Endpoint,
    Level,
    RateLimit,
    Standing,
    Update,
)
from modelyard.domain.privileges import APPLICABLE, Kind, Privilege, highest
from modelyard.domain.rollouts import Phase, Rollout
from modelyard.errors import NotFound
from modelyard.store import schema
from modelyard.store.catalogs import IS_ADMIN, SECURABLE_TAGS, seen_by
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Row, Write

_securables, _principals, _grants = schema.securables, schema.principals, schema.grants
_endpoints, _configs = schema.endpoints, schema.endpoint_configs
_standings, _rollouts = schema.served_standings, schema.rollouts

_READ_CONFIG: Final = msgspec.json.Decoder(Config)
_READ_ROLLOUT: Final = msgspec.json.Decoder(Rollout)
_READ_LIMITS: Final = msgspec.json.Decoder(tuple[RateLimit, ...])
"""Made here, while there is one thread: msgspec crashes where several are the first to decode a type of dataclass."""
_SHOWN: Final = (
    _securables.c.id,
    _securables.c.full_name,
    _principals.c.name,
    _securables.c.owner_id,
    _securables.c.created_at,
    _securables.c.updated_at,
    _securables.c.comment,
    _endpoints.c.active_number,
    _endpoints.c.pending_number,
    _endpoints.c.pending_since,
    _endpoints.c.last_number,
    _endpoints.c.stopped,
    _endpoints.c.update_state,
    _endpoints.c.message,
    _endpoints.c.rate_limits,
    _endpoints.c.gateway,
    _endpoints.c.extras,
)
_THERE: Final = _securables.join(_endpoints, _endpoints.c.id == _securables.c.id).join(
    _principals, _principals.c.id == _securables.c.owner_id
)
_GET: Final = select(*_SHOWN).select_from(_THERE).where(_securables.c.id == bindparam("endpoint"))
_LOCK: Final = select(_endpoints.c.id).where(_endpoints.c.id == bindparam("endpoint")).with_for_update()
_PERMITTED: Final = select(_grants.c.securable_id).where(is_in(_grants.c.principal_id, "mine"))
_LIST: Final = (
    select(*_SHOWN)
    .select_from(_THERE)
    .where(or_(IS_ADMIN, is_in(_securables.c.owner_id, "mine"), _securables.c.id.in_(_PERMITTED)))
    .order_by(_securables.c.full_name)
)
_ALL: Final = select(*_SHOWN).select_from(_THERE).order_by(_securables.c.full_name)
_CONFIG: Final = select(
    _configs.c.endpoint_id, _configs.c.number, _configs.c.content, _configs.c.created_at, _configs.c.created_by
)
_CONFIGS: Final = (
    _CONFIG.join(_endpoints, _endpoints.c.id == _configs.c.endpoint_id)
    .where(is_in(_configs.c.endpoint_id, "ids"))
    .where(
        or_(
            _configs.c.number == _endpoints.c.active_number,
            _configs.c.number == _endpoints.c.pending_number,
            and_(_endpoints.c.active_number.is_(None), _configs.c.number == _endpoints.c.last_number),
        )
    )
)
_HISTORY: Final = (
    _CONFIG.where(_configs.c.endpoint_id == bindparam("endpoint"))
    .order_by(_configs.c.number.desc())
    .limit(bindparam("most"))
)
_NOTED: Final = select(
    _standings.c.endpoint_id, _standings.c.served_id, _standings.c.state, _standings.c.message
).where(is_in(_standings.c.endpoint_id, "ids"))
_LEVELS_OF: Final = select(_grants.c.securable_id, _grants.c.privilege).where(
    is_in(_grants.c.securable_id, "ids"), is_in(_grants.c.principal_id, "mine")
)
_VERSION: Final = (
    select(schema.versions.c.manifest_id)
    .join(_securables, _securables.c.id == schema.versions.c.model_id)
    .where(_securables.c.full_name == bindparam("model"), schema.versions.c.number == bindparam("number"))
)
_ADD: Final = inserting(_endpoints)
_ADD_CONFIG: Final = inserting(_configs)
_ADD_STANDING: Final = inserting(_standings)
_ADD_ROLLOUT: Final = inserting(_rollouts)
_FORGET_STANDINGS: Final = delete(_standings).where(_standings.c.endpoint_id == bindparam("endpoint"))
_STATE: Final = (
    "active_number",
    "pending_number",
    "pending_since",
    "last_number",
    "stopped",
    "update_state",
    "message",
)
_MOVE: Final = (
    update(_endpoints)
    .where(_endpoints.c.id == bindparam("endpoint"))
    .values({name: bindparam(f"new_{name}") for name in _STATE})
)
_SET: Final = (
    update(_endpoints)
    .where(_endpoints.c.id == bindparam("endpoint"))
    .values(rate_limits=bindparam("new_limits"), gateway=bindparam("new_gateway"), extras=bindparam("new_extras"))
)
_FORGET_ROLLOUT: Final = delete(_rollouts).where(_rollouts.c.endpoint_id == bindparam("endpoint"))
_ROLLOUT: Final = select(_rollouts.c.content).where(_rollouts.c.endpoint_id == bindparam("endpoint"))
_RUNNING: Final = select(_rollouts.c.endpoint_id, _rollouts.c.content).where(_rollouts.c.phase == Phase.RUNNING.value)


def get(tx: Look, endpoint: Node) -> Endpoint:
    """An endpoint, with what the caller is permitted on it."""
    row = tx.row(_GET, endpoint=endpoint.id)
    if row is None:
        raise NotFound(f"{endpoint} does not exist.")
    return _whole(tx, [row])[0]


def locked(tx: Write, endpoint: Node) -> Endpoint:
    """The same; nobody else changes it until this transaction ends."""
    tx.row(_LOCK, endpoint=endpoint.id)
    return get(tx, endpoint)


def visible(tx: Look) -> list[Endpoint]:
    """The endpoints that the caller may see, by name."""
    return _whole(tx, tx.rows(_LIST, **seen_by(tx)))


def everyone(tx: Look) -> list[Endpoint]:
    """All endpoints, for the server itself."""
    return _whole(tx, tx.rows(_ALL))


def _whole(tx: Look, rows: Sequence[Row]) -> list[Endpoint]:
    ids = texts(row[0] for row in rows)
    configs = {(row[0], row[1]): _config(row) for row in tx.rows(_CONFIGS, ids=ids)}
    standings: dict[str, dict[str, Standing]] = {}
    for id_, served, state, message in tx.rows(_NOTED, ids=ids):
        standings.setdefault(id_, {})[served] = Standing(Deployment(state), message)
    tags = SECURABLE_TAGS.of_many(tx, (row[0] for row in rows))
    levels = _levels(tx, ids)
    return [
        replace(
            _endpoint(row, configs),
            standings=standings.get(row[0], {}),
            tags=tuple((tag.key, tag.value) for tag in tags.get(row[0], ())),
            level=Level.CAN_MANAGE if tx.is_admin or row[3] in tx.caller.identities else levels.get(row[0]),
        )
        for row in rows
    ]


def _endpoint(row: Row, configs: dict[tuple[str, int], Config]) -> Endpoint:
    id_, full_name, creator, creator_id, created_at, updated_at, comment, active, pending, since, last, *more = row
    stopped, state, message, limits, gateway, extras = more
    return Endpoint(
        id=id_,
        name=full_name.rpartition("/")[2],
        creator=creator,
        creator_id=creator_id,
        created_at=created_at,
        updated_at=updated_at,
        description=comment,
        active=configs.get((id_, last if active is None else active)),
        pending=configs.get((id_, pending)) if pending is not None else None,
        is_serving=active is not None,
        stopped=bool(stopped),
        update=Update(state),
        message=message,
        pending_since=since,
        last_number=last,
        rate_limits=_READ_LIMITS.decode(limits),
        gateway=gateway,
        extras=extras,
    )


def _config(row: Row) -> Config:
    _, number, content, created_at, created_by = row
    read = _READ_CONFIG.decode(content)
    return replace(read, number=number, created_at=created_at, created_by=created_by)


def _levels(tx: Look, ids: str) -> dict[str, Level]:
    held: dict[str, set[Privilege]] = {}
    for id_, privilege in tx.rows(_LEVELS_OF, ids=ids, mine=texts(tx.caller.identities)):
        held.setdefault(id_, set()).add(Privilege(privilege))
    return {
        id_: Level(highest(frozenset(granted), Kind.ENDPOINT))
        for id_, granted in held.items()
        if granted & APPLICABLE[Kind.ENDPOINT]
    }


def history(tx: Look, endpoint_id: str, most: int) -> list[Config]:
    """The latest configs, the newest first."""
    return [_config(row) for row in tx.rows(_HISTORY, endpoint=endpoint_id, most=most)]


def add(tx: Write, endpoint_id: str) -> None:
    """Make an endpoint of a securable; it has no config yet."""
    tx.run(
        _ADD,
        id=endpoint_id,
        last_number=0,
        active_number=None,
        pending_number=None,
        pending_since=0,
        stopped=0,
        update_state=Update.NOT_UPDATING.value,
        message="",
        rate_limits="[]",
        gateway="",
        extras="",
    )


def add_config(tx: Write, endpoint_id: str, config: Config) -> Config:
    """Keep a config under its number; who and when are this transaction's."""
    kept = replace(config, created_at=tx.now, created_by=tx.actor)
    content = msgspec.json.encode(kept).decode()
    values = {"number": kept.number, "content": content, "created_at": tx.now, "created_by": tx.actor}
    tx.run(_ADD_CONFIG, endpoint_id=endpoint_id, **values)
    return kept


def move(tx: Write, endpoint: Endpoint) -> None:
    """Keep what an endpoint's state has become: which configs serve and come up, and what became of the update."""
    active = endpoint.active.number if endpoint.active and endpoint.is_serving else None
    state: dict[str, Any] = {
        "active_number": active,
        "pending_number": endpoint.pending.number if endpoint.pending else None,
        "pending_since": endpoint.pending_since,
        "last_number": endpoint.last_number,
        "stopped": int(endpoint.stopped),
        "update_state": endpoint.update.value,
        "message": endpoint.message,
    }
    tx.run(_MOVE, endpoint=endpoint.id, **{f"new_{name}": value for name, value in state.items()})


def set_settings(tx: Write, endpoint: Endpoint) -> None:
    """Keep an endpoint's rate limits, gateway and extras."""
    limits = msgspec.json.encode(endpoint.rate_limits).decode()
    told = {"new_limits": limits, "new_gateway": endpoint.gateway, "new_extras": endpoint.extras}
    tx.run(_SET, endpoint=endpoint.id, **told)


def note_standings(tx: Write, endpoint_id: str, standings: Iterable[tuple[str, Standing]]) -> None:
    """Keep how it stands with what an endpoint serves, instead of what was kept before."""
    tx.run(_FORGET_STANDINGS, endpoint=endpoint_id)
    for served, standing in standings:
        told = {"state": standing.state.value, "message": standing.message, "noted_at": tx.now}
        tx.run(_ADD_STANDING, endpoint_id=endpoint_id, served_id=served, **told)


def rollout(tx: Look, endpoint_id: str) -> Rollout | None:
    """The roll-out of an endpoint, under way or the last one."""
    row = tx.row(_ROLLOUT, endpoint=endpoint_id)
    return _READ_ROLLOUT.decode(row[0]) if row else None


def running(tx: Look) -> dict[str, Rollout]:
    """The roll-outs that are under way, by the ids of their endpoints."""
    return {id_: _READ_ROLLOUT.decode(content) for id_, content in tx.rows(_RUNNING)}


def put_rollout(tx: Write, endpoint_id: str, rollout: Rollout) -> None:
    """Keep a roll-out as it is now."""
    tx.run(_FORGET_ROLLOUT, endpoint=endpoint_id)
    content = msgspec.json.encode(rollout).decode()
    tx.run(_ADD_ROLLOUT, endpoint_id=endpoint_id, content=content, phase=rollout.phase.value, changed_at=tx.now)


def manifest(tx: Look, model: str, number: int) -> str:
    """The id of a version's manifest, by its model's full name; nothing if it is not there any more."""
    row = tx.row(_VERSION, model=model, number=number)
    return row[0] if row else ""
