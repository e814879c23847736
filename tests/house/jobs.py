"""Jobs and runs for the tests of the house, and an example of every action on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelyard.action import Action, Ref
from modelyard.actions.jobs import briefing, clones, permissions, results, runs, settings, work
from modelyard.domain.access import Server
from modelyard.domain.jobs.job import Asked
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.sightings import Sighting, Stage
from modelyard.domain.jobs.starts import Again
from modelyard.domain.jobs.words import PREFIX, RUN_PREFIX, Level
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind

if TYPE_CHECKING:
    from tests.house.examples import Stage as At
    from tests.house.world import Person, World

EXECUTOR = "an executor"


def task(key: str = "only", *after: str, **said: object) -> dict[str, Any]:
    """A task that runs a script."""
    told: dict[str, Any] = {"task_key": key, "spark_python_task": {"python_file": "/Workspace/it.py"}, **said}
    return {**told, "depends_on": [{"task_key": each} for each in after]} if after else told


def compact(told: dict[str, Any]) -> str:
    """JSON as the surfaces write it."""
    return json.dumps(told, separators=(",", ":"))


def condition(key: str, left: str = "1", right: str = "1", *after: str, op: str = "EQUAL_TO") -> dict[str, Any]:
    """A task that compares."""
    told = {"task_key": key, "condition_task": {"op": op, "left": left, "right": right}}
    return {**told, "depends_on": [{"task_key": each} for each in after]}


def notebook(key: str = "only") -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": "/Workspace/it"}}


def wheel(key: str = "only") -> dict[str, Any]:
    """A task whose code is no file of the workspace."""
    return {"task_key": key, "python_wheel_task": {"package_name": "fraud", "entry_point": "train"}}


def make(world: World, *tasks: dict[str, Any], who: Person | None = None, **said: object) -> Ref:
    """A job of the owner's, or of somebody else's."""
    told = json.dumps({"name": world.new_name("job"), "tasks": list(tasks or (task(),)), **said})
    made = world.do(settings.CreateJob(told), who or world.owner)
    return Ref(Kind.JOB, f"{PREFIX}{made.number}")


def started(world: World, job: Ref | None = None, **said: Any) -> Run:  # noqa: ANN401  fields of a RunNow
    """A run of a job, or of a new one."""
    return world.do(runs.RunNow(job or make(world), **said), world.owner)


def ref(run: Run | int) -> Ref:
    """The reference to a run, or to an attempt at a task."""
    return Ref(Kind.RUN, f"{RUN_PREFIX}{run if isinstance(run, int) else run.id}")


def see(world: World, run: Run, *sightings: Sighting) -> Run:
    """Tell a run what was seen of its attempts."""
    return world.ask(work.AdvanceRun(run.id, sightings), Server())


def ended(world: World, run: Run, trouble: str = "", **told: Any) -> Run:  # noqa: ANN401  fields of a Sighting
    """A run all of whose attempts have ended alike."""
    while not run.is_ended:
        active = [each for each in run.current() if not each.is_ended]
        told_of = [Sighting(each.id, Stage.ENDED, trouble=trouble, **told) for each in active]
        run = see(world, run, *told_of)
    return run


def taken(world: World, run: Run) -> int:
    """The first attempt of a run, given to an executor."""
    first = run.tasks[0].id
    world.ask(work.SeeExecutor(EXECUTOR), Server())
    world.ask(work.TakeAttempts(run.id, (first,), EXECUTOR), Server())
    return first


def _output(at: At) -> Ref:
    return ref(ended(at.world, started(at.world)))


def _notebook(at: At) -> Ref:
    """A run of a notebook, which has left what it executed."""
    run = started(at.world, make(at.world, notebook()))
    page = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    at.world.ask(work.KeepPrints(run.tasks[0].id, 0, b"", page), Server())
    return ref(ended(at.world, run))


def _queued(at: At) -> str:
    """The id of a job of which a run waits."""
    job = make(at.world, queue={"enabled": True})
    started(at.world, job)
    return started(at.world, job).owner_id


def _id(at: At, job: Ref | None = None) -> str:
    """The id of a job's securable."""
    return at.world.do(settings.GetJob(job or make(at.world))).job.id


def _submit(at: At) -> Action[Any, Any]:
    return runs.SubmitRun(compact({"tasks": [task()]}), at.world.new_name("run"))


def _levels(at: At) -> Action[Any, Any]:
    return permissions.ChangeJobPermissions(make(at.world), ((at.world.person().name, Level.CAN_MANAGE_RUN),))


def _listed(at: At, query: Action[Any, Any]) -> Action[Any, Any]:
    started(at.world)
    return query


EXAMPLES: dict[type[Action[Any, Any]], Callable[[At], Action[Any, Any]]] = {
    settings.CreateJob: lambda at: settings.CreateJob(compact({"name": at.world.new_name("job")})),
    settings.GetJob: lambda at: settings.GetJob(make(at.world)),
    settings.ListJobs: lambda at: _listed(at, settings.ListJobs(Window(20, query="jobs of "))),
    settings.UpdateJob: lambda at: settings.UpdateJob(make(at.world), '{"timeout_seconds":60}'),
    settings.ResetJob: lambda at: settings.ResetJob(make(at.world), '{"name":"again"}'),
    settings.DeleteJob: lambda at: settings.DeleteJob(make(at.world)),
    clones.CloneJob: lambda at: clones.CloneJob(make(at.world), at.world.new_name("clone")),
    permissions.ChangeJobPermissions: _levels,
    permissions.ListJobLevels: lambda at: permissions.ListJobLevels(make(at.world)),
    runs.RunNow: lambda at: runs.RunNow(make(at.world)),
    runs.SubmitRun: _submit,
    runs.GetRun: lambda at: runs.GetRun(ref(started(at.world))),
    runs.ListRuns: lambda at: _listed(at, runs.ListRuns(Asked(), Window(20, query=f"runs {Asked()}"))),
    runs.CancelRun: lambda at: runs.CancelRun(ref(started(at.world))),
    runs.CancelAllRuns: lambda at: runs.CancelAllRuns(make(at.world)),
    runs.CancelQueuedRuns: lambda _at: runs.CancelQueuedRuns(),
    runs.RepairRun: lambda at: runs.RepairRun(
        ref(ended(at.world, started(at.world), "RUN_EXECUTION_ERROR")), Again(failed=True)
    ),
    runs.DeleteRun: lambda at: runs.DeleteRun(ref(ended(at.world, started(at.world)))),
    results.GetRunOutput: lambda at: results.GetRunOutput(_output(at)),
    results.ReadRunLog: lambda at: results.ReadRunLog(_output(at)),
    results.ExportRun: lambda at: results.ExportRun(_notebook(at)),
    results.ListTaskValues: lambda at: results.ListTaskValues(_output(at)),
    # What the server does by itself
    work.ListWork: lambda at: _listed(at, work.ListWork(EXECUTOR)),
    work.AdvanceRun: lambda at: work.AdvanceRun(started(at.world).id),
    work.AdmitRuns: lambda at: work.AdmitRuns(_queued(at)),
    work.TakeAttempts: lambda at: work.TakeAttempts((run := started(at.world)).id, (run.tasks[0].id,), EXECUTOR),
    work.FireClock: lambda at: work.FireClock(_id(at)),
    work.FireChanges: lambda at: work.FireChanges(_id(at)),
    work.SeeExecutor: lambda _at: work.SeeExecutor(EXECUTOR),
    work.FindLogEnd: lambda at: work.FindLogEnd(started(at.world).tasks[0].id),
    work.KeepPrints: lambda at: work.KeepPrints(started(at.world).tasks[0].id, 0, b"hello"),
    work.LetGo: lambda at: work.LetGo((taken(at.world, started(at.world)),)),
    work.ForgetRuns: lambda _at: work.ForgetRuns(3_650),
    briefing.ReadDuty: lambda at: briefing.ReadDuty(
        taken(at.world, started(at.world, make(at.world, wheel()))), "http://127.0.0.1"
    ),
    briefing.BriefAttempt: lambda at: briefing.BriefAttempt(
        taken(at.world, started(at.world, make(at.world, wheel()))), "http://127.0.0.1"
    ),
}


# Requests


def _number(on: Ref) -> int:
    return int(on.name.rpartition("/")[2])


def _of_job(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on a job
    return {"job_id": _number(getattr(asked, asked.needs[0].on))}


def _of_run(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on a run
    return {"run_id": _number(asked.job_run)}


def _of_change(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an UpdateJob or ResetJob
    return {**_of_job(asked), "new_settings": json.loads(asked.settings)}


def _of_new(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a CreateJob or SubmitRun
    name = getattr(asked, "name", "")
    return {**json.loads(asked.settings), **({"run_name": name} if name else {})}


def _of_levels(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a ChangeJobPermissions, of one that is replaced, too
    items = [{"user_name": name, "permission_level": level.value} for name, level in asked.levels]
    return {"id": str(_number(asked.job)), "access_control_list": items}


def _owned(at: At) -> Action[Any, Any]:
    """What replaces all permissions, and so names the owner."""
    asked: Any = _levels(at)
    return replace(asked, levels=(*asked.levels, (at.world.owner.name, Level.IS_OWNER)), replaces=True)


def _on_permissions(kind: Any) -> Callable[[At], Action[Any, Any]]:  # noqa: ANN401  an action on a job's permissions
    return lambda at: kind(make(at.world))


def words(getting: Any) -> dict[tuple[str, type[Action[Any, Any]]], Callable[[Any], dict[str, Any]]]:  # noqa: ANN401
    """The words of the routes for jobs; `getting` is the action that shows any object's permissions."""
    api, at = "/api/2.2/jobs", "/api/2.0/permissions/jobs/{id}"
    ours = "/api/2.0/modelyard/jobs/runs/{run_id}"
    return {
        (f"POST {api}/create", settings.CreateJob): _of_new,
        (f"GET {api}/get", settings.GetJob): _of_job,
        (f"GET {api}/list", settings.ListJobs): lambda _asked: {},
        (f"POST {api}/update", settings.UpdateJob): _of_change,
        (f"POST {api}/reset", settings.ResetJob): _of_change,
        (f"POST {api}/delete", settings.DeleteJob): _of_job,
        (f"POST {api}/run-now", runs.RunNow): _of_job,
        (f"POST {api}/runs/submit", runs.SubmitRun): _of_new,
        (f"GET {api}/runs/get", runs.GetRun): _of_run,
        (f"GET {api}/runs/list", runs.ListRuns): lambda _asked: {},
        (f"POST {api}/runs/cancel", runs.CancelRun): _of_run,
        (f"POST {api}/runs/cancel-all", runs.CancelAllRuns): _of_job,
        (f"POST {api}/runs/cancel-all", runs.CancelQueuedRuns): lambda _asked: {"all_queued_runs": True},
        (f"POST {api}/runs/repair", runs.RepairRun): lambda asked: {**_of_run(asked), "rerun_all_failed_tasks": True},
        (f"POST {api}/runs/delete", runs.DeleteRun): _of_run,
        (f"GET {api}/runs/get-output", results.GetRunOutput): _of_run,
        (f"GET {api}/runs/export", results.ExportRun): _of_run,
        ("POST /api/2.0/modelyard/jobs/{job_id}/clone", clones.CloneJob): lambda asked: {
            **_of_job(asked),
            "name": asked.name,
        },
        (f"GET {ours}/log", results.ReadRunLog): _of_run,
        (f"GET {ours}/values", results.ListTaskValues): _of_run,
        (f"GET {at}", getting): lambda asked: {"id": str(_number(asked.target))},
        (f"PUT {at}", permissions.ChangeJobPermissions): _of_levels,
        (f"PATCH {at}", permissions.ChangeJobPermissions): _of_levels,
        (f"GET {at}/permissionLevels", permissions.ListJobLevels): lambda asked: {"id": str(_number(asked.job))},
    }


def of_routes(getting: Any) -> dict[str, Callable[[At], Action[Any, Any]]]:  # noqa: ANN401  as above
    """The examples of routes for jobs whose actions are about other objects, too, or that say more."""
    at = "/api/2.0/permissions/jobs/{id}"
    return {f"GET {at}": _on_permissions(getting), f"PUT {at}": _owned}
