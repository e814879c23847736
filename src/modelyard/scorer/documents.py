"""JSON at the speed of the fastest library that the model's environment has, meaning what `json` means.

A fast library may refuse what `json` takes (NaN, lone surrogates, other encodings than UTF-8): whoever reads with it
asks `json` then. It never takes anything that `json` refuses, and reads everything alike but one thing: see `EXACT`.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable


def _fastest() -> tuple[Callable[[bytes], object], Callable[[object], bytes], bool]:
    # By name, and none of them needed: what is installed beside a model is not ours to choose.
    for name in ("msgspec.json", "orjson", "json"):
        try:
            library: Any = import_module(name)
        except ImportError:
            continue
        if name == "msgspec.json":
            return library.decode, library.encode, True
        if name == "orjson":
            return library.loads, library.dumps, False
    return json.loads, _dumped, True


def _dumped(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_library: Final = _fastest()
load: Final = _library[0]
dump: Final = _library[1]
EXACT: Final = _library[2]
"""Whether integers beyond 64 bits are read as integers; otherwise they are the nearest floating point number."""
