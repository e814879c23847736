"""The tables, for SQLite and PostgreSQL alike: text, whole numbers and nothing that only one of them has.

Times are epoch milliseconds. Ids are 32 hex digits made by the server. Names sort as bytes in both databases.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
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
    Column("external_id", Name, nullable=False, server_default="", comment="what a directory calls it"),
    Column("profile", Name, nullable=False, server_default="{}", comment="a JSON object: names and addresses"),
    Column("entitlements", Name, nullable=False, server_default="[]", comment="a JSON list of texts"),
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
    Column("kind", Name, nullable=False, server_default="personal", comment="personal, oauth or session"),
    Column("last_used_at", Number, comment="to the minute; empty until the first use"),
)

service_secrets = Table(
    "service_secrets",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("secret_hash", Name, nullable=False, unique=True, comment="SHA-256 of the secret"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("expires_at", Number),
    Column("last_used_at", Number),
)

identities = Table(
    "identities",
    METADATA,
    Column("issuer", Name, nullable=False),
    Column("subject", Name, nullable=False, comment="who the issuer says it is"),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("issuer", "subject"),
)

logins = Table(
    "logins",
    METADATA,
    Column("state", Name, primary_key=True, comment="SHA-256 of what the browser brings back; used once"),
    Column("nonce", Name, nullable=False),
    Column("verifier", Name, nullable=False, comment="PKCE's secret until the code is exchanged"),
    Column("return_to", Name, nullable=False, comment="a path of ours"),
    Column("created_at", Number, nullable=False),
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
    Column("folded", Name, nullable=False, server_default="", comment="the alias without case"),
    Column("reason", Name, nullable=False, server_default="", comment="why, in the words of who moved it"),
    Index(None, "model_id", "folded", "seq"),
)

protected_aliases = Table(
    "protected_aliases",
    METADATA,
    Column("schema_id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), nullable=False),
    Column("pattern", Name, nullable=False, comment="without case; * stands for any letters"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    PrimaryKeyConstraint("schema_id", "pattern"),
)

alias_movers = Table(
    "alias_movers",
    METADATA,
    Column("schema_id", Name, nullable=False),
    Column("pattern", Name, nullable=False),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("schema_id", "pattern", "principal_id"),
    ForeignKeyConstraint(
        ["schema_id", "pattern"],
        ["protected_aliases.schema_id", "protected_aliases.pattern"],
        ondelete="CASCADE",
    ),
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

prompts = Table(
    "prompts",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("last_version", Number, nullable=False, comment="the highest number ever given; never goes back"),
)

prompt_versions = Table(
    "prompt_versions",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("prompt_id", Name, ForeignKey(prompts.c.id, ondelete="CASCADE"), nullable=False),
    Column("number", Number, nullable=False),
    Column("template", Name, nullable=False, comment="as the client wrote it; it never changes"),
    Column("comment", Name, nullable=False),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("updated_at", Number, nullable=False),
    Column("updated_by", Name, nullable=False),
    UniqueConstraint("prompt_id", "number"),
)

prompt_aliases = Table(
    "prompt_aliases",
    METADATA,
    Column("prompt_id", Name, ForeignKey(prompts.c.id, ondelete="CASCADE"), nullable=False),
    Column("folded", Name, nullable=False, comment="the alias without case: unique in a prompt"),
    Column("name", Name, nullable=False),
    Column("version_id", Name, ForeignKey(prompt_versions.c.id, ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("prompt_id", "folded"),
)

prompt_version_tags = Table(
    "prompt_version_tags",
    METADATA,
    Column("owner_id", Name, ForeignKey(prompt_versions.c.id, ondelete="CASCADE"), nullable=False),
    Column("key", Name, nullable=False),
    Column("value", Name, nullable=False),
    PrimaryKeyConstraint("owner_id", "key"),
)

prompt_links = Table(
    "prompt_links",
    METADATA,
    Column("version_id", Name, ForeignKey(prompt_versions.c.id, ondelete="CASCADE"), nullable=False),
    Column("kind", Name, nullable=False, comment="model, trace or run"),
    Column("target", Name, nullable=False, comment="an id that the tracking server knows"),
    PrimaryKeyConstraint("version_id", "kind", "target"),
)

lineage = Table(
    "lineage",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), nullable=False),
    Column("direction", Name, nullable=False, comment="upstream or downstream of the version"),
    Column("kind", Name, nullable=False, comment="run, job, notebook, table, model_version, …"),
    Column("name", Name, nullable=False, comment="what the other end is called, where it is no version here"),
    Column("other_id", Name, nullable=False, server_default="", comment="the other end, where it is a version here"),
    Column("details", Name, nullable=False, comment="a JSON object, as the client said it"),
    Column("first_at", Number, nullable=False),
    Column("last_at", Number, nullable=False),
    Column("times", Number, nullable=False, comment="how often it was noted"),
    Column("noted_by", Name, nullable=False, comment="who noted it last"),
    UniqueConstraint("version_id", "direction", "kind", "name"),
    Index(None, "other_id"),
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
    Column("securable", Name, nullable=False, server_default="", comment="the full name of what it is about"),
    Column("seal", Number, comment="the seal that covers this row; empty for about a second"),
    Index(None, "principal", "seq"),
    Index(None, "action_name", "seq"),
    Index(None, "securable", "seq"),
    Index("ix_audit_unsealed", "seq", sqlite_where=text("seal IS NULL"), postgresql_where=text("seal IS NULL")),
    Index(None, "seal"),
)

seals = Table(
    "seals",
    METADATA,
    Column("number", Number, primary_key=True, autoincrement=False, comment="1, 2, 3, … without a gap"),
    Column("sealed_at", Number, nullable=False),
    Column("rows", Number, nullable=False, comment="how many audit rows it covers"),
    Column("digest", Name, nullable=False, comment="SHA-256 over the digest before it and these rows"),
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
