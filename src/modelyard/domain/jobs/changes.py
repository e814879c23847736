"""How settings are kept and changed: filled with what clients expect to read, merged, cloned (notes §1.2, §1.3)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from modelyard.domain.jobs.settings import KEYS
from modelyard.domain.jobs.words import TaskKind
from modelyard.errors import Invalid

Json = dict[str, Any]

_EXCLUSIVE: Final = frozenset({"schedule", "continuous", "trigger", "triggers"})
_NOT_KEPT: Final = ("run_as", "access_control_list")
"""What is said beside the settings: the one is told as `run_as_user_name`, the other as permissions."""
_NOT_CLONED: Final = ("deployment", "edit_mode")


def filled(raw: Mapping[str, Any], *, submitted: bool = False) -> Json:
    """The same settings with the defaults that clients expect to read."""
    said = {name: value for name, value in raw.items() if value is not None and name not in _NOT_KEPT}
    found: Json = copy.deepcopy(said)
    found["format"] = "MULTI_TASK"
    defaults: Json = {"email_notifications": {}, "webhook_notifications": {}, "timeout_seconds": 0}
    if not submitted:
        defaults |= {"name": "Untitled", "max_concurrent_runs": 1}
    for name, value in defaults.items():
        found.setdefault(name, value)
    for name in ("schedule", "trigger", "continuous"):
        _object(found, name).setdefault("pause_status", "UNPAUSED")
    source = "GIT" if found.get("git_source") else "WORKSPACE"
    for task in _objects(found.get("tasks")):
        _fill_task(task, source)
    return found


def _fill_task(task: Json, source: str) -> None:
    defaults: Json = {"run_if": "ALL_SUCCESS", "timeout_seconds": 0}
    defaults |= {"email_notifications": {}, "webhook_notifications": {}}
    for name, value in defaults.items():
        task.setdefault(name, value)
    for kind in (TaskKind.NOTEBOOK, TaskKind.SCRIPT):
        _object(task, kind).setdefault("source", source)
    nested = _object(_object(task, TaskKind.FOR_EACH), "task")
    if nested:
        _fill_task(nested, source)


def _object(holder: Json, name: str) -> Json:
    """An object in another one; one that is kept nowhere, if it is not there."""
    value = holder.get(name)
    return cast("Json", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    """The objects of a list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", item) for item in items if isinstance(item, dict)]


def merged(raw: Mapping[str, Any], change: Mapping[str, Any], remove: Sequence[str]) -> Json:
    """Settings after `jobs/update`: fields are removed, then replaced; lists with keys are merged item by item."""
    found: Json = dict(raw)
    for path in remove:
        _remove(found, path)
    for name, value in change.items():
        keyed = name in KEYS and isinstance(value, list)
        found[name] = _joined(found.get(name), cast("object", value), KEYS[name]) if keyed else value
    said = [name for name in _EXCLUSIVE if change.get(name) is not None]
    if said:  # another way to start runs takes the place of the one before
        found = {name: value for name, value in found.items() if name in said or name not in _EXCLUSIVE}
    return found


def _joined(held: object, said: object, key: str) -> list[Json]:
    """The items of both lists; what has the key of one that is held takes its place."""
    found = {str(item.get(key)): item for item in _objects(held)}
    found |= {str(item.get(key)): item for item in _objects(said)}
    return list(found.values())


def _remove(found: Json, path: str) -> None:
    """Remove a field, or an item of a list with keys: `tasks/<key>`."""
    name, slash, key = path.partition("/")
    if not slash:
        found.pop(name, None)
    elif name in KEYS:
        found[name] = [item for item in _objects(found.get(name)) if item.get(KEYS[name]) != key]
    else:
        raise Invalid(f'fields_to_remove: "{path[:100]}" is not understood; use a field, or as tasks/<task_key>.')


def cloned(raw: Mapping[str, Any], name: str, branch: str = "") -> Json:
    """The settings of a clone: another name, nothing that starts runs by itself, no word of whoever deploys it."""
    found: Json = {key: value for key, value in copy.deepcopy(dict(raw)).items() if key not in _NOT_CLONED}
    found["name"] = name
    for trigger in (*(_object(found, each) for each in _EXCLUSIVE), *_objects(found.get("triggers"))):
        trigger["pause_status"] = "PAUSED"
    if branch:
        git = _object(found, "git_source")
        if not git:
            raise Invalid("the job's code does not come from a git repository, so there is no branch to choose.")
        for reference in ("git_tag", "git_commit", "git_snapshot"):
            git.pop(reference, None)
        git["git_branch"] = branch
    return found
