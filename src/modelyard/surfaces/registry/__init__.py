"""MLflow's flat model registry: `/api/2.0/mlflow/registered-models/*` and `model-versions/*`, with stages.

The door for code that was not changed yet. It knows models by their old names, where they have any, and by their
names of three levels. The shapes are those of MLflow's `ModelRegistryService` (protocol notes §1.e). Answers by old
names, and about stages, say in their headers that they are deprecated, and what comes after them.
"""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.registry import files, rows
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (*rows.ROWS, *files.ROWS)
