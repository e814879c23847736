"""Delta tables: their files as input, and parts that become seen by one commit."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from modelyard.batch import inputs
from modelyard.batch.inputs import Found, Source
from modelyard.batch.order import Existing, Form
from modelyard.batch.worker import places
from modelyard.batch.worker.arrow import filesystems, pa
from modelyard.errors import Invalid, WrongState

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNKNOWN: Final = frozenset({"deletionVectors", "columnMapping", "v2Checkpoint"})
"""Features of tables whose files alone do not say what the rows are."""
_TYPES: Final = {"integer": "integer", "long": "long", "short": "integer", "byte": "integer", "double": "double",
                 "float": "float", "boolean": "boolean", "date": "string", "timestamp": "datetime"}  # fmt: skip


def _library() -> Any:  # noqa: ANN401  of an optional extra
    try:
        import deltalake  # noqa: PLC0415  of an optional extra, which few jobs need
    except ImportError:
        raise Invalid('Delta tables need the library deltalake: pip install "modelyard[delta]".') from None
    return deltalake


def _location(location: str) -> str:
    return places.local_path(location) if places.is_local(location) else location.replace("s3a://", "s3://")


def _options(location: str) -> dict[str, str]:
    """What the library is told of S3, from the environment, besides what it reads there itself."""
    if places.is_local(location):
        return {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    plain = {"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http://") else {}
    return {**({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}), **plain}


def table(location: str) -> Any:  # noqa: ANN401  as above
    """A table that is there, or None."""
    library = _library()
    where, options = _location(location), _options(location)
    return (
        library.DeltaTable(where, storage_options=options) if library.DeltaTable.is_deltatable(where, options) else None
    )


def source(location: str) -> Source:
    """The rows of a table as it is now."""
    found = table(location)
    if found is None:
        raise Invalid(f"{location} is no Delta table.")
    protocol = found.protocol()
    if unknown := sorted(_UNKNOWN.intersection(protocol.reader_features or ())):
        raise Invalid(f"the table {location} uses {unknown[0]}, which is not supported; rewrite it without.")
    files, path = places.opened(location)
    by = list(found.metadata().partition_columns)
    adds = _adds(found, by)
    there = [_file(files, f"{path}/{unquote(name)}", values) for name, values in sorted(adds)]
    made = inputs.described(files, location, Form.PARQUET, there, ",") if there else Source(Form.PARQUET, location)
    kinds = {each.name: str(getattr(each.type, "type", "string")) for each in found.schema().fields}
    made.form = Form.DELTA
    made.values = {name: _TYPES.get(kinds[name], "string") for name in by}
    return made


def _adds(found: Any, by: list[str]) -> list[tuple[str, dict[str, str]]]:  # noqa: ANN401  as above
    rows = cast("list[dict[str, Any]]", pa.table(found.get_add_actions(flatten=True)).to_pylist())
    return [(row["path"], {name: _text(row.get(f"partition.{name}")) for name in by}) for row in rows]


def _text(value: object) -> str:
    if value is None:
        raise Invalid("a partition of the table has no value, which is not supported; rewrite it with one.")
    return str(value)


def _file(files: Any, path: str, values: dict[str, str]) -> Found:  # noqa: ANN401  as above
    info = files.get_file_info(path)
    if info.type != filesystems.FileType.File:
        raise Invalid(f"the table names a file that is not there: {path}.")
    return Found(path, info.size, [info.size, info.mtime_ns], values)


# Output


def check(location: str, existing: Existing) -> None:
    """`Invalid` where there is a table already, and nothing was said about it."""
    found = table(location)
    if found is not None and existing is Existing.REFUSE:
        raise Invalid(f"{location} is a Delta table already; say --append or --overwrite.")
    if found is not None and found.metadata().partition_columns:
        raise Invalid(f"{location} is partitioned, which an output cannot be; name another table.")


def committed(location: str, plan_id: str) -> int | None:
    """The version of a table, if this very job has committed to it before."""
    found = table(location)
    if found is None or found.transaction_version(plan_id) is None:
        return None
    version: int = found.version()
    return version


def commit(location: str, schema: Any, parts: Sequence[dict[str, Any]], existing: Existing, plan_id: str) -> int:  # noqa: ANN401  as above
    """Make parts that are in the folder of a table its rows, all at once; the version of the table."""
    library = _library()
    from deltalake import transaction  # noqa: PLC0415  as above

    actions = [_action(transaction, part) for part in parts]
    mine = transaction.Transaction(plan_id, 1, int(time.time() * 1000))
    properties = transaction.CommitProperties(app_transactions=[mine], custom_metadata={"writer": "modelyard batch"})
    mode = "overwrite" if existing is Existing.REPLACE else "append"
    found, kinds = table(location), library.Schema.from_arrow(schema)
    if found is not None and mode == "append" and found.schema() != kinds:
        raise WrongState(f"the table {location} has other columns or types; overwrite it, or name another one.")
    try:
        if found is None:
            transaction.create_table_with_add_actions(
                _location(location), kinds, actions, "error", storage_options=_options(location),
                commit_properties=properties,
            )  # fmt: skip
        else:
            found.create_write_transaction(actions, mode, kinds, commit_properties=properties)
    except library.exceptions.DeltaError as problem:
        raise WrongState(f"the table {location} did not take the rows: {problem}") from None
    version: int = library.DeltaTable(_location(location), storage_options=_options(location)).version()
    return version


def _action(transaction: Any, part: dict[str, Any]) -> Any:  # noqa: ANN401  as above
    told = json.dumps({"numRecords": part["rows"]})
    return transaction.AddAction(part["part"], part["size"], {}, int(time.time() * 1000), data_change=True, stats=told)
