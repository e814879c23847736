"""Keeps secrets that code has asked for out of what it prints: a help, not a wall, as code can spell them backwards."""

from __future__ import annotations

import sys
from typing import Any, List

_HIDDEN = "[REDACTED]"
_values: List[str] = []


def hide(value: str) -> None:
    """Do not show this value from now on."""
    if value and value not in _values:
        _values.append(value)
    for name in ("stdout", "stderr"):
        if not isinstance(getattr(sys, name), _Redacted):
            setattr(sys, name, _Redacted(getattr(sys, name)))


def shown(text: str) -> str:
    """A text without them."""
    for value in _values:
        text = text.replace(value, _HIDDEN)
    return text


class _Redacted:
    """A stream that hides them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it without them."""
        self._stream.write(shown(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
