"""Runs: started, submitted, shown, listed, canceled, repaired and deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.actions.jobs.identity import RunAs, chosen
from modelyard.actions.jobs.running import Start, carry_on, facts, number_of, once, start, stop, stop_task
from modelyard.actions.jobs.settings import RUN_CODE, make
from modelyard.domain.jobs import starts
from modelyard.domain.jobs.changes import filled
from modelyard.domain.jobs.job import Asked, Standing
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.settings import read
from modelyard.domain.jobs.starts import Again
from modelyard.domain.jobs.words import PREFIX, RUN_PREFIX, Level, RunType
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import WrongState
from modelyard.store import jobs, runs
from modelyard.store.jobs import new_number
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class RunNow(Command[Write, Run]):
    """Start a run of a job. `token` is the client's own: said again, it starts nothing and shows the same run.

    `said` is a JSON object with parameters for tasks, as `notebook_params`.
    """

    job: Ref
    parameters: tuple[tuple[str, str], ...] = ()
    said: str = "{}"
    only: tuple[str, ...] = ()
    queue: bool | None = None
    token: str = ""

    needs = (Need(Privilege.CAN_MANAGE_RUN, on="job"),)

    def run(self, tx: Write) -> Run:
        """The run, which has begun, waits, or was skipped."""
        job = jobs.locked(tx, tx.at(self.job).id)
        if found := once(tx, job.id, self.token):
            return found
        overrides = starts.read_overrides(json.loads(self.said))
        made = start(tx, job, Start(dict(self.parameters), overrides, self.only, self.queue))
        if self.token:
            runs.keep_token(tx, job.id, self.token, made.id)
        return made


@dataclass(frozen=True)
class SubmitRun(Command[Write, Run]):
    """Run tasks once, without a job; `settings` is a JSON object as that of a job."""

    settings: str
    name: str = ""
    run_as: RunAs | None = None
    levels: tuple[tuple[str, Level], ...] = ()
    token: str = ""
    metastore: Ref = METASTORE

    needs = (RUN_CODE,)

    def run(self, tx: Write) -> Run:
        """The run; what stands for its job is nobody else's, and not listed."""
        scope = f"submitted by {tx.caller.principal.id}"
        if found := once(tx, scope, self.token):
            return found
        settings = read(filled(json.loads(self.settings), submitted=True))
        job = make(tx, self.metastore, Standing.SUBMITTED, settings, chosen(tx, self.run_as), self.levels)
        made = start(tx, job, Start(name=self.name or "Untitled", type=RunType.SUBMIT_RUN))
        if self.token:
            runs.keep_token(tx, scope, self.token, made.id)
        return made


@dataclass(frozen=True)
class RunPage:
    """A run, and how much of it is shown: one task alone, repairs, resolved parameters, a part of its lists."""

    job_run: Run
    task: TaskRun | None = None
    after: int = 0
    whole: bool = False
    with_history: bool = False
    workspace: Mapping[str, str] | None = None
    """What references say of the workspace, where parameters are shown with their references replaced."""


@dataclass(frozen=True)
class GetRun(Query[Look, RunPage]):
    """Show a run with its tasks, by its own id or that of an attempt at one of them."""

    job_run: Ref
    after: int = 0
    whole: bool = False
    with_history: bool = False
    with_values: bool = False

    needs = (Need(Privilege.CAN_VIEW, on="job_run"),)

    def run(self, tx: Look) -> RunPage:
        """Show it."""
        shown = found(tx, self.job_run)
        return RunPage(
            shown,
            shown.task(number_of(self.job_run)),
            self.after,
            self.whole,
            self.with_history,
            facts(tx) if self.with_values else None,
        )


@dataclass(frozen=True)
class RunList:
    """Some runs, and how much of each is shown."""

    page: Page[Run]
    with_tasks: bool = False
    whole: bool = False


@dataclass(frozen=True)
class ListRuns(Query[Look, RunList]):
    """List the runs that the caller may see, the newest first."""

    asked: Asked
    window: Window
    whole: bool = False

    open_to = "every principal: rows are filtered by its permissions in the database"

    def run(self, tx: Look) -> RunList:
        """List them."""
        return RunList(runs.listed(tx, self.asked, self.window), self.asked.with_tasks, self.whole)


@dataclass(frozen=True)
class CancelRun(Command[Write, Run]):
    """End a run, or one of its tasks, soon."""

    job_run: Ref

    needs = (Need(Privilege.CAN_MANAGE_RUN, on="job_run"),)

    def run(self, tx: Write) -> Run:
        """The run afterwards; nothing happens to what has ended."""
        id_ = number_of(self.job_run)
        run_id = runs.run_of(tx, id_)
        after = stop(tx, run_id) if run_id == id_ else stop_task(tx, run_id, id_)
        tx.announce(Event.JOB_RUN_CANCELED, f"{PREFIX}{after.job}", run_id=id_)
        return after


@dataclass(frozen=True)
class CancelAllRuns(Command[Write, None]):
    """End all active runs of a job, or only those that wait for others."""

    job: Ref
    only_queued: bool = False

    needs = (Need(Privilege.CAN_MANAGE_RUN, on="job"),)

    def run(self, tx: Write) -> None:
        """End them."""
        job = jobs.locked(tx, tx.at(self.job).id)
        queued = set(runs.queued(tx, job.id, 1_000_000)) if self.only_queued else set[int]()
        for run_id in runs.open_of(tx, job.id):
            if not self.only_queued or run_id in queued:
                stop(tx, run_id)
                tx.announce(Event.JOB_RUN_CANCELED, f"{PREFIX}{job.number}", run_id=run_id)


@dataclass(frozen=True)
class CancelQueuedRuns(Command[Write, None]):
    """End all runs of all jobs that wait for others."""

    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> None:
        """End them."""
        for run_id in runs.all_queued(tx):
            after = stop(tx, run_id)
            tx.announce(Event.JOB_RUN_CANCELED, f"{PREFIX}{after.job}", run_id=run_id)


@dataclass(frozen=True)
class RepairRun(Command[Write, Run]):
    """Take a run that has ended up again: some of its tasks run once more, under the settings that its job has now.

    `said` is a JSON object with parameters for tasks.
    """

    job_run: Ref
    again: Again
    parameters: tuple[tuple[str, str], ...] = ()
    said: str = "{}"

    needs = (Need(Privilege.CAN_MANAGE_RUN, on="job_run"),)

    def run(self, tx: Write) -> Run:
        """The run, which is active again; its last repair is the new one."""
        before = runs.locked(tx, found(tx, self.job_run).id)
        job = jobs.locked(tx, before.owner_id)
        settings = job.settings if job.standing is Standing.JOB else before.settings
        overrides = starts.read_overrides(json.loads(self.said))
        parameters = dict(self.parameters)
        starts.check_parameters(settings, parameters, overrides)
        again = starts.repaired(before, settings, self.again, tx.now, new_number)
        again = starts.spoken_over(again, parameters, overrides, job.runs_as, job.run_as)
        tx.announce(Event.JOB_RUN_REPAIRED, f"{PREFIX}{before.job}", run_id=before.id, tasks=list(self.again.keys))
        return carry_on(tx, before, again)


@dataclass(frozen=True)
class DeleteRun(Command[Write, None]):
    """Delete a run that has ended, with all that is kept of it."""

    job_run: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="job_run"),)

    def run(self, tx: Write) -> None:
        """Delete it."""
        held = runs.locked(tx, found(tx, self.job_run).id)
        if not held.is_ended:
            raise WrongState(f"Run {held.id} is active; cancel it first.")
        runs.remove(tx, held.id)
        tx.announce(Event.JOB_RUN_DELETED, f"{PREFIX}{held.job}", run_id=held.id)


def found(tx: Look, ref: Ref) -> Run:
    """The run of a reference, which may name an attempt at one of its tasks."""
    return runs.get(tx, runs.run_of(tx, number_of(ref)))


def path_of(run_id: int) -> str:
    """How references name a run."""
    return f"{RUN_PREFIX}{run_id}"
