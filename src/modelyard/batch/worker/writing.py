"""Parts of the output: written beside their place, and named in it only once they are whole and durable."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from modelyard.batch.worker.arrow import csv, filesystems, pa, parquet

_GROUP = 131_072
"""Rows of a row group."""


class Part:
    """A part that is being written."""

    def __init__(self, files: Any, path: str, schema: Any, form: str) -> None:  # noqa: ANN401  pyarrow has no types
        self._files = files
        self._path = path
        self._schema = schema
        self._is_local = isinstance(files, filesystems.LocalFileSystem)
        self._unfinished = f"{path}.{os.getpid()}.unfinished" if self._is_local else path
        self._file: Any = (
            Path(self._unfinished).open("wb") if self._is_local else files.open_output_stream(self._unfinished)  # noqa: SIM115  `finish` or `give_up` closes it
        )
        self._writer: Any = (
            parquet.ParquetWriter(self._file, schema, compression="zstd", compression_level=1)
            if form == "parquet"
            else csv.CSVWriter(self._file, schema)
        )
        self._waiting: list[Any] = []
        self.rows = 0
        self._rows_waiting = 0

    def write(self, batch: Any) -> None:  # noqa: ANN401  as above
        """Write some rows more."""
        self._waiting.append(batch)
        self._rows_waiting += batch.num_rows
        self.rows += batch.num_rows
        if self._rows_waiting >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._rows_waiting = [], 0

    def finish(self) -> int:
        """Make it whole, durable and seen under its name; its size in bytes."""
        self._flush()
        self._writer.close()
        if self._is_local:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            Path(self._unfinished).replace(self._path)
            synced(Path(self._path).parent)
        else:
            self._file.close()
        size: int = self._files.get_file_info(self._path).size
        return size

    def give_up(self) -> None:
        """Leave nothing behind."""
        if self._is_local:
            self._file.close()
            Path(self._unfinished).unlink(missing_ok=True)


class Rejects:
    """Rows that could not be scored, a JSON object a line, with the reason; there is no file without any."""

    def __init__(self, files: Any, path: str) -> None:  # noqa: ANN401  as above
        self._files = files
        self._path = path
        self._lines: list[str] = []

    @property
    def count(self) -> int:
        """How many."""
        return len(self._lines)

    def add(self, batch: Any, reason: str) -> None:  # noqa: ANN401  as above
        """Keep one."""
        row = {**batch.to_pylist()[0], "_reason": reason}
        self._lines.append(json.dumps(row, default=str, ensure_ascii=False))

    def finish(self) -> None:
        """Write them."""
        if self._lines:
            put(self._files, self._path, "".join(f"{line}\n" for line in self._lines).encode())


def put(files: Any, path: str, content: bytes) -> None:  # noqa: ANN401  as above
    """Write a small file whole, durably, in place of any that is there."""
    if not isinstance(files, filesystems.LocalFileSystem):
        with files.open_output_stream(path) as file:
            file.write(content)
        return
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f"{place.name}.{os.getpid()}.unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(place)
    synced(place.parent)


def synced(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
