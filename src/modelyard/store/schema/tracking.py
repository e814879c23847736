"""Experiments, what is in them, and uploads of artifacts. MLflow's own server keeps all the rest."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table

from modelyard.store.schema.base import METADATA, Name, Number
from modelyard.store.schema.models import manifests
from modelyard.store.schema.people import securables, stores

experiments = Table(
    "experiments",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("number", Name, unique=True, comment="its id on MLflow's server; empty until it was made there"),
    Column("manifest_id", Name, ForeignKey(manifests.c.id), nullable=False, index=True, comment="its artifacts"),
    Column("store_id", Name, ForeignKey(stores.c.id), nullable=False, comment="where artifacts are brought"),
)

tracked = Table(
    "tracked",
    METADATA,
    Column("name", Name, primary_key=True, comment="runs/<id>, logged-models/<id> or traces/<id>"),
    Column("experiment_id", Name, ForeignKey(experiments.c.id, ondelete="CASCADE"), nullable=False, index=True),
)

artifact_uploads = Table(
    "artifact_uploads",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("experiment_id", Name, ForeignKey(experiments.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("path", Name, nullable=False),
    Column("overwrite", Integer, nullable=False),
    Column("principal_id", Name, nullable=False),
    Column("store_id", Name, ForeignKey(stores.c.id), nullable=False, comment="where its parts are"),
    Column("sha256", Name, nullable=False, comment="of the whole file, once it is complete; empty until then"),
    Column("size", Number, nullable=False),
    Column("key", Name, nullable=False, comment="what the store calls the whole file's object"),
    Column("created_at", Number, nullable=False, index=True),
)
