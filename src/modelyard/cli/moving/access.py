"""Who could read before, and who can now: grants that follow the old registry's permissions, and the proof of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from modelyard.errors import Failure
from modelyard.upgrade.moving.moves import PRIVILEGES
from modelyard.upgrade.moving.registry import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelyard.cli.moving.target import Target
    from modelyard.upgrade.moving.ledger import Ledger
    from modelyard.upgrade.moving.moves import MovePlan, PlannedModel

_READING: Final = {"EXECUTE", "ALL_PRIVILEGES"}


def bring_grants(
    plan: MovePlan,
    model: PlannedModel,
    old: str,
    target: Target,
    ledger: Ledger,
    say: Callable[[str, str], None],
) -> None:
    """Grant what the plan says; what somebody holds already is not granted again, and so not taken back by `undo`."""
    full_name = plan.names[old]
    held = target.granted(full_name) if model.grants else {}
    for user, privileges in sorted(model.grants.items()):
        principal = plan.principals.get(user, user)
        new = [each for each in privileges if each not in held.get(principal, set())]
        try:
            for privilege in new:
                ledger.note("grant", old, full_name, principal=principal, privilege=privilege)
            if new:
                target.grant("function", full_name, principal, new)
            if plan.grant_use:
                target.open_the_way(full_name, principal)
        except Failure as failure:
            say(old, f"nothing was granted to {principal}: {failure.message}")


def compared(plan: MovePlan, model: PlannedModel, full_name: str, target: Target) -> list[dict[str, Any]]:
    """Each principal that could read there, or may read here: `lost`, `kept` or `gained`, and why.

    Where the old registry does not tell who could read, everybody who reached it could.
    """
    before = {plan.principals.get(user, user): level for user, level in model.access.items()}
    rows = [_row(target, full_name, principal, level) for principal, level in sorted(before.items())]
    now = {who for who, held in target.effective(full_name).items() if held & _READING}
    for principal in sorted(now - before.keys()):
        change = "gained" if plan.permissions_told else "kept"
        was = "nothing" if plan.permissions_told else "everybody"
        rows.append(_line(full_name, principal, was, change, "by a grant here"))
    return rows


def _row(target: Target, full_name: str, principal: str, level: str) -> dict[str, Any]:
    could = level in PRIVILEGES or level == ADMIN
    try:
        may, why = target.may_read(full_name, principal)
    except Failure as failure:
        may, why = False, failure.message
    change = {(True, True): "kept", (True, False): "lost", (False, True): "gained", (False, False): "none"}[could, may]
    return _line(full_name, principal, level, change, why)


def _line(full_name: str, principal: str, before: str, change: str, why: str) -> dict[str, Any]:
    return {"model": full_name, "principal": principal, "before": before, "change": change, "why": why}
