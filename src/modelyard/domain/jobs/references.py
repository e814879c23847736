"""Dynamic value references in parameters: `{{job.run_id}}`, `{{tasks.train.values.model}}` … (protocol notes §1.5).

They are replaced as texts, and nothing is evaluated. What is not understood stays as it is; a member that a known
namespace does not have is an error, as on Databricks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from modelyard.errors import Invalid

_REFERENCE: Final = re.compile(r"\{\{\s*((?:[^{}`]|`[^`]*`){1,500}?)\s*\}\}")
_STEP: Final = re.compile(r"`([^`]*)`|([^.`\s]+)")
_PATH: Final = re.compile(r"(?:`[^`]*`|[^.`\s]+)(?:\.(?:`[^`]*`|[^.`\s]+))*\Z")
_LEGACY: Final = {
    "job_id": ("job", "id"),
    "run_id": ("task", "run_id"),
    "parent_run_id": ("job", "run_id"),
    "task_key": ("task", "name"),
    "task_retry_count": ("task", "retry_count"),
    "start_date": ("job", "start_time", "iso_date"),
    "start_time": ("job", "start_time", "timestamp_ms"),
}
"""What references were called before they had namespaces; old jobs still say it."""
_MOST_UPDATES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """What references of one task run can mean."""

    job: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    task: Mapping[str, str] = field(default_factory=dict[str, str])
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """By task key: `run_id`, `result_state`, `error_code`, and `values`."""
    workspace: Mapping[str, str] = field(default_factory=dict[str, str])
    started_at: int = 0
    triggered_at: int = 0
    trigger: str = ""
    updates: tuple[Mapping[str, object], ...] = ()
    input: str | None = None
    """The input of this iteration of a for-each, as JSON."""


class _Unknown(Exception):
    """A namespace that nobody knows: the reference stays as it is."""


def resolved(text: str, known: Known) -> str:
    """A text with its references replaced."""
    return _REFERENCE.sub(lambda found: _replaced(found, known), text)


def _replaced(found: re.Match[str], known: Known) -> str:
    said = found[1].strip()
    if not _PATH.match(said):
        return found[0]
    steps = tuple(step[1] if step[1] is not None else step[2] for step in _STEP.finditer(said))
    steps = _LEGACY.get(said, steps)
    try:
        return _value(steps, known)
    except _Unknown:
        return found[0]
    except (KeyError, IndexError):
        raise Invalid(f"the reference {{{{{said[:100]}}}}} does not lead to a value here.") from None


def _value(steps: tuple[str, ...], known: Known) -> str:
    namespace = _NAMESPACES.get(steps[0])
    if namespace is None:
        raise _Unknown
    return namespace(steps[1:], known)


def _job(steps: tuple[str, ...], known: Known) -> str:
    match steps:
        case ("parameters", *name):
            return known.parameters[".".join(name)]
        case ("start_time", form):
            return moment(known.started_at, form)
        case ("trigger", "time", form):
            return moment(known.triggered_at, form)
        case ("trigger", "model", "updates"):
            return json.dumps(known.updates)[:_MOST_UPDATES]
        case ("trigger", *what):
            return {"type": known.trigger, "file_arrival.location": "", "table_update.updated_tables": ""}[
                ".".join(what)
            ]
        case (name,):
            return known.job[name]
        case _:
            raise KeyError(steps)


def _task(steps: tuple[str, ...], known: Known) -> str:
    (name,) = steps if len(steps) == 1 else ("",)
    return known.task[name]


def _tasks(steps: tuple[str, ...], known: Known) -> str:
    key, what, *more = steps if len(steps) > 1 else ("", "")
    found = known.tasks[key]
    if what == "values":
        return text_of(_inside(found["values"], more))
    if more:
        raise KeyError(steps)
    return str(found[what])


def _input(steps: tuple[str, ...], known: Known) -> str:
    if known.input is None:
        raise KeyError(steps)
    return text_of(_inside(json.loads(known.input), list(steps)))


def _workspace(steps: tuple[str, ...], known: Known) -> str:
    (name,) = steps if len(steps) == 1 else ("",)
    return known.workspace[name]


_NAMESPACES: Final[dict[str, Callable[[tuple[str, ...], Known], str]]] = {
    "job": _job,
    "task": _task,
    "tasks": _tasks,
    "input": _input,
    "workspace": _workspace,
}


def _inside(value: Any, steps: list[str]) -> Any:  # noqa: ANN401  any JSON value
    for step in steps:
        if not isinstance(value, dict):
            raise KeyError(step)
        value = cast("dict[str, Any]", value)[step]
    return value


def text_of(value: object) -> str:
    """A JSON value as a parameter: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


_FORMS: Final[dict[str, Callable[[datetime], str]]] = {
    "iso_date": lambda at: f"{at:%Y-%m-%d}",
    "iso_datetime": lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "iso_weekday": lambda at: str(at.isoweekday()),
    "is_weekday": lambda at: str(at.isoweekday() <= 5).lower(),  # noqa: PLR2004  Friday
    "year": lambda at: f"{at.year}",
    "month": lambda at: f"{at.month}",
    "day": lambda at: f"{at.day}",
    "hour": lambda at: f"{at.hour}",
    "minute": lambda at: f"{at.minute}",
    "second": lambda at: f"{at.second}",
}


def moment(milliseconds: int, form: str) -> str:
    """A time in UTC, in the words of a reference."""
    if form == "timestamp_ms":
        return str(milliseconds)
    return _FORMS[form](datetime.fromtimestamp(milliseconds / 1000, UTC))
