"""Backups, as streams: the database as JSON Lines, and stored bytes by their hashes."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions.backups import DumpDatabase, FindObject
from modelyard.surfaces.modelyard.words import at, sha256
from modelyard.surfaces.wire import Departure, Nothing, Row


class Object(msgspec.Struct, frozen=True):
    """Stored bytes by their SHA-256."""

    sha256: str = ""


ROWS: Final[tuple[Row, ...]] = (
    Departure(
        "GET",
        at("backup"),
        Nothing,
        read=lambda _said: DumpDatabase(),
        entry=lambda dump: dump.entry,
        source=lambda _store, dump: dump,
    ),
    Departure("GET", at("backup/objects/{sha256}"), Object, read=lambda said: FindObject(sha256(said.sha256))),
)
