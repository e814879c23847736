"""Files of the workspace, and who may do what with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workspace_objects",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False, comment="52 bits, as clients know it"),
        sa.Column("path", NAME, nullable=False, comment="without /Workspace"),
        sa.Column("parent", NAME, nullable=False, comment="the path of the directory above"),
        sa.Column("type", NAME, nullable=False, comment="NOTEBOOK, FILE or DIRECTORY"),
        sa.Column("language", NAME, nullable=False, comment="of a notebook"),
        sa.Column("blob_id", NAME, nullable=True, comment="the stored bytes; empty for a directory"),
        sa.Column("owner_id", NAME, nullable=False, comment="whose home it is, or who has made it"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("modified_at", NUMBER, nullable=False),
        sa.Column("modified_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blobs.id"], name=op.f("fk_workspace_objects_blob_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace_objects")),
        sa.UniqueConstraint("path", name=op.f("uq_workspace_objects_path")),
    )
    op.create_index(op.f("ix_workspace_objects_blob_id"), "workspace_objects", ["blob_id"], unique=False)
    op.create_index(op.f("ix_workspace_objects_parent_path"), "workspace_objects", ["parent", "path"], unique=False)
    op.create_table(
        "workspace_acls",
        sa.Column("object_id", NUMBER, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("level", NAME, nullable=False, comment="CAN_READ, CAN_RUN, CAN_EDIT or CAN_MANAGE"),
        sa.ForeignKeyConstraint(
            ["object_id"], ["workspace_objects.id"], name=op.f("fk_workspace_acls_object_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_workspace_acls_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("object_id", "principal_id", name=op.f("pk_workspace_acls")),
    )
    op.create_index(op.f("ix_workspace_acls_principal_id"), "workspace_acls", ["principal_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
