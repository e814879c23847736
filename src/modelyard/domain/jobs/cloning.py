"""What moves a job to governed models: other names in its parameters, and what of its code still speaks the old way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from modelyard.domain.jobs.settings import Settings
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.words import TaskKind
from modelyard.domain.workspace import PREFIX

_NAME: Final = r"[\w\-]+"
_STAGES: Final = r"(?:Staging|Production|Archived|None)"

_SIGNS: Final = (
    (
        re.compile(r"\btransition_model_version_stage\s*\("),
        "stages are gone: move an alias with set_registered_model_alias",
    ),
    (re.compile(r"\bget_latest_versions\s*\("), "there are no latest versions of stages: ask for an alias"),
    (
        re.compile(rf"models:/{_NAME}(?:\.{_NAME})*/{_STAGES}\b"),
        "a stage in a model's URI: name an alias, models:/catalog.schema.model@Champion",
    ),
    (
        re.compile(rf"models:/(?!m-)({_NAME}|{_NAME}\.{_NAME})(?=[/@])"),
        "a model's name without catalog and schema: it has three levels, catalog.schema.model",
    ),
    (
        re.compile(rf"registered_model_name\s*=\s*[\"'](?:{_NAME}|{_NAME}\.{_NAME})[\"']"),
        "a model's name without catalog and schema: it has three levels, catalog.schema.model",
    ),
    (
        re.compile(r"set_registry_uri\s*\(\s*[\"'](?!databricks-uc)[^\"']*[\"']"),
        "another registry is chosen: leave it out, or say databricks-uc",
    ),
)
_MOST: Final = 200
_FILES: Final[Mapping[str, str]] = {TaskKind.NOTEBOOK: "notebook_path", TaskKind.SCRIPT: "python_file"}
"""Where tasks name the file that they run."""
_ELSEWHERE: Final = re.compile(r"\A/Volumes/|\{\{")
"""A path that is not of the workspace, or that only a run can tell."""
_NAMED: Final = re.compile(rf"{PREFIX}/[^\[\s]+")
"""A file in a line of requirements, with or without extras behind it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should be changed: where it stands, what it is, and what to do instead."""

    place: str
    text: str
    advice: str


def findings(place: str, text: str) -> Iterator[Finding]:
    """What in a source, or in a setting, still uses stages or names without catalogs."""
    for number, line in enumerate(text.splitlines(), 1):
        seen: set[str] = set()
        for sign, advice in _SIGNS:
            found = sign.search(line)
            if found and found[0] not in seen:
                seen.add(found[0])
                yield Finding(f"{place}:{number}", found[0][:_MOST], advice)


def texts(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text in some JSON, with the way to it."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, each in cast("Mapping[str, object]", value).items():
            yield from texts(each, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list):
        for number, each in enumerate(cast("list[object]", value)):
            yield from texts(each, f"{place}[{number}]")


def renamed(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401  any JSON
    """Some JSON with other names for models, where they stand as whole names."""
    if isinstance(value, str):
        return _renamed(value, names)
    if isinstance(value, Mapping):
        return {key: renamed(each, names) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [renamed(each, names) for each in cast("list[Any]", value)]
    return value


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        name = re.escape(old)
        # In an address of a model, or by itself: what else has a slash beside it is a path, or a branch.
        whole = rf"(?<=models:/){name}(?![\w\-]|\.\w)|(?<![\w.\-/]){name}(?![\w\-/]|\.\w)"
        text = re.sub(whole, lambda _found, new=new: new, text)
    return text


def sources(settings: Settings) -> tuple[str, ...]:
    """The paths of the notebooks and scripts of the workspace that a job runs, as it says them."""
    tasks = (each for task in settings.tasks for each in (task, task.nested) if each)
    found = (task.said.text(_FILES[task.kind]) for task in tasks if task.kind in _FILES and _is_here(settings, task))
    return tuple(dict.fromkeys(path for path in found if path.startswith("/") and not _ELSEWHERE.search(path)))


def _is_here(settings: Settings, task: Task) -> bool:
    return task.said.text("source", "GIT" if settings.git else "WORKSPACE") == "WORKSPACE"


def moved(value: Any, paths: Mapping[str, str]) -> Any:  # noqa: ANN401  any JSON
    """Some JSON with other paths of the workspace, where they are the whole of a text or named after `/Workspace`."""
    if isinstance(value, str):
        whole = _moved(value, paths)
        return whole if whole != value else _NAMED.sub(lambda found: _moved(found[0], paths), value)
    if isinstance(value, Mapping):
        return {key: moved(each, paths) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [moved(each, paths) for each in cast("list[Any]", value)]
    return value


def _moved(text: str, paths: Mapping[str, str]) -> str:
    prefix = PREFIX if text.startswith(f"{PREFIX}/") else ""
    bare = text.removeprefix(prefix).rstrip("/")
    for suffix in ("", ".py", ".ipynb"):  # notebooks are named without theirs
        if new := paths.get(bare + suffix):
            return prefix + new.removesuffix(suffix)
    return text


def models_in(value: object) -> tuple[str, ...]:
    """The full names of models that some JSON names in URIs, or as the whole of a text."""
    whole = re.compile(rf"(?:models:/)?({_NAME}\.{_NAME}\.{_NAME})(?:[/@]{_NAME})?")
    found: dict[str, None] = {}
    for _, text in texts(value):
        if match := whole.fullmatch(text.strip()):
            found[match[1].lower()] = None
    return tuple(found)
