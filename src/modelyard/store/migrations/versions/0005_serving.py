"""Serving endpoints, their configs, how it stands with what they serve, and roll-outs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _endpoints()
    op.create_table(
        "endpoint_configs",
        sa.Column("endpoint_id", NAME, nullable=False),
        sa.Column("number", NUMBER, nullable=False, comment="1, 2, 3, … without a gap"),
        sa.Column("content", NAME, nullable=False, comment="a JSON object"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        _of_endpoint("endpoint_configs"),
        sa.PrimaryKeyConstraint("endpoint_id", "number", name=op.f("pk_endpoint_configs")),
    )
    op.create_table(
        "served_standings",
        sa.Column("endpoint_id", NAME, nullable=False),
        sa.Column("served_id", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False, comment="in the words of the wire"),
        sa.Column("message", NAME, nullable=False),
        sa.Column("noted_at", NUMBER, nullable=False),
        _of_endpoint("served_standings"),
        sa.PrimaryKeyConstraint("endpoint_id", "served_id", name=op.f("pk_served_standings")),
    )
    op.create_table(
        "rollouts",
        sa.Column("endpoint_id", NAME, nullable=False),
        sa.Column("content", NAME, nullable=False, comment="a JSON object: the plan, the step, and why it ended"),
        sa.Column("phase", NAME, nullable=False),
        sa.Column("changed_at", NUMBER, nullable=False),
        _of_endpoint("rollouts"),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_rollouts")),
    )
    op.create_index(op.f("ix_rollouts_phase"), "rollouts", ["phase"], unique=False)


def _endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", NAME, nullable=False),
        sa.Column("last_number", NUMBER, nullable=False, comment="of its newest config"),
        sa.Column("active_number", NUMBER, comment="of the config that serves; empty before one has"),
        sa.Column("pending_number", NUMBER, comment="of the config that is being brought up"),
        sa.Column("pending_since", NUMBER, nullable=False),
        sa.Column("stopped", sa.Integer(), nullable=False),
        sa.Column(
            "update_state", NAME, nullable=False, comment="what became of the newest config, in the words of the wire"
        ),
        sa.Column("message", NAME, nullable=False, comment="why the last update failed"),
        sa.Column("rate_limits", NAME, nullable=False, comment="a JSON list"),
        sa.Column("gateway", NAME, nullable=False, comment="a JSON object as the client wrote it, or nothing"),
        sa.Column("extras", NAME, nullable=False, comment="a JSON object as the client wrote it, or nothing"),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_endpoints_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
    )


def _of_endpoint(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["endpoint_id"], ["endpoints.id"], name=op.f(f"fk_{table}_endpoint_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
