"""Subscriptions to what happens to a model, or in a schema or catalog.

Whoever subscribes must see what it is about; whether it still does is decided again before each delivery.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Node, Privilege
from modelyard.domain.subscriptions import MOST, Subscription
from modelyard.errors import NotFound, TooMany
from modelyard.store import destinations, subscriptions
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class SubscribeToModel(Command[Write, Subscription]):
    """Have a destination told what happens to a registered model."""

    model: Ref
    destination_id: str
    events: tuple[Event, ...]

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Write) -> Subscription:
        """The subscription, which is the caller's."""
        return _subscribed(tx, tx.at(self.model), self.destination_id, self.events)


@dataclass(frozen=True)
class SubscribeInside(Command[Write, Subscription]):
    """Have a destination told what happens to whatever of a schema or catalog the caller may see then."""

    container: Ref
    destination_id: str
    events: tuple[Event, ...]

    needs = (Need(Privilege.BROWSE, on="container", metadata=True),)

    def run(self, tx: Write) -> Subscription:
        """The subscription, which is the caller's."""
        return _subscribed(tx, tx.at(self.container), self.destination_id, self.events)


def _subscribed(tx: Write, on: Node, destination_id: str, events: tuple[Event, ...]) -> Subscription:
    destinations.get(tx, destination_id)
    if subscriptions.count(tx, on.id) >= MOST:
        raise TooMany(f"{on} has {MOST} subscriptions already; delete one.")
    id_ = subscriptions.add(tx, on.id, destination_id, events)
    told = {"destination": destination_id, "events": [event.value for event in events]}
    tx.announce(Event.SUBSCRIPTION_CREATED, on.full_name, id=id_, **told)
    return _mine(tx, id_)


@dataclass(frozen=True)
class ListSubscriptions(Query[Look, Page[Subscription]]):
    """List the caller's subscriptions, the oldest first; admins see everybody's. A full name asks for those on it."""

    window: Window
    full_name: str = ""

    open_to = "every principal: only its own, or all as an admin"

    def run(self, tx: Look) -> Page[Subscription]:
        """List them."""
        return subscriptions.page(tx, self.window, self.full_name)


@dataclass(frozen=True)
class DeleteSubscription(Command[Write, None]):
    """End a subscription of the caller's, or as an admin anybody's."""

    id: str

    open_to = "every principal: only its own, or all as an admin; others are answered as unknown"

    def run(self, tx: Write) -> None:
        """End it; what is on its way goes on."""
        found = _mine(tx, self.id)
        subscriptions.remove(tx, self.id)
        tx.subject = found.full_name
        tx.announce(Event.SUBSCRIPTION_DELETED, found.full_name, id=self.id)


def _mine(tx: Look, id_: str) -> Subscription:
    found = subscriptions.get(tx, id_)
    if found is None or (found.principal_id != tx.caller.principal.id and not tx.is_admin):
        raise NotFound(f"there is no subscription with id {id_[:64]}.")
    return found
