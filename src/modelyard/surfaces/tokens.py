"""Personal access tokens: `/api/2.0/token/*`, and for admins `/api/2.0/token-management/*` (protocol notes §1.d)."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions import tokens
from modelyard.domain.access import NewToken, Token
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Here, Nothing, Row, Translation

_MANAGED: Final = "/api/2.0/token-management"
_DAY: Final = 24 * 3600 * 1000
_EVERYTHING: Final = "all-apis"


class New(msgspec.Struct, frozen=True):
    """A token that is asked for."""

    comment: str | None = None
    lifetime_seconds: int | None = None
    scopes: list[str] | None = None


class NewFor(New, frozen=True):
    """A token that is asked for somebody else: a service principal's application id, or any principal's name."""

    application_id: str = ""
    principal: str = ""


class One(msgspec.Struct, frozen=True):
    """A token by its id."""

    token_id: str = ""


class Search(msgspec.Struct, frozen=True):
    """Tokens by who has made them."""

    created_by_username: str = ""
    created_by_id: str = ""


class Words(msgspec.Struct, frozen=True):
    """What can be changed of a token."""

    comment: str | None = None
    scopes: list[str] | None = None


class Update(msgspec.Struct, frozen=True):
    """A change of a token, of the fields in the mask."""

    token_id: str = ""
    token: Words = Words()
    update_mask: str = "comment"


def _check_scopes(scopes: list[str] | None) -> None:
    """Refuse a token that shall do less than its owner may: it would not."""
    if scopes and scopes != [_EVERYTHING]:
        raise Invalid(f"no narrower tokens are made; leave scopes out, or say [{_EVERYTHING!r}].")


def _create(said: New) -> tokens.CreateToken:
    _check_scopes(said.scopes)
    return tokens.CreateToken(said.comment or "", said.lifetime_seconds)


def _create_for(said: NewFor) -> tokens.CreateTokenFor:
    _check_scopes(said.scopes)
    return tokens.CreateTokenFor(said.application_id or said.principal, said.comment or "", said.lifetime_seconds)


def _update(said: Update) -> tokens.UpdateToken:
    _check_scopes(said.token.scopes)
    fields = {field.strip() for field in said.update_mask.split(",")}
    if "comment" not in fields or fields - {"comment", "scopes"} or said.token.comment is None:
        raise Invalid(
            'only the comment of a token can be changed: {"token": {"comment": "…"}, "update_mask": "comment"}'
        )
    return tokens.UpdateToken(said.token_id, said.token.comment)


def _token(token: Token) -> dict[str, object]:
    """A token; the SDK takes `owner_id` and `created_by_id` for whole numbers, so that our ids have another name."""
    told: dict[str, object] = {
        "token_id": token.id,
        "creation_time": token.created_at,
        "expiry_time": -1 if token.expires_at is None else token.expires_at,
        "comment": token.comment,
        "created_by_username": token.created_by,
        "owner": token.principal,
        "principal_id": token.principal_id,
    }
    if token.last_used_at is not None:
        told |= {"last_used_at": token.last_used_at, "last_used_day": token.last_used_at // _DAY * _DAY}
    return told


def _new(made: NewToken, _here: Here) -> object:
    return {"token_value": made.secret, "token_info": _token(made.token)}


def _listed(found: list[Token], _here: Here) -> object:
    return {"token_infos": [_token(token) for token in found]}


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", "/api/2.0/token/create", New, read=_create, write=_new),
    Translation("GET", "/api/2.0/token/list", Nothing, read=lambda _said: tokens.ListTokens(), write=_listed),
    Translation("POST", "/api/2.0/token/delete", One, read=lambda said: tokens.RevokeToken(said.token_id)),
    Translation("PATCH", "/api/2.0/token/{token_id}", Update, read=_update),
    Translation("POST", f"{_MANAGED}/on-behalf-of/tokens", NewFor, read=_create_for, write=_new),
    Translation(
        "GET",
        f"{_MANAGED}/tokens",
        Search,
        read=lambda said: tokens.FindTokens(said.created_by_username, said.created_by_id),
        write=_listed,
    ),
    Translation(
        "GET",
        f"{_MANAGED}/tokens/{{token_id}}",
        One,
        read=lambda said: tokens.GetToken(said.token_id),
        write=lambda token, _here: {"token_info": _token(token)},
    ),
    Translation("PATCH", f"{_MANAGED}/tokens/{{token_id}}", Update, read=_update),
    Translation(
        "DELETE",
        f"{_MANAGED}/tokens/{{token_id}}",
        One,
        read=lambda said: tokens.RevokeToken(said.token_id),
    ),
)
