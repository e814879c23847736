"""The audit: one row for each recorded attempt, in the transaction of the change itself or in one of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from modelyard.store import schema
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.access import Caller
    from modelyard.domain.journal import Origin, Result
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
_DONE: Final = select(_audit.c.seq).where(_audit.c.request_id == bindparam("request"), _audit.c.result == "done")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is recorded of one attempt at an action.

    `securable` is the full name of what it is about, `params` a JSON object without secrets.
    """

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
        event_id=new_id(),
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


def was_done(tx: Look, request_id: str) -> bool:
    """Whether a request's change is committed: what settles a COMMIT whose answer was lost."""
    return tx.row(_DONE, request=request_id) is not None
