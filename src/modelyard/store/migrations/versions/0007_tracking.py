"""Experiments, what is in them, and uploads of artifacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("number", NAME, nullable=True, comment="its id on MLflow's server; empty until it was made there"),
        sa.Column("manifest_id", NAME, nullable=False, comment="its artifacts"),
        sa.Column("store_id", NAME, nullable=False, comment="where artifacts are brought"),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_experiments_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["manifest_id"], ["manifests.id"], name=op.f("fk_experiments_manifest_id")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_experiments_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("name", name=op.f("uq_experiments_name")),
        sa.UniqueConstraint("number", name=op.f("uq_experiments_number")),
    )
    op.create_index(op.f("ix_experiments_manifest_id"), "experiments", ["manifest_id"], unique=False)
    op.create_table(
        "tracked",
        sa.Column("name", NAME, nullable=False, comment="runs/<id>, logged-models/<id> or traces/<id>"),
        sa.Column("experiment_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_tracked_experiment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tracked")),
    )
    op.create_index(op.f("ix_tracked_experiment_id"), "tracked", ["experiment_id"], unique=False)
    op.create_table(
        "artifact_uploads",
        sa.Column("id", NAME, nullable=False),
        sa.Column("experiment_id", NAME, nullable=False),
        sa.Column("path", NAME, nullable=False),
        sa.Column("overwrite", sa.Integer(), nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("store_id", NAME, nullable=False, comment="where its parts are"),
        sa.Column("sha256", NAME, nullable=False, comment="of the whole file, once it is complete; empty until then"),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("key", NAME, nullable=False, comment="what the store calls the whole file's object"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_artifact_uploads_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_artifact_uploads_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_uploads")),
    )
    op.create_index(op.f("ix_artifact_uploads_created_at"), "artifact_uploads", ["created_at"], unique=False)
    op.create_index(op.f("ix_artifact_uploads_experiment_id"), "artifact_uploads", ["experiment_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
