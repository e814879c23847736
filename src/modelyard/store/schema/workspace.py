"""Files of the workspace, and who may do what with them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from modelyard.store.schema.base import METADATA, Name, Number
from modelyard.store.schema.models import blobs
from modelyard.store.schema.people import principals

workspace_objects = Table(
    "workspace_objects",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=False, comment="52 bits, as clients know it"),
    Column("path", Name, nullable=False, unique=True, comment="without /Workspace"),
    Column("parent", Name, nullable=False, comment="the path of the directory above"),
    Column("type", Name, nullable=False, comment="NOTEBOOK, FILE or DIRECTORY"),
    Column("language", Name, nullable=False, comment="of a notebook"),
    Column("blob_id", Name, ForeignKey(blobs.c.id), index=True, comment="the stored bytes; empty for a directory"),
    Column("owner_id", Name, nullable=False, comment="whose home it is, or who has made it"),
    Column("created_at", Number, nullable=False),
    Column("modified_at", Number, nullable=False),
    Column("modified_by", Name, nullable=False),
    Index(None, "parent", "path"),
)

workspace_acls = Table(
    "workspace_acls",
    METADATA,
    Column("object_id", Number, ForeignKey(workspace_objects.c.id, ondelete="CASCADE"), nullable=False),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("level", Name, nullable=False, comment="CAN_READ, CAN_RUN, CAN_EDIT or CAN_MANAGE"),
    PrimaryKeyConstraint("object_id", "principal_id"),
)
