"""Secrets of service principals, where the Databricks SDK looks for them: for an account, and for a workspace."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from modelyard.actions import credentials
from modelyard.actions.credentials import DEFAULT_SECONDS, SecretList
from modelyard.domain.access import NewSecret, Secret
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Here, Row, Translation

_PATH: Final = "servicePrincipals/{id}/credentials/secrets"
_PREFIXES: Final = ("/api/2.0/accounts/{account_id}", "/api/2.0/accounts")
_LIFETIME: Final = re.compile(r"(\d{1,10})s?\Z", re.ASCII)


class New(msgspec.Struct, frozen=True):
    """A secret that is asked for; its lifetime is written like `3600s`."""

    id: str = ""
    lifetime: str | None = None
    scopes: list[str] | None = None


class Of(msgspec.Struct, frozen=True):
    """The secrets of a service principal, by its id."""

    id: str = ""


class One(msgspec.Struct, frozen=True):
    """A secret by its id."""

    id: str = ""
    secret_id: str = ""


def _create(said: New) -> credentials.CreateSecret:
    if said.scopes and said.scopes != ["all-apis"]:
        raise Invalid("no narrower secrets are made; leave scopes out.")
    if said.lifetime is None:
        return credentials.CreateSecret(said.id, DEFAULT_SECONDS)
    found = _LIFETIME.match(said.lifetime)
    if not found or not int(found[1]):
        raise Invalid("lifetime is a number of seconds, such as 3600s.")
    return credentials.CreateSecret(said.id, int(found[1]))


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _secret(secret: Secret, now: int) -> dict[str, object]:
    told: dict[str, object] = {
        "id": secret.id,
        "create_time": _moment(secret.created_at),
        "update_time": _moment(secret.created_at),
        "status": "ACTIVE" if secret.is_live(now) else "EXPIRED",
        "created_by": secret.created_by,
    }
    if secret.expires_at is not None:
        told["expire_time"] = _moment(secret.expires_at)
    if secret.last_used_at is not None:
        told["last_used_time"] = _moment(secret.last_used_at)
    return told


def _new(made: NewSecret, _here: Here) -> object:
    return {**_secret(made.secret, made.secret.created_at), "secret": made.value}


def _listed(found: SecretList, _here: Here) -> object:
    return {"secrets": [_secret(each, found.now) for each in found.secrets]}


def _rows(prefix: str) -> tuple[Row, ...]:
    path = f"{prefix}/{_PATH}"
    return (
        Translation("POST", path, New, read=_create, write=_new),
        Translation("GET", path, Of, read=lambda said: credentials.ListSecrets(said.id), write=_listed),
        Translation(
            "DELETE",
            f"{path}/{{secret_id}}",
            One,
            read=lambda said: credentials.DeleteSecret(said.id, said.secret_id),
        ),
    )


ROWS: Final[tuple[Row, ...]] = tuple(row for prefix in _PREFIXES for row in _rows(prefix))
