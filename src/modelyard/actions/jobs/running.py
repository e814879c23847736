"""How runs begin and go on, whoever asks for it: a client, a clock, a model, a task of another job, an executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from modelyard.action import Ref
from modelyard.actions.jobs import gates
from modelyard.actions.jobs.telling import tell
from modelyard.domain.access import SERVER
from modelyard.domain.jobs import starts
from modelyard.domain.jobs.attention import is_slow
from modelyard.domain.jobs.job import Job
from modelyard.domain.jobs.progress import MAX_DEPTH, Progress
from modelyard.domain.jobs.references import resolved
from modelyard.domain.jobs.runs import NOTHING_SAID, Overrides, Run, TaskRun
from modelyard.domain.jobs.values import known
from modelyard.domain.jobs.words import PREFIX, Code, Life, Result, RunType, TaskKind, Trigger
from modelyard.domain.journal import Event
from modelyard.domain.privileges import Kind, Privilege, Question, decide
from modelyard.errors import Denied, Failure, Invalid, NotFound
from modelyard.store import access, installation, jobs, runs, tokens
from modelyard.store.jobs import new_number
from modelyard.store.tx import Look, Write

MOST_QUEUED: Final = 10_000
"""Runs of one job that may wait."""
MOST_TOKEN: Final = 64


@dataclass(frozen=True)
class Start:
    """What is said when a run is started."""

    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    overrides: Overrides = NOTHING_SAID
    only: tuple[str, ...] = ()
    queue: bool | None = None
    trigger: Trigger = Trigger.ONE_TIME
    triggered_at: int = 0
    updates: tuple[Mapping[str, Any], ...] = ()
    parent_run: int = 0
    parent_task: int = 0
    depth: int = 0
    name: str = ""
    type: RunType = RunType.JOB_RUN


def start(tx: Write, job: Job, said: Start) -> Run:
    """Start a run of a job, which the caller has locked: it begins, waits in the queue, or is skipped."""
    starts.check_parameters(job.settings, said.parameters, said.overrides)
    bare = Run(
        id=new_number(),
        job=job.number,
        owner_id=job.id,
        settings=job.settings,
        name=said.name or job.settings.name,
        type=said.type,
        trigger=said.trigger,
        creator=job.owner if tx.caller is SERVER else tx.actor,
        run_as_id=job.runs_as,
        run_as=job.run_as,
        parameters=said.parameters,
        overrides=said.overrides,
        only=said.only,
        triggered_at=said.triggered_at,
        updates=said.updates,
        parent_run=said.parent_run,
        parent_task=said.parent_task,
        depth=said.depth,
    )
    run = starts.begun(bare, tx.now, new_number)
    tx.announce(Event.JOB_RUN_CREATED, f"{PREFIX}{job.number}", run_id=run.id, trigger=run.trigger.value)
    return carry_on(tx, None, _placed(tx, job, run, is_queued=job.settings.queue if said.queue is None else said.queue))


def _placed(tx: Write, job: Job, run: Run, *, is_queued: bool) -> Run:
    """The run where it belongs: among those that are active, in the queue, or skipped."""
    most = job.settings.max_concurrent_runs
    if runs.active(tx, job.id) < most:
        return replace(run, started_at=tx.now)
    if not is_queued or not most:
        told = f"The job has {most} active runs already, which is the maximum."
        return _skipped(run, Code.MAX_CONCURRENT_RUNS_EXCEEDED, told, tx.now)
    if runs.queue_length(tx, job.id) >= MOST_QUEUED:
        return _skipped(run, Code.MAX_JOB_QUEUE_SIZE_EXCEEDED, "The queue of the job is full.", tx.now)
    return replace(run, life=Life.QUEUED)


def _skipped(run: Run, code: Code, message: str, now: int) -> Run:
    tasks = tuple(
        task if task.is_ended else task.ended(Life.SKIPPED, Result.EXCLUDED, Code.SKIPPED, message, now)
        for task in run.tasks
    )
    why = Result.MAXIMUM_CONCURRENT_RUNS_REACHED
    return replace(run, life=Life.SKIPPED, result=why, code=code, message=message, ended_at=now, tasks=tasks)


def carry_on(tx: Write, before: Run | None, run: Run) -> Run:
    """Take a run as far as it goes, keep what has become of it, and tell so; whoever calls has it locked."""
    workspace = facts(tx)
    after = Progress(run, tx.now, new_number, workspace).advance()
    while (followed := gates.followed(tx, before, _with_children(tx, after, workspace))) != after:
        after = Progress(followed, tx.now, new_number, workspace).advance()
    if is_slow(after, tx.now):
        after = replace(after, warned=True)
    _close_doors(tx, before, after)
    tell(tx, before, after)
    if before is None:
        runs.add(tx, after)
        gates.note_deployment(tx, after)
    elif after != before:
        runs.save(tx, before, after)
    return after


def facts(tx: Look) -> dict[str, str]:
    """What references may say of the workspace."""
    there = installation.get(tx)
    return {"id": str(there.workspace_id)} if there else {}


def _close_doors(tx: Write, before: Run | None, after: Run) -> None:
    """Revoke the tokens of attempts that have ended."""
    held = {task.id: task for task in before.tasks} if before else {}
    for task in after.tasks:
        if task.token_id and task.is_ended and not (task.id in held and held[task.id].is_ended):
            tokens.remove(tx, task.token_id)


# Runs of other jobs


def _with_children(tx: Write, run: Run, workspace: Mapping[str, str]) -> Run:
    """The run, once the runs are started, ended, or heard of that its tasks of kind `run_job_task` stand for."""
    for task in run.current():
        spec = run.settings.task(task.key)
        if spec is None or spec.kind != TaskKind.RUN_JOB or task.is_ended:
            continue
        if task.child:
            run = run.having(_heard(tx, task))
        elif task.life is Life.PENDING and not run.stopped:
            run = run.having(_below(tx, run, task, workspace))
    return run


def _below(tx: Write, run: Run, task: TaskRun, workspace: Mapping[str, str]) -> TaskRun:
    """The task with a run that it has started, or as it failed to."""
    try:
        made = _start_below(tx, run, task, workspace)
    except Failure as failure:
        code = Code.UNAUTHORIZED_ERROR if isinstance(failure, Denied) else Code.INVALID_RUN_CONFIGURATION
        return task.ended(Life.INTERNAL_ERROR, Result.FAILED, code, failure.message, tx.now)
    return replace(task, child=made.id, life=Life.RUNNING, began_at=tx.now)


def _start_below(tx: Write, run: Run, task: TaskRun, workspace: Mapping[str, str]) -> Run:
    spec = run.settings.task(task.key)
    if spec is None:
        raise Invalid("the task is gone.")
    if run.depth >= MAX_DEPTH:
        raise Invalid(f"runs start each other by run_job_task at most {MAX_DEPTH} deep; do these jobs run in a circle?")
    context = known(run, task, workspace)
    said = {name: resolved(value, context) for name, value in spec.said.pairs("job_parameters").items()}
    number = spec.said.number("job_id")
    _check_may_start(tx, run, number)
    job = jobs.locked(tx, jobs.by_number(tx, number).id)
    mine = job.settings.parameters or {}
    pushed = {name: value for name, value in context.parameters.items() if name in mine}
    told = Start(
        {**said, **pushed},
        trigger=Trigger.RUN_JOB_TASK,
        parent_run=run.id,
        parent_task=task.id,
        depth=run.depth + 1,
    )
    return start(tx, job, told)


def _check_may_start(tx: Look, run: Run, number: int) -> None:
    """Whether the principal that a run runs as may start runs of another job."""
    caller = access.caller_by_id(tx, run.run_as_id)
    if caller is None:
        raise Denied(f"{run.run_as} is not active any more.")
    decision = decide(Question(Privilege.CAN_MANAGE_RUN), access.chain(tx, caller, Ref(Kind.JOB, f"{PREFIX}{number}")))
    if not decision.allowed:
        failure = Denied if decision.outcome.value == "denied" else NotFound
        raise failure(f"{caller.principal.name}, as which the run runs, cannot start it: {decision.reason}")


def _heard(tx: Write, task: TaskRun) -> TaskRun:
    """The task as its run below has ended, or is to end."""
    try:
        below = runs.get(tx, task.child)
    except NotFound:
        return task.ended(Life.INTERNAL_ERROR, Result.FAILED, Code.INTERNAL_ERROR, "Its run was deleted.", tx.now)
    if task.stopped and not below.is_ended and not below.stopped:
        below = stop(tx, below.id, task.stopped)
    if not below.is_ended or below.result is None:
        return task
    runs.told(tx, below.id)
    if below.result is Result.SUCCESS:
        return task.ended(Life.TERMINATED, Result.SUCCESS, Code.SUCCESS, "", tx.now)
    code = below.code or Code.RUN_EXECUTION_ERROR
    if below.result is Result.MAXIMUM_CONCURRENT_RUNS_REACHED:
        return task.ended(Life.INTERNAL_ERROR, Result.FAILED, code, below.message, tx.now)
    good = below.result is Result.SUCCESS_WITH_FAILURES
    result = Result.SUCCESS if good else below.result
    return task.ended(Life.TERMINATED, result, Code.SUCCESS if good else code, below.message, tx.now)


# Ending


def stop(tx: Write, run_id: int, why: str = Result.CANCELED.value) -> Run:
    """End a run: what runs of it is ended soon, and what waits never begins. Nothing happens to one that has ended."""
    before = runs.locked(tx, run_id)
    if before.is_ended or before.stopped:
        return before
    return carry_on(tx, before, replace(before, stopped=why))


def stop_task(tx: Write, run_id: int, task_id: int) -> Run:
    """End one task of a run, or the iterations of a for-each."""
    before = runs.locked(tx, run_id)
    task = before.task(task_id)
    if task is None or task.is_ended or before.is_ended:
        return before
    progress = Progress(before, tx.now, new_number, facts(tx))
    progress.stop(task, Result.CANCELED)
    return carry_on(tx, before, progress.run)


def once(tx: Write, scope: str, token: str) -> Run | None:
    """The run that a token has started before; `Invalid` where that is gone."""
    if not token:
        return None
    if len(token) > MOST_TOKEN:
        raise Invalid(f"idempotency_token has at most {MOST_TOKEN} characters.")
    found = runs.run_by_token(tx, scope, token)
    if found is None:
        return None
    try:
        return runs.get(tx, found)
    except NotFound:
        raise Invalid("the run that this idempotency_token has started was deleted; use another token.") from None


def number_of(ref: Ref) -> int:
    """The number in a reference to a job or a run; 0 for what is none."""
    digits = ref.name.rpartition("/")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def keys(said: Sequence[str]) -> tuple[str, ...]:
    """Keys of tasks, each once."""
    return tuple(dict.fromkeys(said))
