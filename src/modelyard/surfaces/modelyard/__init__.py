"""What no other product has, under `/api/2.0/modelyard/*`: flat JSON objects, paged lists, the common envelope."""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.modelyard import (
    admission,
    aliases,
    approvals,
    backups,
    care,
    destinations,
    explain,
    imports,
    journal,
    legacy,
    lineage,
    outputs,
    prompts,
    signatures,
    subscriptions,
    tables,
    trash,
    versions,
)
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (
    *admission.ROWS,
    *aliases.ROWS,
    *approvals.ROWS,
    *backups.ROWS,
    *care.ROWS,
    *destinations.ROWS,
    *explain.ROWS,
    *imports.ROWS,
    *journal.ROWS,
    *legacy.ROWS,
    *lineage.ROWS,
    *outputs.ROWS,
    *prompts.ROWS,
    *signatures.ROWS,
    *subscriptions.ROWS,
    *tables.ROWS,
    *trash.ROWS,
    *versions.ROWS,
)
