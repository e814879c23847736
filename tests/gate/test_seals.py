"""Seals over a real audit: what was changed behind the server's back is found, wherever it was done."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from modelyard.actions import catalogs, seals
from modelyard.domain import seals as domain
from modelyard.domain.access import Server
from modelyard.domain.journal import Origin
from modelyard.domain.seals import COLUMNS, START, Break, Seal
from modelyard.errors import Unavailable
from modelyard.store import schema
from modelyard.store import seals as store
from tests.support import InProcess

SEALED = 4
"""Seals in the journal of these tests, of three rows each."""


def seal(inside: InProcess) -> bool:
    return inside.gate.do(seals.SealJournal(), Server(), Origin("seal"))


def seal_all(inside: InProcess) -> None:
    while seal(inside):
        pass


def verify(inside: InProcess, after: int = 0, digest: str = "") -> seals.Verified:
    """Page by page, as clients do."""
    found = inside.do(seals.VerifyJournal(after, digest))
    while not found.stretch.broken and found.stretch.end != found.newest:
        found = inside.do(seals.VerifyJournal(found.stretch.end.number))
    return found


def broken(inside: InProcess) -> Break:
    found = verify(inside).stretch.broken
    assert found
    return found


def act(inside: InProcess, name: str) -> None:
    inside.do(catalogs.CreateCatalog(name, catalogs.About("ü“\n")))


def sql(inside: InProcess, statement: str, **values: object) -> list[Any]:
    """What somebody does who has the database in hands."""
    engine = create_engine(inside.built.database.engine.url, poolclass=NullPool)
    with engine.begin() as connection:
        done = connection.execute(text(statement), values)
        return list(done.all()) if done.returns_rows else []


@pytest.fixture
def sealed(inside: InProcess) -> InProcess:
    """A journal of four seals."""
    for number in range(SEALED):
        for row in range(3):
            act(inside, f"c{number}x{row}")
        seal_all(inside)
    assert [each.number for each in _seals(inside)] == list(range(1, SEALED + 1))
    assert verify(inside).stretch.broken is None
    return inside


def _seals(inside: InProcess) -> list[Seal]:
    with inside.built.database.look() as tx:
        return store.after(tx, 0, 1_000)


def test_a_seal_covers_every_column_of_a_row_but_its_own_number() -> None:
    assert tuple(column.name for column in schema.audit.c if column.name != "seal") == COLUMNS


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_breaks_the_seal_of_its_row(sealed: InProcess, column: str) -> None:
    number = column in {"seq", "event_time"}
    change = f"{column} + 1000000" if number else f"{column} || 'x'"
    [(seq,)] = sql(sealed, "SELECT max(seq) FROM audit WHERE seal = 2")
    sql(sealed, f"UPDATE audit SET {column} = {change} WHERE seq = :seq", seq=seq)  # noqa: S608  our own columns
    assert broken(sealed).seal == 2
    assert "its digest is another one" in broken(sealed).problem


@pytest.mark.parametrize(
    ("statement", "number", "problem"),
    [
        ("DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit WHERE seal = 3)", 3, "and 2 are left"),
        ("UPDATE audit SET seal = 4 WHERE seq = (SELECT max(seq) FROM audit WHERE seal = 3)", 3, "and 2 are left"),
        ("UPDATE audit SET seal = NULL WHERE seal = 2", 2, "and 0 are left"),
        ("UPDATE audit SET seal = 2 WHERE seq = (SELECT min(seq) FROM audit WHERE seal = 3)", 2, "there are more"),
        ("UPDATE audit SET seal = -1 WHERE seal = 4", 4, "and 0 are left"),
        ("UPDATE audit SET seq = -seq WHERE seal = 2", 2, "another one"),
        ("DELETE FROM seals WHERE number = 2", 2, "it is missing"),
        ("DELETE FROM seals WHERE number = 4", 4, "it is missing"),
        ("DELETE FROM seals", 1, "it is missing"),
        ("UPDATE seals SET digest = 'x' WHERE number = 1", 1, "another one"),
        ("UPDATE seals SET sealed_at = sealed_at + 1 WHERE number = 4", 4, "another one"),
        ("UPDATE seals SET rows = 2 WHERE number = 3", 3, "there are more"),
        ("UPDATE seals SET number = 5 WHERE number = 4", 4, "it is missing"),
    ],
)
def test_tampering_is_found_at_the_first_seal_that_it_touches(
    sealed: InProcess, statement: str, number: int, problem: str
) -> None:
    sql(sealed, statement)
    found = broken(sealed)
    assert found.seal == number
    assert problem in found.problem


def test_two_rows_that_change_places_break_their_seal(sealed: InProcess) -> None:
    [(low, high)] = sql(sealed, "SELECT min(seq), max(seq) FROM audit WHERE seal = 2")
    for was, becomes in ((low, -1), (high, low), (-1, high)):
        sql(sealed, "UPDATE audit SET seq = :new WHERE seq = :old", new=becomes, old=was)
    assert broken(sealed).seal == 2


def test_a_row_that_is_added_to_an_old_seal_or_to_one_that_never_was_is_found(sealed: InProcess) -> None:
    for number, told in ((99, 99), (0, 0), (2, 2)):
        names = ", ".join(COLUMNS[1:])
        kept = names.replace("event_id", f"'{number}-' || event_id")
        copy = f"INSERT INTO audit ({names}, seal) SELECT {kept}, {number} FROM audit WHERE seq = 1"  # noqa: S608  as above
        sql(sealed, copy)
        assert broken(sealed).seal == told
        sql(sealed, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    assert verify(sealed).stretch.broken is None


def test_the_last_seal_is_not_made_again_unnoticed_by_the_server_itself(sealed: InProcess) -> None:
    sql(sealed, "DELETE FROM seals WHERE number = 4")
    act(sealed, "later")
    seal_all(sealed)
    assert broken(sealed).seal == 4


def test_a_chain_that_was_made_anew_differs_from_the_digest_that_was_noted(sealed: InProcess) -> None:
    noted = _seals(sealed)[-1]
    assert verify(sealed, noted.number, noted.digest).stretch.broken is None
    sql(sealed, "UPDATE audit SET principal = 'somebody else' WHERE seal = 3")
    sql(sealed, "UPDATE audit SET seal = NULL")
    sql(sealed, "DELETE FROM seals")
    for _ in range(SEALED):
        act(sealed, f"again{_}")
        seal_all(sealed)
    assert verify(sealed).stretch.broken is None, "the chain alone cannot tell"
    assert "not the one that was noted" in str(verify(sealed, noted.number, noted.digest).stretch.broken)


def test_a_noted_seal_that_is_gone_is_missing(sealed: InProcess) -> None:
    assert verify(sealed, 17).stretch.broken == domain.missing(17)


def test_rows_that_are_not_sealed_for_a_minute_are_counted(sealed: InProcess) -> None:
    act(sealed, "fresh")
    assert verify(sealed).late == 0
    sql(sealed, "UPDATE audit SET event_time = event_time - 61000 WHERE seal IS NULL")
    assert verify(sealed).late == 1


def test_nothing_is_written_while_there_is_nothing_to_seal(sealed: InProcess) -> None:
    before = _seals(sealed)
    assert not seal(sealed)
    assert _seals(sealed) == before


def test_a_backlog_is_sealed_in_parts(inside: InProcess) -> None:
    names = ", ".join(COLUMNS[1:])
    act(inside, "first")
    for number in range(11):
        kept = names.replace("event_id", f"'{number}-' || event_id")
        sql(inside, f"INSERT INTO audit ({names}) SELECT {kept} FROM audit WHERE seal IS NULL")  # noqa: S608  as above
    assert [seal(inside) for _ in range(4)] == [True, True, False, False]
    assert [each.rows for each in _seals(inside)] == [1_000, 1_000, 48]
    assert verify(inside).stretch.broken is None


def test_the_chain_begins_with_an_empty_journal(inside: InProcess) -> None:
    assert not seal(inside)
    found = verify(inside)
    assert (found.stretch.end, found.newest, found.late) == (START, START, 0)


def test_many_who_seal_and_many_who_write_make_one_whole_chain(inside: InProcess) -> None:
    writing = threading.Event()

    def write(writer: int) -> None:
        for number in range(15):
            act(inside, f"w{writer}x{number}")

    def keep_sealing(_number: int) -> None:
        while not writing.is_set():
            with contextlib.suppress(Unavailable):  # too many met; the keeper would come again later
                seal(inside)

    with ThreadPoolExecutor(12) as pool:
        sealers = [pool.submit(keep_sealing, number) for number in range(4)]
        for done in [pool.submit(write, writer) for writer in range(8)]:
            done.result()
        writing.set()
        for sealer in sealers:
            sealer.result()
    seal_all(inside)
    assert verify(inside).stretch.broken is None
    assert sql(inside, "SELECT count(*) FROM audit WHERE seal IS NULL") == [(0,)]
    assert sql(inside, "SELECT sum(rows) FROM seals") == sql(inside, "SELECT count(*) FROM audit")
