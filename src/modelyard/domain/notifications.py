"""What jobs tell their destinations: which events there are, whom they concern, and their bodies byte for byte.

Source: the Jobs API's `webhook_notifications` and the documented bodies (protocol notes, jobs §2.1, §2.2). Bodies name
the run and no more: whoever wants to know the result, the parameters or the model asks `runs/get`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from modelyard.errors import Invalid

MAX_DESTINATIONS: Final = 3
"""Destinations of one event of one job or task."""


class Moment(StrEnum):
    """When a job or a task tells somebody; the values are the fields of `webhook_notifications`."""

    START = "on_start"
    SUCCESS = "on_success"
    FAILURE = "on_failure"
    SLOW = "on_duration_warning_threshold_exceeded"
    BACKLOG = "on_streaming_backlog_exceeded"

    @property
    def event_type(self) -> str:
        """What the body calls it."""
        return f"jobs.{self.value}"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a job tells of a run, or of one task of a run; then `run_id` is the task's own."""

    moment: Moment
    job_id: int
    job_name: str
    run_id: int
    task_key: str = ""
    parent_run_id: int = 0


def body(workspace_id: int, happening: Happening) -> str:
    """The body, in the order of the documentation; ids are numbers, which is how consumers read them."""
    told: dict[str, object] = {"event_type": happening.moment.event_type, "workspace_id": workspace_id}
    run: dict[str, object] = {"run_id": happening.run_id}
    if happening.task_key:
        told["task"] = {"task_key": happening.task_key}
        run["parent_run_id"] = happening.parent_run_id
    told["run"] = run
    told["job"] = {"job_id": happening.job_id, "name": happening.job_name}
    return compact(told)


def compact(told: Mapping[str, object]) -> str:
    """JSON without blanks, as bodies are written."""
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


# Which moment a result is

_SUCCEEDED: Final = frozenset({"SUCCESS", "SUCCESS_WITH_FAILURES"})
_FAILED: Final = frozenset({"FAILED", "TIMEDOUT"})
_CANCELED: Final = frozenset({"CANCELED"})
_SKIPPED: Final = frozenset({"MAXIMUM_CONCURRENT_RUNS_REACHED"})


def moment_of(result_state: str, settings: Mapping[str, object] | None = None) -> Moment | None:
    """What a result is told as, by the words of the wire; None where nothing is told.

    `settings` are `notification_settings`: they mute failures that are runs canceled or skipped. What was excluded,
    disabled, or never begun as something before it failed, is not told.
    """
    muting = settings or {}
    if result_state in _SUCCEEDED:
        return Moment.SUCCESS
    if result_state in _FAILED:
        return Moment.FAILURE
    if result_state in _CANCELED:
        return None if muting.get("no_alert_for_canceled_runs") else Moment.FAILURE
    if result_state in _SKIPPED:
        return None if muting.get("no_alert_for_skipped_runs") else Moment.FAILURE
    return None


# Whom it is told


def destinations(webhook_notifications: Mapping[str, object] | None, moment: Moment) -> tuple[str, ...]:
    """The ids of the destinations of a moment, each once; what is written wrong was refused when it was said."""
    listed = (webhook_notifications or {}).get(moment.value)
    items = cast("Sequence[object]", listed) if isinstance(listed, list) else ()
    return tuple(dict.fromkeys(id_ for item in items if (id_ := _id(item))))


def checked(webhook_notifications: object) -> frozenset[str]:
    """All ids of destinations in `webhook_notifications`, or `Invalid` for what makes no sense.

    Whether they are there is the store's to say (`store.destinations.check_there`).
    """
    if webhook_notifications is None:
        return frozenset()
    if not isinstance(webhook_notifications, dict):
        raise Invalid("webhook_notifications is an object with a list of destinations for each event.")
    said = cast("Mapping[str, object]", webhook_notifications)
    return frozenset(id_ for moment in Moment for id_ in _checked(moment, said.get(moment.value)))


def _checked(moment: Moment, listed: object) -> tuple[str, ...]:
    if listed is None:
        return ()
    items = cast("Sequence[object]", listed) if isinstance(listed, list) else None
    if items is None or not all(_id(item) for item in items):
        raise Invalid(f'webhook_notifications.{moment} is a list of destinations, each {{"id": "…"}}.')
    if len(items) > MAX_DESTINATIONS:
        raise Invalid(f"webhook_notifications.{moment} has at most {MAX_DESTINATIONS} destinations, not {len(items)}.")
    return tuple(_id(item) for item in items)


def _id(item: object) -> str:
    if not isinstance(item, dict):
        return ""
    found = cast("Mapping[str, object]", item).get("id")
    return found if isinstance(found, str) else ""
