"""A job's settings: kept word for word, and checked whole (protocol notes §1.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelyard.domain import approvals
from modelyard.domain.jobs.git import Git, read_git
from modelyard.domain.jobs.graph import check_order
from modelyard.domain.jobs.reading import Said
from modelyard.domain.jobs.tasks import MOST_TASKS, Task, read_task
from modelyard.domain.jobs.triggers import Trigger, read_triggers
from modelyard.errors import Invalid

MOST_PARAMETER: Final = 10_000
MOST_DESCRIPTION: Final = 27_700
MOST_NAME: Final = 4_096
MOST_RUNS: Final = 1_000
PAGE: Final = 100
"""How many tasks, clusters, environments or parameters one answer has (2.2)."""
_MOST_TAGS: Final = 25
_MOST_ITEMS: Final = 1_000
_PARAMETER: Final = re.compile(r"[A-Za-z0-9_.\-]{1,255}")
_WEBHOOKS: Final = (
    "on_start",
    "on_success",
    "on_failure",
    "on_duration_warning_threshold_exceeded",
    "on_streaming_backlog_exceeded",
)
_MOST_WEBHOOKS: Final = 3
KEYS: Final = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
    "environment_variables": "environment_variables_key",
    "parameters": "name",
}
"""Lists whose items have keys, by which a change of settings is merged into them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a job or of a submitted run: what is acted on, and `raw`, which is shown."""

    raw: Mapping[str, Any]
    name: str = "Untitled"
    tasks: tuple[Task, ...] = ()
    parameters: Mapping[str, str] | None = None
    """The default of each job parameter."""
    timeout_seconds: int = 0
    max_concurrent_runs: int = 1
    queue: bool = False
    triggers: tuple[Trigger, ...] = ()
    git: Git | None = None
    warning_seconds: int = 0
    """How long a run may take before a warning."""
    tags: Mapping[str, str] | None = None

    def task(self, key: str) -> Task | None:
        """The task of this key, also the one that a for-each repeats."""
        for task in self.tasks:
            if task.key == key:
                return task
        return next((task.nested for task in self.tasks if task.nested and task.nested.key == key), None)

    @property
    def destinations(self) -> frozenset[str]:
        """The ids of all notification destinations that it names."""
        found = {each for _, each in webhooks(self.raw)}
        return frozenset(found.union(*({each for _, each in webhooks(task.raw)} for task in self.tasks)))


def read(raw: Mapping[str, Any]) -> Settings:
    """Settings, checked; `Invalid` says what is wrong with them."""
    said = Said(raw)
    tasks = tuple(read_task(each) for each in said.each("tasks", MOST_TASKS))
    _check_keys(said, tasks)
    check_order(tasks)
    _check_approvals(said, tasks)
    for each in (said, *(Said(task.raw, f"tasks[{task.key}]") for task in tasks)):
        _check_webhooks(each)
    said.text("description", most=MOST_DESCRIPTION)
    return Settings(
        raw=raw,
        name=said.text("name", "Untitled", most=MOST_NAME) or "Untitled",
        tasks=tasks,
        parameters=_parameters(said),
        timeout_seconds=said.number("timeout_seconds"),
        max_concurrent_runs=said.number("max_concurrent_runs", default=1, most=MOST_RUNS),
        queue=said.within("queue").flag("enabled"),
        triggers=read_triggers(said),
        git=read_git(said.within("git_source")) if said.has("git_source") else None,
        warning_seconds=_warning(said),
        tags=said.pairs("tags", _MOST_TAGS),
    )


def _check_keys(said: Said, tasks: Sequence[Task]) -> None:
    """Every key once, and every key that a task names there."""
    known: dict[str, set[str]] = {}
    for name, key in KEYS.items():
        keys = [each.needed(key) for each in said.each(name, _MOST_ITEMS)]
        if twice := sorted({each for each in keys if keys.count(each) > 1}):
            raise Invalid(f'{name} has {key} "{twice[0][:100]}" twice.')
        known[name] = set(keys)
    inner = [task.nested for task in tasks if task.nested]
    if twice := sorted(known["tasks"] & {task.key for task in inner}):
        raise Invalid(f'task_key "{twice[0]}" is used twice.')
    for task in (*tasks, *inner):
        for name in ("environments", "job_clusters", "environment_variables"):
            named = Said(task.raw, f"tasks[{task.key}]").text(KEYS[name])
            if named and named not in known[name]:
                raise Invalid(f'tasks[{task.key}] names the {KEYS[name]} "{named[:100]}", which {name} does not have.')


def _check_approvals(said: Said, tasks: Sequence[Task]) -> None:
    for task in tasks:
        if approvals.is_gate(task.key):
            approvals.policy(said.pairs("tags", _MOST_TAGS), task.key)


def _check_webhooks(said: Said) -> None:
    notifications = said.within("webhook_notifications")
    for event in _WEBHOOKS:
        for each in notifications.each(event, _MOST_WEBHOOKS):
            each.needed("id", most=100)


def webhooks(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Events, and the ids of destinations that are told of them, from settings or from a task."""
    said = Said(raw).within("webhook_notifications")
    return [(event, each.text("id")) for event in _WEBHOOKS for each in said.each(event, _MOST_WEBHOOKS)]


def _parameters(said: Said) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in said.each("parameters", _MOST_ITEMS):
        name = each.needed("name")
        if not _PARAMETER.fullmatch(name):
            raise Invalid(f'parameter "{name[:60]}" is not valid; use letters, digits, underscores, dashes, periods.')
        found[name] = each.text("default", most=MOST_PARAMETER)
    return found


def _warning(said: Said) -> int:
    """The bound of the health rule for durations, if there is one."""
    for rule in said.within("health").each("rules", _MOST_ITEMS):
        if rule.text("metric") == "RUN_DURATION_SECONDS":
            return rule.number("value")
    return 0
