"""All processes of one `Served`: as many as it needs, started again when they end, and why where they do not."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from modelyard.engines.base import Served, Standing, State
from modelyard.engines.local.demand import Demand
from modelyard.engines.local.logs import Ring
from modelyard.engines.local.replicas import Kit, Replica
from modelyard.engines.local.spares import Spares
from modelyard.engines.local.trouble import Trouble
from modelyard.errors import Failure, Unavailable

log = logging.getLogger(__name__)

_TICK: Final = 0.25
_TRIES: Final = 3
"""After so many starts in a row that failed, what has never answered is given up."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 60.0
_WELL_SECONDS: Final = 60.0
"""What was well for so long begins with short pauses again."""
_GIVEN_UP_PAUSE: Final = 600.0
_UNAVAILABLE_PAUSE: Final = 5.0
_STALE_SECONDS: Final = 5.0
"""What took longer to prepare is asked for anew: whether it may be started was decided before."""


class Service:
    """Keeps one `Served`, in the engine's loop; `on_change` hears of each new standing."""

    def __init__(self, served: Served, kit: Kit, spares: Spares, on_change: Callable[[], None]) -> None:
        self.served = served
        self.standing = Standing(State.CREATING)
        self._kit = kit
        self._spares = spares
        self._on_change = on_change
        self._ring = Ring(kit.places.log(served.id))
        now = time.monotonic()
        self._demand = Demand(served, kit.settings.serving_idle_seconds, since=now)
        self._lives: set[asyncio.Task[None]] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._ready: list[Replica] = []
        self._draining: list[Replica] = []
        self._changed = asyncio.Event()
        self._is_leaving = False
        self._was_ready = self._is_woken = self._is_given_up = False
        self._failures = 0
        self._again_at = 0.0
        self._message = ""

    async def run(self) -> None:
        """Keep it until it is not wanted any more, and its last request has been answered."""
        try:
            while not self._is_leaving:
                self._changed.clear()
                self._adjust(time.monotonic())
                self._tell()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK):
                        await self._changed.wait()
            self._spares.wakes(self.served)
            await _all(self._lives)
        finally:
            for life in self._lives:
                life.cancel()
            await _all(self._lives)

    def leave(self) -> None:
        """It is not wanted any more."""
        self._is_leaving = True
        self._retire(len(self._starting) + len(self._ready))
        self._changed.set()

    def wake(self) -> None:
        """Somebody asks."""
        self._demand.wake(time.monotonic())
        self._changed.set()

    def report(self, source: str, waiting: int) -> None:
        """A server process says how many requests are under way or wait."""
        was = self._demand.count
        self._demand.report(source, waiting, time.monotonic())
        if self._is_leaving and waiting > 0:
            for replica in self._draining:
                replica.linger()
        if self._demand.count != was:
            self._changed.set()

    def suspect(self, address: str) -> None:
        """Somebody waits in vain for the process at this address."""
        for replica in self._at(address):
            replica.suspect()

    def linger(self, address: str) -> None:
        """Somebody still has requests under way with the process at this address, which is not offered any more."""
        for replica in self._at(address):
            replica.linger()

    def builds(self, log: Path) -> None:
        """Its environment is built, or was; what was said stands there."""
        self._kit.places.point(self.served.id, log)

    def _at(self, address: str) -> Iterable[Replica]:
        return [each for each in (*self._ready, *self._draining) if each.address == address]

    def _adjust(self, now: float) -> None:
        if self._starting:
            self._demand.stay(now)  # else what loads slowly would fall asleep before it has answered
        wanted = self._demand.wanted(now)
        if any(now - each.ready_at >= _WELL_SECONDS for each in self._ready):
            self._failures = 0
        missing = wanted - len(self._ready) - len(self._starting)
        if missing > 0 and now >= self._again_at:
            for _ in range(1 if self._failures else missing):
                self._start()
        elif missing < 0:
            if not wanted:
                self._rest()
            self._retire(-missing)

    def _rest(self) -> None:
        """It goes to sleep; what its last process has loaded is kept ready for the next one."""
        for replica in self._ready[:1]:
            if replica.python:
                self._spares.sleeps(self.served, replica.python, replica.libraries)

    def _start(self) -> None:
        if not self._ready and self._was_ready and self._demand.count and self.standing.is_asleep:
            self._is_woken = True
        life = asyncio.create_task(self._live())
        self._lives.add(life)
        self._starting.add(life)
        life.add_done_callback(self._ended)

    def _ended(self, life: asyncio.Task[None]) -> None:
        self._lives.discard(life)
        self._starting.discard(life)
        self._changed.set()

    def _retire(self, count: int) -> None:
        """Those that start go first, then those that have started last."""
        for life in list(self._starting)[:count]:
            self._starting.discard(life)
            life.cancel()
            count -= 1
        for replica in self._ready[len(self._ready) - count :] if count > 0 else ():
            self._draining.append(replica)
            replica.retire()
        self._ready = [each for each in self._ready if each not in self._draining]

    async def _live(self) -> None:
        """The life of one process."""
        try:
            with ExitStack() as kept:
                replica = await self._begun(kept)
                self._welcome(replica)
                try:
                    why = await replica.live()
                finally:
                    self._part(replica)
            if why:
                self._fail(Trouble(why))
        except Unavailable as failure:
            self._fail(Trouble(failure.message, pause=_UNAVAILABLE_PAUSE))
        except Failure as failure:
            self._refuse(failure)
        except Trouble as trouble:
            self._fail(trouble)
        except Exception:  # whatever happens, the others are kept; it is logged
            log.exception("%s could not be served", self.served.label)
            self._fail(Trouble("something unexpected happened; the server's log says more."))

    async def _begun(self, kept: ExitStack) -> Replica:
        kit, served = self._kit, self.served
        kit.sandbox.check()
        began, load = time.monotonic(), await asyncio.to_thread(kit.load, served)
        kept.enter_context(kit.files.needed(served.digest))
        self._progress("Its files are brought.")
        model = await kit.files.bring(served.digest, load.files)
        self._progress("Its environment is prepared.")
        python = await kit.environments.ready(model, self)
        kept.enter_context(kit.environments.needed(python))
        async with kit.starting:
            if time.monotonic() - began > _STALE_SECONDS:
                load = await asyncio.to_thread(kit.load, served)
            self._progress("Its process starts.")
            replica = self._spares.take(served, load, python, self._ring) or Replica(kit, self._ring)
            self._spares.wakes(served)
            kept.callback(replica.close)
            await replica.begin(served, load, model, python)
        return replica

    def _progress(self, message: str) -> None:
        if not self._failures and not self._is_given_up:
            self._message = message
            self._changed.set()

    def _welcome(self, replica: Replica) -> None:
        life = asyncio.current_task()
        self._starting = {each for each in self._starting if each is not life}
        self._ready.append(replica)
        self._was_ready, self._is_woken, self._is_given_up, self._message = True, False, False, ""
        self._changed.set()

    def _part(self, replica: Replica) -> None:
        self._ready = [each for each in self._ready if each is not replica]
        self._draining = [each for each in self._draining if each is not replica]
        self._changed.set()

    def _fail(self, trouble: Trouble) -> None:
        self._failures += 1
        pause = max(min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 16), _LONGEST_PAUSE), trouble.pause)
        if not self._was_ready and (trouble.is_final or self._failures >= _TRIES):
            self._is_given_up, pause = True, _GIVEN_UP_PAUSE
        self._pause(trouble.message, pause)
        log.warning("%s: %s", self.served.label, trouble.message)

    def _refuse(self, failure: Failure) -> None:
        """It may not be started; whatever runs is left alone."""
        self._is_given_up = True
        self._pause(failure.message, _LONGEST_PAUSE)
        log.warning("%s may not be started: %s", self.served.label, failure.message)

    def _pause(self, message: str, seconds: float) -> None:
        self._message, self._is_woken = _sentence(message), False
        self._again_at = time.monotonic() + seconds
        self._ring.note(self._message)

    def _tell(self) -> None:
        standing = self._stands()
        if standing != self.standing:
            self.standing = standing
            self._on_change()

    def _stands(self) -> Standing:
        if self._ready:
            addresses, pids = zip(*((each.address, each.pid) for each in self._ready), strict=True)
            return Standing(State.READY, self._message, addresses, pids=pids)
        if self._is_given_up:
            return Standing(State.FAILED, self._message)
        if not self._demand.count:
            return Standing(State.READY, "It sleeps until somebody asks.", is_asleep=True)
        if self._is_woken:
            return Standing(State.READY, "It is being woken.")
        return Standing(State.RECOVERING if self._was_ready else State.CREATING, self._message)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


async def _all(lives: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*lives, return_exceptions=True)
