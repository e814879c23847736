"""Jobs: made, shown, listed, changed and deleted (protocol notes, jobs §1.2)."""

from __future__ import annotations

from typing import Final

from modelyard.actions.jobs import settings
from modelyard.actions.jobs.settings import JobList, JobPage
from modelyard.domain.jobs.job import Job
from modelyard.domain.pages import token
from modelyard.surfaces.jobs import told
from modelyard.surfaces.jobs.said import (
    Changing,
    JobGrantee,
    OneJob,
    Paged,
    RunAsIn,
    Settings,
    job_ref,
    levels,
    nothing,
    page,
    row,
    written,
)
from modelyard.surfaces.wire import AnyAction, Here, Row

_DEFAULT: Final = 20
_MOST: Final = 100


class Creating(Settings, frozen=True):
    """A new job."""

    run_as: RunAsIn | None = None
    access_control_list: list[JobGrantee] | None = None


class Listing(Paged, frozen=True):
    """Which jobs are listed."""

    limit: int | None = None
    name: str | None = None
    expand_tasks: bool = False


def _create(said: Creating) -> AnyAction:
    run_as = said.run_as.read() if said.run_as else None
    return settings.CreateJob(written(said), run_as, levels(said.access_control_list))


def _get(said: OneJob) -> AnyAction:
    return settings.GetJob(said.job, said.after, said.is_older)


def _list(said: Listing) -> AnyAction:
    name = said.name or ""
    shown = page(said, f"jobs of {name}", said.limit, _DEFAULT, _MOST)
    return settings.ListJobs(shown, name, said.skipped, said.expand_tasks, said.is_older)


def _update(said: Changing) -> AnyAction:
    return settings.UpdateJob(job_ref(said.job_id), said.settings, tuple(said.fields_to_remove or ()), said.run_as)


def _reset(said: Changing) -> AnyAction:
    return settings.ResetJob(job_ref(said.job_id), said.settings, said.run_as)


def _delete(said: OneJob) -> AnyAction:
    return settings.DeleteJob(said.job)


def _made(job: Job, _here: Here) -> object:
    return {"job_id": job.number}


def _one(found: JobPage, _here: Here) -> object:
    return told.job(found)


def _all(found: JobList, _here: Here) -> object:
    shown = [told.job(JobPage(job, 0, found.whole), with_tasks=found.with_tasks) for job in found.page.items]
    following = token(found.page)
    return {"jobs": shown, "has_more": bool(following), **({"next_page_token": following} if following else {})}


ROWS: Final[tuple[Row, ...]] = (
    row("POST", "/create", Creating, _create, _made),
    row("GET", "/get", OneJob, _get, _one),
    row("GET", "/list", Listing, _list, _all),
    row("POST", "/update", Changing, _update, nothing),
    row("POST", "/reset", Changing, _reset, nothing),
    row("POST", "/delete", OneJob, _delete, nothing),
)
