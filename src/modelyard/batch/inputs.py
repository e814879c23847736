"""The input: which files there are, and the pieces in which they are scored.

Pieces depend on nothing but the files: so an interrupted run finds its parts again, on however many cores it goes on.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from modelyard.batch.order import Form
from modelyard.batch.worker import places
from modelyard.batch.worker.arrow import filesystems, pa, parquet
from modelyard.errors import Invalid

PIECE_ROWS: Final = 262_144
PIECE_BYTES: Final = 64 << 20
"""Of a piece of Parquet, decompressed: fewer rows make a piece where they are wide."""
TEXT_BYTES: Final = 16 << 20
"""Of a piece of CSV."""
_BLOCK: Final = 4 << 20
_LONGEST_HEADER: Final = 1 << 20
_SUFFIXES: Final = {".parquet": Form.PARQUET, ".parq": Form.PARQUET, ".csv": Form.CSV, ".csv.gz": Form.CSV}
_MARK: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Source:
    """What is read: its pieces, its columns, and what of it stands in the names of folders."""

    form: Form
    location: str
    pieces: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    columns: list[str] = field(default_factory=list[str])
    types: dict[str, Any] = field(default_factory=dict[str, Any])
    """The types of columns, where files say them."""
    values: dict[str, str] = field(default_factory=dict[str, str])
    """The types, in the words of MLflow, of columns that stand in the names of folders."""
    rows: int | None = None
    """How many there are, where files say it."""

    @property
    def weight(self) -> int:
        """Of all pieces together."""
        return sum(piece["weight"] for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the input, and the values that stand in the names of its folders."""

    path: str
    size: int
    stamp: list[int]
    values: dict[str, str]


def look(location: str, form: Form | None, delimiter: str) -> Source:
    """Look at the input; `Invalid` where there is nothing that can be read."""
    try:
        files, path = places.opened(location)
        if form is Form.DELTA or (form is None and is_delta(files, path)):
            from modelyard.batch import delta  # noqa: PLC0415  needs a library that others do without

            return delta.source(location)
        found = _files(files, path, form)
    except (OSError, ValueError, pa.ArrowException) as problem:
        raise Invalid(f"the input {location} cannot be read: {problem}") from None
    if not found:
        raise Invalid(f"there is no .parquet or .csv file in {location}; name a file, a folder or a Delta table.")
    kinds = {_form_of(file.path, form) for file in found}
    if len(kinds) > 1:
        raise Invalid(f"{location} has Parquet and CSV; choose one of them with --format.")
    return described(files, location, kinds.pop(), found, delimiter)


def is_delta(files: Any, path: str) -> bool:  # noqa: ANN401  pyarrow has no types
    """Whether a folder is a Delta table."""
    return files.get_file_info(f"{path}/_delta_log").type == filesystems.FileType.Directory


def _files(files: Any, path: str, form: Form | None) -> list[Found]:  # noqa: ANN401  as above
    """The files at a place, by path; names, also those of folders, that begin with a period or `_` are passed over."""
    info = files.get_file_info(path)
    if info.type == filesystems.FileType.File:
        return [Found(info.path, info.size, [info.size, info.mtime_ns], {})]
    if info.type != filesystems.FileType.Directory:
        raise FileNotFoundError("there is nothing there")
    inside = files.get_file_info(filesystems.FileSelector(path, recursive=True))
    found = [each for each in inside if each.type == filesystems.FileType.File and _is_data(each.path, path, form)]
    root = len(path) + 1
    return [
        Found(each.path, each.size, [each.size, each.mtime_ns], _values(each.path[root:]))
        for each in sorted(found, key=lambda each: each.path)
    ]


def _is_data(path: str, root: str, form: Form | None) -> bool:
    if any(level.startswith((".", "_")) for level in path[len(root) + 1 :].split("/")):
        return False
    kind = _suffix(path)
    return kind is not None and form in {None, kind}


def _suffix(path: str) -> Form | None:
    return next((form for suffix, form in _SUFFIXES.items() if path.lower().endswith(suffix)), None)


def _form_of(path: str, form: Form | None) -> Form:
    found = form or _suffix(path)
    if found is None:
        raise Invalid(f"{path} ends neither in .parquet nor in .csv; say which it is with --format.")
    return found


def _values(path: str) -> dict[str, str]:
    """`year=2026/month=1/part.parquet` says year and month."""
    levels = (level.partition("=") for level in path.split("/")[:-1])
    return {name: unquote(value) for name, equals, value in levels if equals and name}


def described(files: Any, location: str, form: Form, found: Sequence[Found], delimiter: str) -> Source:  # noqa: ANN401  as above
    """The pieces of some files of one form, which must have the same columns."""
    source = Source(form, location)
    make = _parquet if form is Form.PARQUET else _csv
    for file in found:
        before = len(source.pieces)
        try:
            make(files, file, source, delimiter)
        except (OSError, pa.ArrowException, UnicodeDecodeError) as problem:
            raise Invalid(f"{file.path} cannot be read as {form.value}: {problem}") from None
        for piece in source.pieces[before:]:
            piece |= {"file": file.path, "stamp": file.stamp, "values": file.values, "format": form.value}
    for number, piece in enumerate(source.pieces):
        piece["index"] = number
    return source


def _agree(source: Source, file: Found, columns: Sequence[str]) -> None:
    """Note the columns of the first file; `Invalid` for others that do not have them."""
    twice = next((name for name in columns if list(columns).count(name) > 1), None)
    if twice is not None:
        raise Invalid(f"{file.path} has two columns {twice!r}.")
    whole = [*(name for name in columns if name not in file.values), *file.values]
    if not source.columns:
        source.columns = whole
        source.values = dict.fromkeys(file.values, "string")
    elif missing := sorted(set(source.columns) - set(whole)):
        raise Invalid(f"{file.path} lacks the column {missing[0]!r}, which the files before it have.")


# Parquet


def _parquet(files: Any, file: Found, source: Source, _delimiter: str) -> None:  # noqa: ANN401  as above
    with files.open_input_file(file.path) as content:
        reader = parquet.ParquetFile(content)
        schema, metadata = reader.schema_arrow, reader.metadata
        _agree(source, file, schema.names)
        for each in schema:
            known = source.types.setdefault(each.name, each.type)
            if known != each.type and each.name in source.columns:
                raise Invalid(f"{file.path} has {each.name!r} as {each.type}, and a file before it as {known}.")
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        sizes = [(group.num_rows, group.total_byte_size) for group in groups]
    source.rows = (source.rows or 0) + sum(rows for rows, _ in sizes)
    source.pieces += [{**piece, "weight": piece["rows"]} for piece in grouped(sizes)]


def grouped(sizes: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Row groups, by their rows and bytes, as pieces: small ones together, large ones in slices."""
    together: list[int] = []
    rows = size = 0
    for number, (count, weight) in enumerate(sizes):
        if not count:
            continue
        if count > PIECE_ROWS or weight > PIECE_BYTES:
            yield from _piece(together, rows)
            together, rows, size = [], 0, 0
            yield from _sliced(number, count, weight)
            continue
        if together and (rows + count > PIECE_ROWS or size + weight > PIECE_BYTES):
            yield from _piece(together, rows)
            together, rows, size = [], 0, 0
        together.append(number)
        rows, size = rows + count, size + weight
    yield from _piece(together, rows)


def _piece(groups: list[int], rows: int) -> Iterator[dict[str, Any]]:
    if rows:
        yield {"groups": groups, "skip": 0, "rows": rows}


def _sliced(number: int, count: int, weight: int) -> Iterator[dict[str, Any]]:
    most = max(1_024, min(PIECE_ROWS, PIECE_BYTES * count // max(1, weight)))
    parts = -(-count // most)
    step = -(-count // parts)
    for skip in range(0, count, step):
        yield {"groups": [number], "skip": skip, "rows": min(step, count - skip)}


# CSV


def _csv(files: Any, file: Found, source: Source, delimiter: str) -> None:  # noqa: ANN401  as above
    gzipped = file.path.lower().endswith(".gz")
    if not file.size:
        return
    with files.open_input_stream(file.path, compression="gzip" if gzipped else None) as content:
        names, begin = _header(content, file.path, delimiter)
    _agree(source, file, names)
    told = {"names": names, "compression": "gzip" if gzipped else ""}
    if gzipped:
        source.pieces.append({**told, "start": 0, "end": file.size, "skip_rows": 1, "weight": file.size})
        return
    ends = [begin, *_cuts(files, file, begin), file.size]
    for start, end in itertools.pairwise(ends):
        if end > start:
            source.pieces.append({**told, "start": start, "end": end, "skip_rows": 0, "weight": end - start})


def _header(content: Any, path: str, delimiter: str) -> tuple[list[str], int]:  # noqa: ANN401  as above
    """The names of the columns, and where the first row begins."""
    text = content.read(_LONGEST_HEADER)
    end = _line_end(text)
    if end is None and len(text) == _LONGEST_HEADER:
        raise Invalid(f"the first line of {path} is longer than a line with names of columns can be.")
    line = text[: len(text) if end is None else end]
    reader = csv.reader(io.StringIO(line.removeprefix(_MARK).decode(), newline=""), delimiter=delimiter)
    names: list[str] = next(reader, None) or []
    if not names or "" in names:
        raise Invalid(f"the first line of {path} must name every column.")
    return names, len(line)


def _line_end(text: bytes) -> int | None:
    """Where the first line ends, behind its end of line; line ends between quotes are part of a value."""
    at = 0
    while (found := text.find(b"\n", at)) >= 0:
        if text.count(b'"', 0, found) % 2 == 0:
            return found + 1
        at = found + 1
    return None


def _cuts(files: Any, file: Found, begin: int) -> Iterator[int]:  # noqa: ANN401  as above
    """Ends of lines about so many bytes apart: those before which quotes are paired, as a value may hold line ends."""
    if file.size - begin <= TEXT_BYTES * 3 // 2:
        return
    wanted, at, odd = begin + TEXT_BYTES, begin, False
    with files.open_input_file(file.path) as content:
        content.seek(begin)
        while block := content.read(_BLOCK):
            if at + len(block) > wanted:
                cut = _cut(block, max(0, wanted - at), odd=odd)
                if cut is not None and file.size - (at + cut) > TEXT_BYTES // 2:
                    yield at + cut
                    wanted = at + cut + TEXT_BYTES
            odd ^= block.count(b'"') % 2 == 1
            at += len(block)


def _cut(block: bytes, start: int, *, odd: bool) -> int | None:
    """Where a line ends in a block, from a place on, outside of quotes."""
    while (found := block.find(b"\n", start)) >= 0:
        if (block.count(b'"', 0, found) % 2 == 1) == odd:
            return found + 1
        start = found + 1
    return None
