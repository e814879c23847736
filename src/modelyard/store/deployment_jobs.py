"""Deployment jobs of models: which runs they have started, and how it stands with the connection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from modelyard.action import Ref
from modelyard.domain.deployment_jobs import Connection, RunState, VersionDeployment, has_parameters, progress
from modelyard.domain.jobs.words import PREFIX
from modelyard.domain.privileges import Kind, Privilege, Question, decide
from modelyard.errors import NotFound
from modelyard.store import access, approvals, jobs, runs, schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.domain.jobs.job import Job
    from modelyard.domain.models import RegisteredModel, Version
    from modelyard.store.tx import Look, Row, Write

_runs, _securables, _models = schema.deployment_runs, schema.securables, schema.models

_WAITING: Final = (
    select(_runs.c.seq, _runs.c.model_id, _runs.c.version, _runs.c.job)
    .where(_runs.c.run_id.is_(None))
    .order_by(_runs.c.seq)
    .limit(1)
)
_TAKE: Final = delete(_runs).where(_runs.c.seq == bindparam("number"), _runs.c.run_id.is_(None))
_ADD: Final = inserting(_runs)
_LAST: Final = (
    select(_runs.c.job, _runs.c.run_id)
    .where(_runs.c.model_id == bindparam("model"), _runs.c.version == bindparam("version"))
    .order_by(_runs.c.seq.desc())
    .limit(1)
)
_MODEL: Final = select(
    _securables.c.id, _securables.c.full_name, _securables.c.owner_id, _models.c.deployment_job_id
).join(_models, _models.c.id == _securables.c.id)
_BY_NAME: Final = _MODEL.where(_securables.c.full_name == bindparam("full_name"))
_BY_ID: Final = _MODEL.where(_securables.c.id == bindparam("model"))


def model(tx: Look, full_name: str) -> Row | None:
    """Id, full name, owner's id and deployment job of a registered model, by its full name."""
    return tx.row(_BY_NAME, full_name=full_name)


def model_by_id(tx: Look, model_id: str) -> Row | None:
    """The same by its id."""
    return tx.row(_BY_ID, model=model_id)


def waiting(tx: Look) -> Row | None:
    """The version that has waited longest for its deployment job to be started: number, model, version, job."""
    return tx.row(_WAITING)


def take(tx: Write, number: int) -> bool:
    """Start a deployment oneself; false if somebody else has."""
    return tx.run(_TAKE, number=number) > 0


def add(tx: Write, model_id: str, version: int, job: str, run_id: int, why: str = "") -> None:
    """Keep that a run deploys a version, or with the run 0 why none does."""
    told = {"model_id": model_id, "version": version, "job": job, "run_id": run_id}
    tx.run(_ADD, **told, note=why[:1_000], happened_at=tx.now)


def job_of(tx: Look, written: str) -> Job | None:
    """The job of a number as clients write it."""
    try:
        return jobs.by_number(tx, int(written)) if written.isascii() and written.isdigit() else None
    except NotFound:
        return None


def connection(tx: Look, owner_id: str, written: str) -> Connection:
    """How it stands with the deployment job of a model with this owner."""
    if not written:
        return Connection.NOT_SET_UP
    job, owner = job_of(tx, written), access.caller_by_id(tx, owner_id)
    if job is None or owner is None:
        return Connection.NOT_FOUND
    chain = access.chain(tx, owner, Ref(Kind.JOB, f"{PREFIX}{job.number}"))
    if not decide(Question(Privilege.CAN_MANAGE_RUN), chain).allowed:
        return Connection.NOT_FOUND
    return Connection.CONNECTED if has_parameters(job.settings) else Connection.REQUIRED_PARAMETERS_CHANGED


def of_model(tx: Look, told: RegisteredModel) -> RegisteredModel:
    """A model with how it stands with its deployment job, which who may only browse is not told."""
    if told.browse_only:
        return told
    found = model_by_id(tx, told.id) if told.deployment_job_id else None
    state = connection(tx, found[2], told.deployment_job_id) if found else Connection.NOT_SET_UP
    return replace(told, deployment_job_state=state.value)


def of_version(tx: Look, model_id: str, version: Version) -> Version:
    """A version with how far its deployment is, where its model has a deployment job."""
    found = model_by_id(tx, model_id)
    if found is None or not found[3]:
        return version
    state = connection(tx, found[2], found[3])
    last = tx.row(_LAST, model=model_id, version=version.number)
    return replace(version, deployment=_deployment(tx, found[3], state, last))


def _deployment(tx: Look, job: str, state: Connection, last: Row | None) -> VersionDeployment:
    if last is None:
        is_valid = state is Connection.CONNECTED
        told = RunState.UNSPECIFIED if is_valid else RunState.NO_VALID_DEPLOYMENT_JOB_FOUND
        return VersionDeployment(job, state, run_state=told)
    job, run_id = last
    if run_id is None:
        return VersionDeployment(job, state, run_state=RunState.PENDING)
    try:
        run = runs.get(tx, run_id)
    except NotFound:
        return VersionDeployment(job, state, run_state=RunState.NO_VALID_DEPLOYMENT_JOB_FOUND)
    waiting_for = next((each.task_key for each in approvals.open_of_run(tx, run.id)), "")
    run_state, task = progress(run, waiting_for)
    return VersionDeployment(job, state, str(run.id), run_state, task)
