"""Tells what happens to runs, in the transaction in which it does."""

from __future__ import annotations

from modelyard.domain.approvals import MODEL, VERSION
from modelyard.domain.jobs.events import Told, told_of
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.words import PREFIX
from modelyard.domain.journal import Event
from modelyard.domain.notifications import Happening, Moment, compact, moment_of
from modelyard.store import outbox
from modelyard.store.tx import Write


def tell(tx: Write, before: Run | None, after: Run) -> None:
    """Tell everything that a change of a run is told as."""
    for told in told_of(before, after):
        _announce(tx, after, told)
        _notify(tx, after, told)


def _notify(tx: Write, run: Run, told: Told) -> None:
    """Tell the destinations that the job, or the task, names for this."""
    moment = _moment(told)
    if moment is None:
        return
    happening = Happening(
        moment, run.job, run.settings.name, told.run_id, told.task_key, run.id if told.task_key else 0
    )
    outbox.put_job(tx, happening, told.raw.get("webhook_notifications"), lambda: _extension(run, told))


def _moment(told: Told) -> Moment | None:
    if told.is_slow:
        return Moment.SLOW
    if told.result is None:
        return Moment.START
    return moment_of(told.result.value, told.raw.get("notification_settings"))


def _extension(run: Run, told: Told) -> str:
    """What bodies that are extended have besides: the result, the parameters, and which model version came of it."""
    values = {name: value for task in run.tasks for name, value in task.values.items() if name in {MODEL, VERSION}}
    result = told.result.value if told.result else None
    return compact({"result_state": result, "job_parameters": run.job_parameters, "values": values})


def _announce(tx: Write, run: Run, told: Told) -> None:
    words: dict[str, object] = {"run_id": told.run_id}
    if told.task_key:
        words |= {"task_key": told.task_key, "parent_run_id": run.id}
    if told.result:
        words["result_state"] = told.result.value
    tx.announce(_event(told), f"{PREFIX}{run.job}", **words)


def _event(told: Told) -> Event:
    if told.is_slow:
        return Event.JOB_RUN_SLOW
    if told.task_key:
        return Event.TASK_RUN_ENDED if told.result else Event.TASK_RUN_STARTED
    return Event.JOB_RUN_ENDED if told.result else Event.JOB_RUN_STARTED
