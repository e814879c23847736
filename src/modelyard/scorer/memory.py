"""Whether a process has used up the memory that it may have, for good."""

from __future__ import annotations

import resource
import traceback
from pathlib import Path
from typing import Final

USED_UP: Final = 4
"""The status with which the process ends then: another one in its place begins with nothing."""
_NEARLY: Final = 0.9


def is_used_up(problem: MemoryError) -> bool:
    """Whether hardly any memory is left, although what only the failed call held is given back first.

    A question that asks for too much at once is not the end of the process; a model that keeps something of each is.
    """
    traceback.clear_frames(problem.__traceback__)
    bound = resource.getrlimit(resource.RLIMIT_AS)[0]
    if bound == resource.RLIM_INFINITY:
        return False
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    return pages * resource.getpagesize() > bound * _NEARLY
