"""Runs of jobs with the attempts at their tasks. A run changes only under its lock, whoever changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import and_, bindparam, delete, func, null, or_, select, update

from modelyard.domain.jobs.attention import ENDED, TAKEN, WANTED, due, standing
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.settings import Settings
from modelyard.domain.jobs.words import Life
from modelyard.domain.pages import Page, Window
from modelyard.errors import NotFound
from modelyard.store import schema
from modelyard.store.catalogs import seen_by
from modelyard.store.jobs import VISIBLE, settings_of, written
from modelyard.store.lists import is_number_in, numbers
from modelyard.store.schema import Name, Number
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.jobs.job import Asked
    from modelyard.store.tx import Look, Row, Write

_jobs, _runs, _tasks = schema.jobs, schema.job_runs, schema.task_runs
_securables, _tokens = schema.securables, schema.run_tokens

READ_RUN: Final = msgspec.json.Decoder(Run)
READ_TASK: Final = msgspec.json.Decoder(TaskRun)
"""Made here, while there is one thread: msgspec crashes where several are the first to decode a type of dataclass."""
_EMPTY: Final = Settings(raw={})
_ROW: Final = (_runs.c.id, _runs.c.settings, _runs.c.content)
_GET: Final = select(*_ROW).where(_runs.c.id == bindparam("run"))
_LOCK: Final = select(_runs.c.id).where(_runs.c.id == bindparam("run")).with_for_update()
_TASKS: Final = (
    select(_tasks.c.run_id, _tasks.c.content).where(is_number_in(_tasks.c.run_id, "ids")).order_by(_tasks.c.position)
)
_OF_TASK: Final = select(_tasks.c.run_id).where(_tasks.c.id == bindparam("task"))
_ADD: Final = inserting(_runs)
_ADD_TASK: Final = inserting(_tasks)
_SAVED: Final = ("life", "open", "due_at", "untold_id", "settings", "content")
_SAVE: Final = (
    update(_runs).where(_runs.c.id == bindparam("run")).values({name: bindparam(f"new_{name}") for name in _SAVED})
)
_SAVED_TASK: Final = ("standing", "executor", "wanted_at", "content")
_SAVE_TASK: Final = (
    update(_tasks)
    .where(_tasks.c.id == bindparam("task"))
    .values({name: bindparam(f"new_{name}") for name in _SAVED_TASK})
)
_DELETE_TASKS: Final = delete(_tasks).where(_tasks.c.run_id == bindparam("run"), is_number_in(_tasks.c.id, "gone"))
_DELETE: Final = delete(_runs).where(_runs.c.id == bindparam("run"))
_ACTIVE: Final = select(func.count()).where(
    _runs.c.job_id == bindparam("job"), _runs.c.open == 1, _runs.c.life != Life.QUEUED.value
)
_QUEUED: Final = (
    select(_runs.c.id)
    .where(_runs.c.job_id == bindparam("job"), _runs.c.open == 1, _runs.c.life == Life.QUEUED.value)
    .order_by(_runs.c.created_at, _runs.c.id)
    .limit(bindparam("most"))
)
_COUNT_QUEUED: Final = select(func.count()).where(
    _runs.c.job_id == bindparam("job"), _runs.c.open == 1, _runs.c.life == Life.QUEUED.value
)
_OPEN_OF: Final = select(_runs.c.id).where(_runs.c.job_id == bindparam("job"), _runs.c.open == 1)
_ALL_QUEUED: Final = select(_runs.c.id).where(_runs.c.open == 1, _runs.c.life == Life.QUEUED.value)

# Lists

_LISTED: Final = (
    select(*_ROW)
    .select_from(_runs.join(_jobs, _jobs.c.id == _runs.c.job_id).join(_securables, _securables.c.id == _jobs.c.id))
    .where(VISIBLE)
    .where(or_(bindparam("number", type_=Number) == 0, _jobs.c.number == bindparam("number")))
    .where(or_(bindparam("wanted", type_=Number) == -1, _runs.c.open == bindparam("wanted")))
    .where(or_(bindparam("kind", type_=Name) == "", _runs.c.type == bindparam("kind")))
    .where(_runs.c.created_at >= bindparam("since"), _runs.c.created_at <= bindparam("until"))
    .where(
        or_(
            _runs.c.created_at < bindparam("before"),
            and_(_runs.c.created_at == bindparam("before"), _runs.c.id < bindparam("below")),
        )
    )
    .order_by(_runs.c.created_at.desc(), _runs.c.id.desc())
    .limit(bindparam("most"))
    .offset(bindparam("skipped", type_=Number))
)

# What is to be done

_DUE: Final = select(_runs.c.id).where(_runs.c.due_at <= bindparam("now")).order_by(_runs.c.due_at).limit(200)
_UNTOLD: Final = (
    select(_runs.c.untold_id, _runs.c.id).where(_runs.c.untold_id.is_not(None), _runs.c.open == 0).limit(200)
)
_TELL: Final = update(_runs).where(_runs.c.id == bindparam("run")).values(untold_id=null())
_RUNNING: Final = (
    select(func.count())
    .where(_runs.c.job_id == _jobs.c.id, _runs.c.open == 1, _runs.c.life != Life.QUEUED.value)
    .scalar_subquery()
)
_WAITING: Final = select(_runs.c.job_id).where(_runs.c.open == 1, _runs.c.life == Life.QUEUED.value)
_ADMITTING: Final = (
    select(_jobs.c.id).where(_jobs.c.id.in_(_WAITING), _jobs.c.most_runs > _RUNNING).limit(bindparam("most"))
)
_WANTED: Final = (
    select(_tasks.c.run_id, _tasks.c.id)
    .where(_tasks.c.standing == WANTED)
    .order_by(_tasks.c.wanted_at, _tasks.c.position)
    .limit(bindparam("most"))
)
_HELD: Final = select(_tasks.c.run_id, _tasks.c.id, _tasks.c.standing, _tasks.c.content).where(
    _tasks.c.executor == bindparam("executor"), or_(_tasks.c.standing == TAKEN, _tasks.c.standing == ENDED)
)
_STRANDED: Final = (
    select(_tasks.c.run_id, _tasks.c.id)
    .where(_tasks.c.standing == TAKEN)
    .where(
        _tasks.c.executor.not_in(select(schema.executors.c.id).where(schema.executors.c.seen_at >= bindparam("since")))
    )
    .limit(200)
)
_LET_GO: Final = update(_tasks).where(_tasks.c.id == bindparam("task"), _tasks.c.standing == ENDED).values(standing="")
_SEE: Final = (
    update(schema.executors).where(schema.executors.c.id == bindparam("executor")).values(seen_at=bindparam("now"))
)
_ADD_EXECUTOR: Final = inserting(schema.executors)

# Tokens of clients

_RUN_OF: Final = select(_tokens.c.run_id).where(
    _tokens.c.scope == bindparam("scope_of"), _tokens.c.token == bindparam("shown")
)
_ADD_TOKEN: Final = inserting(_tokens)
_OLD: Final = (
    select(_runs.c.id).where(_runs.c.open == 0, _runs.c.created_at < bindparam("before")).limit(bindparam("most"))
)
_EMPTY_JOBS: Final = (
    select(_jobs.c.id)
    .where(_jobs.c.standing != "job", _jobs.c.id.not_in(select(_runs.c.job_id)))
    .limit(bindparam("most"))
)
_FORGET_TOKENS: Final = delete(_tokens).where(_tokens.c.created_at < bindparam("before"))


def get(tx: Look, run_id: int) -> Run:
    """A run with every attempt at its tasks, by its own id."""
    row = tx.row(_GET, run=run_id)
    if row is None:
        raise NotFound(f"Run {run_id} does not exist.")
    return _whole(tx, [row])[0]


def run_of(tx: Look, id_: int) -> int:
    """The id of the run that an id names: its own, or that of an attempt at one of its tasks."""
    row = tx.row(_OF_TASK, task=id_)
    return row[0] if row else id_


def locked(tx: Write, run_id: int) -> Run:
    """A run; nobody else changes it until this transaction ends."""
    tx.row(_LOCK, run=run_id)
    return get(tx, run_id)


def _whole(tx: Look, rows: Sequence[Row]) -> list[Run]:
    tasks: dict[int, list[TaskRun]] = {}
    for run_id, content in tx.rows(_TASKS, ids=numbers(row[0] for row in rows)):
        tasks.setdefault(run_id, []).append(READ_TASK.decode(content))
    return [replace(_run(row), tasks=tuple(tasks.get(row[0], ()))) for row in rows]


def _run(row: Row) -> Run:
    _, settings, content = row
    return replace(READ_RUN.decode(content), settings=settings_of(settings))


def listed(tx: Look, asked: Asked, window: Window) -> Page[Run]:
    """The runs that the caller may see, the newest first."""
    created, _, number = (window.after or f"{2**62}.{2**62}").partition(".")
    wanted = -1 if asked.open is None else int(asked.open)
    rows = tx.rows(
        _LISTED, **seen_by(tx), number=asked.job, wanted=wanted, kind=asked.type, since=asked.since, until=asked.until,
        before=int(created), below=int(number), most=window.limit + 1, skipped=asked.skipped,
    )  # fmt: skip
    found = _whole(tx, rows) if asked.with_tasks else [_run(row) for row in rows]
    last = found[window.limit - 1] if len(found) > window.limit else None
    return window.cut(found, f"{last.created_at}.{last.id}" if last else None)


# Changes


def add(tx: Write, run: Run) -> None:
    """Keep a new run."""
    tx.run(
        _ADD, id=run.id, job_id=run.owner_id, type=run.type.value, created_at=run.created_at, **_columns(run, tx.now)
    )
    for position, task in enumerate(run.tasks):
        _add_task(tx, run, position, task)


def save(tx: Write, before: Run, after: Run) -> None:
    """Keep what has become of a run, and of those of its attempts that have changed."""
    columns = _columns(after, tx.now)
    tx.run(_SAVE, run=after.id, **{f"new_{name}": value for name, value in columns.items()})
    held = {task.id: task for task in before.tasks}
    if gone := held.keys() - {task.id for task in after.tasks}:
        tx.run(_DELETE_TASKS, run=after.id, gone=numbers(gone))
    for position, task in enumerate(after.tasks):
        if task.id not in held:
            _add_task(tx, after, position, task)
        elif task != held[task.id] or standing(before, held[task.id]) != standing(after, task):
            columns = _task_columns(after, task)
            tx.run(_SAVE_TASK, task=task.id, **{f"new_{name}": value for name, value in columns.items()})


def _columns(run: Run, now: int) -> dict[str, object]:
    bare = replace(run, settings=_EMPTY, tasks=())
    return {
        "life": run.life.value,
        "open": int(not run.is_ended),
        "due_at": due(run, now),
        "untold_id": run.parent_run or None,
        "settings": written(run.settings),
        "content": msgspec.json.encode(bare).decode(),
    }


def _add_task(tx: Write, run: Run, position: int, task: TaskRun) -> None:
    tx.run(_ADD_TASK, id=task.id, run_id=run.id, position=position, **_task_columns(run, task))


def _task_columns(run: Run, task: TaskRun) -> dict[str, object]:
    return {
        "standing": standing(run, task),
        "executor": task.executor,
        "wanted_at": task.started_at,
        "content": msgspec.json.encode(task).decode(),
    }


def remove(tx: Write, run_id: int) -> None:
    """Delete a run with all that is kept of it."""
    tx.run(_DELETE, run=run_id)


def told(tx: Write, run_id: int) -> None:
    """Note that the run above knows how this one ended."""
    tx.run(_TELL, run=run_id)


# Counting and choosing


def active(tx: Look, job_id: str) -> int:
    """How many runs of a job are under way."""
    row = tx.row(_ACTIVE, job=job_id)
    return row[0] if row else 0


def queued(tx: Look, job_id: str, most: int) -> list[int]:
    """The runs of a job that have waited longest."""
    return [id_ for (id_,) in tx.rows(_QUEUED, job=job_id, most=most)]


def queue_length(tx: Look, job_id: str) -> int:
    """How many runs of a job wait."""
    row = tx.row(_COUNT_QUEUED, job=job_id)
    return row[0] if row else 0


def open_of(tx: Look, job_id: str) -> list[int]:
    """The runs of a job that have not ended."""
    return [id_ for (id_,) in tx.rows(_OPEN_OF, job=job_id)]


def all_queued(tx: Look) -> list[int]:
    """All runs that wait for others of their job."""
    return [id_ for (id_,) in tx.rows(_ALL_QUEUED)]


def due_by(tx: Look, now: int) -> list[int]:
    """Runs that time alone changes."""
    return [id_ for (id_,) in tx.rows(_DUE, now=now)]


def untold(tx: Look) -> list[int]:
    """Runs of which a run below has ended, without their knowing."""
    return list(dict.fromkeys(id_ for id_, _ in tx.rows(_UNTOLD)))


def admitting(tx: Look, most: int) -> list[str]:
    """Jobs of which runs wait although there is room."""
    return [id_ for (id_,) in tx.rows(_ADMITTING, most=most)]


def wanted(tx: Look, most: int) -> list[tuple[int, int]]:
    """Attempts that no executor has taken, the oldest first, each behind its run."""
    return [(run_id, task_id) for run_id, task_id in tx.rows(_WANTED, most=most)]


def held(tx: Look, executor: str) -> list[tuple[int, TaskRun, str]]:
    """What an executor has taken and still keeps: the run, the attempt, and how it stands with it."""
    rows = tx.rows(_HELD, executor=executor)
    return [(run_id, READ_TASK.decode(content), stands) for run_id, _, stands, content in rows]


def stranded(tx: Look, since: int) -> list[tuple[int, int]]:
    """Attempts whose executor was not seen for long, each behind its run."""
    return [(run_id, task_id) for run_id, task_id in tx.rows(_STRANDED, since=since)]


def let_go(tx: Write, task_id: int) -> None:
    """Note that an executor keeps nothing more of an attempt."""
    tx.run(_LET_GO, task=task_id)


def see(tx: Write, executor: str) -> None:
    """Note that an executor is there."""
    if not tx.run(_SEE, executor=executor, now=tx.now):
        tx.run(_ADD_EXECUTOR, id=executor, seen_at=tx.now)


# What a client says so that it starts one run


def run_by_token(tx: Look, scope: str, token: str) -> int | None:
    """The run that was started with a token before."""
    row = tx.row(_RUN_OF, scope_of=scope, shown=token)
    return row[0] if row else None


def keep_token(tx: Write, scope: str, token: str, run_id: int) -> None:
    """Keep a token with the run that it has started; where another one did meanwhile, it is `Contended`."""
    tx.run(_ADD_TOKEN, scope=scope, token=token, run_id=run_id, created_at=tx.now)


# Forgetting


def old(tx: Look, before: int, most: int) -> list[int]:
    """Runs that have ended, and began before a time."""
    return [id_ for (id_,) in tx.rows(_OLD, before=before, most=most)]


def empty_jobs(tx: Look, most: int) -> list[str]:
    """What is left of jobs that were deleted, or never were, once no run of them is kept."""
    return [id_ for (id_,) in tx.rows(_EMPTY_JOBS, most=most)]


def forget_tokens(tx: Write, before: int) -> None:
    """Forget tokens that nobody sends again."""
    tx.run(_FORGET_TOKENS, before=before)
