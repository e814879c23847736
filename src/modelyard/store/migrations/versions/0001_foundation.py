"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias_moves",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("model", NAME, nullable=False, comment="the model's full name at that time"),
        sa.Column("alias", NAME, nullable=False),
        sa.Column("from_version", NUMBER, nullable=True),
        sa.Column("to_version", NUMBER, nullable=True, comment="empty where the alias was taken away"),
        sa.Column("moved_at", NUMBER, nullable=False),
        sa.Column("moved_by", NAME, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_alias_moves")),
    )
    op.create_index(
        op.f("ix_alias_moves_model_id_alias_seq"), "alias_moves", ["model_id", "alias", "seq"], unique=False
    )

    op.create_table(
        "audit",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("event_id", NAME, nullable=False),
        sa.Column("event_time", NUMBER, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("service_name", NAME, nullable=False),
        sa.Column("action_name", NAME, nullable=False),
        sa.Column("principal", NAME, nullable=False, comment="empty for an anonymous caller"),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("token_id", NAME, nullable=False),
        sa.Column("source_ip_address", NAME, nullable=False),
        sa.Column("user_agent", NAME, nullable=False),
        sa.Column("request_params", NAME, nullable=False, comment="a JSON object, without secrets"),
        sa.Column("result", NAME, nullable=False, comment="done, refused or failed"),
        sa.Column("error", NAME, nullable=False, comment="the kind of failure"),
        sa.Column("message", NAME, nullable=False, comment="why it was allowed, or what the caller was told"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_event_id")),
    )
    op.create_index(op.f("ix_audit_event_time"), "audit", ["event_time"], unique=False)
    op.create_index(op.f("ix_audit_request_id"), "audit", ["request_id"], unique=False)

    op.create_table(
        "events",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("happened_at", NUMBER, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("securable", NAME, nullable=False, comment="the full name of what it is about"),
        sa.Column("payload", NAME, nullable=False, comment="a JSON object"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
    )
    op.create_table(
        "installation",
        sa.Column("id", NAME, nullable=False, comment="names this server to its clients and its byte store"),
        sa.Column("workspace_id", NUMBER, nullable=False, comment="what clients call the workspace id"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "principals",
        sa.Column("id", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False, comment="the name without case"),
        sa.Column("display_name", NAME, nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principals")),
        sa.UniqueConstraint("folded", name=op.f("uq_principals_folded")),
    )
    op.create_table(
        "members",
        sa.Column("member_id", NAME, nullable=False),
        sa.Column("group_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["principals.id"], name=op.f("fk_members_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["principals.id"], name=op.f("fk_members_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member_id", "group_id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_group_id"), "members", ["group_id"], unique=False)

    op.create_table(
        "securables",
        sa.Column("id", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("parent_id", NAME, nullable=True),
        sa.Column("full_name", NAME, nullable=False, comment="from the catalog on; the metastore's is empty"),
        sa.Column("owner_id", NAME, nullable=False),
        sa.Column("comment", NAME, nullable=False),
        sa.Column("properties", NAME, nullable=False, comment="a JSON object of strings"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["principals.id"], name=op.f("fk_securables_owner_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["securables.id"], name=op.f("fk_securables_parent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_securables")),
        sa.UniqueConstraint("full_name", name=op.f("uq_securables_full_name")),
    )
    op.create_index(op.f("ix_securables_owner_id"), "securables", ["owner_id"], unique=False)
    op.create_index(op.f("ix_securables_parent_id"), "securables", ["parent_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", NAME, nullable=False),
        sa.Column("secret_hash", NAME, nullable=False, comment="SHA-256 of the secret"),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("comment", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_tokens_principal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
    )
    op.create_index(op.f("ix_tokens_principal_id"), "tokens", ["principal_id"], unique=False)

    op.create_table(
        "grants",
        sa.Column("securable_id", NAME, nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("privilege", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_grants_principal_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["securable_id"], ["securables.id"], name=op.f("fk_grants_securable_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("securable_id", "principal_id", "privilege", name=op.f("pk_grants")),
    )
    op.create_index(
        op.f("ix_grants_principal_id_privilege_securable_id"),
        "grants",
        ["principal_id", "privilege", "securable_id"],
        unique=False,
    )

    op.create_table(
        "models",
        sa.Column("id", NAME, nullable=False),
        sa.Column("last_version", NUMBER, nullable=False, comment="the highest number ever given; never goes back"),
        sa.Column("deployment_job_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_models_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_table(
        "securable_tags",
        sa.Column("owner_id", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["securables.id"], name=op.f("fk_securable_tags_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_securable_tags")),
    )
    op.create_table(
        "versions",
        sa.Column("id", NAME, nullable=False),
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("status_message", NAME, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("run_tracking_server_id", NAME, nullable=False),
        sa.Column("comment", NAME, nullable=False),
        sa.Column("logged_model_id", NAME, nullable=False, comment="m- and 32 hex digits once READY"),
        sa.Column("dependencies", NAME, nullable=False, comment="a JSON list, as the client gave it"),
        sa.Column("creator_id", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("updated_at", NUMBER, nullable=False),
        sa.Column("updated_by", NAME, nullable=False),
        sa.Column("digest", NAME, nullable=False, comment="SHA-256 of the manifest once READY"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_versions_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("model_id", "number", name=op.f("uq_versions_model_id_number")),
    )
    op.create_index(op.f("ix_versions_run_id"), "versions", ["run_id"], unique=False)

    op.create_table(
        "aliases",
        sa.Column("model_id", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False, comment="the alias without case: unique in a model"),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_aliases_model_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_aliases_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", "folded", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_version_id"), "aliases", ["version_id"], unique=False)

    op.create_table(
        "entries",
        sa.Column("version_id", NAME, nullable=False),
        sa.Column("path", NAME, nullable=False),
        sa.Column("parent", NAME, nullable=False, comment="the path of the directory above"),
        sa.Column("is_directory", sa.Integer(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("sha256", NAME, nullable=False, comment="names the stored bytes; empty for a directory"),
        sa.Column("modified_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_entries_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "path", name=op.f("pk_entries")),
    )
    op.create_index(op.f("ix_entries_sha256"), "entries", ["sha256"], unique=False)
    op.create_index(
        op.f("ix_entries_version_id_parent_path"), "entries", ["version_id", "parent", "path"], unique=False
    )

    op.create_table(
        "uploads",
        sa.Column("id", NAME, nullable=False),
        sa.Column("version_id", NAME, nullable=False),
        sa.Column("path", NAME, nullable=False),
        sa.Column("overwrite", sa.Integer(), nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("sha256", NAME, nullable=False, comment="of the whole file, once it is complete; empty until then"),
        sa.Column("size", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_uploads_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_version_id"), "uploads", ["version_id"], unique=False)

    op.create_table(
        "version_tags",
        sa.Column("owner_id", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["versions.id"], name=op.f("fk_version_tags_owner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_version_tags")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
