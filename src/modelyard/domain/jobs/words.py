"""The words of the Jobs API for states, results and reasons (protocol notes §1.4).

Clients read a word that they do not know as nothing and wait on, so there are no others.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Life(StrEnum):
    """Where a run is in its life (`state.life_cycle_state`)."""

    QUEUED = "QUEUED"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


ENDED: Final = frozenset({Life.TERMINATED, Life.SKIPPED, Life.INTERNAL_ERROR})
"""The lives after which nothing comes but a repair."""

STATUS: Final = {
    Life.QUEUED: "QUEUED",
    Life.BLOCKED: "BLOCKED",
    Life.PENDING: "PENDING",
    Life.RUNNING: "RUNNING",
    Life.WAITING_FOR_RETRY: "WAITING",
    Life.TERMINATING: "TERMINATING",
    Life.TERMINATED: "TERMINATED",
    Life.SKIPPED: "TERMINATED",
    Life.INTERNAL_ERROR: "TERMINATED",
}
"""The same in the words of `status.state`."""


class Result(StrEnum):
    """What became of a run (`state.result_state`)."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"
    EXCLUDED = "EXCLUDED"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    DISABLED = "DISABLED"


GOOD: Final = frozenset({Result.SUCCESS, Result.EXCLUDED})
"""Results that count as success to tasks downstream."""

BAD: Final = frozenset(
    {Result.FAILED, Result.TIMEDOUT, Result.CANCELED, Result.UPSTREAM_FAILED, Result.UPSTREAM_CANCELED}
)
"""Results that count as failure to them. What is disabled is neither."""


class Code(StrEnum):
    """Why a run ended (`status.termination_details.code`)."""

    SUCCESS = "SUCCESS"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    USER_CANCELED = "USER_CANCELED"
    CANCELED = "CANCELED"
    SKIPPED = "SKIPPED"
    DISABLED = "DISABLED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    RUN_EXECUTION_ERROR = "RUN_EXECUTION_ERROR"
    LIBRARY_INSTALLATION_ERROR = "LIBRARY_INSTALLATION_ERROR"
    RESOURCE_NOT_FOUND = "RESOURCE_NOT_FOUND"
    REPOSITORY_CHECKOUT_FAILED = "REPOSITORY_CHECKOUT_FAILED"
    UNAUTHORIZED_ERROR = "UNAUTHORIZED_ERROR"
    INVALID_RUN_CONFIGURATION = "INVALID_RUN_CONFIGURATION"
    MAX_CONCURRENT_RUNS_EXCEEDED = "MAX_CONCURRENT_RUNS_EXCEEDED"
    MAX_JOB_QUEUE_SIZE_EXCEEDED = "MAX_JOB_QUEUE_SIZE_EXCEEDED"


_FINE: Final = frozenset({Code.SUCCESS, Code.SUCCESS_WITH_FAILURES, Code.SKIPPED, Code.DISABLED})
_OURS: Final = frozenset({Code.INTERNAL_ERROR})


def code_type(code: Code) -> str:
    """Whose fault an end is (`status.termination_details.type`)."""
    if code in _FINE:
        return "SUCCESS"
    return "INTERNAL_ERROR" if code in _OURS else "CLIENT_ERROR"


class Gate(StrEnum):
    """How it stands with the approval of a task that does not start without one; no word of the wire."""

    NONE = ""
    WAITING = "waiting"
    OPEN = "open"


class RunIf(StrEnum):
    """What has to have become of the tasks before one, so that it runs."""

    ALL_SUCCESS = "ALL_SUCCESS"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    NONE_FAILED = "NONE_FAILED"
    ALL_DONE = "ALL_DONE"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"
    ALL_FAILED = "ALL_FAILED"


class TaskKind(StrEnum):
    """The kinds of task that are run here; every other kind is kept, and fails when it is to run."""

    NOTEBOOK = "notebook_task"
    SCRIPT = "spark_python_task"
    WHEEL = "python_wheel_task"
    RUN_JOB = "run_job_task"
    CONDITION = "condition_task"
    FOR_EACH = "for_each_task"


CODE_KINDS: Final = frozenset({TaskKind.NOTEBOOK, TaskKind.SCRIPT, TaskKind.WHEEL})
"""Those that an executor runs."""


class RunType(StrEnum):
    """How a run came to be: of a job, submitted by itself, or by a notebook."""

    JOB_RUN = "JOB_RUN"
    SUBMIT_RUN = "SUBMIT_RUN"
    WORKFLOW_RUN = "WORKFLOW_RUN"


class Trigger(StrEnum):
    """What has started a run."""

    PERIODIC = "PERIODIC"
    ONE_TIME = "ONE_TIME"
    RUN_JOB_TASK = "RUN_JOB_TASK"
    MODEL = "MODEL"


class Level(StrEnum):
    """What somebody may do with a job; each level includes those before it."""

    CAN_VIEW = "CAN_VIEW"
    CAN_MANAGE_RUN = "CAN_MANAGE_RUN"
    CAN_MANAGE = "CAN_MANAGE"
    IS_OWNER = "IS_OWNER"


PREFIX: Final = "jobs/"
"""What the full names of jobs begin with."""
RUN_PREFIX: Final = "runs/"
"""What the names of runs begin with, in references."""
SUBMITTED_PREFIX: Final = "submitted-runs/"
"""What those of runs begin with that have no job."""
GONE_PREFIX: Final = "deleted-jobs/"
"""And those of jobs that were deleted, while their runs are kept."""
MAX_ID: Final = 2**53 - 1
"""Ids are whole numbers that JavaScript can hold."""
