"""Approvals of deployments: requests, decisions, and the mailbox for CI/CD."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import approvals
from modelyard.domain import approvals as rules
from modelyard.domain import names, pages
from modelyard.domain.access import DecisionToken
from modelyard.domain.approvals import Approval, Decision
from modelyard.domain.jobs.words import RUN_PREFIX
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Form, Here, Number, Row, Translation

_DEFAULT, _MOST = 100, 1_000
_DECISIONS: Final = {"approve": Decision.APPROVED, "reject": Decision.REJECTED}


class Asked(msgspec.Struct, frozen=True):
    """Which requests are asked for."""

    full_name: str = ""
    run_id: Number = 0
    all: bool = False
    max_results: int | None = None
    page_token: str | None = None


class OneRequest(msgspec.Struct, frozen=True):
    """A request by its id, with the model and the run that it is about, as a list of them says."""

    id: str = ""
    full_name: str = ""
    run_id: Number = 0

    @property
    def model(self) -> Ref:
        """The model."""
        return Ref(Kind.MODEL, names.model(self.full_name))

    @property
    def job_run(self) -> Ref:
        """The run."""
        return Ref(Kind.RUN, f"{RUN_PREFIX}{self.run_id}")


class Deciding(OneRequest, frozen=True):
    """A request, and what is decided."""

    decision: str = ""
    reason: str = ""


class Minting(OneRequest, frozen=True):
    """A request for which a token is wanted."""

    seconds: int = 3_600


class Mailed(msgspec.Struct, frozen=True):
    """A decision by a token, which comes in the form or as a bearer."""

    decision: str = ""
    token: str = ""
    reason: str = ""
    on_behalf: str = ""
    authorization: str = ""

    def __repr__(self) -> str:
        """Nothing of the token."""
        return f"Mailed({self.decision!r}, …)"

    @property
    def secret(self) -> str:
        """The token."""
        scheme, _, shown = self.authorization.partition(" ")
        return self.token or (shown.strip() if scheme.lower() == "bearer" else "")


def _decision(said: str) -> Decision:
    if said.lower() not in _DECISIONS:
        raise Invalid(f"decision must be {' or '.join(_DECISIONS)}.")
    return _DECISIONS[said.lower()]


def _list(said: Asked) -> AnyAction:
    name = names.model(said.full_name) if said.full_name else ""
    query = f"approvals {name} {said.run_id} {said.all}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return approvals.ListApprovals(window, name, said.run_id, said.all)


def _decide(said: Deciding) -> approvals.DecideApproval:
    decision, reason = _decision(said.decision), rules.reason(said.reason)
    return approvals.DecideApproval(said.model, said.job_run, said.id, decision, reason)


def _mint(said: Minting) -> approvals.CreateDecisionToken:
    return approvals.CreateDecisionToken(said.model, said.job_run, said.id, rules.token_seconds(said.seconds))


def _by_token(said: Mailed) -> approvals.DecideByToken:
    decision, reason = _decision(said.decision), rules.reason(said.reason)
    return approvals.DecideByToken(Hidden(said.secret.encode()), decision, reason, rules.reason(said.on_behalf))


def _approval(found: Approval, _here: Here) -> object:
    verdict = found.verdict
    return {
        "id": found.id,
        "full_name": found.model,
        "version": found.version,
        "digest": found.digest,
        "job_id": found.job,
        "run_id": found.run_id,
        "task_key": found.task_key,
        "tag": found.tag,
        "policy": msgspec.to_builtins(found.policy),
        "requested_at": found.requested_at,
        "expires_at": found.expires_at,
        "state": verdict.decision.value if verdict else "OPEN",
        "decision": msgspec.to_builtins(verdict) if verdict else None,
    }


def _page(page: Page[Approval], here: Here) -> object:
    return {"approvals": [_approval(each, here) for each in page.items], "next_page_token": pages.token(page)}


def _token(made: approvals.DecisionToken, _here: Here) -> object:
    return {"token": made.secret, "expires_at": made.expires_at}


_ONE: Final = at("approvals/{id}")

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("approvals"), Asked, read=_list, write=_page),
    Translation("POST", f"{_ONE}/decide", Deciding, read=_decide, write=_approval),
    Translation("POST", f"{_ONE}/token", Minting, read=_mint, write=_token),
    Form(
        "POST",
        at("decisions"),
        Mailed,
        proof=lambda said: DecisionToken(said.secret),
        read=_by_token,
        write=_approval,
        hears=(("authorization", "authorization"),),
    ),
)
