"""What these tables share."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/api/2.0/modelyard"


def at(path: str) -> str:
    """A path of this surface."""
    return f"{PREFIX}/{path}"
