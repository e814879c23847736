"""Jobs: their settings, what starts them by itself, their runs, the attempts at tasks, and what those have printed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from modelyard.store.schema.base import METADATA, Name, Number
from modelyard.store.schema.people import principals, securables

jobs = Table(
    "jobs",
    METADATA,
    Column("id", Name, ForeignKey(securables.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", Number, nullable=False, unique=True, comment="what clients call the job id"),
    Column("standing", Name, nullable=False, comment="job, submitted (a run that has no job), or deleted"),
    Column("folded", Name, nullable=False, index=True, comment="SHA-256 of the name without case"),
    Column("settings", Name, nullable=False, comment="a JSON object as clients read it"),
    Column("run_as_id", Name, nullable=False, comment="the principal that its code runs as; empty is the owner"),
    Column("most_runs", Number, nullable=False, comment="how many of its runs may be active at once"),
    Column("anchor_at", Number, nullable=False, comment="from when periods count"),
    Column("checked_at", Number, nullable=False, comment="up to when its fires are dealt with"),
    Column("next_fire_at", Number, index=True, comment="when its clock starts a run; empty for never"),
)

job_triggers = Table(
    "job_triggers",
    METADATA,
    Column("job_id", Name, ForeignKey(jobs.c.id, ondelete="CASCADE"), nullable=False),
    Column("place", Number, nullable=False),
    Column("event", Name, nullable=False, comment="what happens to a model, in the words of events"),
    Column("securable", Name, nullable=False, comment="the model, or what it is in; empty is any"),
    PrimaryKeyConstraint("job_id", "place"),
    Index(None, "event", "securable"),
)

job_fires = Table(
    "job_fires",
    METADATA,
    Column("job_id", Name, ForeignKey(jobs.c.id, ondelete="CASCADE"), nullable=False),
    Column("cause", Name, nullable=False, comment="the event, or the trigger and the time at which it was due"),
    Column("happened_at", Number, nullable=False),
    Column("event", Name, nullable=False, comment="empty for a clock's"),
    Column("securable", Name, nullable=False),
    Column("payload", Name, nullable=False, comment="a JSON object"),
    Column("run_id", Number, comment="what it has started; 0 for nothing, empty until that is decided"),
    PrimaryKeyConstraint("job_id", "cause"),
    Index(None, "run_id", "job_id"),
)

job_runs = Table(
    "job_runs",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=False, comment="what clients call the run id"),
    Column("job_id", Name, ForeignKey(jobs.c.id, ondelete="CASCADE"), nullable=False),
    Column("type", Name, nullable=False),
    Column("life", Name, nullable=False, comment="in the words of the wire"),
    Column("open", Number, nullable=False, comment="1 until it has ended"),
    Column("created_at", Number, nullable=False),
    Column("due_at", Number, index=True, comment="when it is to be looked at; empty for when something happens"),
    Column("untold_id", Number, index=True, comment="the run that waits for this one, until it knows of its end"),
    Column("settings", Name, nullable=False, comment="a JSON object: what it goes by"),
    Column("content", Name, nullable=False, comment="a JSON object: everything else"),
    Index(None, "job_id", "open", "life"),
    Index(None, "open", "life"),
    Index(None, "created_at", "id"),
)

task_runs = Table(
    "task_runs",
    METADATA,
    Column("id", Number, primary_key=True, autoincrement=False, comment="the run id of this attempt"),
    Column("run_id", Number, ForeignKey(job_runs.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Number, nullable=False, comment="among the attempts of the run"),
    Column("standing", Name, nullable=False, comment="wanted, taken or ended by an executor; empty for none of it"),
    Column("executor", Name, nullable=False),
    Column("wanted_at", Number, nullable=False),
    Column("content", Name, nullable=False, comment="a JSON object"),
    Index(None, "standing", "executor", "wanted_at"),
)

task_logs = Table(
    "task_logs",
    METADATA,
    Column("task_id", Number, ForeignKey(task_runs.c.id, ondelete="CASCADE"), nullable=False),
    Column("start", Number, nullable=False, comment="the place of its first byte in all that was printed"),
    Column("size", Number, nullable=False),
    Column("content", Name, nullable=False, comment="compressed (zlib), in base64"),
    PrimaryKeyConstraint("task_id", "start"),
)

task_notebooks = Table(
    "task_notebooks",
    METADATA,
    Column("task_id", Number, ForeignKey(task_runs.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("content", Name, nullable=False, comment="the executed notebook: compressed (zlib), in base64"),
)

run_tokens = Table(
    "run_tokens",
    METADATA,
    Column("scope", Name, nullable=False, comment="the job, or who submits"),
    Column("token", Name, nullable=False, comment="a client's, so that it starts one run"),
    Column("run_id", Number, nullable=False),
    Column("created_at", Number, nullable=False),
    PrimaryKeyConstraint("scope", "token"),
)

executors = Table(
    "executors",
    METADATA,
    Column("id", Name, primary_key=True),
    Column("seen_at", Number, nullable=False),
)

role_users = Table(
    "role_users",
    METADATA,
    Column("principal_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False),
    Column("user_id", Name, ForeignKey(principals.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("role", Name, nullable=False, comment="user: may run code as the principal; manager: may say who may"),
    PrimaryKeyConstraint("principal_id", "user_id", "role"),
)
