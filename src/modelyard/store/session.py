"""Transactions on SQLite and PostgreSQL. Only the gate and the composition root come here.

SQLite is written by one thread at a time (a lock in the process, a lock file against a second process) and read by
many, in WAL mode with `synchronous=FULL`. PostgreSQL reads in repeatable-read snapshots and writes at READ COMMITTED:
whoever decides by what it has read locks that first.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from modelyard.errors import Invalid, Unavailable
from modelyard.store.tx import Contended, Look, Row, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from sqlalchemy import URL, Engine, PoolProxiedConnection
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.expression import Executable

    from modelyard.store.vault import Vault

log = logging.getLogger(__name__)

_BUSY_MILLISECONDS: Final = 10_000
_RETRIED_STATES: Final = frozenset({"40001", "40P01", "23505"})
"""PostgreSQL: serialization failure, deadlock, and a unique key that somebody else took in the meantime."""
_READ_ONLY: Final = "25006"
"""PostgreSQL's state when a server takes no changes: it became a standby, or its operator closed it."""
_LIMIT_EXCEEDED: Final = "54"
"""PostgreSQL's class of states for values beyond its limits."""

_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN_WRITING: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_BOUNDS: Final = {
    "synchronous_commit": "on",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
}
"""What PostgreSQL does for each of our connections: an answer is durable, and nothing waits, or is waited for, forever.

The last one ends the transaction of a client that is gone, so that its locks and its outcome are not open for long.
"""
_CONNECTING: Final = {
    "application_name": "modelyard",
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""How soon a database that does not answer, or is cut off, is noticed: seconds, and milliseconds for the last."""
_POOL_SECONDS: Final = 10


class Unreachable(Unavailable):
    """There is no connection to the database: it is down, full, or all of this process's are in use."""


class CommitLost(Unavailable):
    """The connection broke while a COMMIT was under way: it may or may not have happened."""


class Database:
    """A database's connections and compiled statements; shared by all threads of the process."""

    vault: Vault | None = None
    """What seals values in it; the composition root of a server brings it, and nothing else needs one."""

    def __init__(self, url: str, threads: int) -> None:
        self.engine: Engine = _engine(url, threads)
        self.is_sqlite: Final = self.engine.dialect.name == "sqlite"
        self._driver = cast("Any", self.engine.dialect.loaded_dbapi)
        self._most: Final = threads + 3  # one more than can lie idle
        self._writing = threading.Lock() if self.is_sqlite else contextlib.nullcontext()
        # Constants stay for good; a statement that was built for one search goes with it.
        self._compiled: WeakKeyDictionary[Executable, _Statement] = WeakKeyDictionary()

    @contextlib.contextmanager
    def look(self) -> Generator[Look]:
        """A transaction that reads one consistent state."""
        with self._translated(), self._begun("BEGIN" if self.is_sqlite else _BEGIN_READING) as raw:
            try:
                yield Look(_DriverCursor(raw, self._statement), self.vault)
            finally:
                raw.rollback()

    @contextlib.contextmanager
    def write(self) -> Generator[Write]:
        """A transaction that is durable once this context ends without an exception."""
        begin = "BEGIN IMMEDIATE" if self.is_sqlite else _BEGIN_WRITING
        with self._writing, self._translated(), self._begun(begin) as raw:
            try:
                yield Write(_DriverCursor(raw, self._statement), self.vault)
            except BaseException:
                raw.rollback()
                raise
            self._commit(raw)

    def _commit(self, raw: PoolProxiedConnection) -> None:
        try:
            raw.commit()
        except self._driver.Error as error:
            if self.is_sqlite or error.diag.severity_nonlocalized == "ERROR":
                raw.rollback()  # the database itself said no
                raise
            # A connection that ends, even with words of the database's, tells nothing about the COMMIT before.
            raw.invalidate()
            raise CommitLost("the database did not answer a commit.") from error

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _begun(self, begin: str) -> Generator[PoolProxiedConnection]:
        raw = self._begin(begin)
        try:
            yield raw
        finally:
            raw.close()

    def _begin(self, begin: str) -> PoolProxiedConnection:
        """A connection on which a transaction has begun.

        Idle connections break when the database restarts. That is found out here, where nothing is lost by taking
        another one, and costs no question of its own.
        """
        for _ in range(self._most):
            raw = self._connection()
            try:
                if self.is_sqlite:
                    raw.cursor().execute(begin)
                else:
                    connection = cast("Any", raw.dbapi_connection)
                    connection.autocommit = True  # or the driver would begin a transaction of its own
                    connection.execute(begin, prepare=False)
            except self._driver.OperationalError:
                if self.is_sqlite:
                    raw.close()
                    raise
                raw.invalidate()
            else:
                return raw
        raise Unreachable("the database closes every connection; nothing was changed. Ask again shortly.")

    def _connection(self) -> PoolProxiedConnection:
        try:
            return self.engine.raw_connection()
        except PoolExhausted as error:
            raise Unreachable("too much is under way; nothing was changed. Ask again shortly.") from error
        except (DBAPIError, self._driver.OperationalError) as error:
            log.warning("the database cannot be reached: %s", str(error).strip())
            raise Unreachable(
                "the database cannot be reached, or takes no more connections; nothing was changed. Ask again shortly.",
            ) from error

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        """Drivers' exceptions in our words; a message of theirs may hold SQL and never reaches a client."""
        driver = self._driver
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
            if isinstance(error, driver.OperationalError) or state == _READ_ONLY:
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
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args=_connecting(parsed),
        pool_size=threads + 2,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
    )


def _connecting(url: URL) -> dict[str, str]:
    """How to connect to PostgreSQL; what the URL says itself goes first."""
    bounds = " ".join(f"-c {name}={value}" for name, value in _BOUNDS.items())
    told = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    return {**told, "options": f"{bounds} {url.query.get('options', '')}"}


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
