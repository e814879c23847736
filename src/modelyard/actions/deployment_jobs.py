"""Deployment jobs: connected to registered models, and started when a version of theirs becomes READY.

A deployment runs as its job says, and never with the rights of the model's owner; who may register versions of the
model starts it, which is why the owner must be one who may start the job.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Chore
from modelyard.actions.jobs.gates import job_ref
from modelyard.actions.jobs.running import Start, start
from modelyard.domain.approvals import MODEL, VERSION
from modelyard.domain.deployment_jobs import REQUIRED, Connection, has_parameters
from modelyard.domain.jobs.words import Trigger
from modelyard.domain.privileges import Privilege, Question, decide
from modelyard.errors import Failure, Invalid
from modelyard.store import access, deployment_jobs, jobs
from modelyard.store.tx import Look, Write


def check_connection(tx: Look, written: str) -> None:
    """`Invalid` unless the caller may run the job that a model is to be connected to, and it knows what to deploy."""
    if not written:
        return
    job = deployment_jobs.job_of(tx, written)
    chain = access.chain(tx, tx.caller, job_ref(job.number)) if job else None
    if job is None or chain is None or not decide(Question(Privilege.CAN_MANAGE_RUN), chain).allowed:
        raise Invalid(f"deployment_job_id: there is no job {written[:30]} that you may run (CAN_MANAGE_RUN).")
    if not has_parameters(job.settings):
        raise Invalid(
            f"deployment_job_id: job {written} needs the job parameters {' and '.join(REQUIRED)}, on the job and not "
            "on its tasks."
        )


@dataclass(frozen=True)
class IsDeploymentDue(Chore[Look, bool]):
    """Look whether a version waits for its deployment job to be started."""

    is_change = False  # it is asked each second

    def run(self, tx: Look) -> bool:
        """Whether one does."""
        return deployment_jobs.waiting(tx) is not None


@dataclass(frozen=True)
class StartDeployment(Chore[Write, bool]):
    """Start the deployment job of the version that has waited longest, or keep why it is not started."""

    is_recorded = True

    def run(self, tx: Write) -> bool:
        """Whether there may be another one."""
        found = deployment_jobs.waiting(tx)
        if found is None:
            return False
        number, model_id, version, written = found
        model = deployment_jobs.model_by_id(tx, model_id)
        tx.subject = model[1] if model else ""
        if not deployment_jobs.take(tx, number):
            return True
        why = _start(tx, model[1], version, model[2], written) if model else ""
        if why:
            deployment_jobs.add(tx, model_id, version, written, 0, why)
        return True


def _start(tx: Write, model: str, version: int, owner_id: str, written: str) -> str:
    """Start a job for a version; why not, if it was not."""
    state, job = deployment_jobs.connection(tx, owner_id, written), deployment_jobs.job_of(tx, written)
    if state is not Connection.CONNECTED or job is None:
        return f"the deployment job is {state}."
    said = Start({MODEL: model, VERSION: str(version)}, trigger=Trigger.MODEL, triggered_at=tx.now)
    try:
        start(tx, jobs.locked(tx, job.id), said)
    except Failure as failure:
        return failure.message
    return ""
