"""One engine for all server processes of a host: the first has it, the others follow, and one takes over if it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from modelyard.engines.base import Loader, Served, Standing
from modelyard.engines.local.engine import LocalEngine
from modelyard.engines.local.files import OpenFile
from modelyard.engines.local.follower import Follower
from modelyard.errors import Unavailable

if TYPE_CHECKING:
    from modelyard.config import Settings


class SharedEngine:
    """An `Engine`, whichever process has it."""

    def __init__(self, settings: Settings, load: Loader, open_file: OpenFile, on_change: Callable[[], None]) -> None:
        self._settings = settings
        self._make = lambda: LocalEngine(settings, load, open_file, on_change=on_change)
        self._engine: LocalEngine | Follower | None = None

    def start(self) -> None:
        """Have the engine, or follow who has it."""
        try:
            self._engine = self._make()
        except Unavailable:
            self._engine = Follower(self._settings)

    @property
    def leads(self) -> bool:
        """Whether the engine is this process's own."""
        return isinstance(self._engine, LocalEngine)

    @property
    def _at_hand(self) -> LocalEngine | Follower:
        if self._engine is None:
            raise Unavailable("this server serves no models yet; ask again shortly.")
        return self._engine

    def keep(self, wanted: Sequence[Served]) -> None:
        """Serve these; a process that follows looks whether it has to take over."""
        if not self.leads:
            follower = self._engine
            try:
                self._engine = self._make()
            except Unavailable:
                return
            if follower:
                follower.close()
        if isinstance(self._engine, LocalEngine):
            self._engine.keep(wanted)

    def standings(self) -> Mapping[str, Standing]:
        """How it stands with each of them, by id."""
        return self._at_hand.standings()

    def wake(self, served_id: str) -> None:
        """Somebody asks something that sleeps."""
        self._at_hand.wake(served_id)

    def report(self, served_id: str, waiting: int) -> None:
        """So many requests are under way or wait."""
        self._at_hand.report(served_id, waiting)

    def suspect(self, address: str) -> None:
        """A request takes longer than any may at this address."""
        self._at_hand.suspect(address)

    def linger(self, address: str) -> None:
        """Requests are still under way at an address that is not offered any more."""
        self._at_hand.linger(address)

    def logs(self, served_id: str) -> str:
        """What its processes have printed lately."""
        return self._at_hand.logs(served_id)

    def build_logs(self, served_id: str) -> str:
        """What was said while its environment was built."""
        return self._at_hand.build_logs(served_id)

    def close(self) -> None:
        """End every process that is this process's own."""
        if self._engine:
            self._engine.close()
