"""Seals over the audit: made each second, and verified whenever somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import METASTORE, Chore, Need, Query, Ref
from modelyard.domain import seals as domain
from modelyard.domain.privileges import Privilege
from modelyard.domain.seals import Break, Seal, Stretch
from modelyard.store import seals
from modelyard.store.tx import Look, Write

_ROWS_SEALED: Final = 1_000
_SEALS_VERIFIED: Final = 2_000
_ROWS_VERIFIED: Final = 5_000
"""About how many rows one request verifies, so that none takes long."""
_LATE_MILLISECONDS: Final = 60_000


@dataclass(frozen=True)
class SealJournal(Chore[Write, bool]):
    """Seal the audit rows that no seal covers yet, and tell whether there may be more of them.

    Writers never wait for it. A row that another process commits late is covered by a later seal. The newest seal is
    read first: then none of the rows that are read after it can be sealed by somebody else without taking the number.
    """

    def run(self, tx: Write) -> bool:
        """Make one seal, unless there is nothing to seal."""
        before = seals.last(tx)
        rows = seals.unsealed(tx, _ROWS_SEALED)
        if rows:
            seals.add(tx, domain.seal(before, rows, tx.now), rows)
        return len(rows) == _ROWS_SEALED


@dataclass(frozen=True)
class Verified:
    """What verifying a part of the chain came to: the stretch, the newest seal, and how many rows are sealed late.

    There is more to verify while the stretch ends before the newest seal and nothing is broken.
    """

    stretch: Stretch
    newest: Seal
    late: int = 0


@dataclass(frozen=True)
class VerifyJournal(Query[Look, Verified]):
    """Verify the next part of the chain of seals, after a seal that is trusted: 0 is the beginning.

    With the digest that somebody noted for that seal, it is also compared.
    """

    after: int = 0
    digest: str = ""
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    @property
    def is_brief(self) -> bool:
        """It reads thousands of rows."""
        return False

    def run(self, tx: Look) -> Verified:
        """Verify it."""
        newest = seals.last(tx)
        start = seals.get(tx, self.after)
        if start is None:
            return Verified(Stretch(domain.START, broken=domain.missing(self.after)), newest)
        if self.digest and self.digest != start.digest:
            problem = f"its digest is {start.digest}, and not the one that was noted: the chain was made anew."
            return Verified(Stretch(domain.START, broken=Break(start.number, problem)), newest)
        following = _few(seals.after(tx, start.number, _SEALS_VERIFIED))
        rows = seals.covered(tx, start.number, following[-1].number) if following else ()
        stretch = domain.follow(start, following, rows)
        if stretch.broken or stretch.end != newest:
            return Verified(stretch, newest)
        claimed = seals.claimed(tx, newest.number)
        broken = None if claimed is None else domain.missing(claimed)
        return Verified(replace(stretch, broken=broken), newest, seals.late(tx, tx.now - _LATE_MILLISECONDS))


def _few(found: list[Seal]) -> list[Seal]:
    """The first seals, at least one, that cover not much more rows than one request verifies."""
    rows = 0
    for index, seal in enumerate(found):
        rows += seal.rows
        if rows >= _ROWS_VERIFIED:
            return found[: index + 1]
    return found
