"""Tables, as Unity Catalog shows them: inference tables are all the tables that there are here."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.tables import GetTable
from modelyard.domain import names
from modelyard.domain.privileges import Kind
from modelyard.domain.tables import COLUMNS, Table
from modelyard.surfaces.unity.words import at
from modelyard.surfaces.wire import Here, Row, Translation

_TYPES: Final = {"STRING": "string", "ARRAY<STRING>": "array<string>", "BIGINT": "long", "INT": "integer"}


class Named(msgspec.Struct, frozen=True):
    """A table."""

    full_name: str = ""


def _column(position: int, name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "type_text": kind.lower(),
        "type_name": "ARRAY" if kind.startswith("ARRAY") else {"BIGINT": "LONG"}.get(kind, kind),
        "type_json": f'"{_TYPES.get(kind, kind.lower())}"',
        "position": position,
        "nullable": True,
    }


def _table(table: Table, _here: Here) -> dict[str, Any]:
    catalog, schema, name = table.full_name.split(".")
    return {
        "catalog_name": catalog,
        "schema_name": schema,
        "name": name,
        "full_name": table.full_name,
        "table_id": table.id,
        "table_type": "MANAGED",
        "data_source_format": "PARQUET",
        "columns": [_column(position, *column) for position, column in enumerate(COLUMNS)],
        "comment": table.comment,
        "owner": table.owner,
        "created_at": table.created_at,
        "created_by": table.created_by,
        "updated_at": table.updated_at,
        "updated_by": table.updated_by,
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "GET",
        at("tables/{full_name}"),
        Named,
        lambda said: GetTable(Ref(Kind.TABLE, names.table(said.full_name))),
        _table,
    ),
)
