"""Hides secrets in what processes print."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHORTEST: Final = 6
"""Shorter values are not hidden: they would be found everywhere, and are no secrets worth the name."""
_HIDDEN: Final = b"******"
_LONGEST_LINE: Final = 16 << 10


class Mask:
    """Hides values in what is printed, line by line."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line.strip().encode() for value in values for line in value.splitlines()}
        self._values = sorted((line for line in lines if len(line) >= _SHORTEST), key=len, reverse=True)
        self.longest = max(map(len, self._values), default=0)

    def __call__(self, content: bytes) -> bytes:
        """The content without the values."""
        for value in self._values:
            content = content.replace(value, _HIDDEN)
        return content


class Lines:
    """Masks what comes in pieces: whole lines at a time, so that no secret passes in two halves."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._rest = b""

    def feed(self, more: bytes) -> bytes:
        """What can be shown by now."""
        lines, end, rest = (self._rest + more).rpartition(b"\n")
        shown = self._mask(lines + end) if end else b""
        if len(rest) > _LONGEST_LINE:
            hidden = self._mask(rest)
            at = len(hidden) - max(self._mask.longest - 1, 0)  # what follows may be the begin of a secret
            shown, rest = shown + hidden[:at], hidden[at:]
        self._rest = rest
        return shown

    def end(self) -> bytes:
        """What is left, as a line."""
        rest, self._rest = self._rest, b""
        return self._mask(rest + b"\n") if rest else b""
