"""The outbox: what is to be delivered is a row of the transaction that it tells of, and goes out after its commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, literal, null, select

from modelyard.domain import notifications
from modelyard.domain.deliveries import MAX_TRIES, State
from modelyard.store import installation, schema
from modelyard.store.fanout import DELIVERY
from modelyard.store.lists import is_in, texts
from modelyard.store.schema import Name, Number
from modelyard.store.tx import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from modelyard.domain.notifications import Happening
    from modelyard.store.tx import Write

_deliveries, _destinations = schema.deliveries, schema.destinations

_PUT: Final = insert(_deliveries).from_select(
    DELIVERY,
    select(
        bindparam("id", type_=Name) + literal("-", Name) + _destinations.c.id,
        _destinations.c.id,
        bindparam("event", type_=Name),
        literal("", Name),
        literal("", Name),
        bindparam("body", type_=Name),
        bindparam("extension", type_=Name),
        literal(State.WAITING.value, Name),
        literal(0, Number),
        bindparam("most", type_=Number),
        bindparam("now", type_=Number),
        literal(0, Number),
        bindparam("now", type_=Number),
        null(),
        null(),
        literal("", Name),
    ).where(is_in(_destinations.c.id, "to")),
)


def put(
    tx: Write, to: Iterable[str], event: str, body: str, *, extension: str = "", most_tries: int = MAX_TRIES
) -> str:
    """Deliver a body to destinations by their ids, once this transaction has committed; those that are gone get none.

    `extension` is a JSON object that destinations with extended bodies get beside the documented fields. Returns the
    id that those of the deliveries begin with, before a dash and the destination's id.
    """
    id_, told = new_id(), texts(dict.fromkeys(to))
    words = {"event": event, "body": body, "extension": extension, "most": most_tries, "now": tx.now}
    tx.has_mail = tx.run(_PUT, id=id_, to=told, **words) > 0 or tx.has_mail
    return id_


def put_job(
    tx: Write,
    happening: Happening,
    webhook_notifications: Mapping[str, object] | None,
    extension: Callable[[], str] = str,
) -> None:
    """Tell the destinations in a job's or task's `webhook_notifications` what happens to a run.

    Who calls it says with `domain.notifications.moment_of` what a result is told as, and whether it is muted.
    """
    to = notifications.destinations(webhook_notifications, happening.moment)
    there = installation.get(tx) if to else None
    if there:
        body = notifications.body(there.workspace_id, happening)
        put(tx, to, happening.moment.event_type, body, extension=extension())
