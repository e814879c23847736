"""Subscriptions: who is told by which destination what happens to a model, or to everything in a schema or catalog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from modelyard.domain.deliveries import SUBSCRIBABLE
from modelyard.domain.journal import Event
from modelyard.errors import Invalid

MOST: Final = 100
"""Subscriptions on one securable."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody's wish to be told; whether it may see what is told of is looked at again each time."""

    id: str
    full_name: str
    destination_id: str
    destination: str
    principal: str
    principal_id: str
    created_at: int
    events: tuple[Event, ...] = ()


def events(told: Iterable[str]) -> tuple[Event, ...]:
    """Events by their names; none stands for all that can be subscribed to."""
    known = {event.value: event for event in SUBSCRIBABLE}
    wanted = list(told)
    if unknown := [each for each in wanted if each not in known]:
        raise Invalid(f'"{unknown[0][:60]}" cannot be subscribed to; events are {", ".join(known)}.')
    return tuple(dict.fromkeys(known[each] for each in wanted)) or SUBSCRIBABLE
