"""Old names of models, stages of versions, and who still calls by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "legacy_names",
        sa.Column("name", NAME, nullable=False, comment="as it was written there; * stands for a schema"),
        sa.Column("securable_id", NAME, nullable=False, comment="the model; it may be gone, and come back"),
        sa.Column("aliases", NAME, nullable=False, comment="a JSON object: the alias of each stage that has one"),
        sa.Column("retired_at", NUMBER, nullable=True, comment="since when calls are refused for good"),
        sa.Column("refused_from", NUMBER, nullable=True, comment="when a brown-out begins"),
        sa.Column("refused_until", NUMBER, nullable=True, comment="and ends"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_legacy_names")),
    )
    op.create_index(op.f("ix_legacy_names_securable_id"), "legacy_names", ["securable_id"], unique=False)
    op.create_table(
        "version_stages",
        sa.Column("version_id", NAME, nullable=False),
        sa.Column("stage", NAME, nullable=False, comment="None, Staging, Production or Archived; no row is None, too"),
        sa.Column("run_link", NAME, nullable=False, comment="an address of the run, as a client said it; never opened"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_version_stages_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_version_stages")),
    )
    op.create_table(
        "stage_moves",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("model", NAME, nullable=False, comment="the model's full name at that time"),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("from_stage", NAME, nullable=False),
        sa.Column("to_stage", NAME, nullable=False),
        sa.Column("moved_at", NUMBER, nullable=False),
        sa.Column("moved_by", NAME, nullable=False),
        sa.Column("request_id", NAME, nullable=False, comment="empty where another registry tells it"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_stage_moves")),
    )
    op.create_index(op.f("ix_stage_moves_model_id_seq"), "stage_moves", ["model_id", "seq"], unique=False)
    op.create_table(
        "sightings",
        sa.Column("name", NAME, nullable=False, comment="the old name"),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("principal", NAME, nullable=False, comment="what it was called when it was seen last"),
        sa.Column("client", NAME, nullable=False, comment="the User-Agent"),
        sa.Column("call", NAME, nullable=False, comment="the action, as the audit names it"),
        sa.Column("stage", NAME, nullable=False, comment="the stages that were asked for, if any"),
        sa.Column("first_at", NUMBER, nullable=False),
        sa.Column("last_at", NUMBER, nullable=False),
        sa.Column("times", NUMBER, nullable=False),
        sa.Column("refused", NUMBER, nullable=False, comment="how often it was refused"),
        sa.PrimaryKeyConstraint("name", "principal_id", "client", "call", "stage", name=op.f("pk_sightings")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
