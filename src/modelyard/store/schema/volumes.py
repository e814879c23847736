"""Volumes, the outputs that are published in them, and the moves of the pointer to the current one."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from modelyard.store.schema.base import METADATA, Name, Number, Serial
from modelyard.store.schema.models import manifests
from modelyard.store.schema.people import securables, stores

volumes = Table(
    "volumes",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("manifest_id", Name, ForeignKey(manifests.c.id), nullable=False, index=True, comment="its files"),
    Column("store_id", Name, ForeignKey(stores.c.id), nullable=False, comment="where files are brought"),
    Column("publishes", Integer, nullable=False, comment="whether it has outputs, or had"),
    Column("current_output", Name, nullable=False, comment="the name of the output that is current; empty for none"),
)

outputs = Table(
    "outputs",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("volume_id", Name, ForeignKey(volumes.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Name, nullable=False, comment="tells it apart in its volume; it begins with the time"),
    Column("manifest_id", Name, ForeignKey(manifests.c.id), nullable=False, index=True),
    Column("state", Name, nullable=False, comment="OPEN while files come, then COMPLETE for good"),
    Column("about", Name, nullable=False, comment="a JSON object: what made it, in the words of the client"),
    Column("created_at", Number, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("completed_at", Number, comment="empty while it is open"),
    UniqueConstraint("volume_id", "name"),
)

output_moves = Table(
    "output_moves",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("volume_id", Name, nullable=False),
    Column("volume", Name, nullable=False, comment="the volume's full name at that time"),
    Column("from_output", Name, nullable=False, comment="empty where none was current"),
    Column("to_output", Name, nullable=False, comment="empty where none is current any more"),
    Column("moved_at", Number, nullable=False),
    Column("moved_by", Name, nullable=False),
    Column("request_id", Name, nullable=False),
    Column("reason", Name, nullable=False, comment="why, in the words of who moved it"),
    Index(None, "volume_id", "seq"),
)
