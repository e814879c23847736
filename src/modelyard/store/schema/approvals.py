"""Deployments of versions by jobs, the approvals that hold them, and what was decided: rows that never change.

They are no children of models, so that they outlive those in the trash, and speak of them again when they return.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, text

from modelyard.store.schema.base import METADATA, Name, Number, Serial
from modelyard.store.schema.people import principals

_WAITING = text("run_id IS NULL")

deployment_runs = Table(
    "deployment_runs",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("model_id", Name, nullable=False),
    Column("version", Number, nullable=False),
    Column("job", Name, nullable=False, comment="the number of the deployment job, as the client wrote it"),
    Column("run_id", Number, comment="0 where none could be started; empty until that is decided"),
    Column("note", Name, nullable=False, comment="why none could be started"),
    Column("happened_at", Number, nullable=False),
    Index(None, "model_id", "version", "seq"),
    Index("ix_deployment_runs_waiting", "seq", sqlite_where=_WAITING, postgresql_where=_WAITING),
)

approvals = Table(
    "approvals",
    METADATA,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    Column("model_id", Name, nullable=False),
    Column("version", Number, nullable=False),
    Column("digest", Name, nullable=False, comment="of the version's manifest: what was approved"),
    Column("job", Number, nullable=False),
    Column("run_id", Number, nullable=False, index=True),
    Column("task_id", Number, nullable=False, unique=True, comment="the attempt that asks: each asks once"),
    Column("task_key", Name, nullable=False),
    Column("tag", Name, nullable=False, comment="the tag of the version that says what was decided"),
    Column("policy", Name, nullable=False, comment="a JSON object: who may decide, as the job said then"),
    Column("requested_at", Number, nullable=False),
    Column("expires_at", Number),
    Index(None, "model_id", "version"),
)

approval_decisions = Table(
    "approval_decisions",
    METADATA,
    Column("approval_id", Name, ForeignKey(approvals.c.id, ondelete="CASCADE"), primary_key=True),
    Column("decision", Name, nullable=False),
    Column("actor", Name, nullable=False),
    Column("actor_id", Name, nullable=False),
    Column("on_behalf", Name, nullable=False, comment="of whom, in the words of who had a token"),
    Column("reason", Name, nullable=False),
    Column("source", Name, nullable=False, comment="api, tag, token or server"),
    Column("decided_at", Number, nullable=False),
)

approval_tokens = Table(
    "approval_tokens",
    METADATA,
    Column("secret_hash", Name, primary_key=True),
    Column("approval_id", Name, ForeignKey(approvals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
)
