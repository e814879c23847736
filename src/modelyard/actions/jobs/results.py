"""What runs leave: what they have printed, what their notebooks said, and the values that tasks left for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.action import Need, Query, Ref
from modelyard.actions.jobs.running import number_of
from modelyard.actions.jobs.runs import found
from modelyard.domain.jobs.runs import MOST_LOG, Run, TaskRun
from modelyard.domain.privileges import Privilege
from modelyard.errors import Invalid, NotFound
from modelyard.store import prints
from modelyard.store.tx import Look


@dataclass(frozen=True)
class Output:
    """What an attempt at a task has left; of what it has printed the last bytes."""

    run: Run
    task: TaskRun
    log: bytes = field(repr=False)
    is_cut: bool = False


@dataclass(frozen=True)
class GetRunOutput(Query[Look, Output]):
    """Show what a task has printed and said, and why it failed; of a run with one task also by the run's id."""

    job_run: Ref

    needs = (Need(Privilege.CAN_VIEW, on="job_run"),)

    @property
    def is_brief(self) -> bool:
        """What was printed may be megabytes."""
        return False

    def run(self, tx: Look) -> Output:
        """Show it."""
        run, task = _task(tx, self.job_run)
        start, content = prints.log(tx, task.id, 0)
        last = content[-MOST_LOG:]
        return Output(run, task, last, is_cut=start > 0 or len(last) < len(content))


@dataclass(frozen=True)
class Piece:
    """Some of what a task has printed: where it begins in the whole, and whether more may come."""

    start: int
    content: bytes = field(repr=False)
    is_over: bool = False


@dataclass(frozen=True)
class ReadRunLog(Query[Look, Piece]):
    """Read on in what a task prints, while it runs, too."""

    job_run: Ref
    offset: int = 0

    needs = (Need(Privilege.CAN_VIEW, on="job_run"),)

    @property
    def is_brief(self) -> bool:
        """As above."""
        return False

    def run(self, tx: Look) -> Piece:
        """What comes after the offset, as far as it is kept."""
        _, task = _task(tx, self.job_run)
        start, content = prints.log(tx, task.id, self.offset)
        return Piece(start, content, task.is_ended)


@dataclass(frozen=True)
class ExportRun(Query[Look, tuple[str, bytes]]):
    """Show the notebook that a task has executed, with what came out of its cells."""

    job_run: Ref

    needs = (Need(Privilege.CAN_VIEW, on="job_run"),)

    @property
    def is_brief(self) -> bool:
        """As above, notebooks too."""
        return False

    def run(self, tx: Look) -> tuple[str, bytes]:
        """The path of the notebook, and the notebook itself (.ipynb)."""
        run, task = _task(tx, self.job_run)
        spec = run.settings.task(task.key)
        content = prints.notebook(tx, task.id)
        if spec is None or spec.kind != "notebook_task":
            raise Invalid("only runs of notebooks can be exported.")
        if content is None:
            raise NotFound(f"Run {task.id} has left no notebook: it has not begun, or could not.")
        return str(spec.spec.get("notebook_path", "")), content


@dataclass(frozen=True)
class ListTaskValues(Query[Look, Mapping[str, Mapping[str, Any]]]):
    """List the values that the tasks of a run have left for each other, by task."""

    job_run: Ref

    needs = (Need(Privilege.CAN_VIEW, on="job_run"),)

    def run(self, tx: Look) -> Mapping[str, Mapping[str, Any]]:
        """List them."""
        return {key: task.values for key, task in found(tx, self.job_run).latest.items() if task.values}


def _task(tx: Look, ref: Ref) -> tuple[Run, TaskRun]:
    """A run, and the attempt that a reference names: of a run with one task the last one at that."""
    run, id_ = found(tx, ref), number_of(ref)
    task = run.task(id_)
    if task is None and len(run.latest) == 1:
        task = next(iter(run.latest.values()))
    if task is None:
        raise Invalid("a run with several tasks has no output of its own; ask for one of its tasks by its run_id.")
    return run, task
