"""Volumes, their outputs, and the moves of the pointer to the current one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _volumes()
    _outputs()
    _moves()


def _volumes() -> None:
    op.create_table(
        "volumes",
        sa.Column("id", NAME, nullable=False),
        sa.Column("manifest_id", NAME, nullable=False, comment="its files"),
        sa.Column("store_id", NAME, nullable=False, comment="where files are brought"),
        sa.Column("publishes", sa.Integer(), nullable=False, comment="whether it has outputs, or had"),
        sa.Column(
            "current_output",
            NAME,
            nullable=False,
            comment="the name of the output that is current; empty for none",
        ),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_volumes_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["manifest_id"], ["manifests.id"], name=op.f("fk_volumes_manifest_id")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_volumes_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volumes")),
    )
    op.create_index(op.f("ix_volumes_manifest_id"), "volumes", ["manifest_id"], unique=False)


def _outputs() -> None:
    op.create_table(
        "outputs",
        sa.Column("id", NAME, nullable=False),
        sa.Column("volume_id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False, comment="tells it apart in its volume; it begins with the time"),
        sa.Column("manifest_id", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False, comment="OPEN while files come, then COMPLETE for good"),
        sa.Column("about", NAME, nullable=False, comment="a JSON object: what made it, in the words of the client"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("completed_at", NUMBER, nullable=True, comment="empty while it is open"),
        sa.ForeignKeyConstraint(["volume_id"], ["volumes.id"], name=op.f("fk_outputs_volume_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["manifest_id"], ["manifests.id"], name=op.f("fk_outputs_manifest_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outputs")),
        sa.UniqueConstraint("volume_id", "name", name=op.f("uq_outputs_volume_id_name")),
    )
    op.create_index(op.f("ix_outputs_manifest_id"), "outputs", ["manifest_id"], unique=False)


def _moves() -> None:
    op.create_table(
        "output_moves",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("volume_id", NAME, nullable=False),
        sa.Column("volume", NAME, nullable=False, comment="the volume's full name at that time"),
        sa.Column("from_output", NAME, nullable=False, comment="empty where none was current"),
        sa.Column("to_output", NAME, nullable=False, comment="empty where none is current any more"),
        sa.Column("moved_at", NUMBER, nullable=False),
        sa.Column("moved_by", NAME, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("reason", NAME, nullable=False, comment="why, in the words of who moved it"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_output_moves")),
    )
    op.create_index(op.f("ix_output_moves_volume_id_seq"), "output_moves", ["volume_id", "seq"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
