"""Scopes of secrets, who may do what with them, and the secrets themselves, encrypted."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint, Table

from modelyard.store.schema.base import METADATA, Name, Number
from modelyard.store.schema.people import principals

secret_scopes = Table(
    "secret_scopes",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("name", Name, nullable=False),
    Column("folded", Name, nullable=False, unique=True, comment="the name without case"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
)

secret_acls = Table(
    "secret_acls",
    METADATA,
    Column("scope_id", Name, ForeignKey(secret_scopes.c.id, ondelete="CASCADE"), nullable=False),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("level", Name, nullable=False, comment="READ, WRITE or MANAGE"),
    PrimaryKeyConstraint("scope_id", "principal_id"),
)

secrets = Table(
    "secrets",
    METADATA,
    Column("scope_id", Name, ForeignKey(secret_scopes.c.id, ondelete="CASCADE"), nullable=False),
    Column("folded", Name, nullable=False, comment="the key without case: unique in a scope"),
    Column("key", Name, nullable=False),
    Column("sealed", Name, nullable=False, comment="the value, encrypted: base64 of version, nonce and ciphertext"),
    Column("updated_at", Number, nullable=False),
    Column("updated_by", Name, nullable=False),
    PrimaryKeyConstraint("scope_id", "folded"),
)

git_credentials = Table(
    "git_credentials",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("provider", Name, nullable=False, comment="gitHub, gitLab and so on"),
    Column("username", Name, nullable=False),
    Column("email", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("is_default", Number, nullable=False, comment="1 for the one that is used for its provider"),
    Column("sealed", Name, nullable=False, comment="the token, encrypted as values of secrets are"),
    Column("created_at", Number, nullable=False),
)
