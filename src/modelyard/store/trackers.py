"""Where MLflow's own tracking server keeps its rows: a file, or a schema of its own in our PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from modelyard.domain.backups import Beside, Header, tracking
from modelyard.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.config import Settings
    from modelyard.store.session import Database

SCHEMA: Final = "modelyard_tracking"
_LOGGED: Final = "What runs have logged is not in it, as it is in"
_PATIENCE: Final = 30.0
"""Seconds that a copy waits for somebody who writes."""


def tracking_database(settings: Settings, database: Database) -> str:
    """The URL of the tracking server's database, as that server reads it; the schema is made where it is missing."""
    if settings.tracking_database:
        return settings.tracking_database
    if database.is_sqlite:
        return f"sqlite:///{file(settings)}"
    try:
        with database.engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    except SQLAlchemyError:
        raise Unavailable("the database does not let the schema of the tracking server be made.") from None
    url = make_url(settings.database_url).set(drivername="postgresql+psycopg")
    return url.update_query_dict({"options": f"-csearch_path={SCHEMA}"}).render_as_string(hide_password=False)


def file(settings: Settings) -> Path:
    """Where its rows are, beside a database of SQLite."""
    return settings.folder / "tracking" / "db" / "mlflow.db"


def beside(settings: Settings, *, is_sqlite: bool) -> Beside:
    """What a backup is to know of it."""
    if settings.tracking_url:
        return Beside(elsewhere=f"{_LOGGED} another tracking server (tracking_url): have that one backed up.")
    if settings.tracking_database:
        url = make_url(settings.tracking_database)
        if url.get_backend_name() == "sqlite" and (url.database or "").startswith("/"):
            return Beside(url.database or "")
        return Beside(elsewhere=f"{_LOGGED} the database that tracking_database names: have that one backed up.")
    if is_sqlite:
        return Beside(str(file(settings)))
    return Beside(elsewhere=f"{_LOGGED} the schema {SCHEMA} of the same PostgreSQL: keep it with pg_dump -n {SCHEMA}.")


# Copies


def copy(of: str) -> IO[bytes] | None:
    """The file as it is at one moment, while others write to it; None if there is none."""
    if not Path(of).is_file():
        return None
    with tempfile.TemporaryDirectory(prefix="modelyard-backup-") as room:
        made = Path(room) / "copy.db"
        try:
            with closing(sqlite3.connect(of, timeout=_PATIENCE)) as source, closing(sqlite3.connect(made)) as target:
                source.backup(target)
        except sqlite3.Error:
            raise Unavailable("MLflow's tracking database could not be read just now; ask again.") from None
        return made.open("rb")


def put_back(settings: Settings, header: Header, lines: Iterable[bytes], *, is_sqlite: bool) -> tuple[str, bool]:
    """Write the file of a backup, if that has it: where it is now, and whether the server looks for it there."""
    if not header.tracking:
        return "", False
    used = beside(settings, is_sqlite=is_sqlite).file
    place = Path(used) if used else file(settings)
    _write(place, tracking(lines))
    return str(place), bool(used)


def _write(place: Path, pieces: Iterable[bytes]) -> None:
    """Write it whole or not at all; `Invalid` if another one is there."""
    for folder in (place.parent.parent, place.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.partial")
    told = hashlib.sha256()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        for piece in pieces:
            told.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if place.exists() and hashlib.sha256(place.read_bytes()).digest() != told.digest():
        fresh.unlink()
        raise Invalid(f"{place} is there already, and is not the tracking database of the backup; move it away.")
    fresh.replace(place)
