"""An inference table as a Delta table in a folder: whole at first, then only what is new since the last time.

The Parquet files are the server's, byte for byte. The Delta log is written by `deltalake`, one commit for each export.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.cli.client import Client, Told
from modelyard.cli.progress import bytes_bar
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MOST_LISTINGS: Final = 5
_SUFFIX: Final = ".parquet"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has done: the version that the Delta table has now, and files that came and went."""

    version: int
    added: int
    removed: int


def export(server: Client, address: str, name: str, folder: Path) -> Exported:
    """Bring a folder to what the table at an address holds now."""
    _check(folder, name)
    wanted = _listed(server, address)
    if not wanted:
        raise Invalid(f"{name} has no rows yet.")
    try:
        known = _known(folder)
        added = {file: wanted[file] for file in wanted if file not in known}
        removed = [file for file in known if file not in wanted]
        _fetch(server, address, folder, added)
        version = _commit(folder, name, added, removed) if added or removed else _table(folder).version()
        for file in removed:  # what the table does not keep any more is not kept here either
            (folder / file).unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{folder} cannot be written: {error.strerror}.") from None
    return Exported(version, len(added), len(removed))


def _delta() -> Any:  # noqa: ANN401  deltalake comes without whole types
    """Loaded when needed: it is an extra, and large."""
    try:
        return import_module("deltalake")
    except ImportError:
        raise Invalid('tables are exported by deltalake: install it (pip install "modelyard[delta]").') from None


def _check(folder: Path, name: str) -> None:
    """The folder is new, empty, or an earlier export of the same table."""
    delta = _delta()
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if folder.is_dir() and delta.DeltaTable.is_deltatable(str(folder)) and _table(folder).metadata().name == name:
        return
    raise Invalid(f"{folder} is not empty, and no earlier export of {name}; name a new folder.")


def _table(folder: Path) -> Any:  # noqa: ANN401  as above
    return _delta().DeltaTable(str(folder))


def _known(folder: Path) -> list[str]:
    """The files that the Delta table has now."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _delta().DeltaTable.is_deltatable(str(folder)):
        return []
    return [Path(uri).name for uri in _table(folder).file_uris()]


def _listed(server: Client, address: str) -> dict[str, dict[str, Any]]:
    """The table's files by name, as they were at one moment: pages of a list that changes may have rows twice."""
    before: list[dict[str, Any]] | None = None
    for _ in range(_MOST_LISTINGS):
        files = server.all(f"{address}/files", "files")
        if files == before:
            return {f"{_safe(file['id'])}{_SUFFIX}": file for file in files}
        before = files
    raise Told("the table's files change faster than they can be listed; ask again shortly.")


def _safe(id_: str) -> str:
    """An id that names a file here, whatever the server says."""
    if not id_.replace("-", "").isalnum():
        raise Told(f"the server names a file {id_!r}, which could lead out of the folder.")
    return id_


def _fetch(server: Client, address: str, folder: Path, files: Mapping[str, dict[str, Any]]) -> None:
    with bytes_bar(sum(file["size"] for file in files.values())) as advance:
        for name, file in files.items():
            _fetch_one(server, f"{address}/download?file={file['id']}", folder / name, file["sha256"], advance)


def _fetch_one(server: Client, source: str, target: Path, sha256: str, advance: Callable[[int], None]) -> None:
    unfinished, told = target.with_suffix(".part"), hashlib.sha256()
    with unfinished.open("wb") as file:
        for piece in server.pieces(source):
            file.write(piece)
            told.update(piece)
            advance(len(piece))
    if told.hexdigest() != sha256:
        unfinished.unlink()
        raise Told(f"{target.name} came with other bytes than it has; ask again.")
    unfinished.replace(target)


def _commit(folder: Path, name: str, added: Mapping[str, dict[str, Any]], removed: Iterable[str]) -> int:
    actions = import_module("deltalake.transaction")
    now = int(time.time() * 1000)
    if _delta().DeltaTable.is_deltatable(str(folder)):
        table = _table(folder)
    else:
        files = import_module("pyarrow.parquet")
        schema = files.read_schema(folder / next(iter(added)))
        table = _delta().DeltaTable.create(str(folder), schema, name=name)
    said = [
        actions.AddAction(path, file["size"], {}, file["last_at"], True, _statistics(file))  # noqa: FBT003  its own order
        for path, file in added.items()
    ]
    said += [actions.RemoveAction(path, True, now) for path in removed]  # noqa: FBT003  likewise
    table.create_write_transaction(said, "append", table.schema())
    return _table(folder).version()


def _statistics(file: dict[str, Any]) -> str:
    """What readers leave files out by; the last row is of some microsecond in its millisecond."""
    first, last = (datetime.fromtimestamp(at / 1000, UTC) for at in (file["first_at"], file["last_at"] + 1))
    return json.dumps(
        {
            "numRecords": file["rows"],
            "minValues": {"request_time": first.isoformat(timespec="milliseconds")},
            "maxValues": {"request_time": last.isoformat(timespec="milliseconds")},
            "nullCount": {"request_time": 0},
        }
    )
