"""Governance: identity, prompts, protected aliases, lineage, and a journal that is sealed and can be searched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _identity()
    _prompts()
    _aliases()
    _journal()
    _lineage()


def _identity() -> None:
    op.create_table(
        "logins",
        sa.Column("state", NAME, nullable=False, comment="SHA-256 of what the browser brings back; used once"),
        sa.Column("nonce", NAME, nullable=False),
        sa.Column("verifier", NAME, nullable=False, comment="PKCE's secret until the code is exchanged"),
        sa.Column("return_to", NAME, nullable=False, comment="a path of ours"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_logins")),
    )
    op.create_table(
        "identities",
        sa.Column("issuer", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False, comment="who the issuer says it is"),
        sa.Column("principal_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_identities_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_principal_id"), "identities", ["principal_id"], unique=False)
    op.create_table(
        "service_secrets",
        sa.Column("id", NAME, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("secret_hash", NAME, nullable=False, comment="SHA-256 of the secret"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=True),
        sa.Column("last_used_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_service_secrets_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_secrets")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_service_secrets_secret_hash")),
    )
    op.create_index(op.f("ix_service_secrets_principal_id"), "service_secrets", ["principal_id"], unique=False)
    op.add_column(
        "principals",
        sa.Column("external_id", NAME, server_default="", nullable=False, comment="what a directory calls it"),
    )
    op.add_column(
        "principals",
        sa.Column("profile", NAME, server_default="{}", nullable=False, comment="a JSON object: names and addresses"),
    )
    op.add_column(
        "principals",
        sa.Column("entitlements", NAME, server_default="[]", nullable=False, comment="a JSON list of texts"),
    )
    op.add_column(
        "tokens",
        sa.Column("kind", NAME, server_default="personal", nullable=False, comment="personal, oauth or session"),
    )
    op.add_column(
        "tokens", sa.Column("last_used_at", NUMBER, nullable=True, comment="to the minute; empty until the first use")
    )


def _prompts() -> None:
    op.create_table(
        "prompts",
        sa.Column("id", NAME, nullable=False),
        sa.Column("last_version", NUMBER, nullable=False, comment="the highest number ever given; never goes back"),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_prompts_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
    )
    op.create_table(
        "prompt_versions",
        sa.Column("id", NAME, nullable=False),
        sa.Column("prompt_id", NAME, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("template", NAME, nullable=False, comment="as the client wrote it; it never changes"),
        sa.Column("comment", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_prompt_versions_prompt_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_versions")),
        sa.UniqueConstraint("prompt_id", "number", name=op.f("uq_prompt_versions_prompt_id_number")),
    )
    op.create_table(
        "prompt_aliases",
        sa.Column("prompt_id", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False, comment="the alias without case: unique in a prompt"),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name=op.f("fk_prompt_aliases_prompt_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["prompt_versions.id"], name=op.f("fk_prompt_aliases_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prompt_id", "folded", name=op.f("pk_prompt_aliases")),
    )
    op.create_index(op.f("ix_prompt_aliases_version_id"), "prompt_aliases", ["version_id"], unique=False)
    op.create_table(
        "prompt_links",
        sa.Column("version_id", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False, comment="model, trace or run"),
        sa.Column("target", NAME, nullable=False, comment="an id that the tracking server knows"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["prompt_versions.id"], name=op.f("fk_prompt_links_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "kind", "target", name=op.f("pk_prompt_links")),
    )
    op.create_table(
        "prompt_version_tags",
        sa.Column("owner_id", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["prompt_versions.id"], name=op.f("fk_prompt_version_tags_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_prompt_version_tags")),
    )


def _aliases() -> None:
    op.create_table(
        "protected_aliases",
        sa.Column("schema_id", NAME, nullable=False),
        sa.Column("pattern", NAME, nullable=False, comment="without case; * stands for any letters"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["schema_id"], ["securables.id"], name=op.f("fk_protected_aliases_schema_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schema_id", "pattern", name=op.f("pk_protected_aliases")),
    )
    op.create_table(
        "alias_movers",
        sa.Column("schema_id", NAME, nullable=False),
        sa.Column("pattern", NAME, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_alias_movers_principal_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["schema_id", "pattern"],
            ["protected_aliases.schema_id", "protected_aliases.pattern"],
            name=op.f("fk_alias_movers_schema_id_pattern"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("schema_id", "pattern", "principal_id", name=op.f("pk_alias_movers")),
    )
    op.create_index(op.f("ix_alias_movers_principal_id"), "alias_movers", ["principal_id"], unique=False)
    op.add_column(
        "alias_moves", sa.Column("folded", NAME, server_default="", nullable=False, comment="the alias without case")
    )
    op.add_column(
        "alias_moves",
        sa.Column("reason", NAME, server_default="", nullable=False, comment="why, in the words of who moved it"),
    )
    op.drop_index(op.f("ix_alias_moves_model_id_alias_seq"), table_name="alias_moves")
    op.create_index(
        op.f("ix_alias_moves_model_id_folded_seq"), "alias_moves", ["model_id", "folded", "seq"], unique=False
    )
    _fold_aliases()


def _journal() -> None:
    op.create_table(
        "seals",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False, comment="1, 2, 3, … without a gap"),
        sa.Column("sealed_at", NUMBER, nullable=False),
        sa.Column("rows", NUMBER, nullable=False, comment="how many audit rows it covers"),
        sa.Column("digest", NAME, nullable=False, comment="SHA-256 over the digest before it and these rows"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
    )
    op.add_column(
        "audit",
        sa.Column("securable", NAME, server_default="", nullable=False, comment="the full name of what it is about"),
    )
    op.add_column(
        "audit",
        sa.Column("seal", NUMBER, nullable=True, comment="the seal that covers this row; empty for about a second"),
    )
    op.create_index(op.f("ix_audit_action_name_seq"), "audit", ["action_name", "seq"], unique=False)
    op.create_index(op.f("ix_audit_principal_seq"), "audit", ["principal", "seq"], unique=False)
    op.create_index(op.f("ix_audit_seal"), "audit", ["seal"], unique=False)
    op.create_index(op.f("ix_audit_securable_seq"), "audit", ["securable", "seq"], unique=False)
    op.create_index(
        "ix_audit_unsealed",
        "audit",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("seal IS NULL"),
        postgresql_where=sa.text("seal IS NULL"),
    )


def _lineage() -> None:
    op.create_table(
        "lineage",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("version_id", NAME, nullable=False),
        sa.Column("direction", NAME, nullable=False, comment="upstream or downstream of the version"),
        sa.Column("kind", NAME, nullable=False, comment="run, job, notebook, table, model_version, …"),
        sa.Column("name", NAME, nullable=False, comment="what the other end is called, where it is no version here"),
        sa.Column(
            "other_id", NAME, server_default="", nullable=False, comment="the other end, where it is a version here"
        ),
        sa.Column("details", NAME, nullable=False, comment="a JSON object, as the client said it"),
        sa.Column("first_at", NUMBER, nullable=False),
        sa.Column("last_at", NUMBER, nullable=False),
        sa.Column("times", NUMBER, nullable=False, comment="how often it was noted"),
        sa.Column("noted_by", NAME, nullable=False, comment="who noted it last"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_lineage_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_lineage")),
        sa.UniqueConstraint(
            "version_id", "direction", "kind", "name", name=op.f("uq_lineage_version_id_direction_kind_name")
        ),
    )
    op.create_index(op.f("ix_lineage_other_id"), "lineage", ["other_id"], unique=False)


def _fold_aliases() -> None:
    """In Python: the databases fold letters beyond ASCII differently."""
    moves = sa.table("alias_moves", sa.column("alias"), sa.column("folded"))
    connection = op.get_bind()
    for (alias,) in connection.execute(sa.select(moves.c.alias).distinct()).all():
        connection.execute(moves.update().where(moves.c.alias == alias).values(folded=alias.lower()))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
