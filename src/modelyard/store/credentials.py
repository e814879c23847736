"""The secrets of service principals: kept by their hashes, like tokens."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select, update

from modelyard.domain.access import Caller, Secret
from modelyard.store import schema
from modelyard.store.access import caller_by_id, secret_hash
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Write

_secrets, _principals = schema.service_secrets, schema.principals

_INSERT: Final = inserting(_secrets)
_OF: Final = (
    select(
        _secrets.c.id,
        _secrets.c.created_at,
        _secrets.c.created_by,
        _secrets.c.expires_at,
        _secrets.c.last_used_at,
    )
    .where(_secrets.c.principal_id == bindparam("owner"))
    .order_by(_secrets.c.created_at, _secrets.c.id)
)
_CLIENT: Final = (
    select(_secrets.c.id, _secrets.c.principal_id, _secrets.c.expires_at, _principals.c.folded)
    .join(_principals, _principals.c.id == _secrets.c.principal_id)
    .where(_secrets.c.secret_hash == bindparam("secret_hash"))
)
_NOTE_USE: Final = (
    update(_secrets).where(_secrets.c.id == bindparam("secret_id")).values(last_used_at=bindparam("used_at"))
)
_DELETE: Final = delete(_secrets).where(
    _secrets.c.principal_id == bindparam("owner"),
    _secrets.c.id == bindparam("secret_id"),
)


def add(tx: Write, principal_id: str, secret: Secret, value: str) -> None:
    """Keep a secret, with its value's hash only."""
    tx.run(
        _INSERT,
        id=secret.id,
        principal_id=principal_id,
        secret_hash=secret_hash(value),
        created_at=secret.created_at,
        created_by=secret.created_by,
        expires_at=secret.expires_at,
        last_used_at=secret.last_used_at,
    )


def of(tx: Look, principal_id: str) -> list[Secret]:
    """The secrets of a service principal, oldest first."""
    return [Secret(*row) for row in tx.rows(_OF, owner=principal_id)]


def client(tx: Look, client_id: str, value: str, now: int) -> Caller | None:
    """The active service principal that shows a secret of its own; the caller's `token_id` is the secret's id.

    It is looked up by the hash of 256 random bits, so that a wrong name takes as long as a wrong secret does.
    """
    row = tx.row(_CLIENT, secret_hash=secret_hash(value))
    if row is None:
        return None
    secret_id, principal_id, expires_at, folded = row
    is_own = hmac.compare_digest(folded.encode(), client_id.lower().encode("utf-8", "surrogateescape"))
    if not is_own or (expires_at is not None and expires_at <= now):
        return None
    found = caller_by_id(tx, principal_id)
    return found and Caller(found.principal, found.identities, secret_id)


def note_use(tx: Write, secret_id: str, now: int) -> bool:
    """Write down that a secret was used, and keep it from being deleted for now; whether it is still there."""
    return tx.run(_NOTE_USE, secret_id=secret_id, used_at=now) > 0


def remove(tx: Write, principal_id: str, secret_id: str) -> bool:
    """Forget a secret of a service principal; whether it was there."""
    return tx.run(_DELETE, owner=principal_id, secret_id=secret_id) > 0
