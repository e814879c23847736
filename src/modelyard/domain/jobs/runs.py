"""Runs of jobs, the attempts at their tasks, and their repairs, as they are at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelyard.domain.jobs.settings import Settings
from modelyard.domain.jobs.words import ENDED, Code, Gate, Life, Result, RunType, Trigger

MOST_VALUES = 48 << 10
"""Bytes of all values that a task leaves for others."""
MOST_LOG = 5 << 20
"""Bytes of what a task has printed that are kept: the last ones."""
QUEUE_MILLISECONDS = 48 * 3600 * 1000
"""How long a run waits at most until another one of its job has ended."""


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One attempt at a task, which has a run id of its own; times are epoch milliseconds, 0 for not yet."""

    id: int
    key: str
    attempt: int = 0
    """Counted over the whole run; `tries` begins anew with each repair."""
    tries: int = 0
    original: int = 0
    parent: int = 0
    """The run of the for-each that it is an iteration of."""
    iteration: int = -1
    input: str = ""
    repair: int = 0
    """Which repair has made it; 0 is the run itself."""
    life: Life = Life.BLOCKED
    result: Result | None = None
    code: Code | None = None
    message: str = ""
    started_at: int = 0
    began_at: int = 0
    ended_at: int = 0
    retry_at: int = 0
    executor: str = ""
    """Where it is run; empty until somewhere has taken it."""
    token_id: str = ""
    child: int = 0
    """The run of another job that it has started."""
    outcome: str = ""
    """Of a condition: `true` or `false`."""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    exit: str = ""
    error: str = ""
    trace: str = ""
    stopped: str = ""
    """Why it is being ended: CANCELED or TIMEDOUT."""
    gate: Gate = Gate.NONE
    """Whether it waits for an approval."""

    @property
    def is_ended(self) -> bool:
        """Whether nothing of it is under way."""
        return self.life in ENDED

    @property
    def is_started(self) -> bool:
        """Whether something outside runs for it: a process, or another run."""
        return bool(self.executor or self.child) and not self.is_ended

    def ended(self, life: Life, result: Result, code: Code, message: str, now: int) -> TaskRun:
        """The same, at its end."""
        started = self.started_at or now
        return replace(
            self, life=life, result=result, code=code, message=message, started_at=started, ended_at=max(now, started)
        )


@dataclass(frozen=True, slots=True)
class Overrides:
    """What whoever starts a run says instead of what the job says (`overriding_parameters`)."""

    notebook: Mapping[str, str] = field(default_factory=dict[str, str])
    python: tuple[str, ...] | None = None
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All of it as it came, which is shown."""


NOTHING_SAID = Overrides()


@dataclass(frozen=True, slots=True)
class Repair:
    """A time that a run was taken up again."""

    id: int
    started_at: int
    ended_at: int = 0
    life: Life = Life.PENDING
    result: Result | None = None
    code: Code | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a job, with every attempt at its tasks."""

    id: int
    job: int
    """The number of its job; a submitted run has one that is its own."""
    owner_id: str
    """The id of the securable on which it is permitted."""
    settings: Settings
    name: str = ""
    type: RunType = RunType.JOB_RUN
    trigger: Trigger = Trigger.ONE_TIME
    creator: str = ""
    run_as_id: str = ""
    run_as: str = ""
    life: Life = Life.PENDING
    result: Result | None = None
    code: Code | None = None
    message: str = ""
    created_at: int = 0
    started_at: int = 0
    ended_at: int = 0
    triggered_at: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    """What was said for job parameters."""
    overrides: Overrides = NOTHING_SAID
    only: tuple[str, ...] = ()
    stopped: str = ""
    """Why it is being ended: CANCELED or TIMEDOUT."""
    parent_run: int = 0
    """The run of another job that has started it."""
    parent_task: int = 0
    depth: int = 0
    """How many runs stand above it."""
    commit: str = ""
    updates: tuple[Mapping[str, Any], ...] = ()
    """What has happened to models, where that has started it."""
    warned: bool = False
    """Whether it was told that it takes long."""
    repairs: tuple[Repair, ...] = ()
    tasks: tuple[TaskRun, ...] = ()

    @property
    def is_ended(self) -> bool:
        """Whether nothing of it is under way."""
        return self.life in ENDED

    @property
    def latest(self) -> dict[str, TaskRun]:
        """The last attempt at each task, by key; iterations are not among them."""
        return {task.key: task for task in self.tasks if not task.parent}

    def iterations(self, parent: int) -> dict[int, TaskRun]:
        """The last attempt at each iteration of a for-each."""
        return {task.iteration: task for task in self.tasks if task.parent == parent}

    def current(self) -> Iterator[TaskRun]:
        """The last attempt at every task and iteration."""
        found = {(task.key, task.parent, task.iteration): task for task in self.tasks}
        yield from found.values()

    def task(self, id_: int) -> TaskRun | None:
        """An attempt by its id."""
        return next((task for task in self.tasks if task.id == id_), None)

    def having(self, task: TaskRun) -> Run:
        """The same run with an attempt as it has become, or with a new one at the end."""
        if self.task(task.id) is None:
            return replace(self, tasks=(*self.tasks, task))
        return replace(self, tasks=tuple(task if each.id == task.id else each for each in self.tasks))

    @property
    def job_parameters(self) -> dict[str, str]:
        """The value of each job parameter."""
        return {**(self.settings.parameters or {}), **self.parameters}

    @property
    def repaired(self) -> int:
        """The number of the last repair; 0 before any."""
        return len(self.repairs)

    @property
    def deadline(self) -> int | None:
        """When its time is over."""
        since = self.repairs[-1].started_at if self.repairs else self.started_at
        return since + self.settings.timeout_seconds * 1000 if self.settings.timeout_seconds and since else None
