"""Where a list of leaves has to look for one caller, so that it reads about as many rows as it shows.

Somebody who may see a hundred models among a hundred thousand holds some hundred grants: those are asked first. What
they name are leaves, which are found by their ids, and containers, whose insides are ranges of names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from modelyard.domain.privileges import LEAVES, Kind, Privilege
from modelyard.store import schema
from modelyard.store.lists import is_in, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.store.tx import Look

_securables, _grants = schema.securables, schema.grants

_MANY: Final = 2_000
"""Whoever holds or owns more than this is answered by going through all names in order."""
_SEEING: Final = frozenset({Privilege.EXECUTE, Privilege.ALL_PRIVILEGES})
_NAMED: Final = select(_securables.c.kind, _securables.c.id, _securables.c.full_name).limit(_MANY + 1)
_GRANTED: Final = _NAMED.join(_grants, _grants.c.securable_id == _securables.c.id).where(
    is_in(_grants.c.principal_id, "mine"), is_in(_grants.c.privilege, "enough")
)
_OWNED: Final = _NAMED.where(is_in(_securables.c.owner_id, "mine"), is_in(_securables.c.kind, "kinds"))
_LEAF_KINDS: Final = texts(kind.value for kind in LEAVES)


@dataclass(frozen=True, slots=True)
class Reach:
    """The leaves that a caller may see by themselves, and the containers in which it may see all, in order of names.

    Both are where to look, not what is shown: the way there is looked at row by row.
    """

    ids: frozenset[str]
    containers: tuple[str, ...]


def reach(tx: Look, inside: str, *, browse: bool) -> Reach:
    """Where to look for the leaves inside a container (or anywhere, for the empty string)."""
    within = Reach(frozenset(), (inside,))
    if tx.is_admin:
        return within
    enough = _SEEING | {Privilege.BROWSE} if browse else _SEEING
    mine = texts(tx.caller.identities)
    granted = tx.rows(_GRANTED, mine=mine, enough=texts(enough))
    owned = tx.rows(_OWNED, mine=mine, kinds=_LEAF_KINDS)
    if max(len(granted), len(owned)) > _MANY:
        return within
    leaves = frozenset(id_ for kind, id_, _ in (*granted, *owned) if Kind(kind) in LEAVES)
    return Reach(leaves, _disjoint(_clipped(name, inside) for kind, _, name in granted if Kind(kind) not in LEAVES))


def _clipped(container: str, inside: str) -> str | None:
    """What two containers have in common, which is one of them, or nothing."""
    if not inside or f"{container}.".startswith(f"{inside}."):
        return container
    return inside if inside.startswith(f"{container}.") else None


def _disjoint(containers: Iterable[str | None]) -> tuple[str, ...]:
    """Containers without those inside of others, in the order in which their insides sort."""
    found = {name for name in containers if name is not None}
    outer = [name for name in found if name.partition(".")[0] == name or name.partition(".")[0] not in found]
    return tuple(sorted(outer, key=lambda name: f"{name}."))
