"""A job as it is shown, and what of it stands in lists."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelyard.domain.jobs.settings import Settings
from modelyard.domain.jobs.words import Level


class Standing(StrEnum):
    """What a row of jobs is: a job, a run that was submitted without one, or a job that is gone but for its runs."""

    JOB = "job"
    SUBMITTED = "submitted"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Job:
    """A job; times are epoch milliseconds. `run_as` is the name of the principal that its code runs as."""

    id: str
    number: int
    standing: Standing
    settings: Settings
    creator: str
    owner: str
    owner_id: str
    run_as: str
    run_as_id: str
    """Empty where it is the owner, whoever that becomes."""
    created_at: int
    anchor_at: int
    checked_at: int
    next_fire_at: int | None
    level: Level | None = None
    """What the caller may do with it."""

    @property
    def runs_as(self) -> str:
        """The id of the principal that its code runs as."""
        return self.run_as_id or self.owner_id


@dataclass(frozen=True, slots=True)
class Asked:
    """Which runs are asked for; what is empty leaves all in. Times are epoch milliseconds."""

    job: int = 0
    open: bool | None = None
    type: str = ""
    since: int = 0
    until: int = 2**62
    with_tasks: bool = False
    skipped: int = 0
