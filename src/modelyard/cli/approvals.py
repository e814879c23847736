"""Commands for approvals of deployments."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import AsJson, Server, group
from modelyard.cli.output import say, show
from modelyard.errors import Invalid

_APPROVALS: Final = f"{OURS}/approvals"
_LIST: Final = (
    "id", "model=full_name", "version", "task=task_key", "state", "since=requested_at", "until=expires_at", "by",
    "reason", "run=run_id",
)  # fmt: skip

Request = Annotated[str, typer.Argument(metavar="ID", help="The request's id, or the first letters of it.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "approvals", "Deployments that wait for somebody to approve them.",
        list=list_all, approve=approve, reject=reject, token=token,
    )  # fmt: skip


def list_all(
    server: Server,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only those of this model.")] = None,
    run: Annotated[int | None, typer.Option(metavar="RUN", help="Only those of this run.")] = None,
    decided: Annotated[bool, typer.Option("--all", help="Also those that were decided.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits for approval, of models that you may see.

    Examples: `modelyard approvals list` · `modelyard approvals list --model prod.ml_team.fraud --all`
    """
    found = server.all(_APPROVALS, "approvals", full_name=model, run_id=run, all=decided or None)
    show(found if as_json else [_flat(each) for each in found], as_json=as_json, columns=_LIST)


def _flat(each: dict[str, Any]) -> dict[str, Any]:
    decision: dict[str, str] = each["decision"] or {}
    by = decision.get("actor", "") + (f" for {decision['on_behalf']}" if decision.get("on_behalf") else "")
    return {**each, "by": by, "reason": decision.get("reason", "")}


def approve(request: Request, server: Server, reason: Reason = "") -> None:
    """Approve a deployment: its run is repaired, or goes on.

    Example: `modelyard approvals approve 3f2a --reason "validated on July's data"`
    """
    _decide(server, request, "approve", reason)


def reject(request: Request, server: Server, reason: Reason = "") -> None:
    """Reject a deployment.

    Example: `modelyard approvals reject 3f2a --reason "recall is too low"`
    """
    _decide(server, request, "reject", reason)


def _decide(server: Client, request: str, decision: str, reason: str) -> None:
    found = _find(server, request)
    done = server.ask("POST", f"{_APPROVALS}/{found['id']}/decide", **_where(found), decision=decision, reason=reason)
    say(f"{done['state'].capitalize()} version {done['version']} of {done['full_name']} ({done['task_key']}).")


def token(
    request: Request,
    server: Server,
    seconds: Annotated[int, typer.Option(min=1, help="How long it may be used.")] = 3_600,
    as_json: AsJson = False,
) -> None:
    """Make a token for CI/CD, by which this one request is decided, once, in your name. It is shown this once.

    Example: `modelyard approvals token 3f2a --seconds 86400`
    """
    found = _find(server, request)
    made = server.ask("POST", f"{_APPROVALS}/{found['id']}/token", **_where(found), seconds=seconds)
    show(made, as_json=as_json, columns=("token", "until=expires_at"))
    say(f"curl -d decision=approve -d token=… {server.host}{OURS}/decisions")


def _where(found: dict[str, Any]) -> dict[str, Any]:
    return {"full_name": found["full_name"], "run_id": found["run_id"]}


def _find(server: Client, request: str) -> dict[str, Any]:
    found = [each for each in server.all(_APPROVALS, "approvals", all=True) if each["id"].startswith(request)]
    if not found or not request:
        raise Invalid(f"there is no request {request}; `modelyard approvals list` shows those that wait.")
    if len(found) > 1:
        raise Invalid(f"{len(found)} requests begin with {request}; write more of it.")
    return found[0]
