"""What has happened: the audit, its seals, and events for those who listen."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, text

from modelyard.store.schema.base import METADATA, Name, Number, Serial

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
