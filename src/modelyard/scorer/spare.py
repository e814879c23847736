"""A scorer that has no model yet: it imports what one will need, and waits until somebody connects.

Nearly all of the time that a model takes to load goes into importing MLflow and the model's libraries.
"""

from __future__ import annotations

import contextlib
import select
import sys
import sysconfig
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

_DEEPEST: Final = 2
"""What lies deeper is imported by what lies above, or soon done."""


def libraries() -> list[str]:
    """The modules of installed packages that are loaded now, in the order in which they came, but for the deep ones."""
    places = tuple({sysconfig.get_path(which) for which in ("purelib", "platlib")})
    found: list[str] = []
    for name, module in list(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if name.count(".") < _DEEPEST and origin.startswith(places):
            found.append(name)
    return found


def stand_by(listening: socket.socket, names: Iterable[str]) -> None:
    """Import modules, as far as they can be, and wait for a connection."""
    for name in names:
        with contextlib.suppress(Exception):
            import_module(name)
    select.select([listening], [], [])
