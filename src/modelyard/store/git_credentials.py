"""The credentials that principals show to git servers, encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, select, update

from modelyard.domain.git_credentials import GitCredential
from modelyard.domain.secrets import Hidden
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Row, Write

_table = schema.git_credentials
_OF: Final = _table.c.principal_id == bindparam("principal")
_THIS: Final = and_(_OF, _table.c.id == bindparam("number"))
_SHOWN: Final = (
    _table.c.id, _table.c.provider, _table.c.username, _table.c.email, _table.c.name, _table.c.is_default,
)  # fmt: skip
_LIST: Final = select(*_SHOWN).where(_OF).order_by(_table.c.created_at, _table.c.id)
_SEALED: Final = select(_table.c.sealed).where(_THIS)
_ADD: Final = inserting(_table)
_CHANGE: Final = (
    update(_table)
    .where(_THIS)
    .values(**{
        name: bindparam(f"new_{name}") for name in ("provider", "username", "email", "name", "is_default", "sealed")
    })
)  # fmt: skip
_NO_DEFAULT: Final = update(_table).where(_OF, _table.c.provider == bindparam("called")).values(is_default=0)
_REMOVE: Final = delete(_table).where(_THIS)


def of(tx: Look, principal_id: str) -> list[GitCredential]:
    """All credentials of a principal, oldest first."""
    return [_read(row) for row in tx.rows(_LIST, principal=principal_id)]


def add(tx: Write, principal_id: str, made: GitCredential, token: Hidden) -> None:
    """Keep a new credential, its token encrypted."""
    _alone(tx, principal_id, made)
    tx.run(
        _ADD,
        id=made.id,
        principal_id=principal_id,
        provider=made.provider,
        username=made.username,
        email=made.email,
        name=made.name,
        is_default=int(made.is_default),
        sealed=tx.vault.seal(token.reveal(), _owner(principal_id, made.id)),
        created_at=tx.now,
    )


def change(tx: Write, principal_id: str, changed: GitCredential, token: Hidden | None) -> None:
    """Keep other fields of a credential that is there; its token stays if none is given."""
    _alone(tx, principal_id, changed)
    sealed = (
        tx.rows(_SEALED, principal=principal_id, number=changed.id)[0][0]
        if token is None
        else tx.vault.seal(token.reveal(), _owner(principal_id, changed.id))
    )
    tx.run(
        _CHANGE,
        principal=principal_id,
        number=changed.id,
        new_provider=changed.provider,
        new_username=changed.username,
        new_email=changed.email,
        new_name=changed.name,
        new_is_default=int(changed.is_default),
        new_sealed=sealed,
    )


def remove(tx: Write, principal_id: str, number: int) -> bool:
    """Forget a credential; false if there is no such one."""
    return tx.run(_REMOVE, principal=principal_id, number=number) > 0


def opened(tx: Look, principal_id: str, number: int) -> Hidden | None:
    """The token of a credential that is there; None where the server has not the key that it was encrypted with."""
    [(sealed,)] = tx.rows(_SEALED, principal=principal_id, number=number)
    found = tx.vault.open(sealed, _owner(principal_id, number))
    return None if found is None else Hidden(found)


def _alone(tx: Write, principal_id: str, credential: GitCredential) -> None:
    """There is one default for a provider."""
    if credential.is_default:
        tx.run(_NO_DEFAULT, principal=principal_id, called=credential.provider)


def _read(row: Row) -> GitCredential:
    id_, provider, username, email, name, is_default = row
    return GitCredential(id_, provider, username, email, name, bool(is_default))


def _owner(principal_id: str, number: int) -> str:
    """What a token is bound to."""
    return f"git/{principal_id}/{number}"
