"""Jobs and runs as clients read them (protocol notes, jobs §1.2 to §1.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.actions.jobs.runs import RunPage
from modelyard.actions.jobs.settings import JobPage
from modelyard.domain.jobs.references import resolved
from modelyard.domain.jobs.runs import Repair, Run, TaskRun
from modelyard.domain.jobs.settings import PAGE
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.values import known, named_parameters, positional_parameters
from modelyard.domain.jobs.words import BAD, STATUS, Code, Life, Result, TaskKind, Trigger, code_type
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Here

Json = dict[str, Any]

_LISTS = ("tasks", "job_clusters", "environments", "parameters")
_ENDED_BY_FORCE = frozenset({Result.CANCELED, Result.TIMEDOUT})
_MOST_ERRORS = 10


def job(found: JobPage, *, with_tasks: bool = True) -> Json:
    """A job; of its long lists a part, unless they are shown whole."""
    one = found.job
    settings: Json = dict(one.settings.raw)
    told: Json = {
        "job_id": one.number,
        "created_time": one.created_at,
        "creator_user_name": one.creator,
        "run_as_user_name": one.run_as,
    }
    if not with_tasks:
        settings = {name: value for name, value in settings.items() if name not in _LISTS}
    elif not found.whole:
        settings |= {name: _part(settings[name], found.after) for name in _LISTS if name in settings}
        told |= _following([one.settings.raw.get(name) or () for name in _LISTS], found.after)
    return {**told, "settings": settings}


def _part(items: Sequence[Any], after: int) -> list[Any]:
    return list(items[after : after + PAGE])


def _following(lists: Sequence[Sequence[Any]], after: int) -> Json:
    """Where the next part begins, if there is one."""
    if all(len(items) <= after + PAGE for items in lists):
        return {}
    return {"has_more": True, "next_page_token": str(after + PAGE)}


# States


def state(of: Run | TaskRun | Repair) -> Json:
    """`state` and `status`: the same in the words of both generations."""
    message = of.message or _message(of.life)
    old: Json = {"life_cycle_state": of.life.value, "state_message": message}
    old["user_cancelled_or_timedout"] = of.result in _ENDED_BY_FORCE
    status: Json = {"state": STATUS[of.life]}
    if of.result:
        old["result_state"] = of.result.value
        code = of.code or Code.SUCCESS
        status["termination_details"] = {"code": code.value, "type": code_type(code), "message": message}
    if of.life is Life.QUEUED:
        old["queue_reason"] = message
        status["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": message}
    return {"state": old, "status": status}


def _message(life: Life) -> str:
    if life is Life.QUEUED:
        return "Queued due to reaching maximum concurrent runs of 1 job."
    return {Life.PENDING: "Waiting", Life.RUNNING: "In run", Life.BLOCKED: "Waiting for upstream tasks"}.get(life, "")


# Runs


def run(found: RunPage, here: Here) -> Json:
    """A run whole, or as the attempt at a task that was asked for."""
    one, task = found.job_run, found.task
    if task is not None:
        return _as_task(found, task, here)
    tasks = list(one.latest.values())
    shown = tasks if found.whole else _part(tasks, found.after)
    told = base_run(one, here)
    told["tasks"] = [task_run(one, each, here, found.workspace) for each in shown]
    if found.with_history:
        told["repair_history"] = _history(one)
    return told if found.whole else {**told, **_following([tasks], found.after)}


def base_run(one: Run, here: Here) -> Json:
    """What lists show of a run, without its tasks."""
    ended = one.ended_at
    begun = one.started_at or one.created_at
    told: Json = {
        "job_id": one.job,
        "run_id": one.id,
        "job_run_id": one.id,
        "number_in_job": one.id,
        "original_attempt_run_id": one.id,
        "creator_user_name": one.creator,
        "run_as_user_name": one.run_as,
        **state(one),
        "start_time": one.created_at,
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "end_time": ended,
        "run_duration": max(0, ended - begun) if ended else 0,
        "queue_duration": max(0, begun - one.created_at),
        "run_name": one.name,
        "run_page_url": f"{here.base_url}/jobs/{one.job}/runs/{one.id}",
        "run_type": one.type.value,
        "trigger": one.trigger.value,
        "attempt_number": 0,
        "format": "MULTI_TASK",
    }
    return {**told, **_started(one), **_of_settings(one)}


def _started(one: Run) -> Json:
    """What it was started by, and with which parameters."""
    told: Json = {"trigger_info": {"run_id": one.parent_run} if one.parent_run else {}}
    if one.overrides.raw:
        told["overriding_parameters"] = one.overrides.raw
    if one.settings.parameters:
        told["job_parameters"] = [
            {"name": name, "default": default, "value": one.job_parameters[name]}
            for name, default in one.settings.parameters.items()
        ]
    return told


def _of_settings(one: Run) -> Json:
    raw = one.settings.raw
    told: Json = {name: raw[name] for name in ("job_clusters", "description", "environment_variables") if name in raw}
    if one.trigger is Trigger.PERIODIC and raw.get("schedule"):
        told["schedule"] = raw["schedule"]
    if git := _git(one):
        told["git_source"] = git
    return told


def _git(one: Run) -> Json:
    git = one.settings.raw.get("git_source")
    if not git:
        return {}
    return {**git, "git_snapshot": {"used_commit": one.commit}} if one.commit else dict(git)


def _history(one: Run) -> list[Json]:
    """The run itself, and each time that it was taken up again."""
    of = {number: [task.id for task in one.tasks if task.repair == number] for number in range(one.repaired + 1)}
    first: Json = {"type": "ORIGINAL", "start_time": one.created_at, "task_run_ids": of[0]}
    if not one.repairs:
        return [{**first, "end_time": one.ended_at, **state(one)}]
    told = [first]
    for number, repair in enumerate(one.repairs, 1):
        times = {"start_time": repair.started_at, "end_time": repair.ended_at}
        told.append({"type": "REPAIR", "id": repair.id, **times, "task_run_ids": of[number], **state(repair)})
    return told


# Tasks


def task_run(one: Run, task: TaskRun, here: Here, workspace: Mapping[str, str] | None = None) -> Json:
    """An attempt at a task, with what was said of the task."""
    spec = one.settings.task(task.key)
    told: Json = {**(spec.raw if spec else {}), "run_id": task.id, "task_key": task.key, **state(task)}
    began = task.began_at or task.ended_at
    told |= {
        "start_time": task.started_at,
        "end_time": task.ended_at,
        "setup_duration": max(0, began - task.started_at) if began and task.started_at else 0,
        "execution_duration": max(0, task.ended_at - began) if task.ended_at and task.began_at else 0,
        "cleanup_duration": 0,
        "attempt_number": task.attempt,
        "original_attempt_run_id": task.original,
        "run_page_url": f"{here.base_url}/jobs/{one.job}/runs/{task.id}",
    }
    if git := _git(one):
        told["git_source"] = git
    if spec and task.outcome:
        told[TaskKind.CONDITION.value] = {**spec.spec, "outcome": task.outcome}
    if spec and spec.kind == TaskKind.FOR_EACH:
        told[TaskKind.FOR_EACH.value] = {**spec.spec, "stats": _stats(one, task)}
    if spec and workspace is not None:
        told["resolved_values"] = _values(one, spec, task, workspace)
    return told


def _stats(one: Run, task: TaskRun) -> Json:
    inside = list(one.iterations(task.id).values())
    failed = [each for each in inside if each.result in BAD]
    counts = {
        "total_iterations": len(inside),
        "active_iterations": sum(each.life in {Life.PENDING, Life.RUNNING, Life.TERMINATING} for each in inside),
        "scheduled_iterations": sum(each.life is not Life.BLOCKED for each in inside),
        "completed_iterations": sum(each.is_ended for each in inside),
        "succeeded_iterations": sum(each.result is Result.SUCCESS for each in inside),
        "failed_iterations": len(failed),
    }
    messages = dict.fromkeys(each.message for each in failed)
    errors = [
        {"error_message": message, "count": sum(each.message == message for each in failed)}
        for message in list(messages)[:_MOST_ERRORS]
    ]
    return {"task_run_stats": counts, "error_message_stats": errors}


def _values(one: Run, spec: Task, task: TaskRun, workspace: Mapping[str, str]) -> Json:
    """The parameters of a task with their references replaced; those that lead nowhere are left out."""
    try:
        context = known(one, task, workspace)
        match spec.kind:
            case TaskKind.NOTEBOOK:
                return {spec.kind: {"base_parameters": named_parameters(one, spec, context)}}
            case TaskKind.WHEEL if spec.said.has("named_parameters"):
                return {spec.kind: {"named_parameters": named_parameters(one, spec, context)}}
            case TaskKind.WHEEL | TaskKind.SCRIPT:
                return {spec.kind: {"parameters": list(positional_parameters(one, spec, context))}}
            case TaskKind.CONDITION:
                return {spec.kind: {side: resolved(spec.said.text(side), context) for side in ("left", "right")}}
            case _:
                return {}
    except Invalid:
        return {}


def _as_task(found: RunPage, task: TaskRun, here: Here) -> Json:
    """What is asked by the id of an attempt: the run as if it had that task alone."""
    one = found.job_run
    mine = task_run(one, task, here, found.workspace)
    told: Json = {
        **base_run(one, here),
        **{name: mine[name] for name in ("run_id", "state", "status", "start_time", "end_time", "attempt_number")},
        **{name: mine[name] for name in ("setup_duration", "execution_duration", "original_attempt_run_id")},
        "run_page_url": mine["run_page_url"],
        "run_name": task.key,
        "tasks": [mine],
    }
    inside = list(one.iterations(task.id).values())
    if not inside:
        return told
    shown = inside if found.whole else _part(inside, found.after)
    told["iterations"] = [task_run(one, each, here) for each in shown]
    return told if found.whole else {**told, **_following([inside], found.after)}


def listed(one: Run, here: Here, *, with_tasks: bool, whole: bool) -> Json:
    """A run in a list; with tasks, the first of them."""
    if not with_tasks:
        return base_run(one, here)
    told = run(RunPage(one, whole=whole), here)
    return {name: value for name, value in told.items() if name != "next_page_token"}
