"""Scopes of secrets, who may do what with them, and encrypted secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "secret_scopes",
        sa.Column("id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False, comment="the name without case"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret_scopes")),
        sa.UniqueConstraint("folded", name=op.f("uq_secret_scopes_folded")),
    )
    op.create_table(
        "secret_acls",
        sa.Column("scope_id", NAME, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("level", NAME, nullable=False, comment="READ, WRITE or MANAGE"),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["secret_scopes.id"], name=op.f("fk_secret_acls_scope_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_secret_acls_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scope_id", "principal_id", name=op.f("pk_secret_acls")),
    )
    op.create_index(op.f("ix_secret_acls_principal_id"), "secret_acls", ["principal_id"], unique=False)
    op.create_table(
        "secrets",
        sa.Column("scope_id", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False, comment="the key without case: unique in a scope"),
        sa.Column("key", NAME, nullable=False),
        sa.Column(
            "sealed",
            NAME,
            nullable=False,
            comment="the value, encrypted: base64 of version, nonce and ciphertext",
        ),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["secret_scopes.id"], name=op.f("fk_secrets_scope_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scope_id", "folded", name=op.f("pk_secrets")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
