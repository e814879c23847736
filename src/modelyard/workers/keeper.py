"""The keeper: one thread of each server process that does the server's own work at its intervals.

Several processes on one PostgreSQL do the same chores at the same time; a chore is written so that this harms nobody.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from modelyard.action import Chore
from modelyard.domain.access import Server
from modelyard.domain.collection import Garbage, Shelf, Shelved
from modelyard.domain.journal import Origin
from modelyard.errors import Failure
from modelyard.gate import Gate

Result = TypeVar("Result")

log = logging.getLogger(__name__)

_BREATH: Final = 0.02
"""Seconds between two helpings of a chore that has more to do, so that writers come in between."""
_LONGEST_PAUSE: Final = 60.0
"""Seconds after which a chore that fails again and again is tried at the latest."""


class Stores(Protocol):
    """The stored bytes, as far as duties see them; the composition root brings the real ones."""

    @property
    def known(self) -> Collection[str]:
        """The ids of the stores that are open."""
        ...

    def clear(self, garbage: Sequence[Garbage]) -> tuple[Garbage, ...]:
        """Delete objects that no row names; those that are gone."""
        ...

    def shelved(self, shelf: Shelf, older_than_seconds: float) -> Shelved:
        """The objects on a shelf that were written so long ago."""
        ...

    def sweep(self, older_than_seconds: float) -> None:
        """Remove what was left of uploads to which nobody has written for so long."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What a duty works with: the gate to the database, and the stores."""

    gate: Gate
    stores: Stores
    origin: Origin

    def do(self, chore: Chore[Any, Result]) -> Result:
        """Do a chore, as the server itself."""
        return self.gate.do(chore, Server(), self.origin)


@dataclass(frozen=True, slots=True)
class Duty:
    """Some work, how many seconds pass between two times that it is done, and how many before the first.

    Work that answers true has more to do, and is done again at once: each time is short, so that others come between.
    """

    name: str
    work: Callable[[Desk], object]
    seconds: float
    first: float = 0.0


@dataclass(slots=True)
class _Plan:
    """When a duty is due, on the monotonic clock, and how often it has failed in a row."""

    duty: Duty
    due: float
    failures: int = 0


class Keeper:
    """Does duties until it is closed; a failure is logged, and tried again later."""

    def __init__(self, gate: Gate, stores: Stores, duties: Sequence[Duty]) -> None:
        self._gate = gate
        self._stores = stores
        now = time.monotonic()
        self._plans = [_Plan(duty, now + duty.first) for duty in duties]
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Wait for the chore under way, and do no other."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        while not self._closing.wait(self._pause()):
            plan = min(self._plans, key=lambda plan: plan.due)
            plan.due = time.monotonic() + self._attend(plan)

    def _pause(self) -> float:
        return max(0.0, min(plan.due for plan in self._plans) - time.monotonic())

    def _attend(self, plan: _Plan) -> float:
        """Do a duty once; the seconds after which it is due again."""
        origin = Origin(uuid.uuid4().hex)
        try:
            more = plan.duty.work(Desk(self._gate, self._stores, origin))
        except Exception as error:  # noqa: BLE001  whatever happens, the other duties go on; it is logged
            plan.failures += 1
            self._tell(plan, error, origin)
            return max(plan.duty.seconds, min(plan.duty.seconds * 2.0 ** min(plan.failures, 16), _LONGEST_PAUSE))
        plan.failures = 0
        return _BREATH if more else plan.duty.seconds

    @staticmethod
    def _tell(plan: _Plan, error: Exception, origin: Origin) -> None:
        name, context = plan.duty.name, {"request_id": origin.request_id}
        if isinstance(error, Failure):
            log.warning("%s failed %d times in a row: %s", name, plan.failures, error.message, extra=context)
        else:
            log.error("%s failed %d times in a row", name, plan.failures, exc_info=error, extra=context)
