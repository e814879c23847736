"""What no other product has, under `/api/2.0/modelyard/*`: flat JSON objects, paged lists, the common envelope."""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.modelyard import (
    admission,
    aliases,
    backups,
    care,
    explain,
    imports,
    journal,
    lineage,
    prompts,
    signatures,
    trash,
    versions,
)
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (
    *admission.ROWS,
    *aliases.ROWS,
    *backups.ROWS,
    *care.ROWS,
    *explain.ROWS,
    *imports.ROWS,
    *journal.ROWS,
    *lineage.ROWS,
    *prompts.ROWS,
    *signatures.ROWS,
    *trash.ROWS,
    *versions.ROWS,
)
