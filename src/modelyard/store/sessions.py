"""Sign-ins under way, identities at providers, and sessions: rows of `tokens` that only a cookie can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, or_, select, update

from modelyard.domain.sessions import LOGIN_MILLISECONDS, MAX_LOGINS, Login
from modelyard.store import schema
from modelyard.store.access import SESSION, secret_hash
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.domain.sessions import NewSession
    from modelyard.store.tx import Look, Write

_logins, _identities, _tokens = schema.logins, schema.identities, schema.tokens

# Sign-ins

_COUNT_LOGINS: Final = select(func.count()).select_from(_logins)
_FORGET_LATE: Final = delete(_logins).where(_logins.c.created_at <= bindparam("before"))
_oldest = select(_logins.c.state).order_by(_logins.c.created_at, _logins.c.state).limit(bindparam("surplus"))
_FORGET_OLDEST: Final = delete(_logins).where(_logins.c.state.in_(_oldest))
_INSERT_LOGIN: Final = inserting(_logins)
_LOGIN: Final = select(_logins.c.nonce, _logins.c.verifier, _logins.c.return_to, _logins.c.created_at).where(
    _logins.c.state == bindparam("of_state"),
)
_DELETE_LOGIN: Final = delete(_logins).where(_logins.c.state == bindparam("of_state"))


def forget_late_logins(tx: Write) -> int:
    """Forget sign-ins that took too long; returns how many."""
    return tx.run(_FORGET_LATE, before=tx.now - LOGIN_MILLISECONDS)


def remember_login(tx: Write, login: Login) -> None:
    """Remember a sign-in under the hash of its state; beyond the most that may be under way, the oldest go."""
    counted = tx.row(_COUNT_LOGINS)
    if counted and counted[0] >= MAX_LOGINS and (surplus := counted[0] - forget_late_logins(tx) + 1 - MAX_LOGINS) > 0:
        tx.run(_FORGET_OLDEST, surplus=surplus)
    tx.run(
        _INSERT_LOGIN,
        state=secret_hash(login.state),
        nonce=login.nonce,
        verifier=login.verifier,
        return_to=login.return_to,
        created_at=tx.now,
    )


def take_login(tx: Write, state: str) -> Login | None:
    """The sign-in with this state, which nobody else will get; None if there is none, or none any more."""
    found = tx.row(_LOGIN, of_state=secret_hash(state))
    if found is None or not tx.run(_DELETE_LOGIN, of_state=secret_hash(state)):
        return None
    nonce, verifier, return_to, created_at = found
    return Login(state, nonce, verifier, return_to) if created_at > tx.now - LOGIN_MILLISECONDS else None


# Identities

_BOUND_TO: Final = select(_identities.c.principal_id).where(
    _identities.c.issuer == bindparam("by_issuer"),
    _identities.c.subject == bindparam("of_subject"),
)
_IS_BOUND: Final = select(_identities.c.subject).where(
    _identities.c.principal_id == bindparam("principal"),
    _identities.c.issuer == bindparam("by_issuer"),
)
_INSERT_IDENTITY: Final = inserting(_identities)


def principal_of(tx: Look, issuer: str, subject: str) -> str | None:
    """The id of the principal that an identity is bound to."""
    row = tx.row(_BOUND_TO, by_issuer=issuer, of_subject=subject)
    return row[0] if row else None


def is_bound(tx: Look, principal_id: str, issuer: str) -> bool:
    """Whether a principal is somebody at this issuer already."""
    return tx.row(_IS_BOUND, principal=principal_id, by_issuer=issuer) is not None


def bind(tx: Write, issuer: str, subject: str, principal_id: str) -> None:
    """From now on this identity is that principal, whatever either is called later."""
    tx.run(_INSERT_IDENTITY, issuer=issuer, subject=subject, principal_id=principal_id)


# Sessions

_INSERT_SESSION: Final = inserting(_tokens)
_OF_KIND: Final = _tokens.c.kind == SESSION
_TOUCH: Final = (
    update(_tokens)
    .where(_tokens.c.secret_hash == bindparam("hash"), _OF_KIND, _tokens.c.last_used_at < bindparam("used_at"))
    .values(last_used_at=bindparam("used_at"))
)
_DELETE_SESSION: Final = delete(_tokens).where(_tokens.c.id == bindparam("session_id"), _OF_KIND)
_FORGET_ENDED: Final = delete(_tokens).where(
    _OF_KIND,
    or_(_tokens.c.expires_at <= bindparam("ended_by"), _tokens.c.last_used_at <= bindparam("idle_since")),
)


def add_session(tx: Write, session: NewSession) -> None:
    """Keep a session of the caller, with its secret's hash only."""
    tx.run(
        _INSERT_SESSION,
        id=session.id,
        secret_hash=secret_hash(session.secret),
        principal_id=tx.caller.principal.id,
        comment="signed in with a browser",
        created_at=tx.now,
        created_by=tx.actor,
        expires_at=session.expires_at,
        kind=SESSION,
        last_used_at=tx.now,
    )


def touch(tx: Write, secret: str) -> None:
    """Note that a session is in use."""
    tx.run(_TOUCH, hash=secret_hash(secret), used_at=tx.now)


def remove_session(tx: Write, session_id: str) -> bool:
    """End a session; says whether it was one."""
    return bool(tx.run(_DELETE_SESSION, session_id=session_id))


def forget_ended(tx: Write, idle_milliseconds: int) -> int:
    """Forget sessions that are over; returns how many."""
    return tx.run(_FORGET_ENDED, ended_by=tx.now, idle_since=tx.now - idle_milliseconds)
