"""The approvals that runs ask for: requested in the transaction in which a task fails for want of one, or waits."""

from __future__ import annotations

from dataclasses import replace

from modelyard.action import Ref
from modelyard.domain import approvals as rules
from modelyard.domain.approvals import Approval, Decision, Mode, Policy, Source, Staleness, Verdict
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.words import Code, Gate, Life, Result
from modelyard.domain.journal import Event
from modelyard.domain.models import Status, Version
from modelyard.domain.privileges import Kind, Node
from modelyard.errors import NotFound
from modelyard.store import approvals, deployment_jobs, models
from modelyard.store.tx import Write


def note_deployment(tx: Write, run: Run) -> None:
    """Keep which version a new run deploys, where its job is the deployment job of the model that it names."""
    asked = rules.subject(run.job_parameters)
    found = deployment_jobs.model(tx, asked[0]) if asked else None
    if asked and found and found[3] == str(run.job):
        deployment_jobs.add(tx, found[0], asked[1], found[3], run.id)


def followed(tx: Write, before: Run | None, run: Run) -> Run:
    """The run, once its approval tasks have asked for what they lack, and were let go on where that is there."""
    asking = [(key, task) for key, task in run.latest.items() if rules.is_gate(key)]
    for key, task in asking:
        spec = run.settings.task(key)
        if spec:
            run = run.having(_followed(tx, before, run, spec, task))
    if asking:
        _withdraw(tx, run)
    return run


def _followed(tx: Write, before: Run | None, run: Run, spec: Task, task: TaskRun) -> TaskRun:
    held = before.task(task.id) if before else None
    policy = rules.policy(run.settings.tags, task.key)
    if task.gate is Gate.WAITING and not task.is_ended:
        return task if held and held.gate is Gate.WAITING else _wait(tx, run, spec, task, policy)
    if policy.mode is Mode.FAIL and _has_failed(task) and not (held and held.is_ended):
        _ask(tx, run, spec, task, policy)
    return task


def _has_failed(task: TaskRun) -> bool:
    """Whether its own code said no, as it does for want of an approval."""
    return task.is_ended and task.result is Result.FAILED and task.code is Code.RUN_EXECUTION_ERROR


def _wait(tx: Write, run: Run, spec: Task, task: TaskRun, policy: Policy) -> TaskRun:
    """The task, let go on where the version is approved already, or else with a request."""
    found = version_of(tx, run)
    if found is None:
        told = "model_name and model_version name no READY version of a registered model."
        return task.ended(Life.INTERNAL_ERROR, Result.FAILED, Code.INVALID_RUN_CONFIGURATION, told, tx.now)
    if any(tag.key == tag_of(spec) and rules.is_approval(tag.value) for tag in found[1].tags):
        return replace(task, gate=Gate.OPEN, message="")
    _ask(tx, run, spec, task, policy)
    return task


def _ask(tx: Write, run: Run, spec: Task, task: TaskRun, policy: Policy) -> None:
    found = version_of(tx, run)
    if found is None or approvals.is_asked(tx, task.id):
        return
    model, version = found
    expires_at = tx.now + policy.seconds * 1000 if policy.seconds else None
    asked = Approval(
        id="",
        model_id=model.id,
        model=model.full_name,
        version=version.number,
        digest=version.digest,
        job=run.job,
        run_id=run.id,
        task_id=task.id,
        task_key=task.key,
        tag=tag_of(spec),
        policy=policy,
        requested_at=tx.now,
        expires_at=expires_at,
    )
    told = {"job_id": run.job, "run_id": run.id, "task_key": task.key, "expires_at": expires_at}
    id_ = approvals.request(tx, asked)
    tx.announce(Event.APPROVAL_REQUESTED, model.full_name, version=version.number, approval_id=id_, **told)


def _withdraw(tx: Write, run: Run) -> None:
    """End requests whose attempt was followed by another one, or does not wait any more, or whose run was cancelled."""
    latest = {task.id: task for task in run.latest.values()}
    is_canceled = run.stopped == Result.CANCELED
    for asked in approvals.open_of_run(tx, run.id):
        task = latest.get(asked.task_id)
        if task is None or is_canceled or (asked.policy.mode is Mode.WAIT and task.is_ended):
            settle(tx, asked, withdrawn(tx, Staleness.CANCELED if is_canceled else ""))


def withdrawn(tx: Write, why: str) -> Verdict:
    """The verdict on a request that nobody is to decide any more."""
    return Verdict(Decision.WITHDRAWN, tx.actor, why, Source.SERVER, "", tx.now)


def settle(tx: Write, asked: Approval, verdict: Verdict) -> None:
    """Keep what was decided, and tell it."""
    approvals.decide(tx, asked.id, verdict, tx.caller.principal.id)
    told = {"decision": verdict.decision.value, "reason": verdict.reason, "source": verdict.source.value}
    where = {"job_id": asked.job, "run_id": asked.run_id, "task_key": asked.task_key, "on_behalf": verdict.on_behalf}
    tx.announce(Event.APPROVAL_DECIDED, asked.model, version=asked.version, approval_id=asked.id, **told, **where)


def version_of(tx: Write, run: Run) -> tuple[Node, Version] | None:
    """The READY version that a run's job parameters name, and its model."""
    asked = rules.subject(run.job_parameters)
    found = deployment_jobs.model(tx, asked[0]) if asked else None
    if asked is None or found is None:
        return None
    node = Node(Kind.MODEL, found[0], found[1])
    try:
        version = models.version(tx, node, asked[1])
    except NotFound:
        return None
    return (node, version) if version.status is Status.READY else None


def tag_of(spec: Task) -> str:
    """The tag that a task reads."""
    return rules.tag_name(spec.key, spec.said.pairs("base_parameters").get("approval_tag_name", ""))


def job_ref(number: int) -> Ref:
    """How references name a job."""
    return Ref(Kind.JOB, f"jobs/{number}")
