"""What there is to do for jobs at one moment, as whoever does it sees it."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain.jobs.runs import TaskRun


@dataclass(frozen=True, slots=True)
class Held:
    """An attempt that an executor has taken, and its run; `is_ended` where it only keeps what is left of it."""

    run_id: int
    task: TaskRun
    is_ended: bool


@dataclass(frozen=True, slots=True)
class Work:
    """Everything there is to do; jobs are named by the ids of their securables."""

    due: tuple[int, ...] = ()
    """Runs that time changes, or the end of a run below."""
    clocks: tuple[str, ...] = ()
    """Jobs whose clock starts a run by now."""
    changed: tuple[str, ...] = ()
    """Jobs for which something has happened to a model."""
    admitting: tuple[str, ...] = ()
    """Jobs of which runs wait although there is room."""
    wanted: tuple[tuple[int, int], ...] = ()
    """Attempts that no executor has taken, each behind its run."""
    held: tuple[Held, ...] = ()
    stranded: tuple[tuple[int, int], ...] = ()
    """Attempts of executors that were not seen for long, each behind its run."""
    next_at: int | None = None
    """When time alone brings something else to do."""
