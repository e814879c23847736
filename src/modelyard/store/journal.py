"""The audit: one row for each recorded attempt, in the transaction of the change itself or in one of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, or_, select

from modelyard.domain.journal import Entry, Result
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.expression import Select

    from modelyard.domain.access import Caller
    from modelyard.domain.journal import AuditFilter, Origin
    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

SERVICE: Final = "modelyard"
_MAX_TEXT: Final = 1_024

_audit = schema.audit
_ADD: Final = inserting(_audit)
_RECENT: Final = (
    select(
        _audit.c.event_time, _audit.c.principal, _audit.c.action_name, _audit.c.result, _audit.c.error,
        _audit.c.message, _audit.c.request_params, _audit.c.request_id,
    )
    .order_by(_audit.c.seq.desc())
    .limit(bindparam("most"))
)  # fmt: skip
_RESULT: Final = select(_audit.c.result).where(_audit.c.event_id == bindparam("event"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is recorded of one attempt at an action.

    `event_id` is its own: of two rows with the same one only one is ever kept. `securable` is the full name of what it
    is about, `params` a JSON object without secrets.
    """

    event_id: str
    action: str
    securable: str
    params: str
    caller: Caller | None
    origin: Origin
    result: Result
    error: str
    message: str


def record(tx: Write, attempt: Attempt, now: int) -> None:
    """Write the audit row; if this fails, so does the change that it tells of."""
    caller, origin = attempt.caller, attempt.origin
    tx.run(
        _ADD,
        event_id=attempt.event_id,
        event_time=now,
        request_id=origin.request_id,
        service_name=SERVICE,
        action_name=attempt.action,
        principal=caller.principal.name if caller else "",
        principal_id=caller.principal.id if caller else "",
        token_id=caller.token_id if caller else "",
        source_ip_address=origin.address,
        user_agent=origin.user_agent[:_MAX_TEXT],
        request_params=attempt.params,
        result=attempt.result.value,
        error=attempt.error,
        message=attempt.message[:_MAX_TEXT],
        securable=attempt.securable,
        seal=None,
    )


def recent(tx: Look, most: int) -> Sequence[Row]:
    """The newest rows: time, principal, action, result, error, message, parameters, request id."""
    return tx.rows(_RECENT, most=most)


def result_of(tx: Look, event_id: str) -> Result | None:
    """How an attempt ended, if that is recorded."""
    row = tx.row(_RESULT, event=event_id)
    return Result(row[0]) if row else None


# Questions. Rows come by `seq`, which no row changes; their times follow it but for the clocks of several hosts.

_LAST_SEQ: Final = 2**62
_LAST_TIME: Final = 2**62

_BOUNDS: Final = select(func.min(_audit.c.seq) - 1, func.max(_audit.c.seq) + 1).where(
    _audit.c.event_time >= bindparam("since"), _audit.c.event_time < bindparam("until")
)
_FILTERS: Final[dict[str, ColumnElement[bool]]] = {
    "since": _audit.c.event_time >= bindparam("since"),
    "until": _audit.c.event_time < bindparam("until"),
    "principal": _audit.c.principal == bindparam("principal"),
    "own": _audit.c.principal_id == bindparam("own"),
    "action": _audit.c.action_name == bindparam("action"),
    "result": _audit.c.result == bindparam("result"),
    "request_id": _audit.c.request_id == bindparam("request_id"),
    "securable": _audit.c.securable == bindparam("securable"),
    # Everything inside "a.b" sorts from "a.b." up to, not including, "a.b/", with other names between "a.b" and that.
    "container": (_audit.c.securable >= bindparam("container"))
    & (_audit.c.securable < bindparam("beyond"))
    & or_(_audit.c.securable == bindparam("container"), _audit.c.securable > bindparam("inside")),
}
_LEAF_PERIODS: Final = 2


@cache
def _asking(filters: frozenset[str], *, oldest_first: bool) -> Select[Row]:
    """The statement for a set of filters: there are some hundreds of sets at most, and each is made once."""
    wanted = [_FILTERS[name] for name in sorted(filters)]
    between = (_audit.c.seq > bindparam("low"), _audit.c.seq < bindparam("high"))
    order = _audit.c.seq if oldest_first else _audit.c.seq.desc()
    return select(_audit).where(*wanted, *between).order_by(order).limit(bindparam("most"))


def page(tx: Look, asked: AuditFilter, window: Window, *, own: str, oldest_first: bool) -> Page[Entry]:
    """Rows of the audit, newest first or oldest first; with `own`, only those of the principal with this id."""
    values = _values(asked, own)
    low, high = _bounds(tx, asked)
    if (after := window.number_after) is not None:
        low, high = (after, high) if oldest_first else (low, after)
    statement = _asking(frozenset(values.keys() & _FILTERS.keys()), oldest_first=oldest_first)
    rows = tx.rows(statement, **values, low=low, high=high, most=window.limit + 1)
    found = [Entry(*row) for row in rows]
    return window.cut(found, str(found[window.limit - 1].seq) if len(found) > window.limit else None)


def _values(asked: AuditFilter, own: str) -> dict[str, object]:
    """The values of a question: only those of filters that are set."""
    told: dict[str, object] = {
        "since": asked.since,
        "until": asked.until,
        "principal": asked.principal,
        "own": own,
        "action": asked.action,
        "result": asked.result,
        "request_id": asked.request_id,
    }
    name = asked.securable
    if name.count(".") == _LEAF_PERIODS:
        told["securable"] = name
    elif name:
        told |= {"container": name, "inside": name + ".", "beyond": name + "/"}
    return {key: value for key, value in told.items() if value not in {None, ""}}


def _bounds(tx: Look, asked: AuditFilter) -> tuple[int, int]:
    """Numbers below and above those of all rows within the times that are asked for: where an index begins and ends.

    Every row within them counts, since hosts with wrong clocks may have written any of them.
    """
    if asked.since is None and asked.until is None:
        return 0, _LAST_SEQ
    until = _LAST_TIME if asked.until is None else asked.until
    row = tx.row(_BOUNDS, since=asked.since or 0, until=until)
    return (row[0], row[1]) if row and row[0] is not None else (0, 0)
