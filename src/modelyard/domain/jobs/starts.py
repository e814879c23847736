"""How runs begin: of a job or by themselves, and again where they have failed (protocol notes §1.2, §1.4, §1.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from modelyard.domain.jobs.graph import downstream
from modelyard.domain.jobs.reading import Said
from modelyard.domain.jobs.runs import Overrides, Repair, Run, TaskRun
from modelyard.domain.jobs.settings import MOST_PARAMETER, Settings
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.words import BAD, Code, Life, Result, RunIf
from modelyard.errors import Changed, Invalid, WrongState

NewId = Callable[[], int]

_MOST_ITEMS: Final = 1_000
_TASK_PARAMETERS: Final = (
    "notebook_params",
    "python_params",
    "python_named_params",
    "jar_params",
    "spark_submit_params",
    "sql_params",
    "dbt_commands",
    "pipeline_params",
)
"""What was said for tasks before jobs had parameters."""


def read_overrides(raw: Mapping[str, Any]) -> Overrides:
    """What a request says for the parameters of tasks."""
    said = Said(raw)
    told = {name: raw[name] for name in _TASK_PARAMETERS if raw.get(name) is not None}
    python = said.texts("python_params", _MOST_ITEMS) if said.has("python_params") else None
    return Overrides(said.pairs("notebook_params"), python, said.pairs("python_named_params"), told)


def read_parameters(raw: Mapping[str, Any]) -> dict[str, str]:
    """What a request says for job parameters."""
    found = Said(raw).pairs("job_parameters", _MOST_ITEMS)
    for name, value in found.items():
        if len(value) > MOST_PARAMETER:
            raise Invalid(f'job_parameters: "{name[:60]}" has more than {MOST_PARAMETER} characters.')
    return found


def check_parameters(settings: Settings, parameters: Mapping[str, str], overrides: Overrides) -> None:
    """`Invalid` where a run is started with what its job does not take."""
    if overrides.raw and settings.parameters:
        named = next(iter(overrides.raw))
        raise Invalid(f"the job has parameters of its own: say job_parameters instead of {named}.")
    if overrides.raw and parameters:
        raise Invalid("job_parameters and parameters of tasks exclude each other.")
    if unknown := sorted(parameters.keys() - (settings.parameters or {}).keys()):
        raise Invalid(f'the job has no parameter "{unknown[0][:100]}"; it can have one in its settings.')


def begun(run: Run, now: int, new_id: NewId) -> Run:
    """A new run with an attempt at each of its tasks, of which none has begun; `Invalid` if there is nothing to do."""
    tasks = run.settings.tasks
    if not tasks:
        raise Invalid("the job has no tasks, so there is nothing to run.")
    if unknown := sorted(set(run.only) - {task.key for task in tasks}):
        raise Invalid(f'only: the job has no task "{unknown[0][:100]}".')
    left_out = _disabled(tasks, run.only)
    return replace(run, created_at=now, tasks=tuple(_first(task, left_out, now, new_id()) for task in tasks))


def _first(task: Task, left_out: frozenset[str], now: int, id_: int) -> TaskRun:
    made = TaskRun(id_, task.key, original=id_)
    if task.key not in left_out:
        return made
    return made.ended(Life.SKIPPED, Result.DISABLED, Code.DISABLED, "The task is disabled.", now)


def _disabled(tasks: Sequence[Task], only: Sequence[str]) -> frozenset[str]:
    """The keys of tasks that do not run: not chosen, disabled, or waiting for the success of what is disabled."""
    if only:
        return frozenset(task.key for task in tasks if task.key not in only)
    found = {task.key for task in tasks if task.disabled}
    size = -1
    while size != len(found):
        size = len(found)
        found |= {
            task.key
            for task in tasks
            if task.run_if is RunIf.ALL_SUCCESS and any(each.key in found for each in task.depends_on)
        }
    return frozenset(found)


# Again


@dataclass(frozen=True, slots=True)
class Again:
    """Which tasks of a run are to be run again: those named, or all that have failed; and what waits for them."""

    keys: tuple[str, ...] = ()
    failed: bool = False
    dependents: bool = False
    latest: int | None = None
    """The last repair that whoever asks knows of."""


def repaired(run: Run, settings: Settings, again: Again, now: int, new_id: NewId) -> Run:
    """The run, taken up again under the settings that its job has now; `repairs[-1]` is the new repair."""
    _check(run, again)
    keys = _chosen(run, settings, again)
    repair = Repair(new_id(), now)
    number = run.repaired + 1
    tasks = list(run.tasks)
    held = run.latest
    for task in settings.tasks:
        before = held.get(task.key)
        if task.key in keys or before is None:
            id_ = new_id()
            attempt = before.attempt + 1 if before else 0
            tasks.append(TaskRun(id_, task.key, attempt=attempt, original=id_, repair=number))
    gone = held.keys() - {task.key for task in settings.tasks}
    tasks = [each for each in tasks if each.key not in gone]
    return replace(
        run,
        settings=settings,
        life=Life.PENDING,
        result=None,
        code=None,
        message="",
        ended_at=0,
        stopped="",
        warned=False,
        repairs=(*run.repairs, repair),
        tasks=tuple(tasks),
    )


def _check(run: Run, again: Again) -> None:
    if not run.is_ended:
        raise WrongState(f"Run {run.id} is active; it can be repaired once it has ended.")
    if bool(again.keys) == again.failed:
        raise Invalid("say either rerun_tasks or rerun_all_failed_tasks.")
    last = run.repairs[-1].id if run.repairs else None
    if again.latest != last and (last is not None or again.latest is not None):
        raise Changed(f"latest_repair_id must be {last or 'left out'}: somebody else has repaired run {run.id}.")


def _chosen(run: Run, settings: Settings, again: Again) -> frozenset[str]:
    there = {task.key for task in settings.tasks}
    if unknown := sorted(set(again.keys) - there):
        raise Invalid(f'rerun_tasks: the job has no task "{unknown[0][:100]}".')
    keys = set(again.keys)
    if again.failed:
        keys = {key for key, each in run.latest.items() if each.result in BAD} & there
        keys = set(downstream(settings.tasks, keys)) if keys else keys
        if not keys:
            raise WrongState(f"Run {run.id} has no task that failed.")
    if again.dependents:
        keys = set(downstream(settings.tasks, keys))
    return frozenset(keys)


def spoken_over(run: Run, parameters: Mapping[str, str], overrides: Overrides, run_as_id: str, run_as: str) -> Run:
    """The run with what was said for its repair, as whomever its job runs as now."""
    said = overrides if overrides.raw else run.overrides
    return replace(run, parameters={**run.parameters, **parameters}, overrides=said, run_as_id=run_as_id, run_as=run_as)
