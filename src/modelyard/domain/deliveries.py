"""Deliveries: what is on its way to a destination, how often that is tried, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from modelyard.domain.destinations import Parcel
from modelyard.domain.journal import Event
from modelyard.domain.notifications import compact
from modelyard.domain.secrets import Hidden

MAX_TRIES: Final = 12
DELAYS: Final = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 21_600, 21_600)
"""Seconds before the second try, the third, …: together more than a day, so that a receiver may be down for one."""
LONGEST_DELAY: Final = DELAYS[-1]
LEASE_SECONDS: Final = 30
"""For how long whoever tries a delivery has it in hand; after that somebody else tries it."""
KEPT_DAYS: Final = 30
"""How long what has ended is shown, and can be sent again."""

_REPEATED: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_REDIRECTS: Final = range(300, 400)


class State(StrEnum):
    """How it stands with a delivery."""

    WAITING = "WAITING"
    """It will be tried, for the first time or again."""
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    """It is not tried any more, unless somebody sends it again."""
    WITHHELD = "WITHHELD"
    """The subscriber may not see any more what it tells of."""


SUBSCRIBABLE: Final = (
    Event.REGISTERED_MODEL_CREATED,
    Event.MODEL_VERSION_CREATED,
    Event.MODEL_VERSION_READY,
    Event.MODEL_VERSION_FAILED,
    Event.ALIAS_SET,
    Event.ALIAS_DELETED,
    Event.TAG_SET,
    Event.TAG_DELETED,
    Event.APPROVAL_REQUESTED,
    Event.APPROVAL_DECIDED,
)
"""The events of the registry that somebody can subscribe to."""


def told_body(kind: str, at: int, data: dict[str, object]) -> str:
    """A body of our own: `type`, `timestamp` and `data`, as Standard Webhooks recommends."""
    when = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return compact({"type": kind, "timestamp": when, "data": data})


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands; times are epoch milliseconds, `status` is that of the last answer."""

    seq: int
    id: str
    destination_id: str
    event: str
    body: str
    state: State
    tries: int
    most_tries: int
    due_at: int
    created_at: int
    ended_at: int | None
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a delivery."""

    number: int
    began_at: int
    milliseconds: int
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Consignment:
    """A delivery that somebody has in hand: what is to be sent where, and what signs it."""

    id: str
    destination_id: str
    number: int
    most: int
    parcel: Parcel
    secrets: tuple[Hidden, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: the status of the answer, or why there is none."""

    began_at: int
    milliseconds: int
    status: int | None = None
    error: str = ""
    retry_after: str = field(default="", repr=False)

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  RFC 9110 §15.3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery after a try: its state, when it is tried again, and what is told of it."""

    state: State
    due_at: int
    error: str


def judged(number: int, most: int, outcome: Outcome, now: int, *, stretch: float = 1.0) -> Verdict:
    """What becomes of a delivery after its try of this number; `stretch` keeps many from coming back at once."""
    if outcome.is_delivered:
        return Verdict(State.DELIVERED, now, "")
    error = outcome.error or _told(outcome.status or 0)
    if not _helps(outcome.status) or number >= most:
        return Verdict(State.DEAD, now, error)
    planned = DELAYS[_turn(number, most) - 1] * stretch
    asked = retry_after_seconds(outcome.retry_after, now)
    return Verdict(State.WAITING, now + int(max(planned, asked) * 1000), error)


def _turn(number: int, most: int) -> int:
    """Which try it is since it was last sent on its way, which may have been anew."""
    return min(max(MAX_TRIES - (most - number), 1), len(DELAYS))


def _helps(status: int | None) -> bool:
    """Whether trying again may help: without an answer, and where the receiver says that it is for now."""
    return status is None or status in _REPEATED or status >= _SERVER_ERROR


def _told(status: int) -> str:
    if status in _REDIRECTS:
        return f"the receiver answered {status}: redirects are not followed; give the destination the final URL."
    return f"the receiver answered {status}."


def retry_after_seconds(said: str, now: int) -> float:
    """How long a receiver asks to be left alone (RFC 9110 §10.2.3), six hours at most; 0 where it does not say."""
    said = said.strip()
    if said.isascii() and said.isdigit():
        return float(min(int(said[:9]), LONGEST_DELAY))
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    zoned = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(zoned.timestamp() - now / 1000, 0.0), LONGEST_DELAY)
