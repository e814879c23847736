"""Personal access tokens: `/api/2.0/token/*`, and for admins `/api/2.0/token-management/*` (protocol notes §1.d)."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions import access
from modelyard.domain.access import NewToken, Token
from modelyard.surfaces.wire import Here, Nothing, Row, Translation


class New(msgspec.Struct, frozen=True):
    """A token that is asked for."""

    comment: str | None = None
    lifetime_seconds: int | None = None


class NewFor(New, frozen=True):
    """A token that is asked for somebody else: a service principal's application id, or any principal's name."""

    application_id: str = ""
    principal: str = ""


class One(msgspec.Struct, frozen=True):
    """A token by its id."""

    token_id: str = ""


def _token(token: Token) -> dict[str, object]:
    return {
        "token_id": token.id,
        "creation_time": token.created_at,
        "expiry_time": -1 if token.expires_at is None else token.expires_at,
        "comment": token.comment,
        "created_by_username": token.created_by,
        "owner": token.principal,
    }


def _new(made: NewToken, _here: Here) -> object:
    return {"token_value": made.secret, "token_info": _token(made.token)}


ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "POST",
        "/api/2.0/token/create",
        New,
        read=lambda said: access.CreateToken(said.comment or "", said.lifetime_seconds),
        write=_new,
    ),
    Translation(
        "GET",
        "/api/2.0/token/list",
        Nothing,
        read=lambda _said: access.ListTokens(),
        write=lambda tokens, _here: {"token_infos": [_token(token) for token in tokens]},
    ),
    Translation("POST", "/api/2.0/token/delete", One, read=lambda said: access.RevokeToken(said.token_id)),
    Translation(
        "POST",
        "/api/2.0/token-management/on-behalf-of/tokens",
        NewFor,
        read=lambda said: access.CreateTokenFor(
            said.application_id or said.principal,
            said.comment or "",
            said.lifetime_seconds,
        ),
        write=_new,
    ),
    Translation(
        "DELETE",
        "/api/2.0/token-management/tokens/{token_id}",
        One,
        read=lambda said: access.RevokeToken(said.token_id),
    ),
)
