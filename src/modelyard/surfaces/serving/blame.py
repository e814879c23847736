"""How serving tells failures: as everybody does, but for what its clients wait for or repeat (protocol notes §1.3)."""

from __future__ import annotations

from typing import Final

from modelyard.errors import AlreadyExists, Failure, TooLarge, Updating
from modelyard.surfaces.wire import STATUS, Reply, told

CODES: Final[dict[type[Failure], tuple[int, str]]] = {
    **STATUS,
    AlreadyExists: (409, "RESOURCE_ALREADY_EXISTS"),
    Updating: (409, "RESOURCE_CONFLICT"),
    TooLarge: (413, "REQUEST_LIMIT_EXCEEDED"),
}


def blame(failure: Failure) -> Reply:
    """`{"error_code", "message"}`."""
    return told(failure, CODES)
