"""Secrets: values that programs need, kept encrypted in scopes, and shown to nobody who may not read their scope.

Scopes are no securables of the catalog. What somebody may do with one is said by `store.secrets.find` and decided by
`_scope` alone; for those who may not read it, it is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelyard.action import Command, Query
from modelyard.domain.access import EVERYBODY, Caller
from modelyard.domain.journal import Event
from modelyard.domain.secrets import (
    MAX_SCOPES,
    MAX_SECRETS,
    Access,
    Hidden,
    Key,
    Level,
    Reference,
    Scope,
    reference,
)
from modelyard.errors import AlreadyExists, Denied, Invalid, NoSuchPrincipal, NotFound, TooMany, WrongState
from modelyard.store import access, secrets
from modelyard.store.tx import Look, Write, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelyard.domain.access import Principal

_OPEN: Final = "every principal: a scope is there only for those who may read it, and more takes a higher level of it"


def _scope(tx: Look, name: str, level: Level) -> Scope:
    """A scope in which the caller has a level; `NotFound` for those who may not even read it."""
    found = secrets.find(tx, tx.caller, name)
    if found is None or found.level is None:
        raise NotFound(f"there is no secret scope '{name}' that you may read.")
    if not found.level.includes(level):
        raise Denied(f"User does not have {level} on secret scope '{found.name}'; you have {found.level}.")
    return found


def _locked(tx: Write, name: str, level: Level) -> Scope:
    """The same, as it stays until this transaction ends."""
    secrets.lock(tx, name)
    return _scope(tx, name, level)


# Scopes


@dataclass(frozen=True)
class CreateScope(Command[Write, None]):
    """Make a scope for secrets, which the caller manages, or everybody, if so said."""

    scope: str
    for_everybody: bool = False

    open_to = "every principal: a new scope holds nothing, and is the caller's"

    def run(self, tx: Write) -> None:
        """Make it; `AlreadyExists` also where somebody else has a scope of this name."""
        if secrets.find(tx, tx.caller, self.scope):
            raise AlreadyExists(f"there is a secret scope '{self.scope}' already; use another name.")
        if secrets.count_scopes(tx) >= MAX_SCOPES:
            raise TooMany(f"there are {MAX_SCOPES} secret scopes already; delete one that is not used.")
        id_ = new_id()
        secrets.add_scope(tx, id_, self.scope)
        secrets.give(tx, id_, EVERYBODY if self.for_everybody else tx.caller.principal.id, Level.MANAGE)
        tx.announce(Event.SCOPE_CREATED, "", scope=self.scope)


@dataclass(frozen=True)
class ListScopes(Query[Look, list[str]]):
    """List the names of the scopes that the caller may read."""

    open_to = "every principal: rows are filtered by what it may read in the database"

    def run(self, tx: Look) -> list[str]:
        """List them."""
        return secrets.visible(tx)


@dataclass(frozen=True)
class DeleteScope(Command[Write, None]):
    """Delete a scope with all its secrets; it takes MANAGE."""

    scope: str

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Delete it; nothing of it can be restored."""
        found = _locked(tx, self.scope, Level.MANAGE)
        secrets.delete_scope(tx, found)
        tx.announce(Event.SCOPE_DELETED, "", scope=found.name)


# Secrets


@dataclass(frozen=True)
class PutSecret(Command[Write, None]):
    """Keep a secret in a scope, in place of the value that it had; it takes WRITE."""

    scope: str
    key: str
    value: Hidden

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Encrypt and keep it."""
        found = _locked(tx, self.scope, Level.WRITE)
        if not secrets.replace(tx, found, self.key, self.value):
            if secrets.count(tx, found) >= MAX_SECRETS:
                raise TooMany(f"secret scope '{found.name}' has {MAX_SECRETS} secrets already; use another scope.")
            secrets.add(tx, found, self.key, self.value)
        tx.announce(Event.SCOPE_SECRET_PUT, "", scope=found.name, key=self.key)


@dataclass(frozen=True)
class GetSecret(Command[Write, tuple[str, Hidden]]):
    """Show the value of a secret; it takes READ, and is recorded as a change is."""

    scope: str
    key: str

    open_to = _OPEN

    def run(self, tx: Write) -> tuple[str, Hidden]:
        """Its key, and the value."""
        return self.key, _value(tx, _scope(tx, self.scope, Level.READ), self.key)


@dataclass(frozen=True)
class ListSecretKeys(Query[Look, list[Key]]):
    """List the secrets of a scope without their values; it takes READ."""

    scope: str

    open_to = _OPEN

    def run(self, tx: Look) -> list[Key]:
        """List them."""
        return secrets.keys(tx, _scope(tx, self.scope, Level.READ))


@dataclass(frozen=True)
class RemoveSecret(Command[Write, None]):
    """Remove a secret from its scope; it takes WRITE."""

    scope: str
    key: str

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Remove it for good."""
        found = _locked(tx, self.scope, Level.WRITE)
        if not secrets.remove(tx, found, self.key):
            raise _no_secret(found, self.key)
        tx.announce(Event.SCOPE_SECRET_DELETED, "", scope=found.name, key=self.key)


def _value(tx: Look, scope: Scope, key: str) -> Hidden:
    if not secrets.is_there(tx, scope, key):
        raise _no_secret(scope, key)
    value = secrets.opened(tx, scope, key)
    if value is None:
        raise WrongState(
            f"the secret '{key}' of scope '{scope.name}' was encrypted with another secret key of the server. "
            "An operator can bring that key back; otherwise put the secret anew.",
        )
    return value


def _no_secret(scope: Scope, key: str) -> NotFound:
    return NotFound(f"secret scope '{scope.name}' has no secret '{key}'.")


# Who may do what


@dataclass(frozen=True)
class PutAcl(Command[Write, None]):
    """Let a principal read, write or manage a scope, and no more than that; it takes MANAGE."""

    scope: str
    principal: str
    level: Level

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Set it in place of what the principal could do before."""
        found = _locked(tx, self.scope, Level.MANAGE)
        try:
            grantee = access.required(tx, self.principal)
        except NoSuchPrincipal as failure:
            raise Invalid(failure.message) from None  # as Databricks answers
        secrets.give(tx, found.id, grantee.id, self.level)
        _announce_access(tx, found, grantee, self.level.value)


@dataclass(frozen=True)
class GetAcl(Query[Look, Access]):
    """Show what a principal was given on a scope; it takes MANAGE."""

    scope: str
    principal: str

    open_to = _OPEN

    def run(self, tx: Look) -> Access:
        """What it was given itself, or `NotFound`; its groups are not asked."""
        found = _scope(tx, self.scope, Level.MANAGE)
        grantee = access.required(tx, self.principal)
        given = [each for each in secrets.accesses(tx, found) if each.principal_id == grantee.id]
        if not given:
            raise _no_access(found, grantee)
        return given[0]


@dataclass(frozen=True)
class ListAcls(Query[Look, list[Access]]):
    """List who was given what on a scope; it takes MANAGE."""

    scope: str

    open_to = _OPEN

    def run(self, tx: Look) -> list[Access]:
        """List it; admins may manage every scope, and are not in it for that."""
        return secrets.accesses(tx, _scope(tx, self.scope, Level.MANAGE))


@dataclass(frozen=True)
class DeleteAcl(Command[Write, None]):
    """Take away what a principal was given on a scope; it takes MANAGE."""

    scope: str
    principal: str

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Take it away, also from oneself."""
        found = _locked(tx, self.scope, Level.MANAGE)
        grantee = access.required(tx, self.principal)
        if not secrets.take(tx, found, grantee.id):
            raise _no_access(found, grantee)
        _announce_access(tx, found, grantee, "")


def _no_access(scope: Scope, grantee: Principal) -> NotFound:
    return NotFound(f"{grantee.name} was given nothing on secret scope '{scope.name}'.")


def _announce_access(tx: Write, scope: Scope, grantee: Principal, level: str) -> None:
    tx.announce(Event.SCOPE_ACCESS_CHANGED, "", scope=scope.name, principal=grantee.name, level=level)


# References, for actions that let a program have secrets


def resolved(tx: Look, caller: Caller, said: Mapping[str, str]) -> dict[str, Hidden]:
    """Texts by their names, with `{{secrets/<scope>/<key>}}` replaced by what it refers to, for one principal.

    The principal needs READ on each scope. Every text comes back as `Hidden`, also one that refers to nothing; what is
    referred to is UTF-8 without NUL. Failures name the text and the reference, and hold no value: `Invalid` for a
    reference that is written wrong or a secret that is no text, `NotFound` for one that is not there for this
    principal, `WrongState` where the server has lost the key.
    """
    return {name: _resolved(tx, caller, name, text) for name, text in said.items()}


def _resolved(tx: Look, caller: Caller, name: str, text: str) -> Hidden:
    try:
        wanted = reference(text)
    except Invalid as failure:
        raise Invalid(f"{name}: {failure.message}") from None
    if wanted is None:
        return Hidden(text.encode())
    value = _referred(tx, caller, name, wanted)
    if not value.is_text():
        raise Invalid(f"{name}: {wanted} is no text; only UTF-8 without NUL can be handed to a program.")
    return value


def _referred(tx: Look, caller: Caller, name: str, wanted: Reference) -> Hidden:
    scope = secrets.find(tx, caller, wanted.scope)
    if scope is None or scope.level is None or not secrets.is_there(tx, scope, wanted.key):
        raise NotFound(f"{name}: there is no secret {wanted} that {caller.principal.name} may read.")
    return _value(tx, scope, wanted.key)
