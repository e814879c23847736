"""Notification destinations, subscriptions, the outbox; deployments by jobs, and their approvals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _destinations()
    _subscriptions()
    _deliveries()
    _deployments()
    _approvals()


def _destinations() -> None:
    op.create_table(
        "destinations",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False, comment="a UUID with dashes, as clients expect one"),
        sa.Column("display_name", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False, comment="in the words of the wire"),
        sa.Column("shown", NAME, nullable=False, comment="its config as it is shown: a JSON object"),
        sa.Column("sealed", NAME, nullable=False, comment="its config, encrypted: URLs hold secrets as well"),
        sa.Column(
            "secrets",
            NAME,
            nullable=False,
            comment="what signs, encrypted: a JSON list, the newest first; or nothing",
        ),
        sa.Column("signed_since", NUMBER, comment="when the newest of them was made"),
        sa.Column("former_until", NUMBER, comment="how long the one before it signs, too"),
        sa.Column("body", NAME, nullable=False, comment="documented or extended"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_destinations")),
        sa.UniqueConstraint("id", name=op.f("uq_destinations_id")),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("securable_id", NAME, nullable=False, comment="which may be in the trash"),
        sa.Column("destination_id", NAME, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        _goes_with("subscriptions", "destination_id", "destinations"),
        _goes_with("subscriptions", "principal_id", "principals"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("id", name=op.f("uq_subscriptions_id")),
    )
    for column in ("securable_id", "destination_id", "principal_id"):
        op.create_index(op.f(f"ix_subscriptions_{column}"), "subscriptions", [column], unique=False)
    op.create_table(
        "subscription_events",
        sa.Column("subscription_id", NAME, nullable=False),
        sa.Column("event", NAME, nullable=False),
        _goes_with("subscription_events", "subscription_id", "subscriptions"),
        sa.PrimaryKeyConstraint("subscription_id", "event", name=op.f("pk_subscription_events")),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False, comment="the webhook-id, the same at every try"),
        sa.Column("destination_id", NAME, nullable=False),
        sa.Column("event", NAME, nullable=False),
        sa.Column("securable_id", NAME, nullable=False, comment="what it tells of, where the subscriber must see that"),
        sa.Column("principal_id", NAME, nullable=False, comment="the subscriber, if there is one"),
        sa.Column("body", NAME, nullable=False, comment="a JSON object, as it is sent"),
        sa.Column("extension", NAME, nullable=False, comment="a JSON object for bodies that are extended, or nothing"),
        sa.Column("state", NAME, nullable=False),
        sa.Column("tries", NUMBER, nullable=False),
        sa.Column("most_tries", NUMBER, nullable=False),
        sa.Column(
            "due_at", NUMBER, nullable=False, comment="when it is tried again, or until when somebody has it in hand"
        ),
        sa.Column("in_hand", sa.Integer(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("ended_at", NUMBER),
        sa.Column("status", NUMBER, comment="of the last answer"),
        sa.Column("error", NAME, nullable=False, comment="what went wrong the last time"),
        _goes_with("deliveries", "destination_id", "destinations"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
    )
    waiting = sa.text("state = 'WAITING'")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at", "destination_id"],
        unique=False,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(op.f("ix_deliveries_destination_id_seq"), "deliveries", ["destination_id", "seq"], unique=False)
    op.create_index(op.f("ix_deliveries_ended_at"), "deliveries", ["ended_at"], unique=False)
    op.create_table(
        "delivery_tries",
        sa.Column("delivery_id", NAME, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("began_at", NUMBER, nullable=False),
        sa.Column("milliseconds", NUMBER, nullable=False),
        sa.Column("status", NUMBER),
        sa.Column("error", NAME, nullable=False),
        _goes_with("delivery_tries", "delivery_id", "deliveries"),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_tries")),
    )


def _deployments() -> None:
    op.create_table(
        "deployment_runs",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("job", NAME, nullable=False, comment="the number of the deployment job, as the client wrote it"),
        sa.Column("run_id", NUMBER, comment="0 where none could be started; empty until that is decided"),
        sa.Column("note", NAME, nullable=False, comment="why none could be started"),
        sa.Column("happened_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deployment_runs")),
    )
    op.create_index(op.f("ix_deployment_runs_model_id_version_seq"), "deployment_runs", ["model_id", "version", "seq"])
    waiting = sa.text("run_id IS NULL")
    op.create_index(
        "ix_deployment_runs_waiting", "deployment_runs", ["seq"], sqlite_where=waiting, postgresql_where=waiting
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("digest", NAME, nullable=False, comment="of the version's manifest: what was approved"),
        sa.Column("job", NUMBER, nullable=False),
        sa.Column("run_id", NUMBER, nullable=False),
        sa.Column("task_id", NUMBER, nullable=False, comment="the attempt that asks: each asks once"),
        sa.Column("task_key", NAME, nullable=False),
        sa.Column("tag", NAME, nullable=False, comment="the tag of the version that says what was decided"),
        sa.Column("policy", NAME, nullable=False, comment="a JSON object: who may decide, as the job said then"),
        sa.Column("requested_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_approvals")),
        sa.UniqueConstraint("id", name=op.f("uq_approvals_id")),
        sa.UniqueConstraint("task_id", name=op.f("uq_approvals_task_id")),
    )
    op.create_index(op.f("ix_approvals_run_id"), "approvals", ["run_id"])
    op.create_index(op.f("ix_approvals_model_id_version"), "approvals", ["model_id", "version"])
    op.create_table(
        "approval_decisions",
        sa.Column("approval_id", NAME, nullable=False),
        sa.Column("decision", NAME, nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("actor_id", NAME, nullable=False),
        sa.Column("on_behalf", NAME, nullable=False, comment="of whom, in the words of who had a token"),
        sa.Column("reason", NAME, nullable=False),
        sa.Column("source", NAME, nullable=False, comment="api, tag, token or server"),
        sa.Column("decided_at", NUMBER, nullable=False),
        _goes_with("approval_decisions", "approval_id", "approvals"),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approval_decisions")),
    )
    op.create_table(
        "approval_tokens",
        sa.Column("secret_hash", NAME, nullable=False),
        sa.Column("approval_id", NAME, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        _goes_with("approval_tokens", "approval_id", "approvals"),
        _goes_with("approval_tokens", "principal_id", "principals"),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_approval_tokens")),
    )
    for column in ("approval_id", "principal_id"):
        op.create_index(op.f(f"ix_approval_tokens_{column}"), "approval_tokens", [column])


def _goes_with(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
