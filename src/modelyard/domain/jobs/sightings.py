"""What is seen of attempts outside, and what that means for the tasks: they run, end, or are tried again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from modelyard.domain.jobs.runs import TaskRun
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.words import Code, Life, Result

_FAILED: Final = "Workload failed, see run output for details"
_TRIED_AGAIN: Final = frozenset(
    {Code.RUN_EXECUTION_ERROR, Code.INTERNAL_ERROR, Code.LIBRARY_INSTALLATION_ERROR, Code.REPOSITORY_CHECKOUT_FAILED}
)
"""Failures that another try may not have."""
_TIMED_OUT: Final = "RUN_EXECUTION_TIMEOUT"
_CANCELED: Final = "USER_CANCELED"


class Stage(Enum):
    """How far an attempt is, as far as runs are concerned."""

    PREPARING = "preparing"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of an attempt; `trouble` is a termination code, or empty for success."""

    task_id: int
    stage: Stage
    trouble: str = ""
    error: str = ""
    trace: str = field(default="", repr=False)
    exit: str = field(default="", repr=False)
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    began_at: int = 0
    ended_at: int = 0


def seen(task: TaskRun, spec: Task, sighting: Sighting, now: int) -> TaskRun:
    """An attempt after it was seen; what has ended stays as it is."""
    if task.is_ended:
        return task
    began = sighting.began_at or task.began_at
    if sighting.stage is Stage.RUNNING:
        life = task.life if task.stopped else Life.RUNNING
        return replace(task, life=life, began_at=began)
    if sighting.stage is Stage.PREPARING:
        return task
    told = replace(
        task, began_at=began, error=sighting.error, trace=sighting.trace, exit=sighting.exit, values=sighting.values
    )
    return _ended(told, spec, sighting, max(sighting.ended_at, began) or now)


def _ended(task: TaskRun, spec: Task, sighting: Sighting, at: int) -> TaskRun:
    if sighting.stage is Stage.LOST:
        told = "The machine or the process that ran it was lost, and with it how it ended."
        return task.ended(Life.INTERNAL_ERROR, Result.FAILED, Code.INTERNAL_ERROR, told, at)
    if not sighting.trouble:
        return task.ended(Life.TERMINATED, Result.SUCCESS, Code.SUCCESS, "", at)
    if sighting.trouble == _TIMED_OUT or task.stopped == Result.TIMEDOUT:
        told = f"The task took longer than {spec.timeout_seconds} seconds." if spec.timeout_seconds else "Timed out."
        return task.ended(Life.TERMINATED, Result.TIMEDOUT, Code.CANCELED, told, at)
    if sighting.trouble == _CANCELED:
        return task.ended(Life.TERMINATED, Result.CANCELED, Code.USER_CANCELED, "Run cancelled.", at)
    return _failed(task, Code(sighting.trouble), sighting.error, at)


def _failed(task: TaskRun, code: Code, error: str, at: int) -> TaskRun:
    if code is Code.RUN_EXECUTION_ERROR:
        return task.ended(Life.TERMINATED, Result.FAILED, code, _FAILED, at)
    return task.ended(Life.INTERNAL_ERROR, Result.FAILED, code, error or _FAILED, at)


def retried(task: TaskRun, spec: Task, now: int, new_id: Callable[[], int]) -> TaskRun | None:
    """The next try of an attempt that has failed, if there is one; it waits, counted from the start of this one."""
    if task.stopped or not _may_try(task, spec) or (spec.max_retries >= 0 and task.tries >= spec.max_retries):
        return None
    at = max(now, task.started_at + spec.retry_milliseconds)
    return TaskRun(
        new_id(),
        task.key,
        attempt=task.attempt + 1,
        tries=task.tries + 1,
        original=task.original,
        parent=task.parent,
        iteration=task.iteration,
        input=task.input,
        repair=task.repair,
        life=Life.WAITING_FOR_RETRY,
        retry_at=at,
    )


def _may_try(task: TaskRun, spec: Task) -> bool:
    if task.result is Result.TIMEDOUT:
        return spec.retry_on_timeout
    return task.result is Result.FAILED and task.code in _TRIED_AGAIN
