"""Registered models, their versions, files and stored bytes."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from modelyard.store.schema.base import METADATA, Name, Number, Serial
from modelyard.store.schema.people import principals, securables, stores

blobs = Table(
    "blobs",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("store_id", Name, ForeignKey(stores.c.id), nullable=False),
    Column("sha256", Name, nullable=False),
    Column("size", Number, nullable=False),
    Column("key", Name, nullable=False, comment="what the store calls the object; no URL that a client gets names it"),
    Column("touched_at", Number, nullable=False, comment="when a file last brought these bytes"),
    UniqueConstraint("store_id", "sha256"),
    Index(None, "store_id", "key"),
    Index(None, "touched_at"),
)

garbage = Table(
    "garbage",
    METADATA,
    Column("store_id", Name, ForeignKey(stores.c.id), nullable=False),
    Column("key", Name, nullable=False),
    Column("size", Number, nullable=False),
    Column("since", Number, nullable=False, comment="when the last row that named it went"),
    PrimaryKeyConstraint("store_id", "key"),
)

manifests = Table(
    "manifests",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("created_at", Number, nullable=False),
    Column("digest", Name, nullable=False, comment="SHA-256 of its lines, once it is frozen; empty until then"),
    Column("files", Number, nullable=False, comment="how many, once it is frozen"),
    Column("size", Number, nullable=False, comment="bytes of all files together, once it is frozen"),
)

cards = Table(
    "cards",
    METADATA,
    Column("manifest_id", Name, ForeignKey(manifests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("contents", Name, nullable=False, comment="data_only, code_bearing or unknown"),
    Column("verdict", Name, nullable=False, comment="clean, suspicious or unscanned"),
    Column("findings", Name, nullable=False, comment="a JSON list of objects with path and problem"),
    Column("facts", Name, nullable=False, comment="a JSON object: what `MLmodel` says of flavors, signature and so on"),
    Column("scanned_at", Number, nullable=False),
)

signatures = Table(
    "signatures",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("manifest_id", Name, ForeignKey(manifests.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("key_id", Name, nullable=False, comment="SHA-256 of the public key that it was verified with"),
    Column("bundle", Name, nullable=False, comment="the signature as it came: a JSON bundle"),
    Column("added_at", Number, nullable=False),
    Column("added_by", Name, nullable=False),
    UniqueConstraint("manifest_id", "key_id"),
)

models = Table(
    "models",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("last_version", Number, nullable=False, comment="the highest number ever given; never goes back"),
    Column("deployment_job_id", Name, nullable=False),
)

gaps = Table(
    "gaps",
    METADATA,
    Column("model_id", Name, ForeignKey(models.c.id, ondelete="CASCADE"), nullable=False),
    Column("first_number", Number, nullable=False, comment="of a run of numbers that imports left out: never given"),
    Column("last_number", Number, nullable=False),
    PrimaryKeyConstraint("model_id", "first_number"),
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
    Column("manifest_id", Name, ForeignKey(manifests.c.id), nullable=False, index=True),
    Column("store_id", Name, ForeignKey(stores.c.id), nullable=False, comment="where its files are brought"),
    UniqueConstraint("model_id", "number"),
    Index(None, "run_id"),
)

policies = Table(
    "policies",
    METADATA,
    Column("schema_id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("admits", Name, nullable=False, comment="anything or data_only"),
    Column("clean_scan", Integer, nullable=False, comment="whether a clean scan is required"),
    Column("signers", Name, nullable=False, comment="a JSON list of public keys in PEM; empty requires no signature"),
    Column("updated_at", Number, nullable=False),
    Column("updated_by", Name, nullable=False),
)

quarantines = Table(
    "quarantines",
    METADATA,
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("reasons", Name, nullable=False, comment="a JSON list of texts: what the schema's policy has against it"),
    Column("since", Number, nullable=False),
    Column("released_at", Number, comment="empty while it is in quarantine"),
    Column("released_by", Name, nullable=False, server_default=""),
    Column("comment", Name, nullable=False, server_default="", comment="why, in the words of who released it"),
)

finalizations = Table(
    "finalizations",
    METADATA,
    Column("version_id", Name, ForeignKey(versions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("holder", Name, nullable=False, comment="a random id of who examines the version's files now"),
    Column("until", Number, nullable=False, comment="when the holder counts as gone, unless it says that it is not"),
)

trash = Table(
    "trash",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False, comment="model or version"),
    Column("full_name", Name, nullable=False, comment="the model's, when it was deleted"),
    Column("number", Number, comment="of a version; empty for a model"),
    Column("model_id", Name, nullable=False),
    Column("schema_id", Name, nullable=False, server_default="", comment="in which the model was"),
    Column("owner_id", Name, nullable=False, comment="of the model"),
    Column("size", Number, nullable=False, comment="bytes of all files together"),
    Column("deleted_at", Number, nullable=False, index=True),
    Column("deleted_by", Name, nullable=False),
    Column("content", Name, nullable=False, comment="a JSON object: the rows that were removed"),
    Index(None, "full_name"),
)

trash_manifests = Table(
    "trash_manifests",
    METADATA,
    Column("trash_id", Name, ForeignKey(trash.c.id, ondelete="CASCADE"), nullable=False),
    Column("manifest_id", Name, ForeignKey(manifests.c.id), nullable=False, index=True),
    PrimaryKeyConstraint("trash_id", "manifest_id"),
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
    Column("manifest_id", Name, ForeignKey(manifests.c.id, ondelete="CASCADE"), nullable=False),
    Column("path", Name, nullable=False),
    Column("parent", Name, nullable=False, comment="the path of the directory above"),
    Column("is_directory", Integer, nullable=False),
    Column("size", Number, nullable=False),
    Column("sha256", Name, nullable=False, comment="of the bytes; empty for a directory"),
    Column("modified_at", Number, nullable=False),
    Column("blob_id", Name, ForeignKey(blobs.c.id), index=True, comment="the stored bytes; empty for a directory"),
    PrimaryKeyConstraint("manifest_id", "path"),
    Index(None, "manifest_id", "parent", "path"),
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
    Column("key", Name, nullable=False, server_default="", comment="what the store calls the whole file's object"),
    Column("store_id", Name, ForeignKey(stores.c.id), comment="where its parts are"),
    Column("staged", Name, nullable=False, server_default="", comment="JSON: what a client sent to the store itself"),
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
