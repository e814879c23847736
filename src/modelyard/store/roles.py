"""Who may run code as a service principal, and who may say who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelyard.store.tx import Look, Write

_roles = schema.role_users

_HELD: Final = select(_roles.c.role).where(
    _roles.c.principal_id == bindparam("principal"), is_in(_roles.c.user_id, "mine")
)
_CLEAR: Final = delete(_roles).where(_roles.c.principal_id == bindparam("principal"))
_ADD: Final = inserting(_roles)


def may_use(tx: Look, principal_id: str, identities: Collection[str]) -> bool:
    """Whether somebody with these identities may run code as a service principal: as its user or its manager."""
    return bool(tx.rows(_HELD, principal=principal_id, mine=texts(identities)))


def replace(tx: Write, principal_id: str, roles: Collection[tuple[str, str]]) -> None:
    """Give roles to some, by their ids, and to nobody else."""
    tx.run(_CLEAR, principal=principal_id)
    for user_id, role in sorted(set(roles)):
        tx.run(_ADD, principal_id=principal_id, user_id=user_id, role=role)
