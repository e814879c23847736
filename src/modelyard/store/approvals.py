"""Approvals: requests, decisions and tokens for one decision. Rows are added, and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import and_, bindparam, case, delete, func, or_, select

from modelyard.domain.approvals import Approval, Decision, Policy, Source, Staleness, Verdict
from modelyard.domain.jobs.job import Standing
from modelyard.domain.privileges import Kind
from modelyard.store import schema
from modelyard.store.access import caller_by_id, secret_hash
from modelyard.store.catalogs import LOCATED, VISIBLE, seen_by
from modelyard.store.schema import Name, Number
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.access import Caller
    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

_approvals, _decisions, _tokens = schema.approvals, schema.approval_decisions, schema.approval_tokens
_securables, _versions, _principals = schema.securables, schema.versions, schema.principals
_models, _jobs, _job_runs, _deployments = schema.models, schema.jobs, schema.job_runs, schema.deployment_runs

_POLICY: Final = msgspec.json.Decoder(Policy)
"""Made here, while there is one thread: several that meet a type first make msgspec crash."""
_LAST_SEQ: Final = 2**62
_SHOWN: Final = (
    _approvals.c.seq, _approvals.c.id, _approvals.c.model_id, func.coalesce(_securables.c.full_name, ""),
    _approvals.c.version, _approvals.c.digest, _approvals.c.job, _approvals.c.run_id, _approvals.c.task_id,
    _approvals.c.task_key, _approvals.c.tag, _approvals.c.policy, _approvals.c.requested_at, _approvals.c.expires_at,
    _decisions.c.decision, _decisions.c.actor, _decisions.c.reason, _decisions.c.source, _decisions.c.on_behalf,
    _decisions.c.decided_at,
)  # fmt: skip
_DECIDED: Final = _decisions.c.approval_id == _approvals.c.id
_ALL: Final = select(*_SHOWN).select_from(
    _approvals.outerjoin(_securables, _securables.c.id == _approvals.c.model_id).outerjoin(_decisions, _DECIDED)
)
_UNDECIDED: Final = _decisions.c.approval_id.is_(None)
_THERE: Final = select(_versions.c.id).where(
    _versions.c.model_id == _approvals.c.model_id, _versions.c.number == _approvals.c.version
)
_CONNECTED_ELSEWHERE: Final = (
    select(_deployments.c.seq)
    .join(_models, _models.c.id == _deployments.c.model_id)
    .where(
        _deployments.c.model_id == _approvals.c.model_id,
        _deployments.c.version == _approvals.c.version,
        _deployments.c.run_id == _approvals.c.run_id,
        _deployments.c.job != _models.c.deployment_job_id,
    )
)
_GONE: Final = select(_jobs.c.id).where(_jobs.c.number == _approvals.c.job, _jobs.c.standing == Standing.DELETED.value)
_WHY: Final = case(
    (~_THERE.exists(), Staleness.NO_VERSION.value),
    (~select(_job_runs.c.id).where(_job_runs.c.id == _approvals.c.run_id).exists(), Staleness.NO_RUN.value),
    (_GONE.exists(), Staleness.NO_JOB.value),
    (_CONNECTED_ELSEWHERE.exists(), Staleness.DISCONNECTED.value),
    else_="",
)
"""Why a request is stale; empty if it is not."""
_OPEN: Final = and_(_UNDECIDED, _WHY == "")
_GET: Final = _ALL.where(_approvals.c.id == bindparam("approval"))
_LOCK: Final = select(_approvals.c.id).where(_approvals.c.id == bindparam("approval")).with_for_update()
_OF_TASK: Final = select(_approvals.c.id).where(_approvals.c.task_id == bindparam("task"))
_OPEN_OF_RUN: Final = _ALL.where(_approvals.c.run_id == bindparam("run"), _UNDECIDED)
_OPEN_OF_VERSION: Final = _ALL.where(
    _approvals.c.model_id == bindparam("model"), _approvals.c.version == bindparam("version"), _OPEN
)
_EXPIRED: Final = _ALL.where(_approvals.c.expires_at <= bindparam("now"), _OPEN).order_by(_approvals.c.seq).limit(20)
_STALE: Final = _ALL.add_columns(_WHY).where(_UNDECIDED, _WHY != "").order_by(_approvals.c.seq).limit(20)
_STALENESS: Final = select(_WHY).select_from(_approvals).where(_approvals.c.id == bindparam("approval"))
_LIST: Final = (
    select(*_SHOWN)
    .select_from(LOCATED.join(_approvals, _approvals.c.model_id == _securables.c.id).outerjoin(_decisions, _DECIDED))
    .where(_securables.c.kind == Kind.MODEL.value, VISIBLE, _approvals.c.seq < bindparam("before"))
    .where(or_(bindparam("full_name", type_=Name) == "", _securables.c.full_name == bindparam("full_name")))
    .where(or_(bindparam("run", type_=Number) == 0, _approvals.c.run_id == bindparam("run")))
    .where(or_(bindparam("everything", type_=Number) == 1, _OPEN))
    .order_by(_approvals.c.seq.desc())
    .limit(bindparam("most"))
)
_ADD: Final = inserting(_approvals)
_ADD_DECISION: Final = inserting(_decisions)
_ADD_TOKEN: Final = inserting(_tokens)
_VALID: Final = (_tokens.c.secret_hash == bindparam("secret")) & (_tokens.c.expires_at > bindparam("now"))
_BY_TOKEN: Final = select(_tokens.c.principal_id, _tokens.c.approval_id).where(_VALID)
_USE_TOKEN: Final = delete(_tokens).where(_tokens.c.secret_hash == bindparam("secret"))
_OLD: Final = _tokens.c.expires_at <= bindparam("now")
_OLD_TOKENS: Final = select(_tokens.c.secret_hash).where(_OLD).limit(1)
_FORGET_TOKENS: Final = delete(_tokens).where(_OLD)
_CREATOR: Final = (
    select(func.coalesce(_principals.c.name, _versions.c.created_by))
    .select_from(_versions.outerjoin(_principals, _principals.c.id == _versions.c.creator_id))
    .where(and_(_versions.c.model_id == bindparam("model"), _versions.c.number == bindparam("number")))
)
"""Who brought it here: of an imported version, `created_by` are words of another registry."""


def request(tx: Write, asked: Approval) -> str:
    """Keep a new request; its id."""
    id_ = new_id()
    tx.run(
        _ADD,
        id=id_,
        model_id=asked.model_id,
        version=asked.version,
        digest=asked.digest,
        job=asked.job,
        run_id=asked.run_id,
        task_id=asked.task_id,
        task_key=asked.task_key,
        tag=asked.tag,
        policy=msgspec.json.encode(asked.policy).decode(),
        requested_at=tx.now,
        expires_at=asked.expires_at,
    )
    return id_


def is_asked(tx: Look, task_id: int) -> bool:
    """Whether an attempt has asked already."""
    return tx.row(_OF_TASK, task=task_id) is not None


def get(tx: Look, id_: str) -> Approval | None:
    """A request, with what was decided."""
    return next(iter(_read(tx.rows(_GET, approval=id_))), None)


def locked(tx: Write, id_: str) -> Approval | None:
    """The same; nobody else decides it until this transaction ends."""
    tx.row(_LOCK, approval=id_)
    return get(tx, id_)


def open_of_run(tx: Look, run_id: int) -> list[Approval]:
    """The requests of a run that nobody has decided."""
    return _read(tx.rows(_OPEN_OF_RUN, run=run_id))


def open_of_version(tx: Look, model_id: str, number: int) -> list[Approval]:
    """Those that are about a version."""
    return _read(tx.rows(_OPEN_OF_VERSION, model=model_id, version=number))


def expired(tx: Look) -> list[Approval]:
    """Some requests whose time is over, and that nobody has decided."""
    return _read(tx.rows(_EXPIRED, now=tx.now))


def stale(tx: Look) -> list[tuple[Approval, Staleness]]:
    """Some requests that nobody has decided, and nobody can any more; and why."""
    return [(_approval(row[:-1]), Staleness(row[-1])) for row in tx.rows(_STALE)]


def staleness(tx: Look, id_: str) -> Staleness | None:
    """Why a request cannot be decided any more, if it cannot."""
    row = tx.row(_STALENESS, approval=id_)
    return Staleness(row[0]) if row and row[0] else None


def listed(tx: Look, window: Window, full_name: str, run_id: int, *, everything: bool) -> Page[Approval]:
    """Requests about models that the caller may see, the newest first: the open ones, or all of them."""
    told = {"full_name": full_name, "run": run_id, "everything": int(everything), "most": window.limit + 1}
    rows = tx.rows(_LIST, **seen_by(tx), **told, before=window.number_after or _LAST_SEQ)
    return window.cut(_read(rows), str(rows[window.limit - 1][0]) if len(rows) > window.limit else None)


def decide(tx: Write, id_: str, verdict: Verdict, actor_id: str) -> None:
    """Keep a decision, of which there is one at most."""
    tx.run(
        _ADD_DECISION,
        approval_id=id_,
        decision=verdict.decision.value,
        actor=verdict.actor,
        actor_id=actor_id,
        on_behalf=verdict.on_behalf,
        reason=verdict.reason,
        source=verdict.source.value,
        decided_at=verdict.decided_at,
    )


def creator(tx: Look, model_id: str, number: int) -> str:
    """The name of who registered a version; nothing if that is gone."""
    row = tx.row(_CREATOR, model=model_id, number=number)
    return row[0] if row else ""


def _read(rows: Sequence[Row]) -> list[Approval]:
    return [_approval(row) for row in rows]


def _approval(row: Row) -> Approval:
    (
        _,
        id_,
        model_id,
        model,
        version,
        digest,
        job,
        run_id,
        task_id,
        task_key,
        tag,
        policy,
        requested_at,
        expires_at,
        *verdict,
    ) = row
    return Approval(
        id=id_,
        model_id=model_id,
        model=model,
        version=version,
        digest=digest,
        job=job,
        run_id=run_id,
        task_id=task_id,
        task_key=task_key,
        tag=tag,
        policy=_POLICY.decode(policy),
        requested_at=requested_at,
        expires_at=expires_at,
        verdict=_verdict(*verdict) if verdict[0] else None,
    )


def _verdict(decision: str, actor: str, reason: str, source: str, on_behalf: str, decided_at: int) -> Verdict:
    return Verdict(Decision(decision), actor, reason, Source(source), on_behalf, decided_at)


# Tokens


def add_token(tx: Write, approval_id: str, secret: str, expires_at: int) -> None:
    """Keep a token of the caller's for one decision."""
    mine, hashed = tx.caller.principal.id, secret_hash(secret)
    times = {"created_at": tx.now, "expires_at": expires_at}
    tx.run(_ADD_TOKEN, secret_hash=hashed, approval_id=approval_id, principal_id=mine, **times)


def caller_by_token(tx: Look, secret: str, now: int) -> Caller | None:
    """Whose decision a token stands for, if it may still be used."""
    row = tx.row(_BY_TOKEN, secret=secret_hash(secret), now=now)
    return caller_by_id(tx, row[0]) if row else None


def use_token(tx: Write, secret: str) -> str | None:
    """Which request a token decides; it cannot be used again once this has committed."""
    row = tx.row(_BY_TOKEN, secret=secret_hash(secret), now=tx.now)
    if row is None or not tx.run(_USE_TOKEN, secret=secret_hash(secret)):
        return None
    return row[1]


def has_old_tokens(tx: Look) -> bool:
    """Whether there are tokens that have expired."""
    return tx.row(_OLD_TOKENS, now=tx.now) is not None


def forget_tokens(tx: Write) -> None:
    """Forget tokens that have expired."""
    tx.run(_FORGET_TOKENS, now=tx.now)
