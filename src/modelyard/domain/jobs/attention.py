"""When a run has to be looked at again although nothing happens to it."""

from __future__ import annotations

from modelyard.domain.jobs.runs import QUEUE_MILLISECONDS, Run, TaskRun
from modelyard.domain.jobs.words import CODE_KINDS, Life

WANTED = "wanted"
TAKEN = "taken"
ENDED = "ended"
"""How it stands with an attempt and the executors: one is to take it, has taken it, and still keeps what is left."""


def due(run: Run, now: int) -> int | None:
    """The next moment at which time alone changes something; None for never."""
    if run.is_ended:
        return None
    if run.life is Life.QUEUED:
        return run.created_at + QUEUE_MILLISECONDS
    moments = [run.deadline, _warning(run)]
    moments += [task.retry_at for task in run.current() if task.life is Life.WAITING_FOR_RETRY]
    found = [moment for moment in moments if moment is not None]
    return max(min(found), now) if found else None


def _warning(run: Run) -> int | None:
    seconds = run.settings.warning_seconds
    return run.started_at + seconds * 1000 if seconds and run.started_at and not run.warned else None


def is_slow(run: Run, now: int) -> bool:
    """Whether it takes longer than its job's health rules find good, which was not told yet."""
    at = _warning(run)
    return at is not None and now >= at and not run.is_ended


def standing(run: Run, task: TaskRun) -> str:
    """How it stands with an attempt and the executors; empty where none has to do with it."""
    if task.executor:
        return ENDED if task.is_ended else TAKEN
    spec = run.settings.task(task.key)
    waits = task.life is Life.PENDING and spec is not None and spec.kind in CODE_KINDS
    return WANTED if waits and not run.stopped else ""
