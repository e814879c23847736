"""Takes back what a plan has made, into the trash: nothing that was there before, and nothing that came since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard.cli.arriving import Place
from modelyard.cli.moving.target import Target, standing
from modelyard.errors import Failure, WrongState

if TYPE_CHECKING:
    from modelyard.upgrade.moving.ledger import Ledger, Standing


def check(ledger: Ledger, target: Target) -> None:
    """`WrongState` with the reason, once an old name of the plan is retired: old code was told to go."""
    for old, done in ledger.models.items():
        there = target.old_name(old) if done.named else None
        if there and there["full_name"] == done.full_name and there["state"] == "retired":
            raise WrongState(
                f"The old name '{old}' is retired: nobody reads the old registry any more, so the move is not undone. "
                f"`modelyard legacy set {old} --revive` takes that back first."
            )


def undo(ledger: Ledger, target: Target) -> list[dict[str, Any]]:
    """What became of each model."""
    check(ledger, target)
    found: list[dict[str, Any]] = []
    for old, done in sorted(ledger.models.items()):
        try:
            says = _undo(old, done, target)
            ledger.note("undone", old, done.full_name)
            found.append({"old_name": old, "model": done.full_name, "undone": True, "says": says})
        except Failure as failure:
            found.append({"old_name": old, "model": done.full_name, "undone": False, "says": failure.message})
    return found


def _undo(old: str, done: Standing, target: Target) -> str:
    name = target.old_name(old) if done.named else None
    if name and name["full_name"] == done.full_name:
        target.remove_old_name(old)
    there = target.model(done.full_name)
    if there is None:
        return "it is gone already"
    brought = {number for number in done.begun if _is_brought(done, number, target)}
    others = target.numbers(done.full_name) - brought
    if done.made and not others and str(there["created_by"]).endswith(target.mark):
        target.delete_model(done.full_name)
        return f"the model is in the trash, with {len(brought)} versions"
    _take_back(done, there, target)
    for number in sorted(brought):
        target.delete_version(Place(done.full_name, number))
    kept = f"; {len(others)} that did not come by the move stay" if others else ""
    return f"{len(brought)} versions are in the trash{kept}"


def _is_brought(done: Standing, number: int, target: Target) -> bool:
    """Whether a version is the one that was brought: from the same registry, with the same files."""
    found = target.version(Place(done.full_name, number))
    if found is None or not str(found["created_by"]).endswith(target.mark):
        return False
    return found["digest"] in {"", done.begun[number]}


def _take_back(done: Standing, there: dict[str, Any], target: Target) -> None:
    """Take back grants and aliases of a model that stays."""
    for principal, privilege in done.grants:
        target.take_back(done.full_name, principal, privilege)
    at = standing(there)
    for alias, number in done.aliases.items():
        if at.get(alias.lower()) == number:
            target.delete_alias(done.full_name, alias)
