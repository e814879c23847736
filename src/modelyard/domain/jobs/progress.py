"""How a run goes on: which tasks may begin, which are tried again, what ends, and what becomes of the whole.

Everything here is decided by rows and the time; what has to be done outside for it is read from the run that comes out:
a task that is PENDING without an executor waits for one, and one that is TERMINATING is to be ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from modelyard.domain import approvals
from modelyard.domain.jobs.graph import Verdict, leaves, outcome, verdict
from modelyard.domain.jobs.references import resolved
from modelyard.domain.jobs.runs import QUEUE_MILLISECONDS, Run, TaskRun
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.values import known
from modelyard.domain.jobs.words import BAD, Code, Gate, Life, Result, TaskKind
from modelyard.errors import Invalid

_CODES: Final = {Result.CANCELED: Code.USER_CANCELED, Result.TIMEDOUT: Code.CANCELED}
_MOST_INPUTS: Final = 5_000
_UNSTARTED: Final = frozenset({Life.QUEUED, Life.BLOCKED, Life.PENDING, Life.WAITING_FOR_RETRY})
_RAN_OUT: Final = "The run took longer than its timeout_seconds allow."
_CANCELED: Final = "Run cancelled."
MAX_DEPTH: Final = 3
"""How many runs may stand above each other by `run_job_task`."""

NewId = Callable[[], int]


class Progress:
    """A run on its way; it is changed in place, and read as `run` at the end."""

    def __init__(self, run: Run, now: int, new_id: NewId, workspace: Mapping[str, str]) -> None:
        self._run = run
        self._now = now
        self._new_id = new_id
        self._workspace = workspace
        self._tasks: dict[int, TaskRun] = {task.id: task for task in run.tasks}

    @property
    def run(self) -> Run:
        """The run as it is now."""
        return replace(self._run, tasks=tuple(self._tasks.values()))

    def put(self, task: TaskRun) -> TaskRun:
        """Keep an attempt as it has become, or a new one."""
        self._tasks[task.id] = task
        return task

    def advance(self) -> Run:
        """Go on as far as it goes without anything happening outside."""
        if self._run.is_ended or not self._has_begun():
            return self.run
        self._mind_time()
        before: dict[int, TaskRun] = {}
        while before != self._tasks:
            before = dict(self._tasks)
            if self._run.stopped:
                self._stop()
            else:
                self._go_on()
        self._conclude()
        return self.run

    def _has_begun(self) -> bool:
        """Whether it is out of the queue; what waits too long, or is not wanted any more, ends there."""
        if self._run.life is not Life.QUEUED:
            return True
        if self._run.stopped:
            self._end(Life.TERMINATED, Result.CANCELED, Code.USER_CANCELED, _CANCELED)
        elif self._now - self._run.created_at >= QUEUE_MILLISECONDS:
            told = "The run waited for 48 hours for others of its job to end."
            self._end(Life.SKIPPED, Result.MAXIMUM_CONCURRENT_RUNS_REACHED, Code.MAX_CONCURRENT_RUNS_EXCEEDED, told)
        return False

    def _mind_time(self) -> None:
        deadline = self._run.deadline
        if deadline is not None and self._now >= deadline and not self._run.stopped:
            self._run = replace(self._run, stopped=Result.TIMEDOUT)

    # Ending

    def _stop(self) -> None:
        why = Result(self._run.stopped)
        for task in self.run.current():
            if not task.is_ended:
                self.stop(task, why)

    def stop(self, task: TaskRun, why: Result) -> None:
        """End a task: at once where nothing runs for it, else as soon as that has ended."""
        is_whole = not task.is_started and self._kind(task) != TaskKind.FOR_EACH
        if is_whole and task.life in _UNSTARTED:
            told = _CANCELED if why is Result.CANCELED else _RAN_OUT
            self.put(task.ended(Life.TERMINATED, why, _CODES[why], told, self._now))
        elif task.life is not Life.TERMINATING:
            self.put(replace(task, life=Life.TERMINATING, stopped=why))
        elif self._kind(task) == TaskKind.FOR_EACH:
            self._stop_iterations(task, why)

    def _stop_iterations(self, task: TaskRun, why: Result) -> None:
        inside = self.run.iterations(task.id).values()
        for each in inside:
            if not each.is_ended:
                self.stop(each, why)
        if all(self._tasks[each.id].is_ended for each in inside):
            self.put(task.ended(Life.TERMINATED, why, _CODES[why], _CANCELED, self._now))

    # Going on

    def _go_on(self) -> None:
        latest = self.run.latest
        results = {key: each.result for key, each in latest.items() if each.is_ended and each.result}
        for task in self._run.settings.tasks:
            each = latest.get(task.key)
            if each is None or each.is_ended:
                continue
            self._move(task, each, latest, results)
            after = latest[task.key] = self._tasks[each.id]
            if after.is_ended and after.result:
                results[task.key] = after.result

    def _move(self, task: Task, each: TaskRun, latest: Mapping[str, TaskRun], results: Mapping[str, Result]) -> None:
        if each.life is Life.BLOCKED:
            self._consider(task, each, latest, results)
        elif each.life is Life.WAITING_FOR_RETRY and self._now >= each.retry_at:
            self.put(replace(each, life=Life.PENDING, started_at=self._now))
        elif task.kind == TaskKind.FOR_EACH and each.stopped:
            self.stop(each, Result(each.stopped))
        elif task.kind == TaskKind.FOR_EACH:
            self._iterate(task, each)

    def _consider(
        self, task: Task, each: TaskRun, latest: Mapping[str, TaskRun], results: Mapping[str, Result]
    ) -> None:
        """Begin a task once all that it waits for has ended, or say why it does not begin."""
        parents = [above for above in task.depends_on if self._counts(above.key)]
        if any(above.key not in results for above in parents):
            return
        missed = any(above.outcome not in {"", latest[above.key].outcome} for above in parents)
        found = verdict(task.run_if, [results[above.key] for above in parents])
        if missed and found is Verdict.RUNS:
            found = Verdict.EXCLUDED
        if found.value is None:
            self._pass(task, each)
        else:
            code = Code.DISABLED if found is Verdict.DISABLED else Code.SKIPPED
            told = "The task was not run, because of what became of the tasks that it depends on."
            self.put(each.ended(Life.SKIPPED, found.value, code, told, self._now))

    def _pass(self, task: Task, each: TaskRun) -> None:
        """Begin a task, or hold it until somebody approves."""
        if each.gate is Gate.OPEN or not self._asks_first(task.key):
            self._begin(task, each)
        elif approvals.subject(self._run.job_parameters) is None:
            self._fail(each, "approval.mode=wait needs the job parameters model_name and model_version.")
        else:
            self.put(replace(each, gate=Gate.WAITING, message=f"Waiting for approval: {task.key}"))

    def _asks_first(self, key: str) -> bool:
        tags = self._run.settings.tags
        return approvals.is_gate(key) and approvals.policy(tags, key).mode is approvals.Mode.WAIT

    def _counts(self, key: str) -> bool:
        """Whether a dependency is waited for: where only some tasks are run, the others are as if done."""
        return not self._run.only or key in self._run.only

    def _begin(self, task: Task, each: TaskRun) -> None:
        begun = replace(each, life=Life.PENDING, started_at=self._now)
        if not task.is_known:
            self._fail(begun, f"Tasks of the kind {task.kind} cannot be run here.")
        elif task.kind == TaskKind.CONDITION:
            self._decide(task, begun)
        elif task.kind == TaskKind.FOR_EACH:
            self._unfold(task, begun)
        else:
            self.put(begun)

    def _fail(self, task: TaskRun, why: str, code: Code = Code.INVALID_RUN_CONFIGURATION) -> None:
        self.put(task.ended(Life.INTERNAL_ERROR, Result.FAILED, code, why, self._now))

    def _decide(self, task: Task, each: TaskRun) -> None:
        """Compare the two sides of a condition."""
        said = task.said
        try:
            left, right = (resolved(said.text(side), known(self.run, each, self._workspace)) for side in _SIDES)
            holds = compared(said.text("op"), left, right)
        except Invalid as failure:
            self._fail(each, failure.message)
            return
        ended = each.ended(Life.TERMINATED, Result.SUCCESS, Code.SUCCESS, "", self._now)
        self.put(replace(ended, began_at=self._now, outcome=str(holds).lower()))

    def _unfold(self, task: Task, each: TaskRun) -> None:
        """Make an iteration of each input of a for-each."""
        try:
            inputs = read_inputs(resolved(task.said.text("inputs"), known(self.run, each, self._workspace)))
        except Invalid as failure:
            self._fail(each, failure.message)
            return
        self.put(replace(each, life=Life.RUNNING, began_at=self._now))
        nested = cast("Task", task.nested)
        for place, said in enumerate(inputs):
            id_ = self._new_id()
            one = TaskRun(id_, nested.key, original=id_, parent=each.id, repair=each.repair)
            self.put(replace(one, iteration=place, input=json.dumps(said)))

    def _iterate(self, task: Task, each: TaskRun) -> None:
        """Begin as many iterations as may run at once; end with the last one."""
        inside = list(self.run.iterations(each.id).values())
        open_ = [one for one in inside if not one.is_ended]
        if not open_:
            self._gather(each, inside)
            return
        for one in open_:
            if one.life is Life.WAITING_FOR_RETRY and self._now >= one.retry_at:
                self.put(replace(one, life=Life.PENDING, started_at=self._now))
        busy = sum(one.life is not Life.BLOCKED for one in open_)
        free = task.said.number("concurrency", default=1) - busy
        for one in [one for one in open_ if one.life is Life.BLOCKED][: max(0, free)]:
            self._begin(cast("Task", task.nested), one)

    def _gather(self, each: TaskRun, inside: list[TaskRun]) -> None:
        failed = [one for one in inside if one.result in BAD]
        if failed:
            told = f"{len(failed)} of {len(inside)} iterations failed: {failed[0].message}"
            self.put(each.ended(Life.TERMINATED, Result.FAILED, Code.RUN_EXECUTION_ERROR, told, self._now))
        else:
            self.put(each.ended(Life.TERMINATED, Result.SUCCESS, Code.SUCCESS, "", self._now))

    # The whole

    def _conclude(self) -> None:
        latest = self.run.latest
        if all(each.is_ended for each in latest.values()):
            self._finish(latest)
        elif self._run.stopped:
            self._run = replace(self._run, life=Life.TERMINATING)
        elif self._run.life is Life.PENDING and any(
            each.life is not Life.BLOCKED or each.gate for each in latest.values()
        ):
            self._run = replace(self._run, life=Life.RUNNING)
        if not self._run.is_ended:
            self._tell_gates(latest)

    def _tell_gates(self, latest: Mapping[str, TaskRun]) -> None:
        """Say what the run waits for, while it does."""
        held = [key for key, each in latest.items() if each.gate is Gate.WAITING and each.life is Life.BLOCKED]
        told = f"Waiting for approval: {', '.join(held)}" if held else ""
        self._run = replace(self._run, message=told)

    def _finish(self, latest: Mapping[str, TaskRun]) -> None:
        results = {key: each.result or Result.FAILED for key, each in latest.items()}
        if self._run.stopped:
            why = Result(self._run.stopped)
            self._end(Life.TERMINATED, why, _CODES[why], _CANCELED if why is Result.CANCELED else _RAN_OUT)
            return
        found = outcome(leaves(self._run.settings.tasks) & latest.keys(), results)
        match found:
            case Result.FAILED:
                first = _to_blame(latest)
                told = f"Task {first.key} failed with message: {first.message.rstrip('.')}."
                self._end(Life.INTERNAL_ERROR, found, first.code or Code.RUN_EXECUTION_ERROR, told)
            case Result.SUCCESS:
                self._end(Life.TERMINATED, found, Code.SUCCESS, "")
            case _:
                self._end(Life.TERMINATED, found, Code.SUCCESS_WITH_FAILURES, "")

    def _end(self, life: Life, result: Result, code: Code, message: str) -> None:
        run = replace(self._run, life=life, result=result, code=code, message=message, ended_at=self._now)
        if run.repairs:
            *before, last = run.repairs
            ended = replace(last, ended_at=self._now, life=life, result=result, code=code, message=message)
            run = replace(run, repairs=(*before, ended))
        self._run = run

    def _kind(self, task: TaskRun) -> str:
        found = self._run.settings.task(task.key)
        return found.kind if found else ""


_SIDES: Final = ("left", "right")


def _to_blame(latest: Mapping[str, TaskRun]) -> TaskRun:
    """The task that failed by itself, and first; what waited for it failed because of it."""
    failed = [each for each in latest.values() if each.result in BAD]
    own = [each for each in failed if each.result not in {Result.UPSTREAM_FAILED, Result.UPSTREAM_CANCELED}]
    return min(own or failed, key=lambda each: (each.ended_at, each.id))


_ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "GREATER_THAN": lambda left, right: left > right,
    "GREATER_THAN_OR_EQUAL": lambda left, right: left >= right,
    "LESS_THAN": lambda left, right: left < right,
    "LESS_THAN_OR_EQUAL": lambda left, right: left <= right,
}


def compared(operator: str, left: str, right: str) -> bool:
    """What a condition comes to: equality compares texts, order compares numbers."""
    if operator in {"EQUAL_TO", "NOT_EQUAL"}:
        return (left == right) is (operator == "EQUAL_TO")
    try:
        return _ORDERS[operator](float(left), float(right))
    except ValueError:
        raise Invalid(f"{operator} compares numbers, not {left[:60]!r} and {right[:60]!r}.") from None


def read_inputs(text: str) -> list[Any]:
    """What a for-each goes through: a JSON list."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(cast("list[Any]", found)) > _MOST_INPUTS:
        raise Invalid(f"the inputs of a for_each_task must be a JSON list of at most {_MOST_INPUTS} items.")
    return cast("list[Any]", found)
