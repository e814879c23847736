"""Model serving: endpoints as Databricks' clients manage them, and predictions."""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.serving import endpoints, invocations, permissions, rollouts, watching
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (
    *endpoints.ROWS,
    *permissions.ROWS,
    *watching.ROWS,
    *rollouts.ROWS,
    *invocations.ROWS,
)
