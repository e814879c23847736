"""How many processes something needs: a rule over what was reported, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from modelyard.engines.base import Served

BUSY: Final = 4
"""Requests that wait for each process, from which on another one would help."""
BUSY_SECONDS: Final = 3.0
"""For so long."""
CALM_SECONDS: Final = 60.0
"""After so many seconds with less to do than one process fewer could bear, one is retired."""
_FRESH_SECONDS: Final = 10.0
"""A report counts for so long."""


@dataclass(slots=True)
class Demand:
    """What is known of the requests for one `Served`; all times are seconds of the monotonic clock."""

    served: Served
    idle_seconds: float
    since: float
    """When anybody wanted it last."""
    count: int = 0
    _told: dict[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])
    _busy_since: float | None = None
    _calm_since: float | None = None

    def __post_init__(self) -> None:
        """It begins awake: whether it can be served at all is to be known."""
        self.count = self._least

    @property
    def _least(self) -> int:
        return max(self.served.least, 1)

    @property
    def _most(self) -> int:
        return max(self.served.most, self._least)

    def wake(self, now: float) -> None:
        """Somebody asks."""
        self.since = now
        self.count = max(self.count, self._least)

    def stay(self, now: float) -> None:
        """It is not idle, although nobody asks: as long as it is awake, its rest begins later."""
        self.since = now

    def report(self, source: str, waiting: int, now: float) -> None:
        """A server process says how many requests are under way or wait."""
        self._told = {each: told for each, told in self._told.items() if now - told[0] <= _FRESH_SECONDS}
        self._told[source] = (now, waiting)
        if waiting > 0:
            self.wake(now)

    def wanted(self, now: float) -> int:
        """How many processes are to be there."""
        if self.served.may_sleep and now - self.since > self.idle_seconds:
            self.count = 0
        if self.count:
            self._adjust(self._waiting(now), now)
        return self.count

    def _waiting(self, now: float) -> int:
        return sum(waiting for at, waiting in self._told.values() if now - at <= _FRESH_SECONDS)

    def _adjust(self, waiting: int, now: float) -> None:
        is_busy = waiting > BUSY * self.count and self.count < self._most
        is_calm = waiting <= BUSY * (self.count - 1) / 2 and self.count > self._least
        self._busy_since = (self._busy_since or now) if is_busy else None
        self._calm_since = (self._calm_since or now) if is_calm else None
        if self._busy_since is not None and now - self._busy_since >= BUSY_SECONDS:
            self.count, self._busy_since = self.count + 1, None
        elif self._calm_since is not None and now - self._calm_since >= CALM_SECONDS:
            self.count, self._calm_since = self.count - 1, None
