"""The Jobs API: jobs, runs, what those leave, and who may do what with them (protocol notes, jobs §1)."""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.jobs import clones, permissions, results, runs, settings
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (*settings.ROWS, *runs.ROWS, *results.ROWS, *permissions.ROWS, *clones.ROWS)
