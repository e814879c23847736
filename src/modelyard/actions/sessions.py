"""Signing in and out, for people with a browser: who a proven identity is here, and their sessions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from modelyard.action import Chore, Command
from modelyard.domain.access import Caller, Principal, PrincipalKind, ProvenIdentity, Session
from modelyard.domain.journal import Event
from modelyard.domain.sessions import IDLE_MILLISECONDS, SESSION_MILLISECONDS, Login, NewSession
from modelyard.errors import Unauthenticated
from modelyard.store import access, principals, sessions
from modelyard.store.tx import Write, new_id

SESSION_PREFIX: Final = "myses_"
"""What the secrets of sessions begin with, so that scanners find leaked ones."""


@dataclass(frozen=True)
class RememberLogin(Chore[Write, None]):
    """Remember a sign-in that has begun, until the browser comes back."""

    login: Login

    def run(self, tx: Write) -> None:
        """Remember it."""
        sessions.remember_login(tx, self.login)


@dataclass(frozen=True)
class TakeLogin(Chore[Write, Login | None]):
    """Find the sign-in that a browser comes back from; it is found once."""

    state: str

    def run(self, tx: Write) -> Login | None:
        """The sign-in; None if it never began, took too long or is over."""
        return sessions.take_login(tx, self.state)


@dataclass(frozen=True)
class ForgetLogins(Chore[Write, int]):
    """Forget sign-ins that nobody finished, and sessions that are over."""

    def run(self, tx: Write) -> int:
        """How many were forgotten."""
        return sessions.forget_late_logins(tx) + sessions.forget_ended(tx, IDLE_MILLISECONDS)


@dataclass(frozen=True)
class NoteSessionUse(Chore[Write, None]):
    """Note that a session is in use."""

    session: Session

    def run(self, tx: Write) -> None:
        """Note it."""
        sessions.touch(tx, self.session.secret)


@dataclass(frozen=True)
class SignIn(Command[Write, NewSession]):
    """Begin a session of the caller, who has just come from the sign-in provider."""

    open_to = "every principal: the session speaks for the caller"

    def run(self, tx: Write) -> NewSession:
        """The session, with the secret that goes into a cookie and nowhere else."""
        secret = SESSION_PREFIX + secrets.token_hex(32)
        session = NewSession(new_id(), tx.now + SESSION_MILLISECONDS, secret)
        sessions.add_session(tx, session)
        return session


@dataclass(frozen=True)
class SignOut(Command[Write, None]):
    """End the session that asks; whoever comes with a token keeps it."""

    open_to = "every principal: it ends the caller's own session"

    def run(self, tx: Write) -> None:
        """End it; its cookie is refused from now on."""
        sessions.remove_session(tx, tx.caller.token_id)


def admitted(tx: Write, identity: ProvenIdentity) -> Caller:
    """The active user that a proven identity is, now bound to it for good; `Unauthenticated` says why it is none."""
    bound = sessions.principal_of(tx, identity.issuer, identity.subject) or _bound_now(tx, identity)
    caller = access.caller_by_id(tx, bound)
    if caller is None:
        raise Unauthenticated(f"{identity.name} has been shut out of this server; an admin can change that.")
    return caller


def _bound_now(tx: Write, identity: ProvenIdentity) -> str:
    there = access.principal_by_name(tx, identity.name)
    if there is None:
        there = _made(tx, identity)
    elif not _may_be(tx, identity, there):
        raise Unauthenticated(
            f"{identity.name} is the name of somebody else here; an admin can give that principal another name.",
        )
    else:
        tx.announce(Event.PRINCIPAL_UPDATED, "", principal=there.name, issuer=identity.issuer)
    sessions.bind(tx, identity.issuer, identity.subject, there.id)
    return there.id


def _may_be(tx: Write, identity: ProvenIdentity, there: Principal) -> bool:
    """Whether a newcomer is the user of the same name: never one that is somebody else at the provider already."""
    is_free = there.kind is PrincipalKind.USER and not sessions.is_bound(tx, there.id, identity.issuer)
    return identity.may_link and is_free


def _made(tx: Write, identity: ProvenIdentity) -> Principal:
    if not identity.may_join:
        raise Unauthenticated(f"{identity.name} is no user of this server yet; ask an admin to add that user.")
    made = Principal(new_id(), PrincipalKind.USER, identity.name, identity.display_name)
    principals.add(tx, made, tx.now)
    tx.announce(Event.PRINCIPAL_CREATED, "", principal=made.name, kind=made.kind.value, issuer=identity.issuer)
    return made
