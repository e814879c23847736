"""Scopes of secrets, the secrets in them, and who may do what with a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from modelyard.domain.access import ADMINS
from modelyard.domain.secrets import Access, Hidden, Key, Level, Scope, highest
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.domain.access import Caller
    from modelyard.store.tx import Look, Write

_scopes, _acls, _secrets = schema.secret_scopes, schema.secret_acls, schema.secrets
_principals = schema.principals


# Scopes

_ONE_AT_A_TIME: Final = select(schema.installation.c.id).with_for_update()
_COUNT_SCOPES: Final = select(func.count()).select_from(_scopes)
_ADD_SCOPE: Final = inserting(_scopes)
_DELETE_SCOPE: Final = delete(_scopes).where(_scopes.c.id == bindparam("scope"))
_LOCK: Final = select(_scopes.c.id).where(_scopes.c.folded == bindparam("name")).with_for_update()
_MINE: Final = and_(_acls.c.scope_id == _scopes.c.id, is_in(_acls.c.principal_id, "mine"))
_FIND: Final = (
    select(_scopes.c.id, _scopes.c.name, _acls.c.level)
    .select_from(_scopes.join(_acls, _MINE, isouter=True))
    .where(_scopes.c.folded == bindparam("name"))
)
_VISIBLE: Final = (
    select(_scopes.c.name)
    .where(or_(bindparam("everything") == 1, select(_acls.c.scope_id).where(_MINE).exists()))
    .order_by(_scopes.c.folded)
)


def lock(tx: Write, name: str) -> None:
    """Let nobody else change a scope, its secrets or who may use it before this transaction ends."""
    tx.rows(_LOCK, name=name.lower())


def find(tx: Look, caller: Caller, name: str) -> Scope | None:
    """A scope by its name in any case, with what a caller may do with it: the one place that says so.

    The most that was given to the caller itself or to a group of it counts; admins may do everything.
    """
    rows = tx.rows(_FIND, name=name.lower(), mine=texts(caller.identities))
    if not rows:
        return None
    levels = {Level(level) for _, _, level in rows if level}
    if ADMINS in caller.identities:
        levels.add(Level.MANAGE)
    return Scope(rows[0][0], rows[0][1], highest(levels))


def visible(tx: Look) -> list[str]:
    """The names of the scopes that the caller may read, in order."""
    rows = tx.rows(_VISIBLE, everything=int(tx.is_admin), mine=texts(tx.caller.identities))
    return [name for (name,) in rows]


def count_scopes(tx: Write) -> int:
    """How many scopes there are, while nobody else makes one."""
    tx.rows(_ONE_AT_A_TIME)
    return tx.rows(_COUNT_SCOPES)[0][0]


def add_scope(tx: Write, id_: str, name: str) -> None:
    """Keep a new scope, which nobody may use yet."""
    tx.run(_ADD_SCOPE, id=id_, name=name, folded=name.lower(), created_at=tx.now, created_by=tx.actor)


def delete_scope(tx: Write, scope: Scope) -> None:
    """Delete a scope with everything in it."""
    tx.run(_DELETE_SCOPE, scope=scope.id)


# Who may do what

_ADD_ACCESS: Final = inserting(_acls)
_REMOVE_ACCESS: Final = delete(_acls).where(
    _acls.c.scope_id == bindparam("scope"), _acls.c.principal_id == bindparam("grantee")
)
_ACCESSES: Final = (
    select(_acls.c.principal_id, _principals.c.name, _acls.c.level)
    .join(_principals, _principals.c.id == _acls.c.principal_id)
    .where(_acls.c.scope_id == bindparam("scope"))
    .order_by(_principals.c.folded)
)


def accesses(tx: Look, scope: Scope) -> list[Access]:
    """What each principal was given, by their names."""
    return [Access(id_, name, Level(level)) for id_, name, level in tx.rows(_ACCESSES, scope=scope.id)]


def give(tx: Write, scope_id: str, principal_id: str, level: Level) -> None:
    """Let a principal do this with a scope, and no more."""
    tx.run(_REMOVE_ACCESS, scope=scope_id, grantee=principal_id)
    tx.run(_ADD_ACCESS, scope_id=scope_id, principal_id=principal_id, level=level.value)


def take(tx: Write, scope: Scope, principal_id: str) -> bool:
    """Take away what was given to a principal; false if nothing was."""
    return tx.run(_REMOVE_ACCESS, scope=scope.id, grantee=principal_id) > 0


# Secrets

_ADD: Final = inserting(_secrets)
_THIS: Final = and_(_secrets.c.scope_id == bindparam("scope"), _secrets.c.folded == bindparam("name"))
_REPLACE: Final = (
    update(_secrets)
    .where(_THIS)
    .values(sealed=bindparam("new_sealed"), updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_REMOVE: Final = delete(_secrets).where(_THIS)
_GET: Final = select(_secrets.c.sealed).where(_THIS)
_COUNT: Final = select(func.count()).select_from(_secrets).where(_secrets.c.scope_id == bindparam("scope"))
_KEYS: Final = (
    select(_secrets.c.key, _secrets.c.updated_at)
    .where(_secrets.c.scope_id == bindparam("scope"))
    .order_by(_secrets.c.folded)
)


def keys(tx: Look, scope: Scope) -> list[Key]:
    """The secrets of a scope, without their values, in order."""
    return [Key(name, updated_at) for name, updated_at in tx.rows(_KEYS, scope=scope.id)]


def count(tx: Look, scope: Scope) -> int:
    """How many secrets a scope has."""
    return tx.rows(_COUNT, scope=scope.id)[0][0]


def replace(tx: Write, scope: Scope, key: str, value: Hidden) -> bool:
    """Keep another value of a secret, encrypted; false if there is no such secret."""
    sealed = tx.vault.seal(value.reveal(), _owner(scope, key))
    changed = tx.run(_REPLACE, scope=scope.id, name=key.lower(), new_sealed=sealed, now=tx.now, actor=tx.actor)
    return changed > 0


def add(tx: Write, scope: Scope, key: str, value: Hidden) -> None:
    """Keep a new secret, encrypted."""
    tx.run(
        _ADD,
        scope_id=scope.id,
        folded=key.lower(),
        key=key,
        sealed=tx.vault.seal(value.reveal(), _owner(scope, key)),
        updated_at=tx.now,
        updated_by=tx.actor,
    )


def is_there(tx: Look, scope: Scope, key: str) -> bool:
    """Whether a scope has a secret."""
    return tx.row(_GET, scope=scope.id, name=key.lower()) is not None


def opened(tx: Look, scope: Scope, key: str) -> Hidden | None:
    """The value of a secret that is there; None where the server has not the key that it was encrypted with."""
    [(sealed,)] = tx.rows(_GET, scope=scope.id, name=key.lower())
    value = tx.vault.open(sealed, _owner(scope, key))
    return None if value is None else Hidden(value)


def remove(tx: Write, scope: Scope, key: str) -> bool:
    """Forget a secret; false if there is no such secret."""
    return tx.run(_REMOVE, scope=scope.id, name=key.lower()) > 0


def _owner(scope: Scope, key: str) -> str:
    """What the value of a secret is bound to; ids have no slash."""
    return f"{scope.id}/{key.lower()}"
