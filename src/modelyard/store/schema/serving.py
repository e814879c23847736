"""Serving endpoints: their configs, how it stands with what they serve, roll-outs, and inference tables."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from modelyard.store.schema.base import METADATA, Name, Number
from modelyard.store.schema.models import blobs
from modelyard.store.schema.people import securables

endpoints = Table(
    "endpoints",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("last_number", Number, nullable=False, comment="of its newest config"),
    Column("active_number", Number, comment="of the config that serves; empty before one has"),
    Column("pending_number", Number, comment="of the config that is being brought up"),
    Column("pending_since", Number, nullable=False),
    Column("stopped", Integer, nullable=False),
    Column("update_state", Name, nullable=False, comment="what became of the newest config, in the words of the wire"),
    Column("message", Name, nullable=False, comment="why the last update failed"),
    Column("rate_limits", Name, nullable=False, comment="a JSON list"),
    Column("gateway", Name, nullable=False, comment="a JSON object as the client wrote it, or nothing"),
    Column("extras", Name, nullable=False, comment="a JSON object as the client wrote it, or nothing"),
)

endpoint_configs = Table(
    "endpoint_configs",
    METADATA,
    Column("endpoint_id", Name, ForeignKey(endpoints.c.id, ondelete="CASCADE"), nullable=False),
    Column("number", Number, nullable=False, comment="1, 2, 3, … without a gap"),
    Column("content", Name, nullable=False, comment="a JSON object"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    PrimaryKeyConstraint("endpoint_id", "number"),
)

served_standings = Table(
    "served_standings",
    METADATA,
    Column("endpoint_id", Name, ForeignKey(endpoints.c.id, ondelete="CASCADE"), nullable=False),
    Column("served_id", Name, nullable=False),
    Column("state", Name, nullable=False, comment="in the words of the wire"),
    Column("message", Name, nullable=False),
    Column("noted_at", Number, nullable=False),
    PrimaryKeyConstraint("endpoint_id", "served_id"),
)

rollouts = Table(
    "rollouts",
    METADATA,
    Column("endpoint_id", Name, ForeignKey(endpoints.c.id, ondelete="CASCADE"), primary_key=True),
    Column("content", Name, nullable=False, comment="a JSON object: the plan, the step, and why it ended"),
    Column("phase", Name, nullable=False, index=True),
    Column("changed_at", Number, nullable=False),
)

payload_tables = Table(
    "payload_tables",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("retention_days", Number, nullable=False),
    Column("lost", Number, nullable=False, comment="rows that were to be logged and could not be kept"),
)

payload_files = Table(
    "payload_files",
    METADATA,
    Column("table_id", Name, ForeignKey(payload_tables.c.id, ondelete="CASCADE"), nullable=False),
    Column("batch", Name, nullable=False, comment="of the spool that it was made of, so that it is made once"),
    Column("blob_id", Name, ForeignKey(blobs.c.id), nullable=False, index=True),
    Column("rows", Number, nullable=False),
    Column("first_at", Number, nullable=False),
    Column("last_at", Number, nullable=False),
    PrimaryKeyConstraint("table_id", "batch"),
    Index(None, "table_id", "last_at"),
)
