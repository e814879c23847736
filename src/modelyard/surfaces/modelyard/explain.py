"""Explanations of decisions, and what is missing for a role."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions import explain
from modelyard.domain import endpoints, names
from modelyard.domain.explain import Check, Explanation, Readiness, Remedy, Role, type_of
from modelyard.domain.privileges import Node
from modelyard.errors import Invalid
from modelyard.surfaces.securables import ref
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_PREFIX: Final = "/api/2.0/modelyard"
_ENDPOINT: Final = frozenset({"serving_endpoint", "serving-endpoint", "endpoint"})


class _Asked(msgspec.Struct, frozen=True):
    """Who wants to do what with which securable; `origin` is copied from, where something is."""

    action: str
    securable_type: str
    full_name: str = ""
    principal: str = ""
    origin: str = ""


class _Role(msgspec.Struct, frozen=True):
    """Who takes which role, with which model or schema."""

    role: str
    model: str
    source: str = ""
    principal: str = ""


def _explain(said: _Asked) -> AnyAction:
    origin = names.model(said.origin) if said.origin else ""
    return explain.Explain(said.action, _securable(said), said.principal, origin)


def _securable(said: _Asked) -> str:
    """The full name of what it is about; grants do not know endpoints, explanations do."""
    if said.securable_type.lower() in _ENDPOINT:
        return endpoints.path(said.full_name.removeprefix(endpoints.PREFIX))
    return ref(said.securable_type, said.full_name).name


def _preflight(said: _Role) -> AnyAction:
    try:
        role = Role(said.role.lower())
    except ValueError:
        raise Invalid(f'"{said.role[:60]}" is no role; the roles are {", ".join(Role)}.') from None
    return explain.Preflight(role, _place(said.model), _place(said.source) if said.source else "", said.principal)


def _place(full_name: str) -> str:
    return names.schema(full_name) if full_name.count(".") == 1 else names.model(full_name)


def _named(node: Node) -> dict[str, str]:
    return {"securable_type": type_of(node.kind), "full_name": node.full_name}


def _check(check: Check) -> dict[str, Any]:
    step, ground = check.step, check.step.ground
    told = {"privilege": step.privilege.value, **_named(step.on), "passed": step.passed, "reason": step.reason}
    if ground is None:
        return told
    granted = {"granted": check.granted.value} if check.granted else {}
    return {**told, "basis": ground.basis.value, "found_on": _named(ground.on), "through": check.through, **granted}


def _explanation(found: Explanation, _here: Here) -> object:
    return {
        "principal": found.principal,
        "action": found.action,
        **_named(found.on),
        "allowed": found.allowed,
        "reason": found.reason,
        "complete": found.whole,
        "checks": [_check(check) for check in found.checks],
    }


def _readiness(found: Readiness, _here: Here) -> object:
    return {
        "principal": found.principal,
        "role": found.role.value,
        "ready": found.ready,
        "active": found.active,
        "absent": found.absent,
        "checks": [_check(check) for check in found.checks],
        "grants": [_remedy(remedy) for remedy in found.remedies],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    privileges = [privilege.value for privilege in remedy.privileges]
    return {
        **_named(remedy.on),
        "changes": [{"principal": remedy.principal, "add": privileges}],
        "sql": remedy.sql,
        "command": remedy.command,
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", f"{_PREFIX}/explain", _Asked, _explain, _explanation),
    Translation("GET", f"{_PREFIX}/preflight", _Role, _preflight, _readiness),
)
