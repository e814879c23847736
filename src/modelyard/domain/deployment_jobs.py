"""Deployment jobs: the job that is connected to a registered model, and how far a version's deployment is.

Source: `deployment_job_id` of MLflow's Unity Catalog registry (protocol notes, jobs §3.1), whose words these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.domain.approvals import MODEL, VERSION
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.settings import Settings
from modelyard.domain.jobs.words import Life, Result


class Connection(StrEnum):
    """How it stands with a model's deployment job."""

    NOT_SET_UP = "NOT_SET_UP"
    CONNECTED = "CONNECTED"
    NOT_FOUND = "NOT_FOUND"
    """It was deleted, or the model's owner may not run it any more."""
    REQUIRED_PARAMETERS_CHANGED = "REQUIRED_PARAMETERS_CHANGED"


class RunState(StrEnum):
    """How far the deployment of a version is."""

    UNSPECIFIED = "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED"
    NO_VALID_DEPLOYMENT_JOB_FOUND = "NO_VALID_DEPLOYMENT_JOB_FOUND"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    APPROVAL = "APPROVAL"


@dataclass(frozen=True, slots=True)
class VersionDeployment:
    """How far the deployment of a version is, by which run, and which task is at it."""

    job_id: str
    job_state: Connection
    run_id: str = ""
    run_state: RunState = RunState.UNSPECIFIED
    task: str = ""


REQUIRED: Final = (MODEL, VERSION)


def has_parameters(settings: Settings) -> bool:
    """Whether a job has the job parameters by which it is told what to deploy."""
    return all(name in (settings.parameters or {}) for name in REQUIRED)


def progress(run: Run, waiting: str) -> tuple[RunState, str]:
    """How far a run is, and its task; `waiting` is the key of the task whose approval is waited for."""
    if waiting:
        return RunState.APPROVAL, waiting
    if run.result in {Result.SUCCESS, Result.SUCCESS_WITH_FAILURES}:
        return RunState.SUCCEEDED, ""
    if run.is_ended:
        return RunState.FAILED, ""
    if run.life in {Life.QUEUED, Life.PENDING}:
        return RunState.PENDING, ""
    running = next((task.key for task in run.current() if task.life is Life.RUNNING), "")
    return RunState.RUNNING, running
