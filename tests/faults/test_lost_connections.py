"""Connections to PostgreSQL are cut at any message, and nobody is told what is not so.

2xx means that the change is there with one audit row; 503 means that it is not, and never will be.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from modelyard import gate
from modelyard.actions.catalogs import CreateCatalog
from modelyard.errors import Undecided
from tests.conftest import Postgres
from tests.faults.proxy import MARK, Cut, Fault, Proxy, is_commit, is_statement
from tests.faults.tale import SOURCE, file
from tests.support import LEGACY, UNITY, Server, in_process

TABLES = ("securables", "models", "versions", "aliases", "alias_moves", "entries", "grants", "version_tags", "events")
CHANGES: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "model": lambda client, some: client.post(f"{LEGACY}/registered-models/create", json={"name": f"dev.s.m{some}"}),
    "version": lambda client, _: client.post(
        f"{LEGACY}/model-versions/create", json={"name": SOURCE, "source": "somewhere"}
    ),
    "file": lambda client, some: client.put(file(SOURCE, 1, f"f{some}"), content=some.encode()),
    "alias": lambda client, some: client.post(
        f"{LEGACY}/registered-models/alias", json={"name": SOURCE, "alias": f"a{some}", "version": "2"}
    ),
    "tag": lambda client, some: client.post(
        f"{LEGACY}/model-versions/set-tag", json={"name": SOURCE, "version": "1", "key": "k", "value": some}
    ),
    "grant": lambda client, some: client.patch(
        f"{UNITY}/permissions/schema/dev.s",
        json={"changes": [{"principal": "account users", "add" if int(some) % 2 else "remove": ["EXECUTE"]}]},
    ),
}
"""One change of each kind that a registration is made of; the text makes it another one each time."""


@dataclass
class Setting:
    """A server behind a proxy, and a connection to its database that is not."""

    server: Server
    proxy: Proxy
    direct: psycopg.Connection
    number: int = 0

    def state(self) -> list[object]:
        """Everything that changes change."""
        query = "SELECT md5(coalesce(string_agg(row::text, ',' ORDER BY row::text), '')) FROM {} AS row"
        return [self.direct.execute(query.format(table)).fetchone() for table in TABLES]

    def done(self, request_id: str) -> int:
        """How many audit rows say that a change was made for a request."""
        query = "SELECT count(*) FROM audit WHERE request_id = %s AND result = 'done'"
        found = self.direct.execute(query, [request_id]).fetchone()
        assert found is not None
        return found[0]

    def check(self, client: httpx.Client, change: str, fault: Fault) -> httpx.Response:
        """Make a change with a fault on its way, and compare the answer with what is there."""
        self.number += 1
        before = self.state()
        self.proxy.arm(fault)
        answer = CHANGES[change](client, str(self.number))
        self.proxy.arm(None)
        done = self.done(answer.headers["x-request-id"])
        assert answer.is_success or answer.status_code == 503, answer.text
        assert done == int(answer.is_success), f"{change}, {fault}: {answer.status_code} with {done} audit rows"
        assert (self.state() != before) is answer.is_success, f"{change}, {fault}: {answer.status_code}"
        if not answer.is_success:
            assert answer.headers["retry-after"]
            assert CHANGES[change](client, str(self.number)).is_success
        return answer


@pytest.fixture
def proxy(postgres: Postgres) -> Iterator[Proxy]:
    made = Proxy(postgres.socket)
    made.up()
    yield made
    made.down()


@pytest.fixture
def setting(proxy: Proxy, postgres: Postgres, start_server: Callable[..., Server]) -> Iterator[Setting]:
    database = postgres.make()
    server = start_server(behind(proxy, database))
    server.make_containers("dev.s")
    with server.client() as admin:
        admin.post(f"{LEGACY}/registered-models/create", json={"name": SOURCE}).raise_for_status()
        for number in (1, 2):
            CHANGES["version"](admin, "").raise_for_status()
            admin.put(file(SOURCE, number, "MLmodel"), content=b"flavors: {}\n").raise_for_status()
        told = {"name": SOURCE, "version": "2"}
        admin.post(f"{LEGACY}/model-versions/finalize", json=told).raise_for_status()
    with psycopg.connect(database, autocommit=True) as direct, contextlib.closing(psycopg.connect(database)) as still:
        # The server's own chores wait for these locks: what they change is not taken for what a request has changed.
        still.execute("LOCK TABLE seals IN ACCESS EXCLUSIVE MODE")
        still.execute("LOCK TABLE tokens, logins IN SHARE MODE")
        yield Setting(server, proxy, direct)


def behind(proxy: Proxy, database: str) -> str:
    # The bounds in the URL go first: a client that is gone is noticed sooner than in production.
    bounds = "&options=-c%20idle_in_transaction_session_timeout%3D2s"
    return proxy.uri(urlsplit(database).path[1:]) + bounds


def marked(server: Server) -> httpx.Client:
    """A client whose commits can be told from those of the server's own chores."""
    client = server.client()
    client.headers["user-agent"] = MARK.decode()
    return client


COMMITTED = {Cut.SENT, Cut.ANSWERED, Cut.HALF_HEARD, Cut.LATE}


def test_a_commit_without_an_answer_is_settled_before_anybody_is_answered(setting: Setting) -> None:
    with marked(setting.server) as admin:
        for cut in Cut:
            for change in CHANGES if cut not in {Cut.LATE, Cut.NEVER} else ("version", "alias"):
                answer = setting.check(admin, change, Fault(cut, marked=True))
                assert answer.is_success is (cut in COMMITTED)


def sweep(setting: Setting, faults: Iterable[tuple[str, Fault]]) -> None:
    with setting.server.client() as admin:
        for change, fault in faults:
            setting.check(admin, change, fault)


def every_fault(cuts: Iterable[Cut]) -> list[tuple[str, Fault]]:
    """Each kind of cut at each statement of each change; no change has more than thirty."""
    return [(change, Fault(cut, number, is_statement)) for change in CHANGES for number in range(1, 31) for cut in cuts]


def test_a_connection_may_break_at_any_statement(setting: Setting) -> None:
    dice = random.Random(2026)  # noqa: S311  which moments, nothing secret
    sweep(setting, dice.sample(every_fault([Cut.UNSENT, Cut.SENT, Cut.ANSWERED, Cut.HALF_HEARD]), 24))


@pytest.mark.full
@pytest.mark.timeout(2_400)
def test_a_connection_may_break_at_every_statement(setting: Setting) -> None:
    sweep(setting, every_fault(set(Cut) - {Cut.NEVER}))


def test_versions_have_no_gap_where_connections_break(setting: Setting) -> None:
    with marked(setting.server) as admin:
        made = 2
        for cut in (Cut.UNSENT, Cut.SENT, Cut.UNSENT, Cut.ANSWERED):
            answer = setting.check(admin, "version", Fault(cut, marked=True))
            made += 1
            if answer.is_success:
                assert answer.json()["model_version"]["version"] == str(made)
        found = setting.direct.execute("SELECT number FROM versions ORDER BY number").fetchall()
    assert [number for (number,) in found] == list(range(1, made + 1))


# What is not known is not claimed


def test_an_outcome_that_stays_unknown_is_said_to_be_unknown(
    proxy: Proxy,
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "_PATIENCE_SECONDS", 1)
    database = postgres.make()
    with in_process(tmp_path / "data", behind(proxy, database)) as inside:

        def cut_all(message: bytes) -> bool:
            if is_commit(message):
                proxy.down()
            return False

        proxy.arm(Fault(Cut.UNSENT, meant=cut_all))
        with pytest.raises(Undecided, match="not known"):
            inside.do(CreateCatalog("perhaps"))
        proxy.arm(None)
        proxy.up()
        inside.do(CreateCatalog("surely"))


def test_a_restart_of_the_database_needs_none_of_the_server(setting: Setting, postgres: Postgres) -> None:
    with setting.server.client() as admin:
        setting.direct.close()
        postgres.restart()
        for change in CHANGES.values():
            assert change(admin, "900").is_success, "the first request after it already succeeds"


END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()
"""


def test_backends_that_are_ended_cost_nobody_an_answer(setting: Setting) -> None:
    name = setting.direct.info.dbname
    with setting.server.client() as admin:
        for number in range(6):
            setting.direct.execute(END_OTHERS, [name])
            assert CHANGES["tag"](admin, str(1000 + number)).is_success


# The database is away


def test_a_database_that_is_away_is_told_at_once_and_found_again(setting: Setting) -> None:
    with setting.server.client() as admin:
        setting.proxy.down()
        asked = time.monotonic()
        for answer in (CHANGES["version"](admin, ""), admin.get(f"{UNITY}/catalogs"), admin.get("/ready")):
            assert answer.status_code == 503
            assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
            assert answer.headers["retry-after"]
        assert time.monotonic() - asked < 3
        assert admin.get("/health").is_success
        setting.proxy.up()
        assert admin.get("/ready").is_success
        assert CHANGES["version"](admin, "").json()["model_version"]["version"] == "3"


def test_a_database_that_takes_no_more_connections_is_told_so(
    start_server: Callable[..., Server], postgres: Postgres
) -> None:
    database = postgres.make()
    name = urlsplit(database).path[1:]
    server = start_server(database)
    with psycopg.connect(postgres.uri("postgres"), autocommit=True) as elsewhere, server.client() as admin:
        elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # pyright: ignore[reportArgumentType, reportCallIssue]
        elsewhere.execute(END_OTHERS, [name])
        answer = admin.get(f"{UNITY}/catalogs")
        assert answer.status_code == 503
        assert "takes no more connections" in answer.json()["message"]
        elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # pyright: ignore[reportArgumentType, reportCallIssue]
        assert admin.get(f"{UNITY}/catalogs").is_success
