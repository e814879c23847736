"""How what happens in the registry gets to its subscribers: one statement in the transaction of the change itself.

Nothing reads events after a number that it remembers: on PostgreSQL, transactions commit in another order than they
take numbers, and whoever follows numbers passes some of them over.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, insert, literal, null, select

from modelyard.domain.deliveries import MAX_TRIES, State
from modelyard.store import schema
from modelyard.store.lists import is_in
from modelyard.store.schema import Name, Number

_deliveries, _securables = schema.deliveries, schema.securables
_subscriptions, _events = schema.subscriptions, schema.subscription_events

_about, _around = _securables.alias("about"), _securables.alias("around")

DELIVERY: Final = [column.name for column in _deliveries.c if column.name != "seq"]

FAN_OUT: Final = insert(_deliveries).from_select(
    DELIVERY,
    select(
        # Ids are the same whoever looks: one for each event and subscription.
        bindparam("event_id", type_=Name) + literal("-", Name) + _subscriptions.c.id,
        _subscriptions.c.destination_id,
        bindparam("event", type_=Name),
        _about.c.id,
        _subscriptions.c.principal_id,
        bindparam("body", type_=Name),
        literal("", Name),
        literal(State.WAITING.value, Name),
        literal(0, Number),
        literal(MAX_TRIES, Number),
        bindparam("now", type_=Number),
        literal(0, Number),
        bindparam("now", type_=Number),
        null(),
        null(),
        literal("", Name),
    )
    .select_from(
        _subscriptions.join(_events, _events.c.subscription_id == _subscriptions.c.id)
        .join(_around, _around.c.id == _subscriptions.c.securable_id)
        .join(_about, _about.c.full_name == bindparam("full_name", type_=Name))
    )
    .where(_events.c.event == bindparam("event", type_=Name), is_in(_around.c.full_name, "levels")),
)
"""A delivery to each destination that is subscribed to an event on a securable, or on what it is in (`levels`)."""


def levels(full_name: str) -> list[str]:
    """A full name, and those of what it is in."""
    parts = full_name.split(".")
    return [".".join(parts[: depth + 1]) for depth in range(len(parts))]
