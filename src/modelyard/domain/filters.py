"""The filters of searches: of model versions by model or by run, of prompts by name and by tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.domain import names
from modelyard.errors import Invalid

_FILTER = re.compile(r"\s*(?P<field>name|run_id)\s*=\s*(?P<quote>['\"])(?P<value>.{1,800})(?P=quote)\s*\Z")
_RUN = re.compile(r"[\w.\-]+\Z")


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions are searched: those of one model, or those of one run."""

    model: str | None = None
    run_id: str | None = None


def versions(text: str) -> VersionFilter:
    """Read `name = 'catalog.schema.model'` or `run_id = '…'`; anything else is `Invalid`."""
    found = _FILTER.match(text)
    if not found or (found["field"] == "run_id" and not _RUN.match(found["value"])):
        raise Invalid(
            "Model versions can be searched by one model or one run: "
            "filter must be \"name = 'catalog.schema.model'\" or \"run_id = '<run id>'\".",
        )
    value = found["value"]
    if found["field"] == "run_id":
        return VersionFilter(run_id=value)
    return VersionFilter(model=names.model(value))


# Prompts

ESCAPE: Final = "/"
"""What makes the wildcard after it (or itself) an ordinary letter in a `Term`'s pattern."""
MAX_TERMS: Final = 5

_TERM = re.compile(
    r"""\s*(?:(?P<name>name)|tags?\.(?:`(?P<quoted>[^`]+)`|(?P<key>\w+)))
        \s*(?P<operator>=|I?LIKE\b)\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")\s*(?P<and>AND\b|\Z)""",
    re.IGNORECASE | re.VERBOSE,
)
_SPECIAL = re.compile(r"[%_/]")
_CAPITALS: Final = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}


class Part(StrEnum):
    """What of a prompt a term looks at."""

    NAME = "name"
    FULL_NAME = "full_name"
    TAG = "tag"
    TAG_WITHOUT_CASE = "tag_without_case"


@dataclass(frozen=True, slots=True)
class Term:
    """A part that must match a pattern, in which `%` stands for any letters and `_` for one; `key` is a tag's."""

    part: Part
    pattern: str
    key: str = ""


def prompts(text: str) -> tuple[Term, ...]:
    """Read terms on `name` or `tags.<key>` with `=`, `LIKE` or `ILIKE`, joined by AND; anything else is `Invalid`.

    Names are compared without case, and with periods in the value as full names. Tags are compared with case, but by
    ILIKE, which takes the letters A to Z for a to z.
    """
    terms: list[Term] = []
    place = 0
    more = bool(text.strip())
    while more:
        found = _TERM.match(text, place)
        if found is None or len(terms) == MAX_TERMS:
            raise Invalid(
                f"Prompts can be searched by at most {MAX_TERMS} terms that are joined by AND, such as "
                "\"name LIKE 'greeting%' AND tags.team = 'support'\"; their operators are =, LIKE and ILIKE.",
            )
        terms.append(_term(found))
        place, more = found.end(), bool(found["and"])
    return tuple(terms)


def _term(found: re.Match[str]) -> Term:
    said = names.text(found["single"] if found["single"] is not None else found["double"], "filter")
    operator = found["operator"].upper()
    pattern = _SPECIAL.sub(rf"{ESCAPE}\g<0>", said) if operator == "=" else said.replace(ESCAPE, ESCAPE * 2)
    if found["name"]:
        return Term(Part.FULL_NAME if "." in said else Part.NAME, pattern.lower())
    key = names.tag_key(found["quoted"] or found["key"])
    if operator == "ILIKE":
        return Term(Part.TAG_WITHOUT_CASE, pattern.translate(_CAPITALS), key)
    return Term(Part.TAG, pattern, key)
