"""One process writes one SQLite database: a lock file beside it, held until the process ends however it ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """A lock that the kernel gives back when the process ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise Invalid(
                "another Modelyard process uses this data folder. Stop it, or choose another --data; "
                "several processes can share one PostgreSQL database.",
            ) from None

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._descriptor)
