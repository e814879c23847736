"""Subscriptions to what happens in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, or_, select

from modelyard.domain.journal import Event
from modelyard.domain.subscriptions import Subscription
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

_subscriptions, _events = schema.subscriptions, schema.subscription_events
_securables, _principals, _destinations = schema.securables, schema.principals, schema.destinations

_SHOWN: Final = (
    select(
        _subscriptions.c.seq,
        _subscriptions.c.id,
        _securables.c.full_name,
        _subscriptions.c.destination_id,
        _destinations.c.display_name,
        _principals.c.name,
        _subscriptions.c.principal_id,
        _subscriptions.c.created_at,
    )
    .join(_securables, _securables.c.id == _subscriptions.c.securable_id)
    .join(_destinations, _destinations.c.id == _subscriptions.c.destination_id)
    .join(_principals, _principals.c.id == _subscriptions.c.principal_id)
)
_THIS: Final = _subscriptions.c.id == bindparam("subscription")
_GET: Final = _SHOWN.where(_THIS)
_LIST: Final = (
    _SHOWN.where(
        _subscriptions.c.seq > bindparam("after"),
        or_(bindparam("everything") == 1, _subscriptions.c.principal_id == bindparam("mine")),
        or_(bindparam("full_name") == "", _securables.c.full_name == bindparam("full_name")),
    )
    .order_by(_subscriptions.c.seq)
    .limit(bindparam("most"))
)
_EVENTS_OF: Final = (
    select(_events.c.subscription_id, _events.c.event)
    .where(is_in(_events.c.subscription_id, "ids"))
    .order_by(_events.c.event)
)
_COUNT: Final = (
    select(func.count()).select_from(_subscriptions).where(_subscriptions.c.securable_id == bindparam("securable"))
)
_ADD: Final = inserting(_subscriptions)
_ADD_EVENT: Final = inserting(_events)
_REMOVE: Final = delete(_subscriptions).where(_THIS)
_FORGET: Final = delete(_subscriptions).where(
    _subscriptions.c.securable_id.not_in(select(_securables.c.id)),
    _subscriptions.c.securable_id.not_in(select(schema.trash.c.model_id)),
)


def add(tx: Write, securable_id: str, destination_id: str, events: Iterable[Event]) -> str:
    """Keep a subscription of the caller's; its id."""
    id_, mine = new_id(), tx.caller.principal.id
    tx.run(
        _ADD,
        id=id_,
        securable_id=securable_id,
        destination_id=destination_id,
        principal_id=mine,
        created_at=tx.now,
    )
    for event in sorted(set(events)):
        tx.run(_ADD_EVENT, subscription_id=id_, event=event.value)
    return id_


def get(tx: Look, id_: str) -> Subscription | None:
    """A subscription by its id."""
    rows = tx.rows(_GET, subscription=id_)
    return _whole(tx, rows)[0] if rows else None


def page(tx: Look, window: Window, full_name: str) -> Page[Subscription]:
    """The caller's subscriptions, or an admin's view of all, the oldest first; with a name, those on that securable."""
    told = {"everything": int(tx.is_admin), "mine": tx.caller.principal.id, "full_name": full_name}
    rows = tx.rows(_LIST, after=window.number_after or 0, most=window.limit + 1, **told)
    key = str(rows[window.limit - 1][0]) if len(rows) > window.limit else None
    return window.cut(_whole(tx, rows), key)


def count(tx: Look, securable_id: str) -> int:
    """How many subscriptions there are on a securable."""
    return tx.rows(_COUNT, securable=securable_id)[0][0]


def remove(tx: Write, id_: str) -> None:
    """Forget a subscription; what is on its way already goes on."""
    tx.run(_REMOVE, subscription=id_)


def forget(tx: Write) -> None:
    """Forget subscriptions to what is gone for good."""
    tx.run(_FORGET)


def _whole(tx: Look, rows: Sequence[Row]) -> list[Subscription]:
    events: dict[str, list[Event]] = {}
    for id_, event in tx.rows(_EVENTS_OF, ids=texts(row[1] for row in rows)):
        events.setdefault(id_, []).append(Event(event))
    return [Subscription(*row[1:], events=tuple(events.get(row[1], ()))) for row in rows]
