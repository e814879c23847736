"""Seals over the audit, and the rows that they cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, or_, select, update

from modelyard.domain.seals import COLUMNS, START, Seal
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelyard.store.tx import Look, Row, Write

_MOST_AT_ONCE: Final = 1_000
"""Rows that are in memory at the same time."""

_audit, _seals = schema.audit, schema.seals
_COVERED: Final = tuple(_audit.c[name] for name in COLUMNS)
_EVENT_ID: Final = COLUMNS.index("event_id")
_SEAL: Final = (_seals.c.number, _seals.c.sealed_at, _seals.c.rows, _seals.c.digest)

_LAST: Final = select(*_SEAL).order_by(_seals.c.number.desc()).limit(1)
_ONE: Final = select(*_SEAL).where(_seals.c.number == bindparam("number"))
_AFTER: Final = (
    select(*_SEAL).where(_seals.c.number > bindparam("number")).order_by(_seals.c.number).limit(bindparam("most"))
)
_UNSEALED: Final = select(*_COVERED).where(_audit.c.seal.is_(None)).order_by(_audit.c.seq).limit(bindparam("most"))
_ADD: Final = inserting(_seals)
_COVER: Final = (
    update(_audit).where(is_in(_audit.c.event_id, "events"), _audit.c.seal.is_(None)).values(seal=bindparam("new_seal"))
)
_ROWS: Final = (
    select(_audit.c.seal, *_COVERED)
    .where(_audit.c.seal >= bindparam("seal"), _audit.c.seal <= bindparam("last"))
    .where(or_(_audit.c.seal > bindparam("seal"), _audit.c.seq > bindparam("seq")))
    .order_by(_audit.c.seal, _audit.c.seq)
    .limit(bindparam("most"))
)
_BEYOND: Final = select(func.min(_audit.c.seal)).where(_audit.c.seal > bindparam("last"))
_BELOW: Final = select(func.min(_audit.c.seal)).where(_audit.c.seal < bindparam("first"))
_LATE: Final = select(func.count()).where(_audit.c.seal.is_(None), _audit.c.event_time < bindparam("before"))


def last(tx: Look) -> Seal:
    """The newest seal, or what the first one follows."""
    row = tx.row(_LAST)
    return Seal(*row) if row else START


def get(tx: Look, number: int) -> Seal | None:
    """A seal by its number; 0 is what the first one follows."""
    if not number:
        return START
    row = tx.row(_ONE, number=number)
    return Seal(*row) if row else None


def after(tx: Look, number: int, most: int) -> list[Seal]:
    """The seals after a number, in order."""
    return [Seal(*row) for row in tx.rows(_AFTER, number=number, most=most)]


def unsealed(tx: Look, most: int) -> Sequence[Row]:
    """The first rows that no seal covers yet, as what a seal covers of them."""
    return tx.rows(_UNSEALED, most=most)


def add(tx: Write, seal: Seal, rows: Iterable[Row]) -> None:
    """Keep a seal over rows; whoever makes one of the same number at the same time is `Contended`."""
    tx.run(_ADD, number=seal.number, sealed_at=seal.sealed_at, rows=seal.rows, digest=seal.digest)
    tx.run(_COVER, events=texts(row[_EVENT_ID] for row in rows), new_seal=seal.number)


def covered(tx: Look, start: int, end: int) -> Iterator[tuple[int, Row]]:
    """The rows of the seals after one, up to another, with the number of their seal; a few are in memory at once."""
    seal, seq = start + 1, 0
    while rows := tx.rows(_ROWS, seal=seal, seq=seq, last=end, most=_MOST_AT_ONCE):
        for number, *row in rows:
            yield number, tuple(row)
        seal, seq = rows[-1][:2]


def claimed(tx: Look, newest: int) -> int | None:
    """The number of a seal that rows tell of and that was never made, if there is one."""
    for row in (tx.row(_BEYOND, last=newest), tx.row(_BELOW, first=1)):
        if row and row[0] is not None:
            return row[0]
    return None


def late(tx: Look, before: int) -> int:
    """How many rows from before a time (ms) are not sealed."""
    row = tx.row(_LATE, before=before)
    return int(row[0]) if row else 0
