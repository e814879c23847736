"""Reports of `modelyard upgrade scan --json`, read again: where old names are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from modelyard.errors import Invalid, Malformed

PROSE: Final = "U43"
"""The rule for comments, Markdown and docstrings."""
_ASIDE: Final = frozenset({"U01", "U02", "U03", "U29", "U30", "U34", "U35"})
"""Rules about other things than one model: addresses of registries, signatures, deployment files."""
OPAQUE: Final[Mapping[str, str]] = {
    "U40": "direct access to the registry's own database",
    "U41": "a model loaded by its run or its files",
}
"""Rules for ways to a model on which no door sees anybody."""
_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A reference to an old name: `is_prose` where only people read it."""

    file: str
    line: int
    rule: str
    message: str
    is_prose: bool

    def told(self) -> dict[str, Any]:
        """For a report."""
        return {
            "file": self.file,
            "line": self.line,
            "rule": self.rule,
            "message": self.message,
            "prose": self.is_prose,
        }


@dataclass(slots=True)
class Scanned:
    """What all reports say together."""

    reports: list[str] = field(default_factory=list[str])
    files: int = 0
    not_read: int = 0
    names: dict[str, list[Place]] = field(default_factory=dict[str, list[Place]])
    unnamed: list[Place] = field(default_factory=list[Place])
    """References whose name comes from elsewhere: an argument, a task, a configuration that is not there."""
    opaque: dict[str, list[Place]] = field(default_factory=dict[str, list[Place]])
    """By rule: what goes around every door."""

    @property
    def is_there(self) -> bool:
        """Whether any code was scanned."""
        return bool(self.reports)

    def code(self, name: str) -> list[Place]:
        """Where a name is written in code and configuration."""
        return [place for place in self.names.get(name, []) if not place.is_prose]

    def prose(self, name: str) -> list[Place]:
        """Where only people read it."""
        return [place for place in self.names.get(name, []) if place.is_prose]

    def caveats(self) -> list[str]:
        """What the reports leave open for every name."""
        said: list[str] = []
        if self.unnamed:
            count = _some(self.unnamed, "reference takes", "references take")
            said.append(f"{count} the name from elsewhere: {_where(self.unnamed)}.")
        said += [
            f"{_some(places, 'place', 'places')} with {OPAQUE[rule]}, which no door sees: {_where(places)}."
            for rule, places in sorted(self.opaque.items())
        ]
        if self.not_read:
            said.append(f"{self.not_read} of the scanned files could not be read, or in part.")
        return said


def _some(places: list[Place], one: str, many: str) -> str:
    return f"{len(places)} {one if len(places) == 1 else many}"


def _where(places: Iterable[Place]) -> str:
    found = [f"{place.file}:{place.line}" for place in places]
    more = f" and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
    return ", ".join(found[:_EXAMPLES]) + more


def read(reports: Iterable[tuple[str, str]]) -> Scanned:
    """Reports by the names of their files."""
    found = Scanned()
    for name, text in reports:
        _add(found, name, text)
    return found


def _alone(found: Scanned) -> list[Place]:
    """References without a name, each line once: where a line has a name, too, the two belong together."""
    named = {(place.file, place.line) for places in found.names.values() for place in places}
    lines = {(place.file, place.line): place for place in reversed(found.unnamed)}
    return sorted((place for at, place in lines.items() if at not in named), key=lambda each: (each.file, each.line))


def _add(found: Scanned, name: str, text: str) -> None:
    code = _code(name, text)
    found.reports.append(name)
    found.files += int(code.get("files_read") or 0)
    found.not_read += len(code.get("not_read") or [])
    report = Scanned()
    try:
        for each in code["references"]:
            _sort(report, each)
    except (KeyError, TypeError, ValueError):
        raise Malformed(
            f"{name} has a reference without file, line and rule; make it again with `upgrade scan --json`."
        ) from None
    found.unnamed += _alone(report)
    for known, more in ((found.names, report.names), (found.opaque, report.opaque)):
        for key, places in more.items():
            known.setdefault(key, []).extend(places)


def _code(name: str, text: str) -> dict[str, Any]:
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"{name} is not JSON; write it with `modelyard upgrade scan PATH --json > {name}`.") from None
    code: Any = cast("dict[str, Any]", said).get("code") if isinstance(said, dict) else None
    if not isinstance(code, dict) or not isinstance(cast("dict[str, Any]", code).get("references"), list):
        raise Invalid(f"{name} is no report of scanned code; write it with `modelyard upgrade scan PATH --json`.")
    return cast("dict[str, Any]", code)


def _sort(found: Scanned, said: dict[str, Any]) -> None:
    rule = str(said["rule"])
    place = Place(str(said["file"]), int(said["line"]), rule, str(said.get("message") or ""), rule == PROSE)
    if rule in OPAQUE:
        found.opaque.setdefault(rule, []).append(place)
    if said.get("name"):
        found.names.setdefault(str(said["name"]), []).append(place)
    elif rule not in _ASIDE and rule not in OPAQUE and not place.is_prose:
        found.unnamed.append(place)
