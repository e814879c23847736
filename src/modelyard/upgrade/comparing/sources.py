"""One side of a comparison: a file or folder with Parquet or CSV, its digests, its columns, and its rows in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelyard.domain.files import Entry, digest
from modelyard.errors import Invalid
from modelyard.upgrade.comparing.libraries import csv, dataset, pa

_PARQUET: Final = (".parquet", ".parq")
_CSV: Final = (".csv", ".csv.gz")
_PIECE: Final = 1 << 20
BATCH_ROWS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Side:
    """One side; `digest` is that of published outputs: of all files with their paths."""

    location: str
    files: tuple[Entry, ...]
    """All that are there, with their SHA-256."""
    paths: tuple[Path, ...]
    """Those with rows."""
    columns: dict[str, Any]
    """Their types, by name."""
    rows: Any
    """An Arrow dataset."""

    @property
    def digest(self) -> str:
        """Of all files, as published outputs have it."""
        return digest(self.files)

    @property
    def contents(self) -> list[str]:
        """The SHA-256 of each file with rows, in the order of their paths."""
        known = {each.path: each.sha256 for each in self.files}
        root = Path(self.location)
        return [known[_inside(root, path)] for path in self.paths]

    @property
    def size(self) -> int:
        """Bytes of the files with rows."""
        return sum(path.stat().st_size for path in self.paths)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Its rows, some at a time."""
        try:
            yield from self.rows.scanner(
                columns=list(dict.fromkeys(columns)), batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1
            ).to_batches()
        except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
            raise Invalid(f"{self.location} cannot be read to its end: {problem}") from None


def look(location: str, keys: Sequence[str], delimiter: str, tell: Callable[[int], None]) -> Side:
    """One side, hashed; `Invalid` where there is nothing that can be read. `tell` hears of bytes that were hashed."""
    root = Path(location)
    found = _found(root)
    paths = [path for path in found if _is_data(root, path)]
    if not paths:
        raise Invalid(f"there is no .parquet or .csv file in {location}.")
    kinds = {path.name.lower().endswith(_CSV) for path in paths}
    if len(kinds) > 1:
        raise Invalid(f"{location} has Parquet and CSV; leave one of them.")
    try:
        files = tuple(_entry(root, path, tell) for path in found)
        rows = _csv(paths, keys, delimiter) if kinds.pop() else _parquet(root, paths)
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as problem:
        raise Invalid(f"{location} cannot be read: {problem}") from None
    columns = {each.name: each.type for each in rows.schema}
    if missing := [key for key in keys if key not in columns]:
        raise Invalid(f"{location} has no column {missing[0]!r}; it has {', '.join(list(columns)[:20])}.")
    return Side(location, files, tuple(paths), columns, rows)


def total(location: str) -> int:
    """Bytes of all files of a side."""
    return sum(path.stat().st_size for path in _found(Path(location)))


def _found(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise Invalid(f"there is nothing at {root}; name a file or a folder.")
    if (root / "_delta_log").is_dir():
        raise Invalid(f"{root} is a Delta table, whose files are not all current; write its rows as Parquet first.")
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _is_data(root: Path, path: Path) -> bool:
    if any(level.startswith((".", "_")) for level in path.relative_to(root).parts):
        return False
    return path.name.lower().endswith((*_PARQUET, *_CSV))


def _inside(root: Path, path: Path) -> str:
    return path.name if root.is_file() else path.relative_to(root).as_posix()


def _entry(root: Path, path: Path, tell: Callable[[int], None]) -> Entry:
    hashed, size = hashlib.sha256(), 0
    with path.open("rb") as content:
        while piece := content.read(_PIECE):
            hashed.update(piece)
            size += len(piece)
            tell(len(piece))
    return Entry(_inside(root, path), is_directory=False, size=size, sha256=hashed.hexdigest())


def _parquet(root: Path, paths: Sequence[Path]) -> Any:  # noqa: ANN401  Arrow has no types here
    told = {"format": "parquet", "partitioning": "hive"}
    base = {"partition_base_dir": str(root)} if root.is_dir() else {}
    return dataset.dataset([str(path) for path in paths], **told, **base)


def _csv(paths: Sequence[Path], keys: Sequence[str], delimiter: str) -> Any:  # noqa: ANN401  as above
    """CSV: keys are text as it stands there, and numbers doubles, so that no later row comes as a surprise."""
    words = csv.ConvertOptions(
        column_types={key: pa.string() for key in keys}, null_values=[""], strings_can_be_null=True
    )
    form = dataset.CsvFileFormat(csv.ParseOptions(delimiter=delimiter), convert_options=words)
    guessed = dataset.dataset([str(path) for path in paths], format=form).schema
    widened = pa.schema([pa.field(each.name, _wide(each.type)) for each in guessed])
    return dataset.dataset([str(path) for path in paths], format=form, schema=widened)


def _wide(kind: Any) -> Any:  # noqa: ANN401  as above
    return pa.float64() if pa.types.is_integer(kind) or pa.types.is_null(kind) else kind
