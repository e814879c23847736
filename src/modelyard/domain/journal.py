"""What the journal keeps: one audit row for each action, and events for those who listen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """Everything that is announced to the outside; the name says what has happened."""

    CATALOG_CREATED = "catalog.created"
    CATALOG_UPDATED = "catalog.updated"
    CATALOG_DELETED = "catalog.deleted"
    SCHEMA_CREATED = "schema.created"
    SCHEMA_UPDATED = "schema.updated"
    SCHEMA_DELETED = "schema.deleted"
    REGISTERED_MODEL_CREATED = "registered_model.created"
    REGISTERED_MODEL_UPDATED = "registered_model.updated"
    REGISTERED_MODEL_DELETED = "registered_model.deleted"
    MODEL_VERSION_CREATED = "model_version.created"
    MODEL_VERSION_READY = "model_version.ready"
    MODEL_VERSION_UPDATED = "model_version.updated"
    MODEL_VERSION_DELETED = "model_version.deleted"
    ALIAS_SET = "alias.set"
    ALIAS_DELETED = "alias.deleted"
    TAG_SET = "tag.set"
    TAG_DELETED = "tag.deleted"
    GRANTS_CHANGED = "grants.changed"
    PRINCIPAL_CREATED = "principal.created"
    PRINCIPAL_UPDATED = "principal.updated"
    PRINCIPAL_DELETED = "principal.deleted"
    TOKEN_CREATED = "token.created"  # noqa: S105  the name of an event, not a secret
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  the name of an event, not a secret
    SECRET_CREATED = "secret.created"  # noqa: S105  the name of an event, not a secret
    SECRET_DELETED = "secret.deleted"  # noqa: S105  the name of an event, not a secret


class Result(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit."""

    request_id: str
    address: str = ""
    user_agent: str = ""
