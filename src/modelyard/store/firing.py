"""How what happens to models starts jobs: it is noted for each of them in the transaction in which it happens.

Nothing follows numbers of events: transactions commit in another order than they take numbers, on PostgreSQL.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, cast, insert, null, select

from modelyard.domain.jobs.triggers import Condition
from modelyard.domain.journal import Event
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.schema import Name, Number

_triggers, _fires = schema.job_triggers, schema.job_fires

EVENTS: Final = {
    Condition.MODEL_CREATED: Event.REGISTERED_MODEL_CREATED,
    Condition.MODEL_VERSION_READY: Event.MODEL_VERSION_READY,
    Condition.MODEL_ALIAS_SET: Event.ALIAS_SET,
}
"""What the registry announces when something happens that jobs can wait for."""
CONDITIONS: Final = {event.value: condition for condition, event in EVENTS.items()}

NOTE: Final = insert(_fires).from_select(
    ["job_id", "cause", "happened_at", "event", "securable", "payload", "run_id"],
    select(
        _triggers.c.job_id,
        bindparam("event_id", type_=Name),
        bindparam("now", type_=Number),
        bindparam("event", type_=Name),
        bindparam("securable", type_=Name),
        bindparam("payload", type_=Name),
        cast(null(), Number),  # PostgreSQL makes a text of a bare one behind DISTINCT
    )
    .distinct()
    .where(_triggers.c.event == bindparam("event", type_=Name), is_in(_triggers.c.securable, "around")),
)


def around(securable: str) -> str:
    """What a trigger may name to mean a model: itself, what it is in, and everything."""
    levels = securable.split(".")
    return texts(["", *(".".join(levels[: depth + 1]) for depth in range(len(levels)))])
