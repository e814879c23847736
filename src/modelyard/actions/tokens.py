"""Tokens that speak for principals: made, listed, revoked, and what the server itself keeps of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from modelyard.action import METASTORE, Chore, Command, Need, Query, Ref
from modelyard.domain.access import MAX_TOKEN_COMMENT, NewToken, Principal, PrincipalKind, Token, TokenKind, lifetime
from modelyard.domain.journal import Event
from modelyard.domain.privileges import Privilege
from modelyard.errors import Denied, Invalid, NotFound
from modelyard.store import access, tokens
from modelyard.store.tx import Look, Write, new_id

TOKEN_PREFIX: Final = "mypat_"  # noqa: S105  what tokens begin with, so that scanners find leaked ones


def new_secret(prefix: str = TOKEN_PREFIX) -> str:
    """A secret that nobody guesses: a prefix that says what it is, and 256 random bits."""
    return prefix + secrets.token_hex(32)


@dataclass(frozen=True)
class CreateToken(Command[Write, NewToken]):
    """Make a token for the caller."""

    comment: str = ""
    seconds: int | None = None

    open_to = "every principal: the token speaks for the caller"

    def run(self, tx: Write) -> NewToken:
        """The token, with the secret that is shown this once."""
        if tokens.kind(tx, tx.caller.token_id) is TokenKind.JOB:
            raise Denied("The token of a task ends with it, and makes no others; make one as yourself.")
        return _new_token(tx, tx.caller.principal, self.comment, self.seconds)


@dataclass(frozen=True)
class CreateTokenFor(Command[Write, NewToken]):
    """Make a token for another user or service principal, by its name."""

    principal: str
    comment: str = ""
    seconds: int | None = None
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> NewToken:
        """The token, with the secret that is shown this once."""
        principal = access.required(tx, self.principal)
        if principal.kind is PrincipalKind.GROUP:
            raise Invalid("a group has no tokens; make one for a user or a service principal in it.")
        return _new_token(tx, principal, self.comment, self.seconds)


def _new_token(tx: Write, principal: Principal, comment: str, seconds: int | None) -> NewToken:
    milliseconds = lifetime(seconds)
    expires_at = tx.now + milliseconds if milliseconds else None
    token = Token(new_id(), principal.name, _comment(comment), tx.now, expires_at, tx.actor, principal.id)
    secret = new_secret()
    tokens.add(tx, token, principal.id, secret)
    tx.announce(Event.TOKEN_CREATED, "", principal=principal.name, token_id=token.id)
    return NewToken(token, secret)


def _comment(comment: str) -> str:
    if len(comment) > MAX_TOKEN_COMMENT:
        raise Invalid(f"a token's comment has at most {MAX_TOKEN_COMMENT} characters.")
    return comment


@dataclass(frozen=True)
class ListTokens(Query[Look, list[Token]]):
    """List the caller's tokens, without their secrets."""

    open_to = "every principal: it shows the caller's own"

    def run(self, tx: Look) -> list[Token]:
        """List them, oldest first."""
        return tokens.of(tx, tx.caller.principal.id)


@dataclass(frozen=True)
class FindTokens(Query[Look, list[Token]]):
    """List everybody's tokens, or those that one principal has made, by its name or its id."""

    creator: str = ""
    creator_id: str = ""
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    @property
    def is_brief(self) -> bool:
        """There may be many."""
        return False

    def run(self, tx: Look) -> list[Token]:
        """List them, oldest first."""
        if not self.creator_id:
            return tokens.by(tx, self.creator)
        creator = access.principal_by_id(tx, self.creator_id)
        return tokens.by(tx, creator.name) if creator else []


@dataclass(frozen=True)
class GetToken(Query[Look, Token]):
    """Show anybody's token, without its secret."""

    id: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Look) -> Token:
        """The token, or `NotFound`."""
        found = tokens.one(tx, self.id)
        if found is None:
            raise _unknown(self.id)
        return found


@dataclass(frozen=True)
class UpdateToken(Command[Write, None]):
    """Change the comment of a token of the caller, or as an admin anybody's."""

    id: str
    comment: str

    open_to = "every principal: only its own tokens, or all as an admin; others are answered as unknown"

    def run(self, tx: Write) -> None:
        """Change it."""
        _check_mine(tx, self.id)
        tokens.set_comment(tx, self.id, _comment(self.comment))


@dataclass(frozen=True)
class RevokeToken(Command[Write, None]):
    """Revoke a token of the caller, or as an admin anybody's."""

    id: str

    open_to = "every principal: only its own tokens, or all as an admin; others are answered as unknown"

    def run(self, tx: Write) -> None:
        """Revoke it; it is refused from now on."""
        _check_mine(tx, self.id)
        tokens.remove(tx, self.id)
        tx.announce(Event.TOKEN_REVOKED, "", token_id=self.id)


def _check_mine(tx: Look, token_id: str) -> None:
    owner = tokens.owner(tx, token_id)
    if owner is None or (owner != tx.caller.principal.id and not tx.is_admin):
        raise _unknown(token_id)


def _unknown(token_id: str) -> NotFound:
    return NotFound(f"there is no token with id {token_id}.")


# The server's own work


@dataclass(frozen=True)
class NoteTokenUse(Chore[Write, None]):
    """Write down when tokens were last used: their ids, and epoch milliseconds to the minute."""

    uses: tuple[tuple[str, int], ...]

    def run(self, tx: Write) -> None:
        """Write it down; a token that is gone by now is passed over."""
        for token_id, used_at in self.uses:
            tokens.note_use(tx, token_id, used_at)


@dataclass(frozen=True)
class ForgetExpiredTokens(Chore[Write, None]):
    """Forget OAuth's tokens that have expired: clients ask for many, and keep none."""

    def run(self, tx: Write) -> None:
        """Forget them."""
        tokens.remove_expired(tx, tx.now)
