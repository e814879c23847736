"""What moves a job to governed models: other names in its parameters, and what of its code still speaks the old way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

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
        text = re.sub(rf"(?<![\w.\-]){re.escape(old)}(?![\w\-]|\.\w)", lambda _found, new=new: new, text)
    return text


def models_in(value: object) -> tuple[str, ...]:
    """The full names of models that some JSON names in URIs, or as the whole of a text."""
    whole = re.compile(rf"(?:models:/)?({_NAME}\.{_NAME}\.{_NAME})(?:[/@]{_NAME})?")
    found: dict[str, None] = {}
    for _, text in texts(value):
        if match := whole.fullmatch(text.strip()):
            found[match[1].lower()] = None
    return tuple(found)
