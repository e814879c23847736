"""What a change of a run is told as: which event, of the job or of a task (protocol notes §2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.domain.jobs.reading import Said
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.words import Life, Result, TaskKind


@dataclass(frozen=True, slots=True)
class Told:
    """Something to be told: that a run or a task has begun, that it takes long, or how it ended.

    `result` is the word of the wire, or empty for a beginning; `raw` are the settings of the job or the task, whose
    notifications say who is told.
    """

    run_id: int
    raw: Mapping[str, Any]
    task_key: str = ""
    result: Result | None = None
    is_slow: bool = False


def told_of(before: Run | None, after: Run) -> Iterator[Told]:
    """Everything that a change of a run is told as, in order."""
    raw = after.settings.raw
    if _begins(before, after):
        yield Told(after.id, raw)
    held = {task.id: task for task in before.tasks} if before else {}
    for task in after.tasks:
        yield from _of_task(held.get(task.id), task, after)
    if after.warned and not (before and before.warned):
        yield Told(after.id, raw, is_slow=True)
    if after.is_ended and after.result and not (before and before.is_ended):
        yield Told(after.id, raw, result=after.result)


def _begins(before: Run | None, after: Run) -> bool:
    """Whether it has left the queue, for the first time or to be repaired."""
    waits = {Life.QUEUED, Life.SKIPPED}
    if after.life in waits:
        return False
    if before is None or before.life is Life.QUEUED:
        return not (after.is_ended and not after.started_at)
    return before.is_ended and not after.is_ended


def _of_task(before: TaskRun | None, task: TaskRun, run: Run) -> Iterator[Told]:
    spec = run.settings.task(task.key)
    if spec is None or spec.kind == TaskKind.CONDITION or task == before:
        return
    if task.began_at and not (before and before.began_at):
        yield Told(task.id, spec.raw, task.key)
    if task.is_ended and task.result and not (before and before.is_ended) and not _is_muted(task, run, spec.raw):
        yield Told(task.id, spec.raw, task.key, result=task.result)


def _is_muted(task: TaskRun, run: Run, raw: Mapping[str, Any]) -> bool:
    """Whether only the last attempt is told, and this one is tried again."""
    last_only = Said(raw).within("notification_settings").flag("alert_on_last_attempt")
    follows = any(each.original == task.original and each.attempt > task.attempt for each in run.tasks)
    return last_only and follows and task.result is not Result.SUCCESS
