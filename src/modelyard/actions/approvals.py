"""Approvals: who may let a deployment go on, decisions, tokens for one decision, and what tags may say.

Whoever decides holds APPLY TAG on the model and CAN_MANAGE_RUN on the job; the job may ask for more. A tag that says
Approved is such a decision, through whichever protocol it comes, so that others cannot set it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from modelyard.action import Chore, Command, Need, Query, Ref
from modelyard.actions.jobs.gates import job_ref, settle, tag_of, withdrawn
from modelyard.actions.jobs.running import carry_on
from modelyard.actions.jobs.runs import RepairRun
from modelyard.actions.tokens import new_secret
from modelyard.domain import approvals as rules
from modelyard.domain.access import Caller
from modelyard.domain.approvals import Approval, Decision, Mode, Policy, Source, Staleness, Verdict
from modelyard.domain.jobs.job import Job
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.starts import Again
from modelyard.domain.jobs.words import RUN_PREFIX, Code, Gate, Life, Result
from modelyard.domain.journal import Event
from modelyard.domain.models import Tag
from modelyard.domain.names import MAX_TAGS
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Node, Privilege, Question, decide
from modelyard.domain.secrets import Hidden
from modelyard.errors import Denied, NotFound, Unauthenticated, WrongState
from modelyard.store import access, approvals, deployment_jobs, models, runs
from modelyard.store.catalogs import VERSION_TAGS
from modelyard.store.tx import Look, Write

_NEEDS = (Need(Privilege.APPLY_TAG, on="model"), Need(Privilege.CAN_MANAGE_RUN, on="job_run"))


@dataclass(frozen=True)
class ListApprovals(Query[Look, Page[Approval]]):
    """List requests for approval about models that the caller may see, the newest first; also those decided, if asked.

    A full name, or the id of a run, asks for those about it.
    """

    window: Window
    full_name: str = ""
    run_id: int = 0
    everything: bool = False

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Approval]:
        """List them."""
        return approvals.listed(tx, self.window, self.full_name, self.run_id, everything=self.everything)


@dataclass(frozen=True)
class DecideApproval(Command[Write, Approval]):
    """Approve or reject what a task asks: in its job's words, in the tag that it reads, and in the run itself."""

    model: Ref
    job_run: Ref
    id: str
    decision: Decision
    reason: str = ""

    needs = _NEEDS

    def run(self, tx: Write) -> Approval:
        """The request with the decision; the run goes on, is repaired, or fails."""
        asked = _found(tx, self.id, self.model, self.job_run)
        return _decided(tx, asked, _Said(self.decision, self.reason, Source.API))


@dataclass(frozen=True)
class DecisionToken:
    """A secret that decides one request, once, and until when; it is shown this once."""

    secret: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True)
class CreateDecisionToken(Command[Write, DecisionToken]):
    """Make a token by which whoever has it decides one request in the caller's name, once: for CI/CD."""

    model: Ref
    job_run: Ref
    id: str
    seconds: int = 3600

    needs = _NEEDS

    def run(self, tx: Write) -> DecisionToken:
        """The token; only whoever may decide itself gets one."""
        asked = _found(tx, self.id, self.model, self.job_run)
        _check(tx, asked)
        secret = new_secret(rules.TOKEN_PREFIX)
        until = tx.now + rules.token_seconds(self.seconds) * 1000
        approvals.add_token(tx, asked.id, secret, until)
        return DecisionToken(secret, until)


@dataclass(frozen=True)
class DecideByToken(Command[Write, Approval]):
    """Approve or reject by a token for one decision; `on_behalf` says for whom, in the words of who has it."""

    secret: Hidden
    decision: Decision
    reason: str = ""
    on_behalf: str = ""

    open_to = "whoever shows a token for one decision: whoever made the token must still be one who may decide"

    def run(self, tx: Write) -> Approval:
        """The request with the decision; the token is used up."""
        id_ = approvals.use_token(tx, self.secret.text())
        asked = approvals.get(tx, id_) if id_ else None
        if asked is None:
            raise Unauthenticated(rules.UNUSABLE)
        tx.subject = asked.model
        why = _lacking(tx, tx.caller, Ref(Kind.MODEL, asked.model), asked.job)
        if why:
            raise Denied(why)
        return _decided(tx, asked, _Said(self.decision, self.reason, Source.TOKEN, self.on_behalf))


@dataclass(frozen=True)
class AreApprovalsDue(Chore[Look, bool]):
    """Look whether there is something for `ExpireApprovals` to do."""

    is_change = False  # it is asked every few seconds

    def run(self, tx: Look) -> bool:
        """Whether there is."""
        return bool(approvals.expired(tx) or approvals.stale(tx) or approvals.has_old_tokens(tx))


@dataclass(frozen=True)
class ExpireApprovals(Chore[Write, bool]):
    """Reject what nobody has decided in its time, and withdraw what nobody can decide any more."""

    def run(self, tx: Write) -> bool:
        """Some of it; whether there may be more."""
        approvals.forget_tokens(tx)
        stale = approvals.stale(tx)
        for asked, why in stale:
            _withdraw(tx, asked, why)
        found = approvals.expired(tx)
        for asked in found:
            _conclude(tx, asked, Verdict(Decision.TIMED_OUT, tx.actor, "", Source.SERVER, "", tx.now))
        return bool(stale or found)


def _withdraw(tx: Write, asked: Approval, why: Staleness) -> None:
    if why is Staleness.NO_RUN:
        settle(tx, asked, withdrawn(tx, why))
    else:
        _conclude(tx, asked, withdrawn(tx, why))


# Deciding


@dataclass(frozen=True)
class _Said:
    decision: Decision
    reason: str
    source: Source
    on_behalf: str = ""


def _found(tx: Look, id_: str, model: Ref, job_run: Ref) -> Approval:
    """The request of this id, if it is about what the caller was let through for."""
    asked = approvals.get(tx, id_)
    if asked is None or asked.model_id != tx.at(model).id or f"{RUN_PREFIX}{asked.run_id}" != job_run.name:
        raise NotFound(f"there is no request for approval {id_[:64]} of this run about this model.")
    return asked


def _decided(tx: Write, asked: Approval, said: _Said) -> Approval:
    """Decide, with the run held first, and the request after it."""
    run = runs.locked(tx, asked.run_id)
    held = approvals.locked(tx, asked.id)
    if held is None:
        raise NotFound(f"there is no request for approval {asked.id}.")
    _check(tx, held)
    if held.policy.mode is Mode.FAIL and not run.is_ended and said.decision is Decision.APPROVED:
        raise WrongState(f"Run {run.id} is active; decide once it has ended, so that it can be repaired.")
    verdict = Verdict(said.decision, tx.actor, said.reason, said.source, said.on_behalf, tx.now)
    if said.source is not Source.TAG:
        _tag(tx, held, said.decision)
    _conclude(tx, held, verdict, run)
    return replace(held, verdict=verdict)


def _check(tx: Look, asked: Approval) -> None:
    """`WrongState` for what cannot be decided any more, `Denied` for who may not decide it."""
    if asked.verdict:
        raise WrongState(f"it was decided before: {asked.verdict.decision} by {asked.verdict.actor}.")
    if why := approvals.staleness(tx, asked.id):
        raise WrongState(f"there is nothing to decide any more: {why}")
    if asked.has_expired(tx.now):
        raise WrongState("its time is over; start the deployment job anew.")
    people = (approvals.creator(tx, asked.model_id, asked.version), runs.get(tx, asked.run_id).run_as)
    makers = frozenset(name.lower() for name in people if name)
    if why := _barrier(tx, asked.policy, makers):
        raise Denied(why)


def _barrier(tx: Look, policy: Policy, makers: frozenset[str]) -> str:
    caller = tx.caller
    return rules.barrier(policy, caller.principal.name, access.names(tx, caller.identities), makers)


def _tag(tx: Write, asked: Approval, decision: Decision) -> None:
    version = models.version(tx, Node(Kind.MODEL, asked.model_id, asked.model), asked.version)
    models.touch_version(tx, version.id)
    VERSION_TAGS.set(tx, version.id, Tag(asked.tag, decision.tag), MAX_TAGS)
    tx.announce(Event.TAG_SET, asked.model, version=asked.version, key=asked.tag, value=decision.tag)


def _conclude(tx: Write, asked: Approval, verdict: Verdict, run: Run | None = None) -> None:
    """Keep a decision, and let the run go on by it."""
    before = run or runs.locked(tx, asked.run_id)
    settle(tx, asked, verdict)
    if asked.policy.mode is Mode.WAIT:
        _open_or_end(tx, before, asked, verdict)
    elif verdict.decision is Decision.APPROVED and asked.policy.repairs:
        latest = before.repairs[-1].id if before.repairs else None
        again = Again((asked.task_key,), dependents=True, latest=latest)
        RepairRun(Ref(Kind.RUN, f"{RUN_PREFIX}{before.id}"), again).run(tx)


def _open_or_end(tx: Write, before: Run, asked: Approval, verdict: Verdict) -> None:
    task = before.task(asked.task_id)
    if task is None or task.is_ended:
        return
    if verdict.decision is Decision.APPROVED:
        after = replace(task, gate=Gate.OPEN, message="")
    elif verdict.decision is Decision.TIMED_OUT:
        told = "Nobody approved it in time."
        after = task.ended(Life.TERMINATED, Result.TIMEDOUT, Code.CANCELED, told, tx.now)
    elif verdict.decision is Decision.WITHDRAWN:
        after = task.ended(Life.TERMINATED, Result.FAILED, Code.RUN_EXECUTION_ERROR, verdict.reason, tx.now)
    else:
        told = f"{verdict.actor} rejected it" + (f": {verdict.reason}" if verdict.reason else ".")
        after = task.ended(Life.TERMINATED, Result.FAILED, Code.RUN_EXECUTION_ERROR, told, tx.now)
    carry_on(tx, before, before.having(after))


# Tags that decide


def check_tags(tx: Look, model: Node, creator: str, tags: Sequence[Tag]) -> None:
    """`Denied`, if one of these tags would approve a deployment of a version, and the caller may not do that.

    It binds whether somebody waits for it or not: the tag is what the job's own code looks at. `creator` is the name
    of who registers the version, or has.
    """
    job = _deployer(tx, model.id, tags)
    keys = _gates(job) if job else {}
    for tag in tags if job else ():
        if job and tag.key in keys and rules.is_approval(tag.value):
            policy = rules.policy(job.settings.tags, keys[tag.key])
            makers = frozenset({creator.lower(), job.run_as.lower()})
            why = _lacking(tx, tx.caller, Ref(Kind.MODEL, model.full_name), job.number) or _barrier(tx, policy, makers)
            if why:
                raise Denied(f"The tag '{tag.key}' approves deployments: {why}")


def without_approvals(tx: Look, model: Node, tags: Sequence[Tag]) -> tuple[Tag, ...]:
    """The tags that a copy takes along: not those that would approve its deployment, which is another one's."""
    job = _deployer(tx, model.id, tags)
    keys = _gates(job) if job else {}
    return tuple(tag for tag in tags if tag.key not in keys or not rules.is_approval(tag.value))


def _deployer(tx: Look, model_id: str, tags: Sequence[Tag]) -> Job | None:
    """The deployment job of a model, where one of some tags could approve anything."""
    saying = any(rules.is_approval(tag.value) for tag in tags)
    found = deployment_jobs.model_by_id(tx, model_id) if saying else None
    return deployment_jobs.job_of(tx, found[3]) if found else None


def _gates(job: Job) -> dict[str, str]:
    """The tags that a job's approval tasks read, and the keys of those tasks."""
    return {tag_of(task): task.key for task in job.settings.tasks if rules.is_gate(task.key)}


def hear_tags(tx: Write, model_id: str, number: int, tags: Sequence[Tag]) -> None:
    """Take a tag that was set as the decision that it is, where somebody waits for it and the caller may decide."""
    said = {tag.key: tag.value for tag in tags if rules.is_approval(tag.value) or rules.is_rejection(tag.value)}
    for asked in approvals.open_of_version(tx, model_id, number) if said else ():
        value = said.get(asked.tag, "")
        if not value or _lacking(tx, tx.caller, Ref(Kind.MODEL, asked.model), asked.job):
            continue
        decision = Decision.APPROVED if rules.is_approval(value) else Decision.REJECTED
        with contextlib.suppress(Denied, WrongState):  # then it is a tag like any other
            _decided(tx, asked, _Said(decision, "", Source.TAG))


def _lacking(tx: Look, caller: Caller, model: Ref, job: int) -> str:
    """Which privilege somebody lacks to decide about a model and a job; empty if none."""
    for privilege, on in ((Privilege.APPLY_TAG, model), (Privilege.CAN_MANAGE_RUN, job_ref(job))):
        decision = decide(Question(privilege), access.chain(tx, caller, on))
        if not decision.allowed:
            return decision.reason
    return ""
