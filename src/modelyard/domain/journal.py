"""What the journal keeps: one audit row for each action, and events for those who listen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from modelyard.errors import Invalid

_MAX_DIGITS: Final = 15
"""Of a time in milliseconds: enough for thirty thousand years."""


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
    REGISTERED_MODEL_RESTORED = "registered_model.restored"
    REGISTERED_MODEL_PURGED = "registered_model.purged"
    MODEL_VERSION_CREATED = "model_version.created"
    MODEL_VERSION_READY = "model_version.ready"
    MODEL_VERSION_FAILED = "model_version.failed"
    MODEL_VERSION_SIGNED = "model_version.signed"
    MODEL_VERSION_RELEASED = "model_version.released"
    MODEL_VERSION_UPDATED = "model_version.updated"
    MODEL_VERSION_DELETED = "model_version.deleted"
    MODEL_VERSION_RESTORED = "model_version.restored"
    MODEL_VERSION_PURGED = "model_version.purged"
    MODEL_VERSION_TRANSITIONED = "model_version.transitioned"
    OLD_NAME_ADDED = "old_name.added"
    OLD_NAME_UPDATED = "old_name.updated"
    OLD_NAME_REMOVED = "old_name.removed"
    ADMISSION_CHANGED = "admission.changed"
    ALIAS_SET = "alias.set"
    ALIAS_DELETED = "alias.deleted"
    ALIAS_PROTECTED = "alias.protected"
    ALIAS_UNPROTECTED = "alias.unprotected"
    TAG_SET = "tag.set"
    TAG_DELETED = "tag.deleted"
    PROMPT_CREATED = "prompt.created"
    PROMPT_UPDATED = "prompt.updated"
    PROMPT_DELETED = "prompt.deleted"
    PROMPT_VERSION_CREATED = "prompt_version.created"
    PROMPT_VERSION_UPDATED = "prompt_version.updated"
    PROMPT_VERSION_DELETED = "prompt_version.deleted"
    PROMPT_VERSION_LINKED = "prompt_version.linked"
    PROMPT_ALIAS_SET = "prompt_alias.set"
    PROMPT_ALIAS_DELETED = "prompt_alias.deleted"
    PROMPT_TAG_SET = "prompt_tag.set"
    PROMPT_TAG_DELETED = "prompt_tag.deleted"
    ENDPOINT_CREATED = "serving_endpoint.created"
    ENDPOINT_UPDATED = "serving_endpoint.updated"
    ENDPOINT_READY = "serving_endpoint.ready"
    ENDPOINT_FAILED = "serving_endpoint.failed"
    ENDPOINT_STOPPED = "serving_endpoint.stopped"
    ENDPOINT_STARTED = "serving_endpoint.started"
    ENDPOINT_DELETED = "serving_endpoint.deleted"
    EXPERIMENT_CREATED = "experiment.created"
    EXPERIMENT_RENAMED = "experiment.renamed"
    EXPERIMENT_DELETED = "experiment.deleted"
    EXPERIMENT_RESTORED = "experiment.restored"
    JOB_CREATED = "job.created"
    JOB_UPDATED = "job.updated"
    JOB_DELETED = "job.deleted"
    JOB_RUN_CREATED = "job_run.created"
    JOB_RUN_STARTED = "job_run.started"
    JOB_RUN_ENDED = "job_run.ended"
    JOB_RUN_SLOW = "job_run.slow"
    JOB_RUN_CANCELED = "job_run.canceled"
    JOB_RUN_REPAIRED = "job_run.repaired"
    JOB_RUN_DELETED = "job_run.deleted"
    TASK_RUN_STARTED = "task_run.started"
    TASK_RUN_ENDED = "task_run.ended"
    TABLE_CREATED = "table.created"
    TABLE_UPDATED = "table.updated"
    TABLE_DELETED = "table.deleted"
    VOLUME_CREATED = "volume.created"
    VOLUME_UPDATED = "volume.updated"
    VOLUME_DELETED = "volume.deleted"
    OUTPUT_COMPLETED = "output.completed"
    OUTPUT_PUBLISHED = "output.published"
    OUTPUT_DELETED = "output.deleted"
    ROLLOUT_STARTED = "rollout.started"
    ROLLOUT_ADVANCED = "rollout.advanced"
    ROLLOUT_COMPLETED = "rollout.completed"
    ROLLOUT_ROLLED_BACK = "rollout.rolled_back"
    ROLLOUT_CANCELED = "rollout.canceled"
    GRANTS_CHANGED = "grants.changed"
    PRINCIPAL_CREATED = "principal.created"
    PRINCIPAL_UPDATED = "principal.updated"
    PRINCIPAL_DELETED = "principal.deleted"
    TOKEN_CREATED = "token.created"  # noqa: S105  the name of an event, not a secret
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  the name of an event, not a secret
    SECRET_CREATED = "secret.created"  # noqa: S105  the name of an event, not a secret
    SECRET_DELETED = "secret.deleted"  # noqa: S105  the name of an event, not a secret
    SCOPE_CREATED = "secret_scope.created"
    SCOPE_DELETED = "secret_scope.deleted"
    SCOPE_ACCESS_CHANGED = "secret_scope.access_changed"
    SCOPE_SECRET_PUT = "secret_scope.secret_put"  # noqa: S105  the name of an event, not a secret
    SCOPE_SECRET_DELETED = "secret_scope.secret_deleted"  # noqa: S105  the name of an event, not a secret
    DESTINATION_CREATED = "notification_destination.created"
    DESTINATION_UPDATED = "notification_destination.updated"
    DESTINATION_DELETED = "notification_destination.deleted"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_DELETED = "subscription.deleted"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_DECIDED = "approval.decided"
    WORKSPACE_OBJECT_KEPT = "workspace_object.kept"
    WORKSPACE_OBJECT_DELETED = "workspace_object.deleted"
    WORKSPACE_ACCESS_CHANGED = "workspace_object.access_changed"


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


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit; `result` is the word of a `Result`, `seal` the number of the seal that covers it by now."""

    seq: int
    event_id: str
    event_time: int
    request_id: str
    service_name: str
    action_name: str
    principal: str
    principal_id: str
    token_id: str
    source_ip_address: str
    user_agent: str
    request_params: str
    result: str
    error: str
    message: str
    securable: str
    seal: int | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows of the audit are asked for; what is empty leaves all in. Times are epoch milliseconds.

    `securable` is a full name, and stands for everything inside, too; `until` is the first moment that is left out.
    """

    since: int | None = None
    until: int | None = None
    principal: str = ""
    securable: str = ""
    action: str = ""
    result: str = ""
    request_id: str = ""


def moment(text: str, what: str) -> int:
    """A time in epoch milliseconds, written so or as RFC 3339; without a zone it is UTC, a date is its first moment."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    try:
        read = datetime.fromisoformat(text)
        zoned = read if read.tzinfo else read.replace(tzinfo=UTC)
        return int(zoned.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Invalid(
            f"{what} must be a time such as 2026-01-31, 2026-01-31T18:00:00Z, or milliseconds since 1970."
        ) from None


def result(text: str) -> Result:
    """The result of this name, or `Invalid`."""
    try:
        return Result(text)
    except ValueError:
        raise Invalid(f"result must be one of {', '.join(Result)}.") from None
