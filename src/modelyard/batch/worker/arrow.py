"""pyarrow, which has no types: said once, here."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

pa: Final[Any] = import_module("pyarrow")
compute: Final[Any] = import_module("pyarrow.compute")
csv: Final[Any] = import_module("pyarrow.csv")
filesystems: Final[Any] = import_module("pyarrow.fs")
parquet: Final[Any] = import_module("pyarrow.parquet")
