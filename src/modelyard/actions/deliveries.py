"""Deliveries: their log, sending again what was not delivered, and what the courier asks of the database."""

from __future__ import annotations

import random
from dataclasses import dataclass

from modelyard.action import METASTORE, Chore, Command, Need, Query, Ref
from modelyard.domain.deliveries import KEPT_DAYS, Consignment, Delivery, Outcome, State, Try, Verdict, judged
from modelyard.domain.destinations import Body, extended, parcel
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import ROUTINES, Kind, Privilege, Question, decide
from modelyard.errors import Failure
from modelyard.store import access, deliveries, destinations, subscriptions
from modelyard.store.tx import Look, Row, Write

_ADMIN = (Need(Privilege.MANAGE, on="metastore"),)
_DAY = 24 * 3_600_000


@dataclass(frozen=True)
class ListDeliveries(Query[Look, Page[Delivery]]):
    """List what was sent to a destination, or is on its way there, the newest first."""

    id: str
    window: Window
    state: State | None = None
    metastore: Ref = METASTORE

    needs = _ADMIN

    @property
    def is_brief(self) -> bool:
        """There may be many."""
        return False

    def run(self, tx: Look) -> Page[Delivery]:
        """List it, or `NotFound` without such a destination."""
        destinations.get(tx, self.id)
        return deliveries.page(tx, self.id, self.window, self.state or "")


@dataclass(frozen=True)
class GetDelivery(Query[Look, tuple[Delivery, tuple[Try, ...]]]):
    """Show a delivery, with every try."""

    id: str
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Look) -> tuple[Delivery, tuple[Try, ...]]:
        """Show it."""
        return deliveries.get(tx, self.id), deliveries.tries(tx, self.id)


@dataclass(frozen=True)
class Redeliver(Command[Write, Delivery]):
    """Send a delivery again, under the same id, whatever became of it."""

    id: str
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> Delivery:
        """The delivery, on its way."""
        deliveries.get(tx, self.id)
        deliveries.redeliver(tx, self.id)
        return deliveries.get(tx, self.id)


@dataclass(frozen=True)
class RedeliverDead(Command[Write, int]):
    """Send again everything that could not be delivered to a destination."""

    id: str
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> int:
        """How many deliveries that are."""
        destinations.get(tx, self.id)
        return deliveries.redeliver_dead(tx, self.id)


# The courier's


@dataclass(frozen=True)
class ListDue(Chore[Look, list[str]]):
    """List the ids of destinations for which something is due."""

    is_change = False  # it is asked each second

    def run(self, tx: Look) -> list[str]:
        """List them."""
        return deliveries.due(tx)


@dataclass(frozen=True)
class GiveBackDeliveries(Chore[Write, None]):
    """Have everything due that somebody had in hand; asked by a process that begins, and knows that it is alone."""

    def run(self, tx: Write) -> None:
        """Nobody has to wait for the end of a lease of a process that is gone."""
        deliveries.give_back(tx)


@dataclass(frozen=True)
class TakeDeliveries(Chore[Write, list[Consignment]]):
    """Take in hand some of what is due for a destination, as far as it may and can be sent."""

    destination_id: str
    most: int

    def run(self, tx: Write) -> list[Consignment]:
        """What is to be sent; of the rest it is noted why it is not."""
        rows = deliveries.take(tx, self.destination_id, self.most)
        return [made for row in rows if (made := _consignment(tx, self.destination_id, row))]


def _consignment(tx: Write, destination_id: str, row: Row) -> Consignment | None:
    id_, number, most, body, extension, principal_id, securable_id = row
    if principal_id and not _may_see(tx, principal_id, securable_id):
        why = "the subscriber may not see this any more, or it is gone."
        deliveries.settle(tx, id_, number, Verdict(State.WITHHELD, tx.now, why), None)
        return None
    destination = destinations.get(tx, destination_id)
    if destination.hindrance:
        deliveries.settle(tx, id_, number, Verdict(State.DEAD, tx.now, destination.hindrance), None)
        return None
    told = extended(body, extension) if destination.body is Body.EXTENDED else body
    try:
        sent = parcel(destinations.config(tx, destination_id), told)
        return Consignment(id_, destination_id, number, most, sent, destinations.secrets(tx, destination_id))
    except Failure as failure:
        deliveries.settle(tx, id_, number, Verdict(State.DEAD, tx.now, failure.message), None)
        return None


def _may_see(tx: Look, principal_id: str, securable_id: str) -> bool:
    """Whether a subscriber may still see what is told of: the same decision as if it looked itself."""
    caller, found = access.caller_by_id(tx, principal_id), deliveries.securable(tx, securable_id)
    if caller is None or found is None:
        return False
    kind = Kind(found[0])
    look = Privilege.EXECUTE if kind in ROUTINES else Privilege.BROWSE
    return decide(Question(look, metadata=True), access.chain(tx, caller, Ref(kind, found[1]))).allowed


@dataclass(frozen=True)
class NoteTry(Chore[Write, None]):
    """Keep what came of a try, and when there will be another one."""

    id: str
    number: int
    most: int
    outcome: Outcome

    def run(self, tx: Write) -> None:
        """Keep it; where somebody else has taken the delivery meanwhile, it is theirs."""
        stretch = random.uniform(0.9, 1.1)  # noqa: S311  no secret: many must not come back at once
        verdict = judged(self.number, self.most, self.outcome, tx.now, stretch=stretch)
        if deliveries.settle(tx, self.id, self.number, verdict, self.outcome.status):
            deliveries.log_try(tx, self.id, self.number, self.outcome, verdict.error)


@dataclass(frozen=True)
class ForgetDeliveries(Chore[Write, None]):
    """Forget deliveries that ended some weeks ago, and subscriptions to what is gone for good."""

    def run(self, tx: Write) -> None:
        """Forget them."""
        deliveries.forget(tx, tx.now - KEPT_DAYS * _DAY)
        subscriptions.forget(tx)
