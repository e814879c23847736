"""Notification destinations: admins say where the server may send, everybody may let jobs and models tell it there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain import webhooks
from modelyard.domain.deliveries import told_body
from modelyard.domain.destinations import MAX_DESTINATIONS, Body, Config, Destination, DestinationKind, checked
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid, TooMany
from modelyard.store import destinations, outbox
from modelyard.store.tx import Look, Write

_ADMIN = (Need(Privilege.MANAGE, on="metastore"),)
_HOUR = 3_600_000
_TEST = "destination.test"


@dataclass(frozen=True)
class CreateDestination(Command[Write, Destination]):
    """Make a notification destination; what is sent to a generic webhook is signed from the start."""

    display_name: str
    config: Config
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> Destination:
        """Make it."""
        if destinations.count(tx) >= MAX_DESTINATIONS:
            raise TooMany(f"there are {MAX_DESTINATIONS} notification destinations already; delete one.")
        id_ = destinations.add(tx, self.display_name, checked(self.config.kind, self.config.fields))
        if self.config.kind is DestinationKind.WEBHOOK:
            destinations.set_secrets(tx, id_, [_fresh()], None)
        tx.announce(Event.DESTINATION_CREATED, "", id=id_, name=self.display_name, kind=self.config.kind.value)
        return destinations.get(tx, id_)


@dataclass(frozen=True)
class ListDestinations(Query[Look, Page[Destination]]):
    """List the notification destinations, the oldest first, without their configs."""

    window: Window

    open_to = "every principal: names and ids, which jobs and subscriptions need; no config is shown"

    def run(self, tx: Look) -> Page[Destination]:
        """List them."""
        found = destinations.page(tx, self.window)
        return replace(found, items=tuple(replace(each, shown={}) for each in found.items))


@dataclass(frozen=True)
class GetDestination(Query[Look, Destination]):
    """Show a notification destination; which fields of its config are set is shown to admins only."""

    id: str

    open_to = "every principal: its name and type; its config is shown to admins only, and never a secret of it"

    def run(self, tx: Look) -> Destination:
        """Show it."""
        found = destinations.get(tx, self.id)
        return found if tx.is_admin else replace(found, shown={})


@dataclass(frozen=True)
class InspectDestination(Query[Look, Destination]):
    """Show what the server does with a destination: whether it delivers, which body, and since when it signs."""

    id: str
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Look) -> Destination:
        """Show it."""
        return destinations.get(tx, self.id)


@dataclass(frozen=True)
class UpdateDestination(Command[Write, Destination]):
    """Change a destination's name, fields of its config, or the body that it gets; what is None stays."""

    id: str
    display_name: str | None = None
    config: Config | None = None
    body: Body | None = None
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> Destination:
        """Change it."""
        found = destinations.locked(tx, self.id)
        before = destinations.config(tx, self.id)
        after = self.config.over(before) if self.config else before
        destinations.change(tx, self.id, self.display_name or found.display_name, after, self.body or found.body)
        tx.announce(Event.DESTINATION_UPDATED, "", id=self.id)
        return destinations.get(tx, self.id)


@dataclass(frozen=True)
class DeleteDestination(Command[Write, None]):
    """Delete a destination with its subscriptions and its log; what is on its way is not delivered."""

    id: str
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> None:
        """Delete it, or `NotFound`."""
        found = destinations.locked(tx, self.id)
        destinations.remove(tx, self.id)
        tx.announce(Event.DESTINATION_DELETED, "", id=self.id, name=found.display_name)


@dataclass(frozen=True)
class SigningSecret:
    """A new secret, which is shown this once, and how long the one before it signs, too."""

    secret: str = field(repr=False)
    former_until: int | None


@dataclass(frozen=True)
class RotateSigningSecret(Command[Write, SigningSecret]):
    """Make a new secret that signs what is sent to a generic webhook; the former one signs beside it for a while."""

    id: str
    keep_hours: int = 24
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> SigningSecret:
        """The new secret."""
        found = destinations.locked(tx, self.id)
        if found.kind is not DestinationKind.WEBHOOK:
            raise Invalid(f"only generic webhooks are signed; this destination is {found.kind}.")
        made, former = _fresh(), destinations.secrets(tx, self.id)[:1]
        until = tx.now + webhooks.hours(self.keep_hours) * _HOUR if former and self.keep_hours else None
        destinations.set_secrets(tx, self.id, [made, *former] if until else [made], until)
        tx.announce(Event.DESTINATION_UPDATED, "", id=self.id, signed_anew=True)
        return SigningSecret(made.text(), until)


@dataclass(frozen=True)
class TryDestination(Command[Write, str]):
    """Send something to a destination once, to see whether it arrives."""

    id: str
    metastore: Ref = METASTORE

    needs = _ADMIN

    def run(self, tx: Write) -> str:
        """The id of the delivery, which tells what came of it."""
        found = destinations.get(tx, self.id)
        body = told_body(_TEST, tx.now, {"destination": found.display_name, "by": tx.actor})
        begun = outbox.put(tx, [self.id], _TEST, body, most_tries=1)
        return f"{begun}-{self.id}"


def _fresh() -> Hidden:
    return webhooks.secret(secrets.token_bytes(webhooks.SECRET_BYTES))
