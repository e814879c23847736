"""What the server does by itself for jobs: it fires clocks, lets runs begin and go on, and keeps what they leave."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Final

from modelyard.action import Chore, Ref
from modelyard.actions.jobs.running import Start, carry_on, facts, start
from modelyard.domain.jobs.attention import ENDED
from modelyard.domain.jobs.job import Job, Standing
from modelyard.domain.jobs.progress import Progress
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.sightings import Sighting, retried, seen
from modelyard.domain.jobs.triggers import Change
from modelyard.domain.jobs.triggers import Trigger as Cause
from modelyard.domain.jobs.words import Life, Trigger
from modelyard.domain.jobs.work import Held, Work
from modelyard.domain.privileges import Kind, Privilege, Question, decide
from modelyard.errors import Failure, NotFound
from modelyard.store import access, catalogs, jobs, prints, runs
from modelyard.store.jobs import new_number
from modelyard.store.tx import Look, Write

log = logging.getLogger(__name__)

ABSENT_MILLISECONDS: Final = 10 * 60_000
"""After how long without a sign an executor counts as lost, with all that it ran."""
_MOST: Final = 100
_DAY: Final = 24 * 3600 * 1000


@dataclass(frozen=True)
class ListWork(Chore[Look, Work]):
    """List what there is to do; what an executor holds, if one is named."""

    executor: str = ""

    is_change = False  # it is asked several times a second

    def run(self, tx: Look) -> Work:
        """List it."""
        held = runs.held(tx, self.executor) if self.executor else []
        return Work(
            due=tuple(dict.fromkeys((*runs.due_by(tx, tx.now), *runs.untold(tx)))),
            clocks=tuple(jobs.due(tx, tx.now, _MOST)),
            changed=tuple(jobs.waiting(tx, _MOST)),
            admitting=tuple(runs.admitting(tx, _MOST)),
            wanted=tuple(runs.wanted(tx, _MOST)) if self.executor else (),
            held=tuple(Held(run_id, task, stands == ENDED) for run_id, task, stands in held),
            stranded=tuple(runs.stranded(tx, tx.now - ABSENT_MILLISECONDS)),
            next_at=jobs.next_at(tx),
        )


@dataclass(frozen=True)
class AdvanceRun(Chore[Write, Run | None]):
    """Take a run on: by what was seen of its attempts, by the time, or by the end of a run below."""

    run_id: int
    sightings: tuple[Sighting, ...] = ()

    def run(self, tx: Write) -> Run | None:
        """The run afterwards; nothing if it is gone."""
        try:
            before = runs.locked(tx, self.run_id)
        except NotFound:
            return None
        progress = Progress(before, tx.now, new_number, facts(tx))
        for sighting in self.sightings:
            _apply(progress, before, sighting, tx.now)
        after = carry_on(tx, before, progress.run)
        if after.is_ended:
            for task in after.tasks:
                if task.child:
                    runs.told(tx, task.child)
        return after


def _apply(progress: Progress, before: Run, sighting: Sighting, now: int) -> None:
    task = progress.run.task(sighting.task_id)
    spec = before.settings.task(task.key) if task else None
    if task is None or spec is None or task.is_ended:
        return
    after = progress.put(seen(task, spec, sighting, now))
    again = retried(after, spec, now, new_number) if after.is_ended and not before.stopped else None
    if again:
        progress.put(again)


@dataclass(frozen=True)
class AdmitRuns(Chore[Write, None]):
    """Let runs of a job out of its queue, the oldest first, as far as there is room."""

    job_id: str

    def run(self, tx: Write) -> None:
        """Let them out."""
        job = jobs.locked(tx, self.job_id)
        room = job.settings.max_concurrent_runs - runs.active(tx, job.id)
        for run_id in runs.queued(tx, job.id, max(0, room)):
            before = runs.locked(tx, run_id)
            if before.life is Life.QUEUED:
                carry_on(tx, before, replace(before, life=Life.PENDING, started_at=tx.now))


@dataclass(frozen=True)
class TakeAttempts(Chore[Write, tuple[int, ...]]):
    """Give attempts of a run to an executor, unless another one has them, or they are not wanted any more."""

    run_id: int
    task_ids: tuple[int, ...]
    executor: str

    def run(self, tx: Write) -> tuple[int, ...]:
        """Those that it has now."""
        before = runs.locked(tx, self.run_id)
        mine = [task for task in before.tasks if task.id in self.task_ids and _is_free(task, before)]
        after = before
        for task in mine:
            after = after.having(replace(task, executor=self.executor))
        if mine:
            runs.save(tx, before, after)
        return tuple(task.id for task in mine)


def _is_free(task: TaskRun, run: Run) -> bool:
    return task.life is Life.PENDING and not task.executor and not run.stopped


# What starts runs by itself


@dataclass(frozen=True)
class FireClock(Chore[Write, None]):
    """Start a run of a job for each of its clocks that has come to its time; what is late by minutes is left out."""

    job_id: str

    def run(self, tx: Write) -> None:
        """Start them, once, whoever else looks."""
        job = jobs.locked(tx, self.job_id)
        if job.next_fire_at is None or job.next_fire_at > tx.now:
            return
        for place, trigger in enumerate(job.settings.triggers):
            moment = trigger.missed(job.anchor_at, job.checked_at, tx.now)
            cause = f"{place} at {moment}"
            if moment is not None and not jobs.fired(tx, job.id, cause):
                run_id = _start(tx, job, Start(trigger=Trigger.PERIODIC, triggered_at=moment))
                jobs.add_fire(tx, job.id, cause, moment, run_id)
        jobs.tick(tx, job)


@dataclass(frozen=True)
class FireChanges(Chore[Write, None]):
    """Start a run of a job for what has happened to models that it waits for."""

    job_id: str

    def run(self, tx: Write) -> None:
        """Start one for all that has happened; wait where the job says that more may come."""
        job = jobs.locked(tx, self.job_id)
        found = jobs.changes_of(tx, job.id, 1_000)
        meant = [(cause, change) for cause, change in found if _concerns(tx, job, change)]
        if len(meant) < len(found):
            known = {cause for cause, _ in meant}
            jobs.settle(tx, job.id, [cause for cause, _ in found if cause not in known], 0)
        changes = [change for _, change in meant]
        if not meant or not _is_time(tx, job, changes):
            return
        updates = tuple(change.told for change in changes)
        said = Start(trigger=Trigger.MODEL, triggered_at=max(change.at for change in changes), updates=updates)
        jobs.settle(tx, job.id, [cause for cause, _ in meant], _start(tx, job, said))


def _start(tx: Write, job: Job, said: Start) -> int:
    """Start a run; its id, or 0 where its settings do not let it begin."""
    try:
        return start(tx, job, said).id
    except Failure as failure:
        log.warning("job %d could not be started by itself: %s", job.number, failure.message)
        return 0


def _wanting(job: Job, change: Change) -> list[Cause]:
    return [trigger for trigger in job.settings.triggers if trigger.wants(change)]


def _concerns(tx: Look, job: Job, change: Change) -> bool:
    """Whether a job waits for a change, and whom it runs as may see the model."""
    if job.standing is not Standing.JOB or not _wanting(job, change):
        return False
    caller = access.caller_by_id(tx, job.runs_as)
    if caller is None:
        return False
    chain = access.chain(tx, caller, Ref(Kind.MODEL, change.model))
    return decide(Question(Privilege.EXECUTE), chain).allowed


def _is_time(tx: Look, job: Job, changes: list[Change]) -> bool:
    triggers = [trigger for change in changes for trigger in _wanting(job, change)]
    wait = max(trigger.wait_milliseconds for trigger in triggers)
    least = max(trigger.least_milliseconds for trigger in triggers)
    is_quiet = max(change.at for change in changes) + wait <= tx.now
    return is_quiet and (not least or jobs.last_fire(tx, job.id) + least <= tx.now)


# Executors, and what they hand over


@dataclass(frozen=True)
class SeeExecutor(Chore[Write, None]):
    """Note that an executor is there."""

    executor: str

    def run(self, tx: Write) -> None:
        """Note it."""
        runs.see(tx, self.executor)


@dataclass(frozen=True)
class FindLogEnd(Chore[Look, int]):
    """Find how much of what an attempt has printed is kept."""

    task_id: int

    is_change = False

    def run(self, tx: Look) -> int:
        """In bytes from its beginning."""
        return prints.log_end(tx, self.task_id)


@dataclass(frozen=True)
class KeepPrints(Chore[Write, int]):
    """Keep what an attempt has printed, from a place on, and the notebook that it has executed."""

    task_id: int
    start: int
    content: bytes = field(repr=False)
    notebook: bytes | None = field(default=None, repr=False)
    skips: bool = False
    """Whether what was printed before this is left out."""

    def run(self, tx: Write) -> int:
        """How much is dealt with now."""
        if self.notebook is not None:
            prints.keep_notebook(tx, self.task_id, self.notebook)
        if self.skips:
            return prints.skip_log(tx, self.task_id, self.start, self.content)
        return prints.keep_log(tx, self.task_id, self.start, self.content)


@dataclass(frozen=True)
class LetGo(Chore[Write, None]):
    """Note that an executor keeps nothing more of attempts that have ended."""

    task_ids: tuple[int, ...]

    def run(self, tx: Write) -> None:
        """Note it."""
        for task_id in self.task_ids:
            runs.let_go(tx, task_id)


@dataclass(frozen=True)
class ForgetRuns(Chore[Write, bool]):
    """Forget runs that began so many days ago, what is left of deleted jobs, and what nobody asks for again."""

    days: int

    def run(self, tx: Write) -> bool:
        """One helping; whether there is more."""
        before = tx.now - self.days * _DAY
        old = runs.old(tx, before, _MOST)
        for run_id in old:
            runs.remove(tx, run_id)
        bare = runs.empty_jobs(tx, _MOST)
        for job_id in bare:
            catalogs.remove(tx, job_id)
        jobs.forget_fires(tx, tx.now - _DAY)
        runs.forget_tokens(tx, before)
        return len(old) == _MOST or len(bare) == _MOST


def by_run(pairs: tuple[tuple[int, int], ...]) -> dict[int, tuple[int, ...]]:
    """The attempts of each run."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for run_id, task_id in pairs:
        found[run_id].append(task_id)
    return {run_id: tuple(ids) for run_id, ids in found.items()}
