"""The metastore: the one securable that nothing holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import literal, select

from modelyard.domain.metastore import Metastore
from modelyard.domain.privileges import Kind
from modelyard.store import schema

if TYPE_CHECKING:
    from modelyard.store.tx import Look

_securables = schema.securables
_GET: Final = (
    select(
        _securables.c.id,
        schema.principals.c.name,
        _securables.c.created_at,
        _securables.c.created_by,
        _securables.c.updated_at,
        _securables.c.updated_by,
        schema.installation.c.workspace_id,
    )
    .join(schema.principals, schema.principals.c.id == _securables.c.owner_id)
    .join(schema.installation, literal(1) == 1)
    .where(_securables.c.kind == Kind.METASTORE.value)
)


def get(tx: Look) -> Metastore:
    """The metastore."""
    row = tx.row(_GET)
    if row is None:
        raise LookupError("metastore")
    return Metastore(*row)
