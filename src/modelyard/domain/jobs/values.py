"""What the references of a task run mean, from the run that it is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.domain.jobs.references import Known, resolved
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.settings import Settings
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.words import TaskKind


def known(run: Run, task: TaskRun, workspace: Mapping[str, str]) -> Known:
    """Everything that references in this task may name."""
    job = {
        "id": str(run.job),
        "name": run.name,
        "run_id": str(run.id),
        "repair_count": str(run.repaired),
    }
    mine = {
        "name": task.key,
        "run_id": str(task.id),
        "execution_count": str(task.attempt + 1),
        "retry_count": str(task.tries),
        "notebook_path": _notebook_path(run.settings, task.key),
    }
    context = Known(
        job=job,
        task=mine,
        tasks={each.key: _told(each) for each in run.latest.values()},
        workspace=workspace,
        started_at=run.started_at or run.created_at,
        triggered_at=run.triggered_at or run.created_at,
        trigger=run.trigger.value.lower(),
        updates=run.updates,
        input=task.input or None,
    )
    return _with_parameters(run, context)


def _with_parameters(run: Run, context: Known) -> Known:
    """The same with job parameters, whose own references are replaced first."""
    parameters = {name: resolved(value, context) for name, value in run.job_parameters.items()}
    return Known(
        **{name: getattr(context, name) for name in Known.__dataclass_fields__ if name != "parameters"},
        parameters=parameters,
    )


def _told(task: TaskRun) -> dict[str, Any]:
    found: dict[str, Any] = {"run_id": task.id, "values": task.values}
    if task.result:
        found["result_state"] = task.result.value.lower()
        found["error_code"] = task.code.value if task.code and task.code.value != "SUCCESS" else ""
    if task.outcome:
        found["outcome"] = task.outcome
    return found


def _notebook_path(settings: Settings, key: str) -> str:
    task = settings.task(key)
    return str(task.spec.get("notebook_path", "")) if task and task.kind == TaskKind.NOTEBOOK else ""


def named_parameters(run: Run, task: Task, context: Known) -> dict[str, str]:
    """The parameters of a task that takes them by name: job parameters win, then what the run was started with."""
    field = {TaskKind.NOTEBOOK: "base_parameters", TaskKind.WHEEL: "named_parameters"}.get(TaskKind(task.kind))
    own = task.said.pairs(field) if field else {}
    said = run.overrides.notebook if task.kind == TaskKind.NOTEBOOK else run.overrides.named
    mine = {name: resolved(value, context) for name, value in {**own, **said}.items()}
    return {**mine, **context.parameters}


def positional_parameters(run: Run, task: Task, context: Known) -> tuple[str, ...]:
    """The parameters of a task that takes them in order; job parameters are among them only by reference."""
    said = run.overrides.python if run.overrides.python is not None else task.said.texts("parameters")
    return tuple(resolved(each, context) for each in said)
