"""What a backup of the database is written in: JSON Lines, the same for SQLite and PostgreSQL.

The first line is the header. Sections follow, one for each table, and before them `objects`, the hashes and sizes of
all stored bytes that files name, and `tracking`, pieces of MLflow's tracking database as base64, where that is a file:
a line with the section's name and its columns, then a line for each row. The last
line has the SHA-256 of all lines before it, so that what is cut short or changed is noticed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT: Final = "modelyard-backup"
LAYOUT: Final = 1
OBJECTS: Final = "objects"
"""The section of stored bytes."""
TRACKING: Final = "tracking"
"""The section of MLflow's tracking database; every other one is a table."""
_FOREIGN: Final = "this is no backup of Modelyard."
_DAMAGED: Final = "the backup is cut short or was changed; use another one."

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Beside:
    """MLflow's tracking database: a file of SQLite that can be kept, or a word on where it is, and how it is kept."""

    file: str = ""
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup is of: the revision of the schema, when (epoch milliseconds), and whose.

    `store_id` is the store of versions in catalogs and schemas that name none. `tracking` says whether MLflow's
    tracking database is in it, and `elsewhere`, where that is not, how it is kept; neither, if there was none yet.
    """

    revision: str
    made_at: int
    metastore_id: str
    store_id: str
    tracking: bool = False
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind, in the order in which they can be put back."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]


def written(header: Header, sections: Iterable[Section]) -> Iterator[bytes]:
    """The lines of a backup, each with its end."""
    digest = hashlib.sha256()
    for told in _told(header, sections):
        line = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        digest.update(line)
        yield line
    yield json.dumps({"sha256": digest.hexdigest()}).encode() + b"\n"


def _told(header: Header, sections: Iterable[Section]) -> Iterator[object]:
    yield {"format": FORMAT, "layout": LAYOUT, **asdict(header)}
    for section in sections:
        yield {"section": section.name, "columns": section.columns}
        yield from section.rows


def checked(lines: Iterable[bytes]) -> Header:
    """The header of a backup all of which is there as it was written; `Invalid` for anything else."""
    digest, header, before = hashlib.sha256(), None, b""
    for line in lines:
        if header is None:
            header = _header(_read(line))
        digest.update(before)
        before = line
    if header is None:
        raise Invalid(_FOREIGN)
    if not before.endswith(b"\n") or _read(before) != {"sha256": digest.hexdigest()}:
        raise Invalid(_DAMAGED)
    return header


def _header(told: Any) -> Header:  # noqa: ANN401  whatever JSON holds
    found: dict[str, Any] = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    if found.get("format") != FORMAT:
        raise Invalid(_FOREIGN)
    if found.get("layout") != LAYOUT:
        raise Invalid("the backup was written by another version of Modelyard; use that one to restore it.")
    said = (found["revision"], found["made_at"], found["metastore_id"], found["store_id"])
    return Header(*said, tracking=bool(found.get("tracking")), elsewhere=str(found.get("elsewhere") or ""))


def rows(lines: Iterable[bytes]) -> Iterator[tuple[str, Row]]:
    """The rows of a backup that was checked, each with the name of its section."""
    section, columns = "", tuple[str, ...]()
    for line in lines:
        told = _read(line)
        if isinstance(told, list):
            yield section, dict(zip(columns, cast("list[Any]", told), strict=True))
        elif "section" in told:
            section, columns = told["section"], tuple(told["columns"])


def _read(line: bytes) -> Any:  # noqa: ANN401  whatever JSON holds
    try:
        return json.loads(line)
    except ValueError:
        raise Invalid(_DAMAGED) from None


def objects(lines: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """The hashes and the sizes in bytes of all stored bytes that files name, once for each store; they come first."""
    for section, row in rows(lines):
        if section != OBJECTS:
            return
        yield row["sha256"], row["size"]


def tracking(lines: Iterable[bytes]) -> Iterator[bytes]:
    """MLflow's tracking database, piece by piece; it comes before all tables."""
    for section, row in rows(lines):
        if section == TRACKING:
            yield base64.b64decode(row["piece"])
        elif section != OBJECTS:
            return
