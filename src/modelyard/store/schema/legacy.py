"""What is left of a flat registry: old names of models, stages of versions, and who still calls by them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from modelyard.store.schema.base import METADATA, Name, Number, Serial
from modelyard.store.schema.models import versions

legacy_names = Table(
    "legacy_names",
    METADATA,
    Column("name", Name, primary_key=True, comment="as it was written there; * stands for a schema"),
    Column("securable_id", Name, nullable=False, index=True, comment="the model; it may be gone, and come back"),
    Column("aliases", Name, nullable=False, comment="a JSON object: the alias of each stage that has one"),
    Column("retired_at", Number, comment="since when calls are refused for good"),
    Column("refused_from", Number, comment="when a brown-out begins"),
    Column("refused_until", Number, comment="and ends"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("updated_at", Number, nullable=False),
    Column("updated_by", Name, nullable=False),
)

version_stages = Table(
    "version_stages",
    METADATA,
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("stage", Name, nullable=False, comment="None, Staging, Production or Archived; no row is None, too"),
    Column("run_link", Name, nullable=False, comment="an address of the run, as a client said it; never opened"),
)

stage_moves = Table(
    "stage_moves",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("model_id", Name, nullable=False),
    Column("model", Name, nullable=False, comment="the model's full name at that time"),
    Column("version", Number, nullable=False),
    Column("from_stage", Name, nullable=False),
    Column("to_stage", Name, nullable=False),
    Column("moved_at", Number, nullable=False),
    Column("moved_by", Name, nullable=False),
    Column("request_id", Name, nullable=False, comment="empty where another registry tells it"),
    Index(None, "model_id", "seq"),
)

sightings = Table(
    "sightings",
    METADATA,
    Column("name", Name, nullable=False, comment="the old name"),
    Column("principal_id", Name, nullable=False),
    Column("principal", Name, nullable=False, comment="what it was called when it was seen last"),
    Column("client", Name, nullable=False, comment="the User-Agent"),
    Column("call", Name, nullable=False, comment="the action, as the audit names it"),
    Column("stage", Name, nullable=False, comment="the stages that were asked for, if any"),
    Column("first_at", Number, nullable=False),
    Column("last_at", Number, nullable=False),
    Column("times", Number, nullable=False),
    Column("refused", Number, nullable=False, comment="how often it was refused"),
    PrimaryKeyConstraint("name", "principal_id", "client", "call", "stage"),
)
