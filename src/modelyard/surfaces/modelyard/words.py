"""What these tables share."""

from __future__ import annotations

import re
from typing import Final

from modelyard.errors import Invalid

PREFIX: Final = "/api/2.0/modelyard"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def at(path: str) -> str:
    """A path of this surface."""
    return f"{PREFIX}/{path}"


def sha256(written: str) -> str:
    """A digest, checked."""
    if not _SHA256.fullmatch(written):
        raise Invalid("a digest is written as 64 lower-case hex digits.")
    return written
