"""How other processes of the server on this machine work with the one engine: by its table, and by its bell."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelyard.engines.base import Standing
from modelyard.engines.local.logs import last
from modelyard.engines.local.places import Places, read_table

if TYPE_CHECKING:
    from modelyard.config import Settings


class Follower:
    """Knows what the engine of the same workers' folder says, and tells it what is asked here."""

    def __init__(self, settings: Settings) -> None:
        self._places = Places(settings)
        self._seen: tuple[int, int] = (0, 0)
        self._told: Mapping[str, Standing] = {}
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bell.setblocking(False)  # noqa: FBT003  the standard library's own
        self._source = f"{os.getpid()}.{id(self)}"

    def standings(self) -> Mapping[str, Standing]:
        """How it stands with all that is served, as the engine said last."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            found = self._places.table.stat()
            seen = (found.st_ino, found.st_mtime_ns)
            if seen != self._seen:
                self._told = read_table(self._places.table.read_bytes())
                self._seen = seen
        return self._told

    def wake(self, served_id: str) -> None:
        """Somebody asks something that sleeps."""
        self._ring("wake", served_id)

    def report(self, served_id: str, waiting: int) -> None:
        """So many requests are under way or wait here, from time to time."""
        self._ring("report", served_id, waiting)

    def suspect(self, address: str) -> None:
        """A request takes longer than any may at this address."""
        self._ring("suspect", address)

    def linger(self, address: str) -> None:
        """Requests are still under way at an address that is not offered any more."""
        self._ring("linger", address)

    def logs(self, served_id: str) -> str:
        """What its processes have printed lately."""
        return last(self._places.log(served_id))

    def build_logs(self, served_id: str) -> str:
        """What was said while its environment was built."""
        return last(self._places.build_log(served_id).resolve())

    def close(self) -> None:
        """No more."""
        self._bell.close()

    def _ring(self, what: str, whom: str, waiting: int = 0) -> None:
        told = {"what": what, "whom": whom, "waiting": waiting, "source": self._source}
        with contextlib.suppress(OSError):  # where there is no engine now, nobody needs to hear
            self._bell.sendto(json.dumps(told).encode(), self._places.bell)
