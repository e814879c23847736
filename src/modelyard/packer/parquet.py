"""Rows of inference tables as Parquet files; pyarrow is loaded when it is first needed."""

from __future__ import annotations

import importlib
import importlib.util
import io
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from modelyard.domain.tables import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.capture import Record

_CHUNK: Final = 1_000
"""Rows that are turned into columns together."""
_BINARY: Final = ("REQUEST_IS_NO_TEXT", "RESPONSE_IS_NO_TEXT")


def is_there() -> bool:
    """Whether what reads and writes Parquet is installed."""
    return importlib.util.find_spec("pyarrow") is not None


@cache
def arrow() -> Any:  # noqa: ANN401  pyarrow has no types
    """Loaded when first needed: it takes a while, and most servers log nothing."""
    return importlib.import_module("pyarrow")


@cache
def files() -> Any:  # noqa: ANN401  as above
    """Its part for Parquet."""
    return importlib.import_module("pyarrow.parquet")


@cache
def _schema() -> Any:  # noqa: ANN401  as above
    types = {
        "STRING": arrow().string(),
        "DATE": arrow().date32(),
        "TIMESTAMP": arrow().timestamp("us", tz="UTC"),
        "INT": arrow().int32(),
        "BIGINT": arrow().int64(),
        "DOUBLE": arrow().float64(),
        "BOOLEAN": arrow().bool_(),
        "ARRAY<STRING>": arrow().list_(arrow().string()),
    }
    return arrow().schema([(name, types[kind]) for name, kind in COLUMNS])


def encoded(records: Sequence[Record]) -> bytes:
    """A Parquet file of some records; equal records give equal bytes."""
    sink = io.BytesIO()
    with files().ParquetWriter(sink, _schema(), compression="zstd") as writer:
        for start in range(0, len(records), _CHUNK):
            rows = [_row(record) for record in records[start : start + _CHUNK]]
            writer.write_batch(arrow().RecordBatch.from_pylist(rows, schema=_schema()))
    return sink.getvalue()


def joined(several: Sequence[bytes]) -> bytes:
    """One file with the rows of several, in their order; equal files give equal bytes."""
    sink = io.BytesIO()
    with files().ParquetWriter(sink, _schema(), compression="zstd") as writer:
        for content in several:
            file = files().ParquetFile(arrow().BufferReader(content))
            writer.write_table(file.read(use_threads=False).cast(_schema()))
    return sink.getvalue()


def _row(record: Record) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.at, UTC)
    (request, first), (response, second) = _text(record.request), _text(record.response)
    binary = [code for code, wrong in zip(_BINARY, (first, second), strict=True) if wrong]
    return {
        "databricks_request_id": record.request_id,
        "request_date": at.date(),
        "client_request_id": record.client_request_id or None,
        "request_time": at,
        "status_code": record.status,
        "sampling_fraction": record.fraction / 100,
        "execution_duration_ms": round(record.milliseconds),
        "request": request,
        "response": response,
        "logging_error_codes": [*record.codes, *binary],
        "served_entity_id": record.served_id,
        "requester": record.requester,
        "endpoint_id": record.endpoint_id,
        "served_entity_name": record.entity,
        "model_name": record.model or None,
        "model_version": record.version or None,
        "is_shadow": record.shadow,
        "model_duration_ms": record.model_milliseconds,
        "queue_duration_ms": record.queue_milliseconds,
    }


def _text(body: bytes | None) -> tuple[str | None, bool]:
    """A body as text, and whether it is none."""
    try:
        return (None if body is None else body.decode()), False
    except UnicodeDecodeError:
        return None, True
