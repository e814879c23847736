"""What clients say of jobs and runs: ids, pages, and settings, of which everything is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.jobs.identity import RunAs
from modelyard.domain.access import PrincipalKind
from modelyard.domain.jobs.words import MAX_ID, PREFIX, RUN_PREFIX, Level
from modelyard.domain.pages import Window, window
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.permissions import Grantee
from modelyard.surfaces.wire import AnyAction, Here, Translation, encode

API: Final = "/api/2.2/jobs"
_OLDER: Final = ("/api/2.1/jobs", "/api/2.0/jobs")
_PLACE: Final = 9


def row(
    method: str,
    path: str,
    said: type[msgspec.Struct],
    read: Callable[[Any], AnyAction],
    write: Callable[[Any, Here], object],
) -> Translation:
    """A row of the Jobs API, in this version and in those before it."""
    return Translation(method, f"{API}{path}", said, read, write, older=older(path))


def older(path: str) -> tuple[str, ...]:
    """The addresses of a row in the versions of the Jobs API before this one."""
    return tuple(f"{api}{path}" for api in _OLDER)


def nothing(_done: object, _here: Here) -> object:
    """An answer that tells nothing."""
    return {}


class Paged(msgspec.Struct, frozen=True):
    """A part of a list."""

    page_token: str | None = None
    offset: int | None = None
    is_older: bool = False
    """Whether it is asked in an older version, which shows lists whole."""

    @property
    def after(self) -> int:
        """From which item on, where the parts of one thing are told by their place."""
        said = self.page_token or "0"
        if not (said.isascii() and said.isdigit()) or len(said) > _PLACE:
            raise Invalid("page_token is not one that this list gave; ask for the first page again, without it.")
        return int(said)

    @property
    def skipped(self) -> int:
        """How many items are left out first, as clients said it before there were tokens."""
        if self.offset is not None and not 0 <= self.offset <= 10_000:  # noqa: PLR2004  said in the message
            raise Invalid("offset must be from 0 to 10000; use page_token to go on.")
        return 0 if self.page_token else self.offset or 0


def page(said: Paged, query: str, limit: int | None, default: int, most: int) -> Window:
    """The page of a list of jobs or runs."""
    if limit is not None and not 0 <= limit <= most:
        raise Invalid(f"limit must be from 1 to {most}.")
    return window(limit or default, said.page_token, query, default=default, most=most)


class OneJob(Paged, frozen=True):
    """A job by its number."""

    job_id: int = 0

    @property
    def job(self) -> Ref:
        """The job."""
        return job_ref(self.job_id)


class OneRun(Paged, frozen=True):
    """A run, or an attempt at a task, by its number."""

    run_id: int = 0

    @property
    def job_run(self) -> Ref:
        """The run."""
        if not 0 < self.run_id <= MAX_ID:
            raise Invalid("run_id is missing, or no run's.")
        return Ref(Kind.RUN, f"{RUN_PREFIX}{self.run_id}")


def job_ref(number: int) -> Ref:
    """A job."""
    if not 0 < number <= MAX_ID:
        raise Invalid("job_id is missing, or no job's.")
    return Ref(Kind.JOB, f"{PREFIX}{number}")


class JobGrantee(Grantee, frozen=True, kw_only=True):
    """Whom a job is permitted to, and what."""

    permission_level: Level = Level.CAN_VIEW

    def read(self) -> tuple[str, Level]:
        """The principal's name, and the level."""
        return self.named, self.permission_level


def levels(said: list[JobGrantee] | None) -> tuple[tuple[str, Level], ...]:
    """Whom something is permitted to."""
    return tuple(each.read() for each in said or ())


class RunAsIn(msgspec.Struct, frozen=True):
    """Whom a job's code is to run as."""

    user_name: str | None = None
    service_principal_name: str | None = None
    group_name: str | None = None

    def read(self) -> RunAs | None:
        """The same, or nothing."""
        kinds = {
            PrincipalKind.USER: self.user_name,
            PrincipalKind.SERVICE_PRINCIPAL: self.service_principal_name,
            PrincipalKind.GROUP: self.group_name,
        }
        named = [RunAs(name, kind) for kind, name in kinds.items() if name]
        if len(named) > 1:
            raise Invalid("run_as names one user or service principal.")
        return named[0] if named else None


class Settings(msgspec.Struct, frozen=True):
    """A job's settings; what is inside of them is kept word for word."""

    name: str | None = None
    description: str | None = None
    tasks: list[dict[str, Any]] | None = None
    job_clusters: list[dict[str, Any]] | None = None
    environments: list[dict[str, Any]] | None = None
    environment_variables: list[dict[str, Any]] | None = None
    parameters: list[dict[str, Any]] | None = None
    git_source: dict[str, Any] | None = None
    schedule: dict[str, Any] | None = None
    continuous: dict[str, Any] | None = None
    trigger: dict[str, Any] | None = None
    triggers: list[dict[str, Any]] | None = None
    queue: dict[str, Any] | None = None
    health: dict[str, Any] | None = None
    tags: dict[str, Any] | None = None
    timeout_seconds: int | None = None
    max_concurrent_runs: int | None = None
    email_notifications: dict[str, Any] | None = None
    webhook_notifications: dict[str, Any] | None = None
    notification_settings: dict[str, Any] | None = None
    deployment: dict[str, Any] | None = None
    edit_mode: str | None = None
    format: str | None = None
    performance_target: str | None = None
    budget_policy_id: str | None = None
    usage_policy_id: str | None = None
    parent_path: str | None = None
    duration_target: str | None = None


def written(said: Settings) -> str:
    """What was said, and nothing of what was not."""
    told = {name: getattr(said, name) for name in Settings.__struct_fields__ if getattr(said, name) is not None}
    return encode(told).decode()


class Changing(msgspec.Struct, frozen=True):
    """Other settings for a job."""

    job_id: int = 0
    new_settings: dict[str, Any] | None = None
    fields_to_remove: list[str] | None = None

    @property
    def run_as(self) -> RunAs | None:
        """Whom its code is to run as from now on."""
        said = (self.new_settings or {}).get("run_as")
        return msgspec.convert(said, RunAsIn).read() if said else None

    @property
    def settings(self) -> str:
        """The settings, as JSON."""
        return encode(self.new_settings or {}).decode()


class ParametersIn(msgspec.Struct, frozen=True):
    """Parameters of a run, for its job or, as before there were those, for its tasks."""

    job_parameters: dict[str, Any] | None = None
    notebook_params: dict[str, Any] | None = None
    python_params: list[str] | None = None
    python_named_params: dict[str, Any] | None = None
    jar_params: list[str] | None = None
    spark_submit_params: list[str] | None = None
    sql_params: dict[str, Any] | None = None
    dbt_commands: list[str] | None = None
    pipeline_params: dict[str, Any] | None = None

    @property
    def overrides(self) -> str:
        """What is said for tasks, as JSON."""
        names = [name for name in ParametersIn.__struct_fields__ if name != "job_parameters"]
        return encode({name: getattr(self, name) for name in names if getattr(self, name) is not None}).decode()
