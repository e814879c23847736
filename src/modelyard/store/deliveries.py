"""Deliveries: what is due, who has it in hand, what became of it, and the log of its tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, null, or_, select, update

from modelyard.domain.deliveries import LEASE_SECONDS, MAX_TRIES, Delivery, State, Try
from modelyard.errors import NotFound
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.deliveries import Outcome, Verdict
    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

_deliveries, _tries = schema.deliveries, schema.delivery_tries
_securables = schema.securables

_SHOWN: Final = (
    _deliveries.c.seq,
    _deliveries.c.id,
    _deliveries.c.destination_id,
    _deliveries.c.event,
    _deliveries.c.body,
    _deliveries.c.state,
    _deliveries.c.tries,
    _deliveries.c.most_tries,
    _deliveries.c.due_at,
    _deliveries.c.created_at,
    _deliveries.c.ended_at,
    _deliveries.c.status,
    _deliveries.c.error,
)
_LAST_SEQ: Final = 2**62
_THIS: Final = _deliveries.c.id == bindparam("delivery")
_OF_DESTINATION: Final = _deliveries.c.destination_id == bindparam("destination")
_IS_DUE: Final = (_deliveries.c.state == State.WAITING.value) & (_deliveries.c.due_at <= bindparam("now"))

# What the courier takes

_DUE: Final = select(_deliveries.c.destination_id).where(_IS_DUE).distinct()
_NEXT: Final = (
    select(
        _deliveries.c.id,
        _deliveries.c.tries,
        _deliveries.c.most_tries,
        _deliveries.c.body,
        _deliveries.c.extension,
        _deliveries.c.principal_id,
        _deliveries.c.securable_id,
    )
    .where(_OF_DESTINATION, _IS_DUE)
    .order_by(_deliveries.c.due_at, _deliveries.c.seq)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKE: Final = update(_deliveries).where(_THIS).values(tries=bindparam("number"), due_at=bindparam("until"), in_hand=1)
_SETTLE: Final = (
    update(_deliveries)
    .where(_THIS, _deliveries.c.tries == bindparam("number"), _deliveries.c.state == State.WAITING.value)
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("new_due"),
        in_hand=0,
        ended_at=bindparam("ended"),
        status=bindparam("new_status"),
        error=bindparam("new_error"),
    )
)
_GIVE_BACK: Final = (
    update(_deliveries)
    .where(_deliveries.c.in_hand == 1, _deliveries.c.state == State.WAITING.value)
    .values(due_at=bindparam("now"), in_hand=0)
)
_ADD_TRY: Final = inserting(_tries)
_SECURABLE: Final = select(_securables.c.kind, _securables.c.full_name).where(
    _securables.c.id == bindparam("securable")
)


def due(tx: Look) -> list[str]:
    """The ids of destinations for which something is due."""
    return [id_ for (id_,) in tx.rows(_DUE, now=tx.now)]


def take(tx: Write, destination_id: str, most: int) -> Sequence[Row]:
    """Have some of what is due for a destination in hand; nobody else takes it while the lease lasts.

    Rows of id, number of this try, most tries, body, extension, subscriber, and what it tells of.
    """
    found = tx.rows(_NEXT, destination=destination_id, now=tx.now, most=most)
    until = tx.now + LEASE_SECONDS * 1000
    for id_, tries, *_ in found:
        tx.run(_TAKE, delivery=id_, number=tries + 1, until=until)
    return [(id_, tries + 1, *more) for id_, tries, *more in found]


def give_back(tx: Write) -> None:
    """Let everything that somebody had in hand be due now: for a process that knows that it is alone."""
    tx.run(_GIVE_BACK, now=tx.now)


def settle(tx: Write, id_: str, number: int, verdict: Verdict, status: int | None) -> bool:
    """Keep what became of a try; false if somebody else has taken it meanwhile."""
    ended = None if verdict.state is State.WAITING else tx.now
    told = {"new_state": verdict.state.value, "new_due": verdict.due_at, "ended": ended}
    changed = tx.run(_SETTLE, delivery=id_, number=number, **told, new_status=status, new_error=verdict.error)
    return changed > 0


def log_try(tx: Write, id_: str, number: int, outcome: Outcome, error: str) -> None:
    """Keep a try in the log."""
    told = {"began_at": outcome.began_at, "milliseconds": outcome.milliseconds, "status": outcome.status}
    tx.run(_ADD_TRY, delivery_id=id_, number=number, **told, error=error)


def securable(tx: Look, id_: str) -> tuple[str, str] | None:
    """Kind and full name of what a delivery tells of; None once it is gone."""
    row = tx.row(_SECURABLE, securable=id_)
    return (row[0], row[1]) if row else None


# The log

_GET: Final = select(*_SHOWN).where(_THIS)
_ANY_STATE: Final = or_(bindparam("wanted") == "", _deliveries.c.state == bindparam("wanted"))
_LIST: Final = (
    select(*_SHOWN)
    .where(_OF_DESTINATION, _deliveries.c.seq < bindparam("before"), _ANY_STATE)
    .order_by(_deliveries.c.seq.desc())
    .limit(bindparam("most"))
)
_LIST_TRIES: Final = (
    select(_tries.c.number, _tries.c.began_at, _tries.c.milliseconds, _tries.c.status, _tries.c.error)
    .where(_tries.c.delivery_id == bindparam("delivery"))
    .order_by(_tries.c.number)
)
_ANEW: Final = update(_deliveries).values(
    state=State.WAITING.value,
    due_at=bindparam("now"),
    most_tries=_deliveries.c.tries + MAX_TRIES,
    in_hand=0,
    ended_at=null(),
)
_REDELIVER: Final = _ANEW.where(_THIS)
_REDELIVER_DEAD: Final = _ANEW.where(_OF_DESTINATION, _deliveries.c.state == State.DEAD.value)
_FORGET: Final = delete(_deliveries).where(_deliveries.c.ended_at < bindparam("before"))


def get(tx: Look, id_: str) -> Delivery:
    """A delivery, or `NotFound`."""
    row = tx.row(_GET, delivery=id_)
    if row is None:
        raise NotFound(f"there is no delivery with id {id_[:128]}; those that have ended are kept for some weeks.")
    return _delivery(row)


def page(tx: Look, destination_id: str, window: Window, state: str) -> Page[Delivery]:
    """The deliveries of a destination, the newest first; with a state, only those."""
    before = window.number_after or _LAST_SEQ
    rows = tx.rows(_LIST, destination=destination_id, before=before, wanted=state, most=window.limit + 1)
    found = [_delivery(row) for row in rows]
    return window.cut(found, str(found[window.limit - 1].seq) if len(found) > window.limit else None)


def tries(tx: Look, id_: str) -> tuple[Try, ...]:
    """The tries of a delivery, the first one first."""
    return tuple(Try(*row) for row in tx.rows(_LIST_TRIES, delivery=id_))


def _delivery(row: Row) -> Delivery:
    seq, id_, destination_id, event, body, state, *more = row
    return Delivery(seq, id_, destination_id, event, body, State(state), *more)


def redeliver(tx: Write, id_: str) -> None:
    """Send a delivery again, whatever became of it, with the same id."""
    tx.run(_REDELIVER, delivery=id_, now=tx.now)
    tx.has_mail = True


def redeliver_dead(tx: Write, destination_id: str) -> int:
    """Send again what could not be delivered to a destination; how many that are."""
    found = tx.run(_REDELIVER_DEAD, destination=destination_id, now=tx.now)
    tx.has_mail = tx.has_mail or found > 0
    return found


def forget(tx: Write, before: int) -> int:
    """Forget what has ended before a time; how many that were."""
    return tx.run(_FORGET, before=before)
