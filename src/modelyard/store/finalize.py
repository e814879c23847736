"""Leases on the finalizing of versions: of all processes, one examines the files of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, or_, select, update

from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.store.tx import Write

_leases = schema.finalizations
_THIS: Final = _leases.c.version_id == bindparam("version")
_MINE: Final = _leases.c.holder == bindparam("who")
_TAKE: Final = (
    update(_leases)
    .where(_THIS, or_(_MINE, _leases.c.until < bindparam("now")))
    .values(holder=bindparam("new_holder"), until=bindparam("new_until"))
)
_GET: Final = select(_leases.c.holder).where(_THIS)
_ADD: Final = inserting(_leases)
_RELEASE: Final = delete(_leases).where(_THIS, _MINE)


def claim(tx: Write, version_id: str, holder: str, until: int) -> bool:
    """Take a lease, or hold it for longer; false while somebody else has it."""
    if tx.run(_TAKE, version=version_id, who=holder, now=tx.now, new_holder=holder, new_until=until):
        return True
    if tx.row(_GET, version=version_id):
        return False
    tx.run(_ADD, version_id=version_id, holder=holder, until=until)
    return True


def release(tx: Write, version_id: str, holder: str) -> None:
    """Give a lease back; one that somebody else has taken over stays theirs."""
    tx.run(_RELEASE, version=version_id, who=holder)
