"""Jobs: made, shown, listed, changed and deleted.

A job runs code. So who makes one, and whoever changes what it does, must be entitled to run code; and its code runs as
one principal, whoever starts it, with what that one holds at the time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.actions.jobs.identity import RunAs, chosen
from modelyard.actions.jobs.permissions import apply_levels
from modelyard.actions.jobs.running import stop
from modelyard.domain.jobs.changes import filled, merged
from modelyard.domain.jobs.job import Job, Standing
from modelyard.domain.jobs.settings import Settings, read
from modelyard.domain.jobs.words import PREFIX, SUBMITTED_PREFIX, Level
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Node, Privilege
from modelyard.errors import Invalid
from modelyard.store import catalogs, destinations, jobs, runs
from modelyard.store.jobs import new_number
from modelyard.store.tx import Look, Write

RUN_CODE = Need(Privilege.ALLOW_CLUSTER_CREATE, on="metastore")


@dataclass(frozen=True)
class CreateJob(Command[Write, Job]):
    """Make a job; whoever makes it owns it. `settings` is a JSON object, `levels` permit it to others."""

    settings: str
    run_as: RunAs | None = None
    levels: tuple[tuple[str, Level], ...] = ()
    metastore: Ref = METASTORE

    needs = (RUN_CODE,)

    def run(self, tx: Write) -> Job:
        """Make it."""
        settings = read(filled(_object(self.settings)))
        return make(tx, self.metastore, Standing.JOB, settings, chosen(tx, self.run_as), self.levels)


def make(
    tx: Write,
    metastore: Ref,
    standing: Standing,
    settings: Settings,
    run_as_id: str,
    levels: tuple[tuple[str, Level], ...],
) -> Job:
    """Make a job, or what stands for one behind a run that is submitted."""
    destinations.check_there(tx, settings.destinations)
    number = new_number()
    tx.subject = path = f"{PREFIX if standing is Standing.JOB else SUBMITTED_PREFIX}{number}"
    id_ = catalogs.add(tx, Kind.JOB, tx.at(metastore), path, "", {})
    jobs.add(tx, id_, number, standing, settings, run_as_id)
    node = Node(Kind.JOB, id_, path, owned=True)
    apply_levels(tx, node, levels)
    if standing is Standing.JOB:
        tx.announce(Event.JOB_CREATED, path, name=settings.name)
    return jobs.get(tx, node)


@dataclass(frozen=True)
class JobPage:
    """A job, and which part of its lists is shown: from an item on, or `whole`."""

    job: Job
    after: int = 0
    whole: bool = False


@dataclass(frozen=True)
class GetJob(Query[Look, JobPage]):
    """Show a job; long lists of tasks and the like are shown in parts, unless they are asked for `whole`."""

    job: Ref
    after: int = 0
    whole: bool = False

    needs = (Need(Privilege.CAN_VIEW, on="job"),)

    def run(self, tx: Look) -> JobPage:
        """Show it."""
        return JobPage(jobs.get(tx, tx.at(self.job)), self.after, self.whole)


@dataclass(frozen=True)
class JobList:
    """Some jobs, and how much of each is shown."""

    page: Page[Job]
    with_tasks: bool = False
    whole: bool = False


@dataclass(frozen=True)
class ListJobs(Query[Look, JobList]):
    """List the jobs that the caller may see, the newest first; `name` is compared without case."""

    window: Window
    name: str = ""
    skipped: int = 0
    with_tasks: bool = False
    whole: bool = False

    open_to = "every principal: rows are filtered by its permissions in the database"

    def run(self, tx: Look) -> JobList:
        """List them."""
        page = jobs.visible(tx, self.name, self.window, self.skipped)
        return JobList(page, with_tasks=self.with_tasks, whole=self.whole)


@dataclass(frozen=True)
class UpdateJob(Command[Write, Job]):
    """Change some settings of a job: fields are removed, then replaced; tasks and the like are merged by their keys."""

    job: Ref
    settings: str
    remove: tuple[str, ...] = ()
    run_as: RunAs | None = None
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CAN_MANAGE, on="job"), RUN_CODE)

    def run(self, tx: Write) -> Job:
        """The job afterwards."""
        held = jobs.locked(tx, tx.at(self.job).id)
        settings = merged(held.settings.raw, _object(self.settings), self.remove)
        return _changed(tx, held, settings, self.run_as)


@dataclass(frozen=True)
class ResetJob(Command[Write, Job]):
    """Replace all settings of a job; whom it runs as stays where that is not said."""

    job: Ref
    settings: str
    run_as: RunAs | None = None
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CAN_MANAGE, on="job"), RUN_CODE)

    def run(self, tx: Write) -> Job:
        """The job afterwards."""
        held = jobs.locked(tx, tx.at(self.job).id)
        return _changed(tx, held, _object(self.settings), self.run_as)


@dataclass(frozen=True)
class DeleteJob(Command[Write, None]):
    """Delete a job. Its active runs are canceled, and can be looked at until they are forgotten."""

    job: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="job"),)

    def run(self, tx: Write) -> None:
        """Delete it."""
        held = jobs.locked(tx, tx.at(self.job).id)
        for run_id in runs.open_of(tx, held.id):
            stop(tx, run_id)
        jobs.retire(tx, held)
        tx.announce(Event.JOB_DELETED, f"{PREFIX}{held.number}", name=held.settings.name)


def _changed(tx: Write, held: Job, raw: Mapping[str, Any], run_as: RunAs | None) -> Job:
    settings = read(filled(raw))
    destinations.check_there(tx, settings.destinations)
    jobs.change(tx, held, settings, chosen(tx, run_as) or held.run_as_id)
    catalogs.touch(tx, held.id)
    tx.announce(Event.JOB_UPDATED, f"{PREFIX}{held.number}", name=settings.name)
    return jobs.by_id(tx, held.id)


def _object(text: str) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Invalid("the settings of a job are a JSON object.")
    return found  # pyright: ignore[reportUnknownVariableType]  JSON's own
