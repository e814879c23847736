"""Arrow, NumPy and SciPy, which are optional and without types here: said once."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

numpy: Final[Any] = import_module("numpy")
pa: Final[Any] = import_module("pyarrow")
compute: Final[Any] = import_module("pyarrow.compute")
csv: Final[Any] = import_module("pyarrow.csv")
dataset: Final[Any] = import_module("pyarrow.dataset")
ipc: Final[Any] = import_module("pyarrow.ipc")
parquet: Final[Any] = import_module("pyarrow.parquet")
stats: Final[Any] = import_module("scipy.stats")
hash_array: Final[Any] = import_module("pandas.util").hash_array
