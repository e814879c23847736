"""The tables, for SQLite and PostgreSQL alike: text, whole numbers and nothing that only one of them has.

Times are epoch milliseconds. Ids are 32 hex digits made by the server. Names sort as bytes in both databases.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)

Name: Final = Text().with_variant(Text(collation="C"), "postgresql")
Number: Final = BigInteger()
Serial: Final = BigInteger().with_variant(Integer(), "sqlite")

installation = Table(
    "installation",
    METADATA,
    Column("id", Name, primary_key=True, comment="names this server to its clients and its byte store"),
    Column("workspace_id", Number, nullable=False, comment="what clients call the workspace id"),
    Column("created_at", Number, nullable=False),
)

principals = Table(
    "principals",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("folded", Name, nullable=False, unique=True, comment="the name without case"),
    Column("display_name", Name, nullable=False),
    Column("active", Integer, nullable=False),
    Column("created_at", Number, nullable=False),
)

members = Table(
    "members",
    METADATA,
    Column("member_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False),
    Column("group_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("member_id", "group_id"),
)

tokens = Table(
    "tokens",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("secret_hash", Name, nullable=False, unique=True, comment="SHA-256 of the secret"),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("comment", Name, nullable=False),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("expires_at", Number),
)

securables = Table(
    "securables",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("parent_id", Name, ForeignKey("securables.id", ondelete="CASCADE"), index=True),
    Column(
        "full_name",
        Name,
        nullable=False,
        unique=True,
        comment="from the catalog on; the metastore's is empty",
    ),
    Column("owner_id", Name, ForeignKey(principals.c.id, ondelete="RESTRICT"), nullable=False, index=True),
    Column("comment", Name, nullable=False),
    Column("properties", Name, nullable=False, comment="a JSON object of strings"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("updated_at", Number, nullable=False),
    Column("updated_by", Name, nullable=False),
)

grants = Table(
    "grants",
    METADATA,
    Column("securable_id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), nullable=False),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False),
    Column("privilege", Name, nullable=False),
    PrimaryKeyConstraint("securable_id", "principal_id", "privilege"),
    Index(None, "principal_id", "privilege", "securable_id"),
)

models = Table(
    "models",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("last_version", Number, nullable=False, comment="the highest number ever given; never goes back"),
    Column("deployment_job_id", Name, nullable=False),
)

versions = Table(
    "versions",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("model_id", Name, ForeignKey(models.c.id, ondelete="CASCADE"), nullable=False),
    Column("number", Number, nullable=False),
    Column("status", Name, nullable=False),
    Column("status_message", Name, nullable=False),
    Column("source", Name, nullable=False),
    Column("run_id", Name, nullable=False),
    Column("run_tracking_server_id", Name, nullable=False),
    Column("comment", Name, nullable=False),
    Column("logged_model_id", Name, nullable=False, comment="m- and 32 hex digits once READY"),
    Column("dependencies", Name, nullable=False, comment="a JSON list, as the client gave it"),
    Column("creator_id", Name, nullable=False),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("updated_at", Number, nullable=False),
    Column("updated_by", Name, nullable=False),
    Column("digest", Name, nullable=False, comment="SHA-256 of the manifest once READY"),
    UniqueConstraint("model_id", "number"),
    Index(None, "run_id"),
)

aliases = Table(
    "aliases",
    METADATA,
    Column("model_id", Name, ForeignKey(models.c.id, ondelete="CASCADE"), nullable=False),
    Column("folded", Name, nullable=False, comment="the alias without case: unique in a model"),
    Column("name", Name, nullable=False),
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("model_id", "folded"),
)

alias_moves = Table(
    "alias_moves",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("model_id", Name, nullable=False),
    Column("model", Name, nullable=False, comment="the model's full name at that time"),
    Column("alias", Name, nullable=False),
    Column("from_version", Number),
    Column("to_version", Number, comment="empty where the alias was taken away"),
    Column("moved_at", Number, nullable=False),
    Column("moved_by", Name, nullable=False),
    Column("request_id", Name, nullable=False),
    Index(None, "model_id", "alias", "seq"),
)

securable_tags = Table(
    "securable_tags",
    METADATA,
    Column("owner_id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), nullable=False),
    Column("key", Name, nullable=False),
    Column("value", Name, nullable=False),
    PrimaryKeyConstraint("owner_id", "key"),
)

version_tags = Table(
    "version_tags",
    METADATA,
    Column("owner_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), nullable=False),
    Column("key", Name, nullable=False),
    Column("value", Name, nullable=False),
    PrimaryKeyConstraint("owner_id", "key"),
)

entries = Table(
    "entries",
    METADATA,
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), nullable=False),
    Column("path", Name, nullable=False),
    Column("parent", Name, nullable=False, comment="the path of the directory above"),
    Column("is_directory", Integer, nullable=False),
    Column("size", Number, nullable=False),
    Column("sha256", Name, nullable=False, comment="names the stored bytes; empty for a directory"),
    Column("modified_at", Number, nullable=False),
    PrimaryKeyConstraint("version_id", "path"),
    Index(None, "version_id", "parent", "path"),
    Index(None, "sha256"),
)

uploads = Table(
    "uploads",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("path", Name, nullable=False),
    Column("overwrite", Integer, nullable=False),
    Column("principal_id", Name, nullable=False),
    Column("created_at", Number, nullable=False),
    Column("sha256", Name, nullable=False, comment="of the whole file, once it is complete; empty until then"),
    Column("size", Number, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("event_id", Name, nullable=False, unique=True),
    Column("event_time", Number, nullable=False, index=True),
    Column("request_id", Name, nullable=False, index=True),
    Column("service_name", Name, nullable=False),
    Column("action_name", Name, nullable=False),
    Column("principal", Name, nullable=False, comment="empty for an anonymous caller"),
    Column("principal_id", Name, nullable=False),
    Column("token_id", Name, nullable=False),
    Column("source_ip_address", Name, nullable=False),
    Column("user_agent", Name, nullable=False),
    Column("request_params", Name, nullable=False, comment="a JSON object, without secrets"),
    Column("result", Name, nullable=False, comment="done, refused or failed"),
    Column("error", Name, nullable=False, comment="the kind of failure"),
    Column("message", Name, nullable=False, comment="why it was allowed, or what the caller was told"),
)

events = Table(
    "events",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    Column("type", Name, nullable=False),
    Column("happened_at", Number, nullable=False),
    Column("request_id", Name, nullable=False),
    Column("securable", Name, nullable=False, comment="the full name of what it is about"),
    Column("payload", Name, nullable=False, comment="a JSON object"),
)
