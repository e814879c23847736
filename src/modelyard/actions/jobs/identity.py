"""As whom a job's code runs: who may choose whom, and whether that one may run code when it comes to it."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import METASTORE
from modelyard.domain.access import Caller, PrincipalKind
from modelyard.domain.privileges import Privilege, Question, decide
from modelyard.errors import Denied, Invalid
from modelyard.store import access, roles
from modelyard.store.tx import Look


@dataclass(frozen=True)
class RunAs:
    """Whom a job's code is to run as, by name."""

    name: str
    kind: PrincipalKind


def chosen(tx: Look, said: RunAs | None) -> str:
    """The id of the principal that is said, if the caller may run code as it; empty where nothing is said."""
    if said is None:
        return ""
    if said.kind is PrincipalKind.GROUP:
        raise Invalid("a group cannot be run as; name a user or a service principal.")
    principal = access.required(tx, said.name)
    if principal.kind is not said.kind:
        raise Invalid(f"{said.name} is a {principal.kind.value.replace('_', ' ')}; say run_as accordingly.")
    if not _may_choose(tx, principal.id, principal.kind):
        raise Denied(
            f"You may not run code as {principal.name}: users run as themselves, and as service principals of which "
            "they have the role servicePrincipal.user; an admin can give it."
        )
    return principal.id


def _may_choose(tx: Look, principal_id: str, kind: PrincipalKind) -> bool:
    if principal_id == tx.caller.principal.id or tx.is_admin:
        return True
    return kind is PrincipalKind.SERVICE_PRINCIPAL and roles.may_use(tx, principal_id, tx.caller.identities)


def runner(tx: Look, principal_id: str, name: str) -> Caller:
    """The principal that a run's code runs as, if it is active and may run code; `Denied` says why not."""
    found = access.caller_by_id(tx, principal_id)
    if found is None:
        raise Denied(f"{name or 'The principal'}, as which the run's code is to run, is not active any more.")
    decision = decide(Question(Privilege.ALLOW_CLUSTER_CREATE), access.chain(tx, found, METASTORE))
    if not decision.allowed:
        raise Denied(f"{found.principal.name}, as which the run's code is to run, may not run code: {decision.reason}")
    return found
