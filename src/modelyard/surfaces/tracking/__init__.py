"""Tracking: what MLflow's clients ask of a tracking server, and who may do what with an experiment."""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.tracking import permissions, rows
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (*rows.ROWS, *permissions.ROWS)
