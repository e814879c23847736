"""Where notifications go, who has subscribed to what, and what is on its way: the outbox."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, text

from modelyard.store.schema.base import METADATA, Name, Number, Serial
from modelyard.store.schema.people import principals

_WAITING = text("state = 'WAITING'")

destinations = Table(
    "destinations",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True, comment="a UUID with dashes, as clients expect one"),
    Column("display_name", Name, nullable=False),
    Column("kind", Name, nullable=False, comment="in the words of the wire"),
    Column("shown", Name, nullable=False, comment="its config as it is shown: a JSON object"),
    Column("sealed", Name, nullable=False, comment="its config, encrypted: URLs hold secrets as well"),
    Column("secrets", Name, nullable=False, comment="what signs, encrypted: a JSON list, the newest first; or nothing"),
    Column("signed_since", Number, comment="when the newest of them was made"),
    Column("former_until", Number, comment="how long the one before it signs, too"),
    Column("body", Name, nullable=False, comment="documented or extended"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("updated_at", Number, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    Column("securable_id", Name, nullable=False, index=True, comment="which may be in the trash"),
    Column("destination_id", Name, ForeignKey(destinations.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Number, nullable=False),
)

subscription_events = Table(
    "subscription_events",
    METADATA,
    Column("subscription_id", Name, ForeignKey(subscriptions.c.id, ondelete="CASCADE"), nullable=False),
    Column("event", Name, nullable=False),
    PrimaryKeyConstraint("subscription_id", "event"),
)

deliveries = Table(
    "deliveries",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True, comment="the webhook-id, the same at every try"),
    Column("destination_id", Name, ForeignKey(destinations.c.id, ondelete="CASCADE"), nullable=False),
    Column("event", Name, nullable=False),
    Column("securable_id", Name, nullable=False, comment="what it tells of, where the subscriber must see that"),
    Column("principal_id", Name, nullable=False, comment="the subscriber, if there is one"),
    Column("body", Name, nullable=False, comment="a JSON object, as it is sent"),
    Column("extension", Name, nullable=False, comment="a JSON object for bodies that are extended, or nothing"),
    Column("state", Name, nullable=False),
    Column("tries", Number, nullable=False),
    Column("most_tries", Number, nullable=False),
    Column("due_at", Number, nullable=False, comment="when it is tried again, or until when somebody has it in hand"),
    Column("in_hand", Integer, nullable=False),
    Column("created_at", Number, nullable=False),
    Column("ended_at", Number),
    Column("status", Number, comment="of the last answer"),
    Column("error", Name, nullable=False, comment="what went wrong the last time"),
    Index("ix_deliveries_due", "due_at", "destination_id", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index(None, "destination_id", "seq"),
    Index(None, "ended_at"),
)

delivery_tries = Table(
    "delivery_tries",
    METADATA,
    Column("delivery_id", Name, ForeignKey(deliveries.c.id, ondelete="CASCADE"), nullable=False),
    Column("number", Number, nullable=False),
    Column("began_at", Number, nullable=False),
    Column("milliseconds", Number, nullable=False),
    Column("status", Number),
    Column("error", Name, nullable=False),
    PrimaryKeyConstraint("delivery_id", "number"),
)
