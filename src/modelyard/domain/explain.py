"""Explanations: the steps of a decision with who each goes back to, and the grants that would change it.

A *role* is what a program does with models; what it needs is what the actions of that role ask of the gate.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.domain.privileges import ROUTINES, Kind, Node, Outcome, Privilege, Step


@dataclass(frozen=True, slots=True)
class Check:
    """A step of a decision; where it passed, the way of groups to who owns or holds, and what that one was granted."""

    step: Step
    through: tuple[str, ...] = ()
    granted: Privilege | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a principal may or may not do something.

    `whole` is false where the steps behind the first refusal are kept from who asks; `free` is why no step is needed.
    """

    principal: str
    action: str
    on: Node
    checks: tuple[Check, ...]
    active: bool = True
    whole: bool = True
    free: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the gate would let it happen."""
        return self.active and all(check.step.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """The first refusal, or all reasons together, in the words of the gate."""
        if not self.active:
            return f"{self.principal} is not active, so its tokens are refused."
        refused = next((check.step for check in self.checks if not check.step.passed), None)
        if refused:
            return refused.reason
        return self.free or "; ".join(dict.fromkeys(check.step.reason for check in self.checks))


class Role(StrEnum):
    """What programs do with models."""

    TRAINING = "training"
    PROMOTION = "promotion"
    DEPLOYMENT = "deployment"
    INFERENCE = "inference"


@dataclass(frozen=True, slots=True)
class Want:
    """A privilege that a role needs on the model, or on the source that it copies from."""

    privilege: Privilege
    source: bool = False


WANTS: Final = {
    Role.TRAINING: (Want(Privilege.CREATE_MODEL_VERSION),),
    Role.PROMOTION: (Want(Privilege.EXECUTE, source=True), Want(Privilege.CREATE_MODEL_VERSION)),
    Role.DEPLOYMENT: (Want(Privilege.EXECUTE), Want(Privilege.MANAGE)),
    Role.INFERENCE: (Want(Privilege.EXECUTE),),
}
"""What each role needs besides passage (protocol notes §3.2).

Where there is no model yet, CREATE MODEL on its schema takes the place of CREATE MODEL VERSION: who makes a model owns
it. Deployment moves aliases, for which MLflow's client reads the model first.
"""


@dataclass(frozen=True, slots=True)
class Remedy:
    """The privileges on one securable that a principal lacks, as somebody who may grant them writes it down."""

    principal: str
    on: Node
    privileges: tuple[Privilege, ...]

    @property
    def sql(self) -> str:
        """The statement of Databricks SQL."""
        privileges = ", ".join(privilege.words for privilege in self.privileges)
        where = f" {'.'.join(map(_quoted, self.on.full_name.split('.')))}" if self.on.full_name else ""
        return f"GRANT {privileges} ON {type_of(self.on.kind)}{where} TO {_quoted(self.principal)}"

    @property
    def command(self) -> str:
        """The command of our own command line."""
        kind = {"FUNCTION": "model"}.get(type_of(self.on.kind), type_of(self.on.kind).lower())
        return shlex.join(["modelyard", "grants", "set", kind, self.on.full_name, self.principal, *self.privileges])


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a principal holds what a role takes; `absent` is what no grant can bring."""

    principal: str
    role: Role
    checks: tuple[Check, ...]
    active: bool = True

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return self.active and all(check.step.passed for check in self.checks)

    @property
    def absent(self) -> tuple[str, ...]:
        """Securables that are not there, in the words of the gate."""
        return tuple(check.step.reason for check in self.checks if check.step.outcome is Outcome.MISSING)

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """The grants that are missing, from the outermost securable on."""
        missing: dict[str, tuple[Node, dict[Privilege, None]]] = {}
        for step in (check.step for check in self.checks):
            if step.outcome is Outcome.DENIED:
                missing.setdefault(step.on.full_name, (step.on, {}))[1][step.privilege] = None
        return tuple(Remedy(self.principal, on, tuple(lacking)) for on, lacking in missing.values())


def type_of(kind: Kind) -> str:
    """A kind as grants write it: models and prompts are a FUNCTION there."""
    return Kind.MODEL.value if kind in {*ROUTINES, Kind.ROUTINE} else kind.value


def once(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Each check once, as several needs share their passage: refused, if one of them is refused there.

    The gates that owners of containers need not pass to manage are closed to them for the rest.
    """
    found: dict[tuple[Privilege, str], Check] = {}
    for check in checks:
        key = (check.step.privilege, check.step.on.full_name)
        if key not in found or not check.step.passed:
            found[key] = check
    return tuple(found.values())


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
