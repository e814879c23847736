"""Carrying a database forward: one chain of migrations, a kept copy on SQLite, a clear word on PostgreSQL."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from modelyard.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

_HERE: Final = Path(__file__).parent / "migrations"
_TURN: Final = 0x6D6F64656C79
"""The advisory lock by which PostgreSQL lets one of several `modelyard migrate` go first; any number would do."""


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    made.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    return made


def head() -> str:
    """The newest revision that this code knows."""
    found = ScriptDirectory.from_config(config()).get_current_head()
    if found is None:
        raise RuntimeError("there are no migrations")
    return found


def current(engine: Engine) -> str | None:
    """The revision of a database; None for an empty one, and `Unavailable` where there is no database."""
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise Unavailable("the database cannot be reached. Does it run, and is its URL right?") from error


def check(engine: Engine) -> None:
    """`Invalid` unless the database has just the schema of this code."""
    found = current(engine)
    if found == head():
        return
    if found is None:
        raise Invalid("the database has no tables yet; run `modelyard migrate` once, with the same settings.")
    _refuse_newer(found)
    raise Invalid("the database has an older schema; back it up, then run `modelyard migrate`.")


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Carry a database forward; returns the revisions before and after."""
    before = current(engine)
    if before is not None:
        _refuse_newer(before)
    if before == head():
        return before, head()
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # All or nothing, also when killed; and a table that is made anew must not take its children with it.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SET statement_timeout = 0")  # a large table takes as long as it takes
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        connection.commit()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    return before, head()


def upgrade_sqlite(engine: Engine) -> Path | None:
    """Carry a SQLite database forward; one that held something is copied first, and the copy's place returned."""
    before = current(engine)
    if before in {None, head()}:
        upgrade(engine)
        return None
    _refuse_newer(str(before))
    file = Path(str(engine.url.database))
    kept = file.with_name(f"{file.name}.{before}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy2(file, kept)
    kept.chmod(0o600)
    upgrade(engine)
    return kept


def _refuse_newer(found: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if found not in known:
        raise Invalid(
            "the database was written by a newer Modelyard; install that version, or restore an older backup.",
        )
