"""Inference tables, and the files that hold their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payload_tables",
        sa.Column("id", NAME, nullable=False),
        sa.Column("retention_days", NUMBER, nullable=False),
        sa.Column("lost", NUMBER, nullable=False, comment="rows that were to be logged and could not be kept"),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_payload_tables_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payload_tables")),
    )
    op.create_table(
        "payload_files",
        sa.Column("table_id", NAME, nullable=False),
        sa.Column("batch", NAME, nullable=False, comment="of the spool that it was made of, so that it is made once"),
        sa.Column("blob_id", NAME, nullable=False),
        sa.Column("rows", NUMBER, nullable=False),
        sa.Column("first_at", NUMBER, nullable=False),
        sa.Column("last_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["table_id"], ["payload_tables.id"], name=op.f("fk_payload_files_table_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["blob_id"], ["blobs.id"], name=op.f("fk_payload_files_blob_id")),
        sa.PrimaryKeyConstraint("table_id", "batch", name=op.f("pk_payload_files")),
    )
    op.create_index(op.f("ix_payload_files_blob_id"), "payload_files", ["blob_id"], unique=False)
    op.create_index(op.f("ix_payload_files_table_id_last_at"), "payload_files", ["table_id", "last_at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
