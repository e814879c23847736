"""Secrets in scopes: `/api/2.0/secrets/*`, as the Databricks Secrets API 2.0 has it."""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from modelyard.actions import secrets
from modelyard.domain.access import ALSO_CALLED
from modelyard.domain.secrets import Access, Hidden, Key, Level, key_name, scope_name, value
from modelyard.errors import Failure, Invalid, Malformed, NoSuchPrincipal, TooMany, WrongState
from modelyard.surfaces.wire import STATUS, Here, Nothing, Reply, Row, Translation, told

_SECRETS: Final = "/api/2.0/secrets"
_BACKEND: Final = "DATABRICKS"
_EVERYBODY: Final = "users"
_SHOWN: Final = {name: alias for alias, name in ALSO_CALLED.items()}
"""The group of everybody is called here as in a Databricks workspace: tools compare what they have set."""

_STATUS: Final = {
    **STATUS,
    WrongState: (400, "BAD_REQUEST"),
    TooMany: (400, "RESOURCE_LIMIT_EXCEEDED"),
    NoSuchPrincipal: (404, "RESOURCE_DOES_NOT_EXIST"),
}


def blame(failure: Failure) -> Reply:
    """A failure in the codes that this API documents."""
    return told(failure, _STATUS)


class NewScope(msgspec.Struct, frozen=True):
    """A scope that is asked for."""

    scope: str = ""
    initial_manage_principal: str | None = None
    scope_backend_type: str | None = None


class OneScope(msgspec.Struct, frozen=True):
    """A scope by its name."""

    scope: str = ""


class OneKey(msgspec.Struct, frozen=True):
    """A secret by its scope and key."""

    scope: str = ""
    key: str = ""


class NewSecret(msgspec.Struct, frozen=True):
    """A secret, as a text or as bytes in base64."""

    scope: str = ""
    key: str = ""
    string_value: str | None = None
    bytes_value: str | None = None

    def __repr__(self) -> str:
        """Nothing of the value: secrets stay out of logs."""
        return f"NewSecret({self.scope!r}, {self.key!r}, …)"


class OneAcl(msgspec.Struct, frozen=True):
    """What a principal was given on a scope."""

    scope: str = ""
    principal: str = ""


class NewAcl(OneAcl, frozen=True):
    """What a principal is to be given on a scope."""

    permission: Level | None = None


# Reading


def _create(said: NewScope) -> secrets.CreateScope:
    if (said.scope_backend_type or _BACKEND) != _BACKEND:
        raise WrongState(f"secrets are kept by this server only; leave scope_backend_type out, or say {_BACKEND}.")
    if said.initial_manage_principal not in {None, "", _EVERYBODY}:
        raise WrongState(f"initial_manage_principal can only be {_EVERYBODY}; leave it out, and give access later.")
    return secrets.CreateScope(scope_name(said.scope), for_everybody=bool(said.initial_manage_principal))


def _put(said: NewSecret) -> secrets.PutSecret:
    return secrets.PutSecret(scope_name(said.scope), key_name(said.key), value(_content(said)))


def _content(said: NewSecret) -> bytes:
    if said.string_value is not None and said.bytes_value is None:
        return said.string_value.encode()
    if said.bytes_value is None or said.string_value is not None:
        raise Malformed("say either string_value or bytes_value, and not both.")
    try:
        return base64.b64decode(said.bytes_value, validate=True)
    except ValueError:
        raise Invalid("bytes_value is not base64.") from None


def _put_acl(said: NewAcl) -> secrets.PutAcl:
    if said.permission is None:
        raise Invalid(f"permission must be one of {', '.join(Level)}.")
    return secrets.PutAcl(scope_name(said.scope), said.principal, said.permission)


# Writing


def _scopes(names: list[str], _here: Here) -> object:
    return {"scopes": [{"name": name, "backend_type": _BACKEND} for name in names]}


def _secret(said: tuple[str, Hidden], _here: Here) -> object:
    key, found = said
    return {"key": key, "value": base64.b64encode(found.reveal()).decode()}


def _keys(found: list[Key], _here: Here) -> object:
    return {"secrets": [{"key": key.name, "last_updated_timestamp": key.updated_at} for key in found]}


def _acl(access: Access, _here: Here) -> dict[str, str]:
    return {"principal": _SHOWN.get(access.principal, access.principal), "permission": access.level.value}


def _acls(found: list[Access], here: Here) -> object:
    return {"items": [_acl(access, here) for access in found]}


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", f"{_SECRETS}/scopes/create", NewScope, read=_create, blame=blame),
    Translation(
        "GET", f"{_SECRETS}/scopes/list", Nothing, read=lambda _said: secrets.ListScopes(), write=_scopes, blame=blame
    ),
    Translation(
        "POST",
        f"{_SECRETS}/scopes/delete",
        OneScope,
        read=lambda said: secrets.DeleteScope(scope_name(said.scope)),
        blame=blame,
    ),
    Translation("POST", f"{_SECRETS}/put", NewSecret, read=_put, blame=blame),
    Translation(
        "GET",
        f"{_SECRETS}/get",
        OneKey,
        read=lambda said: secrets.GetSecret(scope_name(said.scope), key_name(said.key)),
        write=_secret,
        blame=blame,
    ),
    Translation(
        "GET",
        f"{_SECRETS}/list",
        OneScope,
        read=lambda said: secrets.ListSecretKeys(scope_name(said.scope)),
        write=_keys,
        blame=blame,
    ),
    Translation(
        "POST",
        f"{_SECRETS}/delete",
        OneKey,
        read=lambda said: secrets.RemoveSecret(scope_name(said.scope), key_name(said.key)),
        blame=blame,
    ),
    Translation("POST", f"{_SECRETS}/acls/put", NewAcl, read=_put_acl, blame=blame),
    Translation(
        "GET",
        f"{_SECRETS}/acls/get",
        OneAcl,
        read=lambda said: secrets.GetAcl(scope_name(said.scope), said.principal),
        write=_acl,
        blame=blame,
    ),
    Translation(
        "GET",
        f"{_SECRETS}/acls/list",
        OneScope,
        read=lambda said: secrets.ListAcls(scope_name(said.scope)),
        write=_acls,
        blame=blame,
    ),
    Translation(
        "POST",
        f"{_SECRETS}/acls/delete",
        OneAcl,
        read=lambda said: secrets.DeleteAcl(scope_name(said.scope), said.principal),
        blame=blame,
    ),
)
