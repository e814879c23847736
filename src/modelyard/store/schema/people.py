"""Principals, how they prove who they are, securables, and grants."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from modelyard.store.schema.base import METADATA, Name, Number

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

stores = Table(
    "stores",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("url", Name, nullable=False, comment="where it was when it was last opened"),
    Column("marker", Name, nullable=False, unique=True, comment="the id in the store's own `store.json`"),
    Column("added_at", Number, nullable=False),
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
    Column("store_id", Name, ForeignKey("stores.id"), comment="where new versions inside are kept, if not as above"),
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
