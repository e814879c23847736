"""What makes a database an installation: its ids, its built-in groups, its metastore and its first admin."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from modelyard.domain.access import ADMINS, EVERYBODY, Principal, PrincipalKind, Token
from modelyard.store import catalogs, principals, schema, tokens
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Write

_GET: Final = select(schema.installation.c.id, schema.installation.c.workspace_id)
_ADD: Final = inserting(schema.installation)


@dataclass(frozen=True, slots=True)
class Installation:
    """The ids by which clients and the byte store know this server."""

    metastore_id: str
    workspace_id: int


def get(tx: Look) -> Installation | None:
    """The installation, unless the database is empty."""
    row = tx.row(_GET)
    return Installation(*row) if row else None


def make(tx: Write, admin: str, secret: str, now: int) -> Installation:
    """The first start: built-in groups, an admin with a token, the metastore."""
    for name in (ADMINS, EVERYBODY):
        principals.add(tx, Principal(name, PrincipalKind.GROUP, name, name), now)
    first = Principal(new_id(), PrincipalKind.USER, admin, admin)
    principals.add(tx, first, now)
    principals.add_member(tx, ADMINS, first.id)
    give_token(tx, first, secret, "made by the first start", now)
    made = Installation(catalogs.add_metastore(tx, now, admin), secrets.randbelow(10**15) + 10**15)
    tx.run(_ADD, id=made.metastore_id, workspace_id=made.workspace_id, created_at=now)
    return made


def give_token(tx: Write, principal: Principal, secret: str, comment: str, now: int) -> None:
    """Make a token from the host, without anybody who asks."""
    token = Token(new_id(), principal.name, comment, now, None, "")
    tokens.add(tx, token, principal.id, secret)
