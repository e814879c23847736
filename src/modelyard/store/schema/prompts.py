"""Prompts and their versions."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint, Table, UniqueConstraint

from modelyard.store.schema.base import METADATA, Name, Number
from modelyard.store.schema.people import securables

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
