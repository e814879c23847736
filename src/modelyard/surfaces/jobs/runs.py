"""Runs: started, submitted, shown, listed, canceled, repaired and deleted (protocol notes, jobs §1.2)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions.jobs import runs
from modelyard.actions.jobs.runs import RunList, RunPage
from modelyard.domain.jobs.job import Asked
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.starts import Again, read_parameters
from modelyard.domain.pages import token
from modelyard.errors import Invalid
from modelyard.surfaces.jobs import told
from modelyard.surfaces.jobs.said import (
    JobGrantee,
    OneRun,
    Paged,
    ParametersIn,
    RunAsIn,
    Settings,
    job_ref,
    levels,
    nothing,
    page,
    row,
    written,
)
from modelyard.surfaces.wire import AnyAction, Here, Number, Row

_DEFAULT: Final = 20
_MOST: Final = 25
_TYPES: Final = frozenset({"JOB_RUN", "SUBMIT_RUN", "WORKFLOW_RUN"})


class Queue(msgspec.Struct, frozen=True):
    """Whether a run waits where its job has as many as it may."""

    enabled: bool = False


class RunningNow(ParametersIn, frozen=True):
    """A run that is asked for."""

    job_id: int = 0
    idempotency_token: str | None = None
    only: list[str] | None = None
    queue: Queue | None = None
    performance_target: str | None = None


class Submitting(Settings, frozen=True):
    """Tasks that are to run once; one task may be said without a list, as before there were several."""

    run_name: str | None = None
    idempotency_token: str | None = None
    run_as: RunAsIn | None = None
    access_control_list: list[JobGrantee] | None = None
    notebook_task: dict[str, Any] | None = None
    spark_python_task: dict[str, Any] | None = None
    python_wheel_task: dict[str, Any] | None = None
    libraries: list[dict[str, Any]] | None = None
    new_cluster: dict[str, Any] | None = None
    existing_cluster_id: str | None = None


_OF_ONE_TASK: Final = (
    "notebook_task",
    "spark_python_task",
    "python_wheel_task",
    "libraries",
    "new_cluster",
    "existing_cluster_id",
)


class Showing(OneRun, frozen=True):
    """A run, and how much of it is shown."""

    include_history: bool = False
    include_resolved_values: bool = False


class Listing(Paged, frozen=True):
    """Which runs are listed."""

    job_id: Number = 0
    active_only: bool = False
    completed_only: bool = False
    limit: int | None = None
    run_type: str | None = None
    start_time_from: Number | None = None
    start_time_to: Number | None = None
    expand_tasks: bool = False


class CancelingAll(msgspec.Struct, frozen=True):
    """Which runs are to end."""

    job_id: Number | None = None
    all_queued_runs: bool = False


class Repairing(ParametersIn, frozen=True):
    """Which tasks of a run are to run again."""

    run_id: int = 0
    rerun_tasks: list[str] | None = None
    rerun_all_failed_tasks: bool = False
    rerun_dependent_tasks: bool = False
    latest_repair_id: int | None = None


def _parameters(said: ParametersIn) -> tuple[tuple[str, str], ...]:
    return tuple(read_parameters({"job_parameters": said.job_parameters}).items())


def _run_now(said: RunningNow) -> AnyAction:
    return runs.RunNow(
        job_ref(said.job_id),
        _parameters(said),
        said.overrides,
        tuple(said.only or ()),
        said.queue.enabled if said.queue else None,
        said.idempotency_token or "",
    )


def _submit(said: Submitting) -> AnyAction:
    if said.tasks is None:
        alone = {name: getattr(said, name) for name in _OF_ONE_TASK if getattr(said, name) is not None}
        said = msgspec.structs.replace(said, tasks=[{"task_key": "default", **alone}])
    run_as = said.run_as.read() if said.run_as else None
    name, levels_ = said.run_name or "", levels(said.access_control_list)
    return runs.SubmitRun(written(said), name, run_as, levels_, said.idempotency_token or "")


def _get(said: Showing) -> AnyAction:
    return runs.GetRun(said.job_run, said.after, said.is_older, said.include_history, said.include_resolved_values)


def _list(said: Listing) -> AnyAction:
    if said.active_only and said.completed_only:
        raise Invalid("active_only and completed_only exclude each other.")
    if said.run_type and said.run_type not in _TYPES:
        raise Invalid(f"run_type must be one of {', '.join(sorted(_TYPES))}.")
    asked = Asked(
        job=said.job_id,
        open=True if said.active_only else False if said.completed_only else None,
        type=said.run_type or "",
        since=said.start_time_from or 0,
        until=2**62 if said.start_time_to is None else said.start_time_to,
        with_tasks=said.expand_tasks,
        skipped=said.skipped,
    )
    window = page(said, f"runs {asked}", said.limit, _DEFAULT if said.limit is None else _MOST, _MOST)
    return runs.ListRuns(asked, window, said.is_older)


def _cancel(said: OneRun) -> AnyAction:
    return runs.CancelRun(said.job_run)


def _cancel_all(said: CancelingAll) -> AnyAction:
    if said.job_id is None:
        if not said.all_queued_runs:
            raise Invalid("say the job_id, or all_queued_runs for the queued runs of all jobs.")
        return runs.CancelQueuedRuns()
    return runs.CancelAllRuns(job_ref(said.job_id), said.all_queued_runs)


def _repair(said: Repairing) -> AnyAction:
    again = Again(
        tuple(said.rerun_tasks or ()), said.rerun_all_failed_tasks, said.rerun_dependent_tasks, said.latest_repair_id
    )
    return runs.RepairRun(OneRun(run_id=said.run_id).job_run, again, _parameters(said), said.overrides)


def _delete(said: OneRun) -> AnyAction:
    return runs.DeleteRun(said.job_run)


def _begun(run: Run, _here: Here) -> object:
    return {"run_id": run.id, "number_in_job": run.id}


def _submitted(run: Run, _here: Here) -> object:
    return {"run_id": run.id}


def _one(found: RunPage, here: Here) -> object:
    return told.run(found, here)


def _all(found: RunList, here: Here) -> object:
    shown = [told.listed(run, here, with_tasks=found.with_tasks, whole=found.whole) for run in found.page.items]
    following = token(found.page)
    return {"runs": shown, "has_more": bool(following), **({"next_page_token": following} if following else {})}


def _repaired(run: Run, _here: Here) -> object:
    return {"repair_id": run.repairs[-1].id}


ROWS: Final[tuple[Row, ...]] = (
    row("POST", "/run-now", RunningNow, _run_now, _begun),
    row("POST", "/runs/submit", Submitting, _submit, _submitted),
    row("GET", "/runs/get", Showing, _get, _one),
    row("GET", "/runs/list", Listing, _list, _all),
    row("POST", "/runs/cancel", OneRun, _cancel, nothing),
    row("POST", "/runs/cancel-all", CancelingAll, _cancel_all, nothing),
    row("POST", "/runs/repair", Repairing, _repair, _repaired),
    row("POST", "/runs/delete", OneRun, _delete, nothing),
)
