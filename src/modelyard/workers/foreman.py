"""The foreman: fires clocks, lets runs begin and go on, and hands attempts to the executor of this host.

One thread of each server process. Everything is decided in the database, so that any number of them may look; what
runs on a host is minded by the process that has the host's executor, of which there is one.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from modelyard.actions.jobs.work import (
    AdmitRuns,
    AdvanceRun,
    FireChanges,
    FireClock,
    ListWork,
    SeeExecutor,
    TakeAttempts,
    by_run,
)
from modelyard.domain.access import Server
from modelyard.domain.jobs.sightings import Sighting
from modelyard.domain.jobs.sightings import Stage as Seen
from modelyard.domain.journal import Origin
from modelyard.errors import Failure

if TYPE_CHECKING:
    from modelyard.action import Action, Chore
    from modelyard.domain.jobs.work import Work
    from modelyard.gate import Gate

log = logging.getLogger(__name__)

_IDLE: Final = 0.5
"""Seconds between two looks while nothing runs here; other processes may have changed something."""
_BUSY: Final = 0.1
"""Seconds between two looks while something runs here."""
_SIGN: Final = 5.0
_CONCERNED: Final = frozenset(
    {
        "CreateJob",
        "UpdateJob",
        "ResetJob",
        "DeleteJob",
        "RunNow",
        "SubmitRun",
        "CancelRun",
        "CancelAllRuns",
        "CancelQueuedRuns",
        "RepairRun",
        "CreateModel",
        "FinalizeVersion",
        "SetAlias",
        "PromoteVersion",
        "DecideApproval",
        "DecideByToken",
        "StartDeployment",
        "SetVersionTag",
        "ChangeVersionTags",
    }
)
"""The changes after which it looks at once."""


class Site(Protocol):
    """What runs attempts on this host; without one, others do."""

    @property
    def name(self) -> str:
        """The executor's id, if this process has it; empty while another one has."""
        ...

    def mind(self, work: Work) -> list[tuple[int, tuple[Sighting, ...]]]:
        """Start, end and look at what this executor has; what was seen, by run."""
        ...

    def room(self, work: Work) -> int:
        """How many more attempts may be taken."""
        ...

    def begin(self, task_ids: tuple[int, ...]) -> None:
        """Start attempts that were just taken."""
        ...


class Foreman:
    """Works until it is closed; whatever fails is logged, and tried again."""

    def __init__(self, gate: Gate, site: Site) -> None:
        self._gate = gate
        self._site = site
        self._rung = threading.Event()
        self._closing = False
        self._signed = 0.0
        self._thread = threading.Thread(target=self._run, name="foreman", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._gate.committed.append(self._hear)
        self._thread.start()

    def close(self) -> None:
        """Finish what is under way, and look no more; attempts go on."""
        self._closing = True
        self._rung.set()
        if self._thread.is_alive():
            self._thread.join()

    def ring(self, _what: object = None) -> None:
        """Look soon: something has changed."""
        self._rung.set()

    def _hear(self, action: Action[Any, Any]) -> None:
        if type(action).__name__ in _CONCERNED:
            self._rung.set()

    def do(self, chore: Chore[Any, Any]) -> Any:  # noqa: ANN401  the chore's own result
        """Do a chore, as the server itself."""
        return self._gate.do(chore, Server(), Origin(uuid.uuid4().hex))

    def _run(self) -> None:
        while not self._closing:
            self._rung.clear()
            pause = _IDLE
            try:
                pause = self._look()
            except Failure as failure:
                log.warning("jobs could not be looked at: %s", failure.message)
            except Exception:
                log.exception("jobs could not be looked at")
            self._rung.wait(pause)

    def _look(self) -> float:
        """Do all that there is to do; the seconds until the next look."""
        executor = self._site.name
        if executor and time.monotonic() - self._signed > _SIGN:
            self.do(SeeExecutor(executor))
            self._signed = time.monotonic()
        work: Work = self.do(ListWork(executor))
        self._each(work.clocks, lambda job: self.do(FireClock(job)))
        self._each(work.changed, lambda job: self.do(FireChanges(job)))
        self._each(work.admitting, lambda job: self.do(AdmitRuns(job)))
        if executor:
            self._each(self._site.mind(work), lambda seen: self.do(AdvanceRun(*seen)))
            self._take(work, executor)
        lost = by_run(work.stranded)
        gone = [(run, tuple(Sighting(task, Seen.LOST) for task in tasks)) for run, tasks in lost.items()]
        self._each(gone, lambda seen: self.do(AdvanceRun(*seen)))
        self._each(work.due, lambda run: self.do(AdvanceRun(run)))
        return self._pause(work)

    def _take(self, work: Work, executor: str) -> None:
        """Take as many attempts as there is room for."""
        some = work.wanted[: self._site.room(work)]

        def take(run: tuple[int, tuple[int, ...]]) -> None:
            self._site.begin(self.do(TakeAttempts(*run, executor)))

        self._each(by_run(some).items(), take)

    @staticmethod
    def _each(items: Any, work: Callable[[Any], object]) -> None:  # noqa: ANN401  any iterable of what `work` takes
        """Do something for each; one that fails does not hold up the others, and is tried again."""
        for item in items:
            try:
                work(item)
            except Failure as failure:
                log.warning("a job or run could not be taken on: %s", failure.message)
            except Exception:
                log.exception("a job or run could not be taken on")

    @staticmethod
    def _pause(work: Work) -> float:
        pause = _BUSY if any(not held.is_ended for held in work.held) or work.wanted else _IDLE
        if work.next_at is None:
            return pause
        return min(pause, max(0.01, work.next_at / 1000 - time.time()))
