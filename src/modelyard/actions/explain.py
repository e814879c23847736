"""Why somebody may or may not do something, and what is missing for a role: the gate's own steps, told.

Who manages a securable may ask about everybody, and is told every step. Everybody else may ask about itself, and
learns what a refused request tells: nothing of what lies behind the first closed gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from modelyard.action import ACTIONS, METASTORE, Action, Chore, Query, Ref
from modelyard.domain import experiments
from modelyard.domain.access import Caller
from modelyard.domain.endpoints import PREFIX
from modelyard.domain.explain import WANTS, Check, Explanation, Readiness, Role, once
from modelyard.domain.jobs import words
from modelyard.domain.names import split
from modelyard.domain.privileges import (
    ENTITLEMENTS,
    OBJECTS,
    Basis,
    Chain,
    Kind,
    Node,
    Outcome,
    Privilege,
    Question,
    Step,
    applicable,
    decide,
    steps,
)
from modelyard.errors import Denied, Invalid, NotFound
from modelyard.store import access, grants
from modelyard.store.tx import Look

_SAFE: Final = (
    "every principal: about others it answers only who manages the securable, "
    "and about oneself it tells no more than a refused request"
)
_KINDS: Final = (Kind.METASTORE, Kind.CATALOG, Kind.SCHEMA, Kind.ROUTINE)
_DEPTHS: Final = {"metastore": 0, "catalog": 1, "schema": 2}
_LEAF: Final = 3
_LEAVES: Final = {
    "model": Kind.MODEL,
    "origin": Kind.MODEL,
    "prompt": Kind.PROMPT,
    "table": Kind.TABLE,
    "volume": Kind.VOLUME,
}
"""What the fields of actions name: containers by their depth, leaves by their kind (any leaf, where none is here)."""

_OTHER_LEAVES: Final = {
    Privilege.SELECT: Kind.TABLE,
    Privilege.READ_VOLUME: Kind.VOLUME,
    Privilege.WRITE_VOLUME: Kind.VOLUME,
}
"""What a name of three levels is, where a privilege is asked about that models do not have."""

_OBJECT_FIELDS: Final = {
    "endpoint": frozenset({Kind.ENDPOINT}),
    "experiment": frozenset({Kind.EXPERIMENT}),
    "job": frozenset({Kind.JOB}),
    "job_run": frozenset({Kind.RUN}),
    "target": OBJECTS,
}
"""What the fields of actions name that are about an object of the metastore."""

_OBJECT_NAMES: Final = {
    PREFIX: Kind.ENDPOINT,
    experiments.PREFIX: Kind.EXPERIMENT,
    words.PREFIX: Kind.JOB,
    words.RUN_PREFIX: Kind.RUN,
}
"""How the full names of objects begin."""

_MAKING: Final = frozenset(
    {
        Privilege.CREATE_CATALOG,
        Privilege.CREATE_SCHEMA,
        Privilege.CREATE_MODEL,
        Privilege.CREATE_TABLE,
        Privilege.CREATE_VOLUME,
    }
)


@dataclass(frozen=True)
class Explain(Query[Look, Explanation]):
    """Explain why a principal may or may not do something with the securable of a full name.

    `action` is the name of an action, such as `SetAlias`, or a privilege. `origin` is the full name of the model that
    is copied from, for actions that copy. Without `principal` it is about the caller. The metastore's name is empty,
    that of an endpoint begins with `serving-endpoints/`.
    """

    action: str
    name: str
    principal: str = ""
    origin: str = ""

    open_to = _SAFE

    def run(self, tx: Look) -> Explanation:
        """Every step, as far as the caller may know it."""
        about = _asked_about(tx, self.principal)
        securable = _place(self.name)
        label, free, questions = self._questions(securable)
        places = [securable, _place(self.origin)] if self.origin else [securable]
        whole = all(_tells_all(tx, about, place) for place in places)
        found = [step for question, ref in questions for step in steps(question, access.chain(tx, about, ref))]
        if whole:
            found = [_laid_open(step) for step in found]
        else:
            refused = next((place for place, step in enumerate(found) if not step.passed), len(found))
            found = found[: refused + 1]
        on = Node(securable.kind, "", securable.name)
        checks = once(_footings(tx, about, found))
        return Explanation(about.principal.name, label, on, checks, about.principal.active, whole, free)

    def _questions(self, securable: Ref) -> tuple[str, str, list[tuple[Question, Ref]]]:
        """What is explained in its proper spelling, why it is free, or the questions that the gate asks."""
        asked = _folded(self.action)
        for privilege in Privilege:
            if _folded(privilege) == asked:
                if securable.kind is Kind.ROUTINE and privilege in _OTHER_LEAVES:
                    securable = Ref(_OTHER_LEAVES[privilege], securable.name)
                if securable != METASTORE or privilege not in ENTITLEMENTS.values():
                    applicable(privilege, Kind.MODEL if securable.kind is Kind.ROUTINE else securable.kind)
                return privilege.value, "", [(Question(privilege, inside=privilege in _MAKING), securable)]
        for action in ACTIONS:
            if _folded(action.__name__) == asked and not issubclass(action, Chore):
                return action.__name__, action.open_to, _needs(action, securable, self.origin)
        raise Invalid(f'"{self.action[:60]}" is no action and no privilege; use names as `SetAlias` or `USE_CATALOG`.')


@dataclass(frozen=True)
class Preflight(Query[Look, Readiness]):
    """Say what a principal lacks for a role, and which grants would help.

    `model` is the full name of a model, or of a schema for all models in it; promotion copies from `source`.
    """

    role: Role
    model: str
    source: str = ""
    principal: str = ""

    open_to = _SAFE

    def run(self, tx: Look) -> Readiness:
        """Every step, also those behind a missing one."""
        if bool(self.source) != (self.role is Role.PROMOTION):
            raise Invalid("a promotion, and nothing else, has a source: name the model that it copies from.")
        about = _asked_about(tx, self.principal)
        found: list[Step] = []
        for want in WANTS[self.role]:
            place = _place(self.source if want.source else self.model, Kind.MODEL)
            found += _wanted(tx, about, want.privilege, place)
        checks = once(_footings(tx, about, found))
        return Readiness(about.principal.name, self.role, checks, about.principal.active)


def _folded(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).lower()


def _laid_open(step: Step) -> Step:
    """For who may know that it is there: what it lacks that does not see it."""
    return replace(step, outcome=Outcome.DENIED) if step.outcome is Outcome.HIDDEN else step


def _place(full_name: str, leaf: Kind = Kind.ROUTINE) -> Ref:
    for prefix, kind in _OBJECT_NAMES.items():
        if full_name.startswith(prefix):
            return Ref(kind, full_name)
    depth = full_name.count(".") + 1 if full_name else 0
    return Ref(leaf if depth == _LEAF else _KINDS[depth], full_name)


def _asked_about(tx: Look, name: str) -> Caller:
    if not name:
        return tx.caller
    principal = access.required(tx, name)
    return Caller(principal, frozenset(access.ids_acted_as(tx, principal.id)))


def _tells_all(tx: Look, about: Caller, ref: Ref) -> bool:
    """Whether the caller may hear everything, as it manages the securable, or what would hold it where it is missing.

    About itself anybody may hear something; about others it is refused.
    """
    chain = access.chain(tx, tx.caller, ref)
    managing = Privilege.CAN_MANAGE if ref.kind in OBJECTS else Privilege.MANAGE
    decision = decide(Question(managing), chain)
    if decision.outcome is Outcome.MISSING and decide(Question(Privilege.MANAGE), Chain(chain.nodes)).allowed:
        return True
    if not decision.allowed and about.principal.id != tx.caller.principal.id:
        raise (Denied if decision.outcome is Outcome.DENIED else NotFound)(decision.reason)
    return decision.allowed


def _needs(action: type[Action[Any, Any]], securable: Ref, origin: str) -> list[tuple[Question, Ref]]:
    """The questions that the gate asks when an action is about a securable."""
    objects = {kind for need in action.needs for kind in _OBJECT_FIELDS.get(need.on, ())}
    if objects or (securable.kind in OBJECTS and action.needs):
        return _needs_on(action, securable, objects)
    if not action.needs:
        return []
    depth = _KINDS.index(securable.kind)
    wanted = max((_DEPTHS.get(need.on, _LEAF) for need in action.needs), default=depth)
    anywhere = any(need.on == "securable" for need in action.needs)
    if wanted != depth and not anywhere:
        raise Invalid(f"{action.__name__} is about a {_KINDS[wanted].noun}; name one of those.")
    return [(need.question, _ref(need.on, securable, origin)) for need in action.needs]


def _needs_on(action: type[Action[Any, Any]], securable: Ref, objects: set[Kind]) -> list[tuple[Question, Ref]]:
    """The same for an object of the metastore, and the metastore itself."""
    if securable.kind not in objects:
        told = " or ".join(sorted(kind.noun for kind in objects)) or "something else"
        raise Invalid(f"{action.__name__} is about {told}; name one of those, an endpoint as {PREFIX}<name>.")
    return [(need.question, METASTORE if need.on == "metastore" else securable) for need in action.needs]


def _ref(field: str, securable: Ref, origin: str) -> Ref:
    """What a field of an action names: the securable, a container of it, or the model that is copied from."""
    if field == "origin":
        if not origin:
            raise Invalid("this action copies from another model; name that as origin, too.")
        return _place(origin, _LEAVES[field])
    depth = _DEPTHS.get(field)
    if depth is None:
        return Ref(_LEAVES.get(field, securable.kind), securable.name)
    return _place(".".join(securable.name.split(".")[:depth]))


def _wanted(tx: Look, about: Caller, privilege: Privilege, ref: Ref) -> list[Step]:
    """The steps to a privilege on a model, or on a schema for every model in it."""
    if ref.kind is Kind.SCHEMA:
        wanted = Privilege.CREATE_MODEL if privilege is Privilege.CREATE_MODEL_VERSION else privilege
        question = Question(wanted, inside=True)
        return steps(question, _known(tx, about, question, ref))
    question = Question(privilege)
    chain = _known(tx, about, question, ref)
    is_new = chain.missing is not None and chain.missing.full_name == ref.name
    if privilege is Privilege.CREATE_MODEL_VERSION and is_new:
        return _wanted(tx, about, privilege, Ref(Kind.SCHEMA, split(ref.name)[0]))
    return steps(question, chain)


def _known(tx: Look, about: Caller, question: Question, ref: Ref) -> Chain:
    """The chain; to who may not hear everything, what lies behind its first closed gate is shown as there and bare."""
    chain = access.chain(tx, about, ref)
    refused = next((step for step in steps(question, chain) if not step.passed), None)
    if _tells_all(tx, about, ref) or refused is None or refused.outcome is not Outcome.DENIED:
        return chain
    depth = chain.nodes.index(refused.on) + 1
    parts = ref.name.split(".")
    bare = (Node(_KINDS[level], "", ".".join(parts[:level])) for level in range(depth, len(parts) + 1))
    return Chain((*chain.nodes[:depth], *bare))


def _footings(tx: Look, about: Caller, found: list[Step]) -> Iterator[Check]:
    """Each step with the way to who owns, or was granted, what it rests on."""
    ways = grants.memberships(tx, about.principal.id)
    for step in found:
        ground = step.ground
        if ground is None:
            yield Check(step)
        elif ground.basis is Basis.ENTITLEMENT and ground.privilege:
            entitled = access.entitled(tx, ground.privilege, ways)
            yield Check(step, min((ways[each] for each in entitled), key=lambda way: (len(way), way)))
        elif ground.basis is Basis.GRANT and ground.privilege:
            holders = grants.holders(tx, ground.on, ground.privilege, ways)
            nearest, granted = min(holders, key=lambda held: (len(ways[held[0]]), ways[held[0]], held[1]))
            yield Check(step, ways[nearest], granted)
        else:
            yield Check(step, ways[grants.owner(tx, ground.on)])
