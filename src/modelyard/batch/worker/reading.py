"""The rows of a piece of the input, in batches, with constant memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from modelyard.batch.worker.arrow import compute, csv, pa, parquet

_BLOCK = 1 << 20


class Changed(Exception):
    """A file of the input is not the one that was looked at when the work was planned."""


class Slice(io.RawIOBase):
    """The bytes of a file from one place up to, not with, another."""

    def __init__(self, file: Any, start: int, end: int) -> None:  # noqa: ANN401  pyarrow has no types
        super().__init__()
        self._file = file
        self._left = end - start
        file.seek(start)

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Some of the bytes."""
        wanted = self._left if size < 0 else min(size, self._left)
        found: bytes = self._file.read(wanted)
        self._left -= len(found)
        return found


def batches(files: Any, plan: dict[str, Any], piece: dict[str, Any]) -> Iterator[Any]:  # noqa: ANN401  as above
    """The record batches of a piece, each of at most `batch_rows` rows."""
    info = files.get_file_info(piece["file"])
    if [info.size, info.mtime_ns] != piece["stamp"]:
        raise Changed(f"{piece['file']} has changed since the work was planned; run it again.")
    with files.open_input_file(piece["file"]) as file:
        found = _parquet(file, plan, piece) if piece["format"] == "parquet" else _csv(file, plan, piece)
        for batch in found:
            yield _with_values(batch, plan, piece)


def _parquet(file: Any, plan: dict[str, Any], piece: dict[str, Any]) -> Iterator[Any]:  # noqa: ANN401  as above
    columns = [name for name in plan["columns"] if name not in piece["values"]]
    reader = parquet.ParquetFile(file)
    skip, left = piece["skip"], piece["rows"]
    found = reader.iter_batches(plan["batch_rows"], row_groups=piece["groups"], columns=columns, use_threads=False)
    for batch in found:
        if skip >= batch.num_rows:
            skip -= batch.num_rows
            continue
        kept = batch.slice(skip, left)
        skip, left = 0, left - kept.num_rows
        yield kept
        if not left:
            return


def _csv(file: Any, plan: dict[str, Any], piece: dict[str, Any]) -> Iterator[Any]:  # noqa: ANN401  as above
    source: Any = Slice(file, piece["start"], piece["end"])
    if piece["compression"]:
        source = pa.CompressedInputStream(pa.PythonFile(source), piece["compression"])
    told = plan["csv"]
    texts = plan["bad_rows"] == "skip"
    types = {name: pa.string() if texts else arrow_type(kind) for name, kind in told["types"].items()}
    names = piece["names"]
    found = csv.open_csv(
        source,
        read_options=csv.ReadOptions(
            use_threads=False, column_names=names, skip_rows=piece["skip_rows"], block_size=_BLOCK
        ),
        parse_options=csv.ParseOptions(delimiter=told["delimiter"], newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={name: types.get(name, pa.string()) for name in names},
            include_columns=[name for name in plan["columns"] if name not in piece["values"]],
            null_values=told["nulls"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    yield from rebatched(found, plan["batch_rows"])


def rebatched(found: Any, most: int) -> Iterator[Any]:  # noqa: ANN401  as above
    """The same rows in batches of `most`, the last one smaller."""
    waiting: list[Any] = []
    rows = 0
    for batch in found:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= most:
            whole = _joined(waiting)
            yield whole.slice(0, most)
            waiting, rows = [whole.slice(most)], rows - most
    if rows:
        yield _joined(waiting)


def _joined(waiting: list[Any]) -> Any:  # noqa: ANN401  as above
    if len(waiting) == 1:
        return waiting[0]
    table = pa.Table.from_batches(waiting).combine_chunks()
    return table.to_batches()[0] if table.num_rows else waiting[0].slice(0, 0)


def arrow_type(kind: str) -> Any:  # noqa: ANN401  as above
    """The type of Arrow for a type in a signature of MLflow; text for what is unknown."""
    known = {
        "boolean": pa.bool_(),
        "integer": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "datetime": pa.timestamp("ns"),
    }
    return known.get(kind, pa.string())


def _with_values(batch: Any, plan: dict[str, Any], piece: dict[str, Any]) -> Any:  # noqa: ANN401  as above
    """The same with the columns that stand in the names of folders, in the order of the plan."""
    if not piece["values"]:
        return batch
    columns: list[Any] = []
    for name in plan["columns"]:
        if name in piece["values"]:
            kind = arrow_type(plan["value_types"].get(name, ""))
            text = pa.scalar(piece["values"][name], pa.string())
            columns.append(pa.repeat(compute.cast(text, kind), batch.num_rows))
        else:
            columns.append(batch.column(name))
    return pa.RecordBatch.from_arrays(columns, names=plan["columns"])
