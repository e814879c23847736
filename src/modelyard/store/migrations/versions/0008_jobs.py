"""Jobs, what starts them, their runs, and who may run code as whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger()

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _jobs()
    _runs()
    _prints()
    _executors()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", NAME, nullable=False),
        sa.Column("number", NUMBER, nullable=False, comment="what clients call the job id"),
        sa.Column("standing", NAME, nullable=False, comment="job, submitted (a run that has no job), or deleted"),
        sa.Column("folded", NAME, nullable=False, comment="SHA-256 of the name without case"),
        sa.Column("settings", NAME, nullable=False, comment="a JSON object as clients read it"),
        sa.Column("run_as_id", NAME, nullable=False, comment="the principal that its code runs as; empty is the owner"),
        sa.Column("most_runs", NUMBER, nullable=False, comment="how many of its runs may be active at once"),
        sa.Column("anchor_at", NUMBER, nullable=False, comment="from when periods count"),
        sa.Column("checked_at", NUMBER, nullable=False, comment="up to when its fires are dealt with"),
        sa.Column("next_fire_at", NUMBER, nullable=True, comment="when its clock starts a run; empty for never"),
        sa.ForeignKeyConstraint(["id"], ["securables.id"], name=op.f("fk_jobs_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("number", name=op.f("uq_jobs_number")),
    )
    op.create_index(op.f("ix_jobs_folded"), "jobs", ["folded"], unique=False)
    op.create_index(op.f("ix_jobs_next_fire_at"), "jobs", ["next_fire_at"], unique=False)
    op.create_table(
        "job_fires",
        sa.Column("job_id", NAME, nullable=False),
        sa.Column("cause", NAME, nullable=False, comment="the event, or the trigger and the time at which it was due"),
        sa.Column("happened_at", NUMBER, nullable=False),
        sa.Column("event", NAME, nullable=False, comment="empty for a clock's"),
        sa.Column("securable", NAME, nullable=False),
        sa.Column("payload", NAME, nullable=False, comment="a JSON object"),
        sa.Column(
            "run_id", NUMBER, nullable=True, comment="what it has started; 0 for nothing, empty until that is decided"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_fires_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "cause", name=op.f("pk_job_fires")),
    )
    op.create_index(op.f("ix_job_fires_run_id_job_id"), "job_fires", ["run_id", "job_id"], unique=False)
    op.create_table(
        "job_triggers",
        sa.Column("job_id", NAME, nullable=False),
        sa.Column("place", NUMBER, nullable=False),
        sa.Column("event", NAME, nullable=False, comment="what happens to a model, in the words of events"),
        sa.Column("securable", NAME, nullable=False, comment="the model, or what it is in; empty is any"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_triggers_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "place", name=op.f("pk_job_triggers")),
    )
    op.create_index(op.f("ix_job_triggers_event_securable"), "job_triggers", ["event", "securable"], unique=False)


def _runs() -> None:
    op.create_table(
        "job_runs",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False, comment="what clients call the run id"),
        sa.Column("job_id", NAME, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("life", NAME, nullable=False, comment="in the words of the wire"),
        sa.Column("open", NUMBER, nullable=False, comment="1 until it has ended"),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column(
            "due_at", NUMBER, nullable=True, comment="when it is to be looked at; empty for when something happens"
        ),
        sa.Column(
            "untold_id", NUMBER, nullable=True, comment="the run that waits for this one, until it knows of its end"
        ),
        sa.Column("settings", NAME, nullable=False, comment="a JSON object: what it goes by"),
        sa.Column("content", NAME, nullable=False, comment="a JSON object: everything else"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_runs_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
    )
    op.create_index(op.f("ix_job_runs_created_at_id"), "job_runs", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_job_runs_due_at"), "job_runs", ["due_at"], unique=False)
    op.create_index(op.f("ix_job_runs_job_id_open_life"), "job_runs", ["job_id", "open", "life"], unique=False)
    op.create_index(op.f("ix_job_runs_open_life"), "job_runs", ["open", "life"], unique=False)
    op.create_index(op.f("ix_job_runs_untold_id"), "job_runs", ["untold_id"], unique=False)
    op.create_table(
        "task_runs",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False, comment="the run id of this attempt"),
        sa.Column("run_id", NUMBER, nullable=False),
        sa.Column("position", NUMBER, nullable=False, comment="among the attempts of the run"),
        sa.Column(
            "standing", NAME, nullable=False, comment="wanted, taken or ended by an executor; empty for none of it"
        ),
        sa.Column("executor", NAME, nullable=False),
        sa.Column("wanted_at", NUMBER, nullable=False),
        sa.Column("content", NAME, nullable=False, comment="a JSON object"),
        sa.ForeignKeyConstraint(["run_id"], ["job_runs.id"], name=op.f("fk_task_runs_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_runs")),
    )
    op.create_index(op.f("ix_task_runs_run_id"), "task_runs", ["run_id"], unique=False)
    op.create_index(
        op.f("ix_task_runs_standing_executor_wanted_at"),
        "task_runs",
        ["standing", "executor", "wanted_at"],
        unique=False,
    )


def _prints() -> None:
    op.create_table(
        "task_logs",
        sa.Column("task_id", NUMBER, nullable=False),
        sa.Column("start", NUMBER, nullable=False, comment="the place of its first byte in all that was printed"),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("content", NAME, nullable=False, comment="compressed (zlib), in base64"),
        sa.ForeignKeyConstraint(["task_id"], ["task_runs.id"], name=op.f("fk_task_logs_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "start", name=op.f("pk_task_logs")),
    )
    op.create_table(
        "task_notebooks",
        sa.Column("task_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("content", NAME, nullable=False, comment="the executed notebook: compressed (zlib), in base64"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["task_runs.id"], name=op.f("fk_task_notebooks_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_task_notebooks")),
    )


def _executors() -> None:
    op.create_table(
        "executors",
        sa.Column("id", NAME, nullable=False),
        sa.Column("seen_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executors")),
    )
    op.create_table(
        "run_tokens",
        sa.Column("scope", NAME, nullable=False, comment="the job, or who submits"),
        sa.Column("token", NAME, nullable=False, comment="a client's, so that it starts one run"),
        sa.Column("run_id", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("scope", "token", name=op.f("pk_run_tokens")),
    )
    op.create_table(
        "role_users",
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("user_id", NAME, nullable=False),
        sa.Column(
            "role", NAME, nullable=False, comment="user: may run code as the principal; manager: may say who may"
        ),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_role_users_principal_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["principals.id"], name=op.f("fk_role_users_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("principal_id", "user_id", "role", name=op.f("pk_role_users")),
    )
    op.create_index(op.f("ix_role_users_user_id"), "role_users", ["user_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was kept before the upgrade")
