"""Unity Catalog's own surface, `/api/2.1/unity-catalog/*`, as Databricks' and the open-source clients speak it.

Answers are flat objects (protocol notes §1.b). Privileges are understood with blanks and with underscores, and
written as the client that asks spells them.
"""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.unity import (
    catalogs,
    entity_tags,
    metastore,
    models,
    permissions,
    tables,
    tagging,
    versions,
    volumes,
)
from modelyard.surfaces.wire import Row

ROWS: Final[tuple[Row, ...]] = (
    *catalogs.ROWS,
    *models.ROWS,
    *versions.ROWS,
    *tagging.ROWS,
    *permissions.ROWS,
    *metastore.ROWS,
    *entity_tags.ROWS,
    *tables.ROWS,
    *volumes.ROWS,
)
