"""Transactions on SQLite and PostgreSQL. Only the gate and the composition root come here.

SQLite is written by one thread at a time (a lock in the process, a lock file against a second process) and read by
many, in WAL mode with `synchronous=FULL`. PostgreSQL reads in repeatable-read snapshots.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from modelyard.errors import Invalid, Unavailable
from modelyard.store.tx import Look, Row, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from sqlalchemy import Engine, PoolProxiedConnection
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.expression import Executable

_BUSY_MILLISECONDS: Final = 10_000
_RETRIED_STATES: Final = frozenset({"40001", "40P01", "23505"})
"""PostgreSQL: serialization failure, deadlock, and a unique key that somebody else took in the meantime."""


_LIMIT_EXCEEDED: Final = "54"
"""PostgreSQL's class of states for values beyond its limits."""


class Contended(Exception):
    """Two transactions met; nothing was done, and doing it again will see what the other did."""


class CommitLost(Unavailable):
    """The connection broke while a COMMIT was under way: it may or may not have happened."""


class Database:
    """A database's connections and compiled statements; shared by all threads of the process."""

    def __init__(self, url: str, threads: int) -> None:
        self.engine: Engine = _engine(url, threads)
        self.is_sqlite: Final = self.engine.dialect.name == "sqlite"
        self._writing = threading.Lock() if self.is_sqlite else contextlib.nullcontext()
        # Constants stay for good; a statement that was built for one search goes with it.
        self._compiled: WeakKeyDictionary[Executable, _Statement] = WeakKeyDictionary()

    @contextlib.contextmanager
    def look(self) -> Generator[Look]:
        """A transaction that reads one consistent state."""
        with self._connection() as raw, self._translated():
            self._begin(raw, "BEGIN", read_only=True)
            try:
                yield Look(_DriverCursor(raw, self._statement))
            finally:
                raw.rollback()

    @contextlib.contextmanager
    def write(self) -> Generator[Write]:
        """A transaction that is durable once this context ends without an exception."""
        with self._writing, self._connection() as raw, self._translated():
            self._begin(raw, "BEGIN IMMEDIATE", read_only=False)
            try:
                yield Write(_DriverCursor(raw, self._statement))
            except BaseException:
                raw.rollback()
                raise
            self._commit(raw)

    def _commit(self, raw: PoolProxiedConnection) -> None:
        try:
            raw.commit()
        except self.engine.dialect.loaded_dbapi.OperationalError as error:
            if self.is_sqlite or getattr(error, "sqlstate", None):
                raw.rollback()  # the database itself said no
                raise
            raise CommitLost("the database did not answer a commit.") from error

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _connection(self) -> Generator[PoolProxiedConnection]:
        try:
            raw = self.engine.raw_connection()
        except DBAPIError as error:
            raise Unavailable("the database cannot be reached; nothing was changed. Ask again shortly.") from error
        try:
            yield raw
        finally:
            raw.close()

    def _begin(self, raw: PoolProxiedConnection, sqlite: str, *, read_only: bool) -> None:
        if self.is_sqlite:
            raw.cursor().execute(sqlite)
            return
        from psycopg import IsolationLevel  # noqa: PLC0415  only PostgreSQL needs the driver

        connection = cast("Any", raw.dbapi_connection)
        connection.isolation_level = IsolationLevel.REPEATABLE_READ if read_only else IsolationLevel.READ_COMMITTED
        connection.read_only = read_only

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        """Drivers' exceptions in our words; a message of theirs may hold SQL and never reaches a client."""
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except driver.IntegrityError as error:
            raise Contended from error
        except driver.DataError as error:
            raise Invalid("a value holds something that the database cannot keep, such as a NUL character.") from error
        except driver.Error as error:
            state = str(getattr(error, "sqlstate", None))
            if state in _RETRIED_STATES:
                raise Contended from error
            if state.startswith(_LIMIT_EXCEEDED):
                raise Invalid("a value is longer than the database can keep.") from error
            if isinstance(error, driver.OperationalError):
                raise Unavailable("the database did not answer; nothing was changed. Ask again shortly.") from error
            raise

    def _statement(self, statement: Executable) -> _Statement:
        found = self._compiled.get(statement)
        if found is None:
            compiled = statement.compile(dialect=self.engine.dialect)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
            found = self._compiled[statement] = _Statement(cast("SQLCompiler", compiled))
        return found


class _Statement:
    """SQL text as the driver wants it, with the order or the names of its values."""

    __slots__ = ("constants", "order", "sql")

    def __init__(self, compiled: SQLCompiler) -> None:
        self.sql: Final = str(compiled)
        self.order: Final = cast("list[str] | None", getattr(compiled, "positiontup", None))
        self.constants: Final = {key: value for key, value in compiled.params.items() if value is not None}

    def values(self, said: Mapping[str, object]) -> Sequence[object] | Mapping[str, object]:
        """The values, in the driver's form; a name that the statement lacks is a `KeyError`."""
        if self.order is None:
            return {**self.constants, **said}
        if self.constants:
            said = {**self.constants, **said}
        return [said[name] for name in self.order]


class _DriverCursor:
    """Runs statements on one connection."""

    __slots__ = ("_cursor", "_statement")

    def __init__(self, raw: PoolProxiedConnection, statement: Callable[[Executable], _Statement]) -> None:
        self._cursor = cast("Any", raw.cursor())
        self._statement = statement

    def rows(self, statement: Executable, values: Mapping[str, object]) -> Sequence[Row]:
        known = self._statement(statement)
        self._cursor.execute(known.sql, known.values(values))
        return cast("Sequence[Row]", self._cursor.fetchall())

    def run(self, statement: Executable, values: Mapping[str, object]) -> int:
        known = self._statement(statement)
        self._cursor.execute(known.sql, known.values(values))
        return cast("int", self._cursor.rowcount)


def _engine(url: str, threads: int) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Invalid("the database URL cannot be read; use sqlite:///<file> or postgresql://…") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, connect_args={"check_same_thread": False}, pool_size=threads + 2)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    if backend != "postgresql":
        raise Invalid(f"the database is {backend}; Modelyard keeps its tables in SQLite or PostgreSQL.")
    return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_size=threads + 2, pool_pre_ping=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's own type
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-2048",
    ):
        connection.execute(f"PRAGMA {pragma}")
