"""The courier: brings what is in the outbox to its destinations.

One thread of each server process looks what is due, at once after this process has put something there, and else each
second; other threads send. Destinations are kept apart, so that one that is slow or dead delays no other: each has few
requests under way at a time, those that failed the last time have threads of their own, and whoever has not answered
yet gets one request. Several processes on one database take different deliveries; one that is killed gives back what it
had in hand when its lease ends.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from modelyard.actions.deliveries import GiveBackDeliveries, ListDue, NoteTry, TakeDeliveries
from modelyard.domain import webhooks
from modelyard.domain.access import Server
from modelyard.domain.deliveries import Consignment, Outcome
from modelyard.domain.journal import Origin
from modelyard.errors import Failure
from modelyard.outbound import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelyard.action import Chore
    from modelyard.gate import Gate
    from modelyard.outbound import Outbound

log = logging.getLogger(__name__)

_EVERY: Final = 1.0
_BREATH: Final = 0.02
"""Seconds between two looks, so that many changes in a row are looked at together."""
_THREADS: Final = 48
_THREADS_FOR_FAILING: Final = 16
THREADS: Final = _THREADS + _THREADS_FOR_FAILING
_AT_A_TIME: Final = 4
"""Requests to one destination that has answered."""


class Courier:
    """Sends until it is closed; `alone` says that no other process has this database."""

    def __init__(self, gate: Gate, outbound: Outbound, *, alone: bool) -> None:
        self._gate = gate
        self._alone = alone
        self._outbound = outbound
        self._rung = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._answered: dict[str, bool] = {}
        """Whether the last try of a destination came to anything."""
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._senders = ThreadPoolExecutor(_THREADS, thread_name_prefix="courier")
        self._patient = ThreadPoolExecutor(_THREADS_FOR_FAILING, thread_name_prefix="patient-courier")

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._gate.posted.append(self._rung.set)
        self._thread.start()

    def close(self) -> None:
        """Wait for what is under way, and send nothing more."""
        self._closing = True
        self._rung.set()
        if self._thread.is_alive():
            self._thread.join()
        for senders in (self._senders, self._patient):
            senders.shutdown()
        self._outbound.close()

    def _run(self) -> None:
        if self._alone:
            self._tried(lambda: self._do(GiveBackDeliveries()))
        while not self._closing:
            self._rung.clear()
            due: list[str] = self._tried(lambda: self._do(ListDue())) or []
            for destination_id in due:
                self._tried(lambda id_=destination_id: self._look_at(id_))
            time.sleep(_BREATH)
            self._rung.wait(_EVERY)

    @staticmethod
    def _tried(work: Callable[[], Any]) -> Any:  # noqa: ANN401  what the work gives
        """The result of some work; what goes wrong with it is logged, and keeps nothing else from being done."""
        try:
            return work()
        except Failure as failure:
            log.warning("the outbox could not be looked at: %s", failure.message)
        except Exception:
            log.exception("the outbox could not be looked at")
        return None

    def _look_at(self, destination_id: str) -> None:
        if (room := self._room(destination_id)) > 0 and not self._closing:
            self._take(destination_id, room)

    def _room(self, destination_id: str) -> int:
        """How many more requests a destination may have now; as many threads of its kind are free."""
        with self._lock:
            answered = self._answered.get(destination_id)
            bound = _AT_A_TIME if answered else 1
            kind = [id_ for id_ in self._under_way if (self._answered.get(id_) is False) is (answered is False)]
            busy = sum(self._under_way[id_] for id_ in kind)
            threads = _THREADS_FOR_FAILING if answered is False else _THREADS
            return min(bound - self._under_way[destination_id], threads - busy)

    def _take(self, destination_id: str, most: int) -> None:
        taken: list[Consignment] = self._do(TakeDeliveries(destination_id, most))
        senders = self._patient if self._answered.get(destination_id) is False else self._senders
        for each in taken:
            with self._lock:
                self._under_way[destination_id] += 1
            senders.submit(self._bring, each)

    def _bring(self, each: Consignment) -> None:
        outcome = self._sent(each)
        try:
            self._do(NoteTry(each.id, each.number, each.most, outcome))
        except Failure as failure:  # its lease ends, and it is sent once more
            log.warning("what came of a delivery could not be noted: %s", failure.message)
        except Exception:
            log.exception("what came of a delivery could not be noted")
        finally:
            self._done(each.destination_id, answered=outcome.is_delivered)

    def _done(self, destination_id: str, *, answered: bool) -> None:
        with self._lock:
            self._under_way[destination_id] -= 1
            self._under_way += Counter()  # without those that have nothing under way
            self._answered[destination_id] = answered
        self._rung.set()

    def _sent(self, each: Consignment) -> Outcome:
        began = time.time()
        headers = [("content-type", "application/json")]
        headers += webhooks.headers(each.id, int(began), each.parcel.body, each.secrets)
        if each.parcel.authorization:
            headers.append(("authorization", each.parcel.authorization.text()))
        try:
            answer = self._outbound.deliver(each.parcel.url.text(), each.parcel.body, headers)
        except Unreachable as failure:
            return _outcome(began, error=failure.reason)
        except Exception:
            log.exception("a delivery could not be tried")
            return _outcome(began, error="it could not be sent; the server's log says more.")
        return _outcome(began, status=answer.status, retry_after=answer.retry_after)

    def _do(self, chore: Chore[Any, Any]) -> Any:  # noqa: ANN401  the chore's own result
        return self._gate.do(chore, Server(), Origin(uuid.uuid4().hex))


def _outcome(began: float, **told: Any) -> Outcome:  # noqa: ANN401  its other fields
    return Outcome(int(began * 1000), int((time.time() - began) * 1000), **told)
