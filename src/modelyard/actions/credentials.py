"""Secrets of service principals, and the tokens that OAuth gives for them (machine to machine)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import Command, Query
from modelyard.actions.access import there
from modelyard.actions.tokens import new_secret
from modelyard.domain.access import NewSecret, NewToken, Principal, PrincipalKind, Secret, Token, TokenKind, lifetime
from modelyard.domain.journal import Event
from modelyard.errors import NotFound, Unauthenticated, WrongState
from modelyard.store import credentials, principals, tokens
from modelyard.store.tx import Look, Write, new_id

SECRET_PREFIX: Final = "mysec_"  # noqa: S105  what secrets begin with, so that scanners find leaked ones
OAUTH_PREFIX: Final = "myoat_"
MAX_LIVE: Final = 2
"""How many secrets of one service principal live at a time: the old one and the new one, while they are exchanged."""
DEFAULT_SECONDS: Final = 730 * 24 * 3600
"""How long a secret lives if nothing is said, as Databricks' own do."""
TOKEN_SECONDS: Final = 3600

_OPEN: Final = "every principal: only about itself, or as an admin about all; others are answered as unknown"


def governed(tx: Look, principal_id: str) -> Principal:
    """A service principal whose secrets the caller governs: itself, or as an admin any."""
    if principal_id != tx.caller.principal.id and not tx.is_admin:
        raise NotFound(f"there is no service principal with id {principal_id} whose secrets are yours to see.")
    return there(tx, PrincipalKind.SERVICE_PRINCIPAL, principal_id)


@dataclass(frozen=True)
class CreateSecret(Command[Write, NewSecret]):
    """Make a secret for a service principal; two of them live at a time."""

    principal_id: str
    seconds: int = DEFAULT_SECONDS

    open_to = _OPEN

    def run(self, tx: Write) -> NewSecret:
        """The secret, with the value that is shown this once."""
        principal = governed(tx, self.principal_id)
        principals.lock(tx, principal.id)
        live = [each for each in credentials.of(tx, principal.id) if each.is_live(tx.now)]
        if len(live) >= MAX_LIVE:
            raise WrongState(f"{principal.name} has {MAX_LIVE} secrets already; delete the one that is not used.")
        milliseconds = lifetime(self.seconds)
        expires_at = tx.now + milliseconds if milliseconds else None
        made = NewSecret(Secret(new_id(), tx.now, tx.actor, expires_at, None), new_secret(SECRET_PREFIX))
        credentials.add(tx, principal.id, made.secret, made.value)
        tx.announce(Event.SECRET_CREATED, "", principal=principal.name, secret_id=made.secret.id)
        return made


@dataclass(frozen=True)
class SecretList:
    """The secrets of a service principal, without their values, and the time at which they were looked at."""

    secrets: tuple[Secret, ...]
    now: int


@dataclass(frozen=True)
class ListSecrets(Query[Look, SecretList]):
    """List the secrets of a service principal, without their values."""

    principal_id: str

    open_to = _OPEN

    def run(self, tx: Look) -> SecretList:
        """List them, oldest first, and expired ones too."""
        return SecretList(tuple(credentials.of(tx, governed(tx, self.principal_id).id)), tx.now)


@dataclass(frozen=True)
class DeleteSecret(Command[Write, None]):
    """Delete a secret of a service principal, and revoke the tokens that were given for it."""

    principal_id: str
    id: str

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Delete it, then revoke: a token that is being given waits for this, or this for it."""
        principal = governed(tx, self.principal_id)
        if not credentials.remove(tx, principal.id, self.id):
            raise NotFound(f"{principal.name} has no secret with id {self.id}.")
        tokens.remove_issued(tx, principal.id, self.id)
        tx.announce(Event.SECRET_DELETED, "", principal=principal.name, secret_id=self.id)


@dataclass(frozen=True)
class IssueToken(Command[Write, NewToken]):
    """Give a client that shows its secret a token for one hour (RFC 6749 §4.4)."""

    client_id: str = ""

    open_to = "every principal: the token speaks for the caller, which must have shown a secret of its own"

    def run(self, tx: Write) -> NewToken:
        """The token, which is bound to the secret by its comment."""
        secret_id = tx.caller.token_id
        if not credentials.note_use(tx, secret_id, tx.now):
            raise Unauthenticated("Tokens are given here for the secrets of service principals, and for nothing else.")
        principal = tx.caller.principal
        expires_at = tx.now + TOKEN_SECONDS * 1000
        token = Token(new_id(), principal.name, secret_id, tx.now, expires_at, principal.name, principal.id)
        value = new_secret(OAUTH_PREFIX)
        tokens.add(tx, token, principal.id, value, TokenKind.OAUTH)
        return NewToken(token, value)
