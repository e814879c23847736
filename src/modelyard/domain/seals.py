"""The chain of seals over the audit: what a seal covers, how its digest is made, and what breaks it.

A seal's digest is the SHA-256 of the digest before it and of one line of JSON for each row that it covers, in order of
`seq`, and for the seal itself. Whoever changes, removes, adds or moves a row afterwards must make that seal and all
later ones anew, and then the newest digest is another one than whoever noted it outside of the database remembers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

COLUMNS: Final = (
    "seq", "event_id", "event_time", "request_id", "service_name", "action_name", "principal", "principal_id",
    "token_id", "source_ip_address", "user_agent", "request_params", "result", "error", "message", "securable",
)  # fmt: skip
"""The columns of a row that a seal covers, in this order: all but the number of the seal, for which the chain speaks.

A column that the audit gets one day is covered by a second form of line from then on; this one must stay.
"""

_line = json.JSONEncoder(separators=(",", ":"), default=repr).encode
"""What is neither text nor a number was put there by somebody else, and must only differ from what was sealed."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain: its number (from 1 on, without a gap), when it was made (ms), over how many rows."""

    number: int
    sealed_at: int
    rows: int
    digest: str


START: Final = Seal(0, 0, 0, "")
"""What the first seal follows."""


class Sealing:
    """Takes the rows of one seal in, one after the other, and then gives the seal."""

    def __init__(self, before: Seal) -> None:
        self._number = before.number + 1
        self._hash = hashlib.sha256(before.digest.encode())
        self.rows = 0

    def take(self, row: Sequence[object]) -> None:
        """Cover a row, given as its `COLUMNS`."""
        self._hash.update(_line(list(row)).encode() + b"\n")
        self.rows += 1

    def seal(self, sealed_at: int) -> Seal:
        """The seal over the rows so far."""
        whole = self._hash.copy()
        whole.update(_line([self._number, sealed_at, self.rows]).encode() + b"\n")
        return Seal(self._number, sealed_at, self.rows, whole.hexdigest())


def seal(before: Seal, rows: Iterable[Sequence[object]], sealed_at: int) -> Seal:
    """The seal that follows another one, over rows."""
    sealing = Sealing(before)
    for row in rows:
        sealing.take(row)
    return sealing.seal(sealed_at)


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold: the number of the seal, and what is wrong with it."""

    seal: int
    problem: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the chain that was looked at: its last good seal, how many rows it covers, and what is broken."""

    end: Seal
    rows: int = 0
    broken: Break | None = None


def follow(start: Seal, seals: Sequence[Seal], rows: Iterable[tuple[int, Sequence[object]]]) -> Stretch:
    """Follow the chain over the seals after `start`; `rows` are those they cover, with the number of their seal.

    Rows come in the order of seals, then of `seq`; no more of them are asked for than the first broken seal has.
    """
    waiting = iter(rows)
    row = next(waiting, None)
    count = 0
    for told in seals:
        if told.number != start.number + 1:
            return Stretch(start, count, missing(start.number + 1))
        sealing = Sealing(start)
        while row is not None and row[0] == told.number and sealing.rows <= told.rows:
            sealing.take(row[1])
            row = next(waiting, None)
        if problem := _problem(told, sealing):
            return Stretch(start, count, Break(told.number, problem))
        start, count = told, count + told.rows
    return Stretch(start, count)


def _problem(told: Seal, found: Sealing) -> str:
    if found.rows < told.rows:
        return f"it covers {told.rows} rows, and {found.rows} are left: rows were removed, or moved to another seal."
    if found.rows > told.rows:
        return f"it covers {told.rows} rows, and there are more: rows were added to it."
    if found.seal(told.sealed_at).digest != told.digest:
        return "its digest is another one: a row that it covers, the seal before it, or the seal itself was changed."
    return ""


def missing(number: int) -> Break:
    """A seal that is not there."""
    return Break(number, "it is missing: it was removed, though rows or later seals tell of it.")
