"""The audit: one row for each recorded attempt, in the transaction of the change itself or in one of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from modelyard.domain.journal import Result
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.access import Caller
    from modelyard.domain.journal import Origin
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
