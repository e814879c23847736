"""Jobs and what starts them by itself. A job is a securable of the metastore; its owner is its one owner."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, func, null, or_, select, update

from modelyard.domain.jobs.job import Job, Standing
from modelyard.domain.jobs.settings import Settings, read
from modelyard.domain.jobs.triggers import Change, next_of
from modelyard.domain.jobs.words import GONE_PREFIX, Level
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import LEVELS, Kind, Privilege
from modelyard.errors import NotFound
from modelyard.store import schema
from modelyard.store.catalogs import IS_ADMIN, seen_by
from modelyard.store.firing import CONDITIONS, EVENTS
from modelyard.store.lists import is_in, texts
from modelyard.store.schema import Name, Number
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Row, Write

_securables, _principals, _grants = schema.securables, schema.principals, schema.grants
_jobs, _triggers, _fires = schema.jobs, schema.job_triggers, schema.job_fires
_runner = _principals.alias("runner")

_ID_BITS: Final = 50

_SHOWN: Final = (
    _jobs.c.id, _jobs.c.number, _jobs.c.standing, _jobs.c.settings, _securables.c.created_by, _principals.c.name,
    _securables.c.owner_id, _runner.c.name, _jobs.c.run_as_id, _securables.c.created_at, _jobs.c.anchor_at,
    _jobs.c.checked_at, _jobs.c.next_fire_at,
)  # fmt: skip
_THERE: Final = (
    _jobs.join(_securables, _securables.c.id == _jobs.c.id)
    .join(_principals, _principals.c.id == _securables.c.owner_id)
    .outerjoin(_runner, _runner.c.id == func.coalesce(func.nullif(_jobs.c.run_as_id, ""), _securables.c.owner_id))
)
_GET: Final = select(*_SHOWN).select_from(_THERE).where(_jobs.c.id == bindparam("job"))
_BY_NUMBER: Final = select(_jobs.c.id).where(
    _jobs.c.number == bindparam("number"), _jobs.c.standing == Standing.JOB.value
)
_LOCK: Final = select(_jobs.c.id).where(_jobs.c.id == bindparam("job")).with_for_update()
_PERMITTED: Final = select(_grants.c.securable_id).where(is_in(_grants.c.principal_id, "mine"))
VISIBLE: Final = or_(IS_ADMIN, is_in(_securables.c.owner_id, "mine"), _securables.c.id.in_(_PERMITTED))
"""Whether the caller may see a job, by its securable."""
_LIST: Final = (
    select(*_SHOWN)
    .select_from(_THERE)
    .where(_jobs.c.standing == Standing.JOB.value, VISIBLE)
    .where(or_(bindparam("folded", type_=Name) == "", _jobs.c.folded == bindparam("folded")))
    .where(
        or_(
            _securables.c.created_at < bindparam("before"),
            and_(_securables.c.created_at == bindparam("before"), _jobs.c.number < bindparam("below")),
        )
    )
    .order_by(_securables.c.created_at.desc(), _jobs.c.number.desc())
    .limit(bindparam("most"))
    .offset(bindparam("skipped", type_=Number))
)
_LEVELS_OF: Final = select(_grants.c.securable_id, _grants.c.privilege).where(
    is_in(_grants.c.securable_id, "ids"), is_in(_grants.c.principal_id, "mine")
)
_ADD: Final = inserting(_jobs)
_CHANGED: Final = ("folded", "settings", "run_as_id", "most_runs", "anchor_at", "checked_at", "next_fire_at")
_CHANGE: Final = (
    update(_jobs).where(_jobs.c.id == bindparam("job")).values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_RETIRE: Final = (
    update(_jobs).where(_jobs.c.id == bindparam("job")).values(standing=Standing.DELETED.value, next_fire_at=null())
)
_RENAME: Final = update(_securables).where(_securables.c.id == bindparam("job")).values(full_name=bindparam("new_name"))
_OWN: Final = update(_securables).where(_securables.c.id == bindparam("job")).values(owner_id=bindparam("new_owner"))
_ADD_TRIGGER: Final = inserting(_triggers)
_FORGET_TRIGGERS: Final = delete(_triggers).where(_triggers.c.job_id == bindparam("job"))
_DUE: Final = (
    select(_jobs.c.id)
    .where(_jobs.c.next_fire_at <= bindparam("now"))
    .order_by(_jobs.c.next_fire_at)
    .limit(bindparam("most"))
)
_NEXT: Final = select(func.min(_jobs.c.next_fire_at))
_NEXT_DUE: Final = select(func.min(schema.job_runs.c.due_at))
_TICK: Final = (
    update(_jobs)
    .where(_jobs.c.id == bindparam("job"))
    .values(checked_at=bindparam("new_checked_at"), next_fire_at=bindparam("new_next_fire_at"))
)

_ADD_FIRE: Final = inserting(_fires)
_FIRED: Final = select(_fires.c.cause).where(_fires.c.job_id == bindparam("job"), _fires.c.cause == bindparam("cause"))
_WAITING: Final = select(_fires.c.job_id).where(_fires.c.run_id.is_(None)).distinct().limit(bindparam("most"))
_FIRES_OF: Final = (
    select(_fires.c.cause, _fires.c.happened_at, _fires.c.event, _fires.c.securable, _fires.c.payload)
    .where(_fires.c.job_id == bindparam("job"), _fires.c.run_id.is_(None))
    .order_by(_fires.c.happened_at, _fires.c.cause)
    .limit(bindparam("most"))
)
_LAST_FIRE: Final = select(func.max(_fires.c.happened_at)).where(
    _fires.c.job_id == bindparam("job"), _fires.c.event != "", _fires.c.run_id > 0
)
_SETTLE: Final = (
    update(_fires)
    .where(_fires.c.job_id == bindparam("job"), is_in(_fires.c.cause, "causes"))
    .values(run_id=bindparam("new_run"))
)
_FORGET_FIRES: Final = delete(_fires).where(_fires.c.run_id.is_not(None), _fires.c.happened_at < bindparam("before"))


def new_number() -> int:
    """A number for a job or a run: made by chance, so that nobody waits for a counter, and none is told of others."""
    return (1 << _ID_BITS) + secrets.randbits(_ID_BITS)


@lru_cache(maxsize=512)
def settings_of(text: str) -> Settings:
    """Settings as they are kept."""
    return read(json.loads(text))


def written(settings: Settings) -> str:
    """Settings as they are kept, the other way round."""
    return json.dumps(settings.raw, ensure_ascii=False, separators=(",", ":"))


def folded(name: str) -> str:
    """By what names are compared: without case, and short enough for an index."""
    return hashlib.sha256(name.casefold().encode()).hexdigest() if name else ""


def get(tx: Look, job: Node) -> Job:
    """A job that is there."""
    return by_id(tx, job.id)


def by_id(tx: Look, job_id: str) -> Job:
    """A job, or what is left of it, by the id of its securable."""
    row = tx.row(_GET, job=job_id)
    if row is None:
        raise NotFound("the job is gone.")
    return _job(row)


def by_number(tx: Look, number: int) -> Job:
    """A job that was not deleted, by its number."""
    row = tx.row(_BY_NUMBER, number=number)
    if row is None:
        raise NotFound(f"Job {number} does not exist.")
    return by_id(tx, row[0])


def locked(tx: Write, job_id: str) -> Job:
    """A job; nobody else changes it, or starts or admits a run of it, until this transaction ends."""
    tx.row(_LOCK, job=job_id)
    return by_id(tx, job_id)


def visible(tx: Look, name: str, window: Window, skipped: int = 0) -> Page[Job]:
    """The jobs that the caller may see, the newest first; those of a name, in any case, if one is said."""
    before, below = _after(window)
    asked = {"folded": folded(name), "before": before, "below": below, "most": window.limit + 1, "skipped": skipped}
    found = [_job(row) for row in tx.rows(_LIST, **seen_by(tx), **asked)]
    levels = _levels(tx, [job.id for job in found])
    shown = [replace(job, level=_level(tx, job, levels)) for job in found]
    last = shown[window.limit - 1] if len(shown) > window.limit else None
    return window.cut(shown, f"{last.created_at}.{last.number}" if last else None)


def _after(window: Window) -> tuple[int, int]:
    created, _, number = (window.after or f"{2**62}.{2**62}").partition(".")
    return int(created), int(number)


def _levels(tx: Look, ids: Sequence[str]) -> dict[str, set[Privilege]]:
    held: dict[str, set[Privilege]] = {}
    for id_, privilege in tx.rows(_LEVELS_OF, ids=texts(ids), mine=texts(tx.caller.identities)):
        held.setdefault(id_, set()).add(Privilege(privilege))
    return held


def _level(tx: Look, job: Job, held: dict[str, set[Privilege]]) -> Level | None:
    if job.owner_id in tx.caller.identities:
        return Level.IS_OWNER
    if tx.is_admin:
        return Level.CAN_MANAGE
    granted = held.get(job.id, set())
    return next((Level(level.value) for level in reversed(LEVELS[Kind.JOB]) if level in granted), None)


def _job(row: Row) -> Job:
    id_, number, standing, settings, creator, owner, owner_id, runner, run_as_id, created, anchor, checked, fire = row
    return Job(
        id=id_,
        number=number,
        standing=Standing(standing),
        settings=settings_of(settings),
        creator=creator,
        owner=owner,
        owner_id=owner_id,
        run_as=runner or "",
        run_as_id=run_as_id,
        created_at=created,
        anchor_at=anchor,
        checked_at=checked,
        next_fire_at=fire,
    )


# Changes


def add(tx: Write, job_id: str, number: int, standing: Standing, settings: Settings, run_as_id: str) -> None:
    """Make a job of a securable."""
    tx.run(_ADD, id=job_id, number=number, standing=standing.value, **_columns(tx, settings, run_as_id))
    if standing is Standing.JOB:
        _put_triggers(tx, job_id, settings)


def change(tx: Write, job: Job, settings: Settings, run_as_id: str) -> None:
    """Keep other settings; clocks count anew from now where what they do has changed."""
    columns = _columns(tx, settings, run_as_id)
    if settings.triggers == job.settings.triggers:
        columns |= {"anchor_at": job.anchor_at, "checked_at": job.checked_at, "next_fire_at": job.next_fire_at}
    tx.run(_CHANGE, job=job.id, **{f"new_{name}": value for name, value in columns.items()})
    _put_triggers(tx, job.id, settings)


def _columns(tx: Write, settings: Settings, run_as_id: str) -> dict[str, object]:
    return {
        "folded": folded(settings.name),
        "settings": written(settings),
        "run_as_id": run_as_id,
        "most_runs": settings.max_concurrent_runs,
        "anchor_at": tx.now,
        "checked_at": tx.now,
        "next_fire_at": next_of(settings.triggers, tx.now, tx.now),
    }


def _put_triggers(tx: Write, job_id: str, settings: Settings) -> None:
    tx.run(_FORGET_TRIGGERS, job=job_id)
    for place, trigger in enumerate(settings.triggers):
        if trigger.condition and not trigger.paused:
            event = EVENTS[trigger.condition].value
            tx.run(_ADD_TRIGGER, job_id=job_id, place=place, event=event, securable=trigger.securable)


def give(tx: Write, job_id: str, owner_id: str) -> None:
    """Make somebody else the owner."""
    tx.run(_OWN, job=job_id, new_owner=owner_id)


def retire(tx: Write, job: Job) -> None:
    """Delete a job; its runs can be looked at until they are forgotten."""
    tx.run(_FORGET_TRIGGERS, job=job.id)
    tx.run(_RETIRE, job=job.id)
    tx.run(_RENAME, job=job.id, new_name=f"{GONE_PREFIX}{job.number}")


# What starts runs by itself


def due(tx: Look, now: int, most: int) -> list[str]:
    """The ids of jobs whose clock starts a run by now."""
    return [id_ for (id_,) in tx.rows(_DUE, now=now, most=most)]


def next_at(tx: Look) -> int | None:
    """When a clock starts a run next, or time changes a run."""
    found = [row[0] for row in (tx.row(_NEXT), tx.row(_NEXT_DUE)) if row and row[0] is not None]
    return min(found, default=None)


def tick(tx: Write, job: Job) -> None:
    """Note that the clock of a job is dealt with up to now."""
    fire = next_of(job.settings.triggers, job.anchor_at, tx.now) if job.standing is Standing.JOB else None
    tx.run(_TICK, job=job.id, new_checked_at=tx.now, new_next_fire_at=fire)


def fired(tx: Look, job_id: str, cause: str) -> bool:
    """Whether something has started a run of a job before."""
    return tx.row(_FIRED, job=job_id, cause=cause) is not None


def add_fire(tx: Write, job_id: str, cause: str, at: int, run_id: int) -> None:
    """Note that a clock has started a run; a second time is `Contended`."""
    tx.run(_ADD_FIRE, job_id=job_id, cause=cause, happened_at=at, event="", securable="", payload="{}", run_id=run_id)


def waiting(tx: Look, most: int) -> list[str]:
    """The ids of jobs for which something has happened to a model that they wait for."""
    return [id_ for (id_,) in tx.rows(_WAITING, most=most)]


def changes_of(tx: Look, job_id: str, most: int) -> list[tuple[str, Change]]:
    """What has happened to models, for a job, and was not dealt with: the ids of events, and what they were."""
    return [(row[0], _change(row)) for row in tx.rows(_FIRES_OF, job=job_id, most=most)]


def _change(row: Row) -> Change:
    _, at, event, securable, payload = row
    told = json.loads(payload)
    return Change(CONDITIONS[event], securable, int(told.get("version") or 0), str(told.get("alias") or ""), at)


def last_fire(tx: Look, job_id: str) -> int:
    """When something last happened to a model that has started a run of a job; 0 for never."""
    row = tx.row(_LAST_FIRE, job=job_id)
    return (row[0] or 0) if row else 0


def settle(tx: Write, job_id: str, causes: Sequence[str], run_id: int) -> None:
    """Note that what happened to models has started a run, or none (0)."""
    tx.run(_SETTLE, job=job_id, causes=texts(causes), new_run=run_id)


def forget_fires(tx: Write, before: int) -> None:
    """Forget what has started runs so long ago that it will not come again."""
    tx.run(_FORGET_FIRES, before=before)
