"""What ends a roll-out before its time: somebody, or an alias, changes what its endpoint serves."""

from __future__ import annotations

from dataclasses import replace

from modelyard.domain.endpoints import Endpoint, path
from modelyard.domain.journal import Event
from modelyard.domain.rollouts import Phase
from modelyard.store import endpoints
from modelyard.store.tx import Write


def interrupt(tx: Write, endpoint: Endpoint, reason: str) -> None:
    """Cancel the roll-out that is under way, if one is: what it compares is not there any more."""
    running = endpoints.rollout(tx, endpoint.id)
    if running is None or running.phase is not Phase.RUNNING:
        return
    ended = replace(running, phase=Phase.CANCELED, reason=reason)
    endpoints.put_rollout(tx, endpoint.id, ended)
    told = {"entity": ended.plan.entity, "percentage": ended.percentage, "reason": reason}
    tx.announce(Event.ROLLOUT_CANCELED, path(endpoint.name), **told)
