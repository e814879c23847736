"""What an endpoint's creator must hold, whoever changes the endpoint: its models are loaded in its name."""

from __future__ import annotations

from dataclasses import replace

from modelyard.action import METASTORE, Ref
from modelyard.domain.access import Caller
from modelyard.domain.endpoints import Deployment, Endpoint, Entity, Standing
from modelyard.domain.models import ready
from modelyard.domain.privileges import Kind, Node, Outcome, Privilege, Question, decide
from modelyard.errors import Denied, Failure, NotFound
from modelyard.store import access, models
from modelyard.store.tx import Look


def creator_of(tx: Look, endpoint: Endpoint) -> Caller:
    """Who made an endpoint, for the question what it may load; `Denied` once it was shut out."""
    creator = access.caller_by_id(tx, endpoint.creator_id)
    if creator is None:
        raise Denied(f"{endpoint.creator}, who made the endpoint '{endpoint.name}', is not active any more.")
    return creator


def entitled(tx: Look, creator: Caller) -> None:
    """`Denied` unless a principal is entitled to run code."""
    chain = access.chain(tx, creator, METASTORE)
    decision = decide(Question(Privilege.ALLOW_CLUSTER_CREATE), chain)
    if not decision.allowed:
        raise Denied(of_creator(tx, creator, decision.reason))


def loadable(tx: Look, creator: Caller, model: str) -> Node:
    """A registered model of this full name that a principal may load."""
    decision = decide(Question(Privilege.EXECUTE), chain := access.chain(tx, creator, Ref(Kind.MODEL, model)))
    if decision.outcome is Outcome.MISSING:
        raise NotFound(decision.reason)
    if not decision.allowed:
        raise Denied(of_creator(tx, creator, decision.reason))
    return chain.target


def of_creator(tx: Look, creator: Caller, reason: str) -> str:
    """Why a creator is refused, said to it or to somebody else."""
    if creator.principal.id == tx.caller.principal.id:
        return reason
    return f"{creator.principal.name}, who made the endpoint and loads its models, is refused: {reason}"


def doubted(tx: Look, endpoint: Endpoint) -> Endpoint:
    """The endpoint, with a word on each entity that serves, and could not be started again."""
    noted = dict(endpoint.standings or {})
    for entity in endpoint.active.entities if endpoint.active else ():
        held = endpoint.standing(entity)
        if entity.model and held.state is Deployment.READY and (why := _doubt(tx, endpoint, entity)):
            told = f"It runs on, but cannot be started again: {why}"
            noted[entity.served_id(endpoint.id)] = Standing(held.state, told)
    return replace(endpoint, standings=noted)


def _doubt(tx: Look, endpoint: Endpoint, entity: Entity) -> str:
    try:
        creator = creator_of(tx, endpoint)
        entitled(tx, creator)
        ready(models.version(tx, loadable(tx, creator, entity.model), entity.version), "be served")
    except Failure as failure:
        return failure.message
    return ""
