"""Credentials for git servers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "git_credentials",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("provider", NAME, nullable=False, comment="gitHub, gitLab and so on"),
        sa.Column("username", NAME, nullable=False),
        sa.Column("email", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("is_default", NUMBER, nullable=False, comment="1 for the one that is used for its provider"),
        sa.Column("sealed", NAME, nullable=False, comment="the token, encrypted as values of secrets are"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_git_credentials_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_git_credentials")),
    )
    op.create_index(op.f("ix_git_credentials_principal_id"), "git_credentials", ["principal_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
