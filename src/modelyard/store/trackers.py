"""Where MLflow's own tracking server keeps its rows: a file, or a schema of its own in our PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from modelyard.errors import Unavailable

if TYPE_CHECKING:
    from modelyard.config import Settings
    from modelyard.store.session import Database

SCHEMA: Final = "modelyard_tracking"


def tracking_database(settings: Settings, database: Database) -> str:
    """The URL of the tracking server's database, as that server reads it; the schema is made where it is missing."""
    if settings.tracking_database:
        return settings.tracking_database
    if database.is_sqlite:
        return f"sqlite:///{settings.folder / 'tracking' / 'db' / 'mlflow.db'}"
    try:
        with database.engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    except SQLAlchemyError:
        raise Unavailable("the database does not let the schema of the tracking server be made.") from None
    url = make_url(settings.database_url).set(drivername="postgresql+psycopg")
    return url.update_query_dict({"options": f"-csearch_path={SCHEMA}"}).render_as_string(hide_password=False)
