"""Roll-outs: one begun, looked at, and ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.actions.deployments import move
from modelyard.domain.endpoints import Endpoint, Update
from modelyard.domain.journal import Event
from modelyard.domain.plans import Plan
from modelyard.domain.privileges import Privilege
from modelyard.domain.rollouts import Phase, Rollout
from modelyard.errors import NotFound, Updating, WrongState
from modelyard.store import endpoints
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class StartRollout(Command[Write, Rollout]):
    """Let an entity of an endpoint take over step by step, from its first step on."""

    endpoint: Ref
    plan: Plan
    metastore: Ref = METASTORE

    needs = (
        Need(Privilege.CAN_MANAGE, on="endpoint"),
        Need(Privilege.ALLOW_CLUSTER_CREATE, on="metastore"),
    )

    def run(self, tx: Write) -> Rollout:
        """The roll-out at its first step; `Updating` while another one runs."""
        found = endpoints.locked(tx, tx.at(self.endpoint))
        plan = self.plan.checked()
        _check(tx, found, plan)
        shares = found.active.shares if found.active else ()
        begun = Rollout(plan, shares, started_at=tx.now, step_at=tx.now, started_by=tx.actor)
        tx.announce(Event.ROLLOUT_STARTED, tx.at(self.endpoint).full_name, entity=plan.entity, steps=plan.steps)
        move(tx, found, begun)
        return begun


@dataclass(frozen=True)
class GetRollout(Query[Look, Rollout]):
    """Show the roll-out of an endpoint, under way or the last one."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_VIEW, on="endpoint"),)

    def run(self, tx: Look) -> Rollout:
        """Show it; `NotFound` if there was none."""
        return _found(tx, self.endpoint)


@dataclass(frozen=True)
class EndRollout(Command[Write, Rollout]):
    """End the roll-out of an endpoint: the shares stay as they are, or return to what they were before it."""

    endpoint: Ref
    back: bool = False

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> Rollout:
        """The roll-out, ended; `WrongState` if it was already."""
        found = endpoints.locked(tx, tx.at(self.endpoint))
        running = _found(tx, self.endpoint)
        if running.phase is not Phase.RUNNING:
            raise WrongState(f"The roll-out has ended: it is {running.phase}.")
        phase = Phase.ROLLED_BACK if self.back else Phase.CANCELED
        ended = replace(running, phase=phase, reason=f"{tx.actor} ended it.")
        move(tx, found, ended)
        return ended


def _found(tx: Look, endpoint: Ref) -> Rollout:
    found = endpoints.rollout(tx, tx.at(endpoint).id)
    if found is None:
        raise NotFound("this endpoint has had no roll-out; start one.")
    return found


def _check(tx: Look, endpoint: Endpoint, plan: Plan) -> None:
    last = endpoints.rollout(tx, endpoint.id)
    if endpoint.update is Update.IN_PROGRESS or (last and last.phase is Phase.RUNNING):
        raise Updating(f"Endpoint '{endpoint.name}' is being updated, or rolled out, already; wait or end that.")
    if endpoint.active is None or not endpoint.is_serving or endpoint.stopped:
        raise WrongState(f"Endpoint '{endpoint.name}' does not serve.")
    if endpoint.active.entity(plan.entity) is None:
        raise NotFound(f"Endpoint '{endpoint.name}' has no served entity '{plan.entity[:60]}'.")
