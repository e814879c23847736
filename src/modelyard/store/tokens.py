"""Tokens: kept by the hashes of their secrets, listed, and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, or_, select, update

from modelyard.domain.access import Token, TokenKind
from modelyard.store import schema
from modelyard.store.access import secret_hash
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

    from modelyard.store.tx import Look, Write

_tokens, _principals = schema.tokens, schema.principals
_IS_PERSONAL: Final = _tokens.c.kind == TokenKind.PERSONAL.value


def _having(condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    columns = (
        _tokens.c.id, _principals.c.name, _tokens.c.comment, _tokens.c.created_at, _tokens.c.expires_at,
        _tokens.c.created_by, _tokens.c.principal_id, _tokens.c.last_used_at,
    )  # fmt: skip
    found = select(*columns).join(_principals, _principals.c.id == _tokens.c.principal_id)
    return found.where(condition, _IS_PERSONAL).order_by(_tokens.c.created_at, _tokens.c.id)


_INSERT: Final = inserting(_tokens)
_OF: Final = _having(_tokens.c.principal_id == bindparam("owner"))
_BY: Final = _having(or_(bindparam("creator") == "", _tokens.c.created_by == bindparam("creator")))
_ONE: Final = _having(_tokens.c.id == bindparam("token_id"))
_OWNER: Final = select(_tokens.c.principal_id).where(_tokens.c.id == bindparam("token_id"))
_KIND: Final = select(_tokens.c.kind).where(_tokens.c.id == bindparam("token_id"))
_SET_COMMENT: Final = (
    update(_tokens).where(_tokens.c.id == bindparam("token_id"), _IS_PERSONAL).values(comment=bindparam("new_comment"))
)
_NOTE_USE: Final = (
    update(_tokens)
    .where(
        _tokens.c.id == bindparam("token_id"),
        or_(_tokens.c.last_used_at.is_(None), _tokens.c.last_used_at < bindparam("used_at")),
    )
    .values(last_used_at=bindparam("used_at"))
)
_DELETE: Final = delete(_tokens).where(_tokens.c.id == bindparam("token_id"))
_DELETE_ISSUED: Final = delete(_tokens).where(
    _tokens.c.principal_id == bindparam("owner"),
    _tokens.c.kind == TokenKind.OAUTH.value,
    _tokens.c.comment == bindparam("secret_id"),
)
_DELETE_EXPIRED: Final = delete(_tokens).where(
    or_(_tokens.c.kind == TokenKind.OAUTH.value, _tokens.c.kind == TokenKind.JOB.value),
    _tokens.c.expires_at <= bindparam("now"),
)


def add(tx: Write, token: Token, principal_id: str, secret: str, kind: TokenKind = TokenKind.PERSONAL) -> None:
    """Keep a token, with its secret's hash only; OAuth's has the id of the client's secret for a comment."""
    tx.run(
        _INSERT,
        id=token.id,
        secret_hash=secret_hash(secret),
        principal_id=principal_id,
        comment=token.comment,
        created_at=token.created_at,
        created_by=token.created_by,
        expires_at=token.expires_at,
        kind=kind.value,
        last_used_at=None,
    )


def of(tx: Look, principal_id: str) -> list[Token]:
    """The personal tokens of a principal, oldest first."""
    return [Token(*row) for row in tx.rows(_OF, owner=principal_id)]


def by(tx: Look, creator: str) -> list[Token]:
    """The personal tokens that somebody of this name has made, or all of them for the empty string; oldest first."""
    return [Token(*row) for row in tx.rows(_BY, creator=creator)]


def one(tx: Look, token_id: str) -> Token | None:
    """The personal token of this id."""
    row = tx.row(_ONE, token_id=token_id)
    return Token(*row) if row else None


def owner(tx: Look, token_id: str) -> str | None:
    """The id of the principal whom a token of any kind speaks for, if there is such a token."""
    row = tx.row(_OWNER, token_id=token_id)
    return row[0] if row else None


def kind(tx: Look, token_id: str) -> TokenKind | None:
    """What kind of token this is, if there is such a token."""
    row = tx.row(_KIND, token_id=token_id)
    return TokenKind(row[0]) if row else None


def set_comment(tx: Write, token_id: str, comment: str) -> None:
    """Say something else of a personal token."""
    tx.run(_SET_COMMENT, token_id=token_id, new_comment=comment)


def note_use(tx: Write, token_id: str, used_at: int) -> None:
    """Write down when a token was used, unless it was used later."""
    tx.run(_NOTE_USE, token_id=token_id, used_at=used_at)


def remove(tx: Write, token_id: str) -> None:
    """Revoke a token: it is unknown from now on."""
    tx.run(_DELETE, token_id=token_id)


def remove_issued(tx: Write, principal_id: str, secret_id: str) -> None:
    """Revoke the tokens that OAuth has given for a secret."""
    tx.run(_DELETE_ISSUED, owner=principal_id, secret_id=secret_id)


def remove_expired(tx: Write, now: int) -> int:
    """Forget OAuth's and jobs' tokens that have expired; returns how many."""
    return tx.run(_DELETE_EXPIRED, now=now)
