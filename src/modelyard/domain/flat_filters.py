"""Searches of a flat registry, in MLflow's language: comparisons that are joined by AND, and an order.

`name LIKE 'fraud%' AND tags.team = 'risk'`, `run_id IN ('a', 'b')`, `version_number > 3`. LIKE looks at case, ILIKE
does not; a comparison with a tag that is not there is never true. Source: MLflow's documentation of
`search_model_versions` and `search_registered_models`, and what its own server answers.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from modelyard.domain.stages import Stage
from modelyard.errors import Invalid

MAX_TERMS: Final = 20
MAX_TEXT: Final = 16_384
MAX_LIST: Final = 1_000
PROMPTS: Final = "mlflow.prompt.is_prompt"
"""The tag by which MLflow tells prompts from models; no model here has it, and each is none."""

Value: TypeAlias = str | int | tuple[str, ...]

_TEXT: Final = r"'(?:[^'])*'|\"(?:[^\"])*\""
_TERM: Final = re.compile(
    rf"""\s*(?:(?P<kind>attributes?|tags?)\s*\.\s*)?
        (?:`(?P<ticked>[^`]+)`|"(?P<quoted>[^"]+)"|(?P<key>[\w.\-/]+))
        \s*(?P<operator><=|>=|!=|<>|=|<|>|NOT\s+IN\b|IN\b|I?LIKE\b)
        \s*(?:(?P<text>{_TEXT})|(?P<number>-?\d+)|\(\s*(?P<list>(?:{_TEXT})(?:\s*,\s*(?:{_TEXT}))*)\s*,?\s*\))
        \s*(?P<and>AND\b|\Z)""",
    re.IGNORECASE | re.VERBOSE,
)
_ONE_TEXT: Final = re.compile(_TEXT)
_ORDER: Final = re.compile(
    r"\s*(?:attributes?\s*\.\s*)?[`\"]?(?P<key>\w+)[`\"]?(?:\s+(?P<way>ASC|DESC))?\s*\Z", re.IGNORECASE
)
_NUMBERS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MODEL_KEYS: Final = frozenset({"name"})
_VERSION_KEYS: Final = frozenset({"name", "version_number", "run_id", "source_path"})
_LISTED: Final = frozenset({"name", "run_id"})
_NUMERIC: Final = frozenset({"version_number"})
_ORDERS: Final = {"creation_timestamp": "created_at", "last_updated_timestamp": "updated_at", "timestamp": "updated_at"}


@dataclass(frozen=True, slots=True)
class Found:
    """What a search looks at: a version, or a model (whose number is 0), by the name under which it is shown."""

    id: str
    name: str
    created_at: int
    updated_at: int
    number: int = 0
    run_id: str = ""
    source: str = ""
    stage: Stage = Stage.NONE
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    def value(self, key: str) -> str | int:
        """What a comparison with an attribute looks at."""
        return {"name": self.name, "version_number": self.number, "run_id": self.run_id}.get(key, self.source)


@dataclass(frozen=True, slots=True)
class Term:
    """A comparison: of a tag, or of an attribute."""

    key: str
    operator: str
    value: Value
    is_tag: bool = False

    def matches(self, found: Found) -> bool:
        """Whether it is true."""
        if not self.is_tag:
            return _compare(found.value(self.key), self.operator, self.value)
        there = found.tags.get(self.key)
        if there is None:
            return self.key == PROMPTS and (self.operator, self.value) in {("=", "false"), ("!=", "true")}
        return _compare(there, self.operator, self.value)


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, and in which order: keys of `Found`, each with whether it ascends."""

    terms: tuple[Term, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()

    @property
    def looks_at_tags(self) -> bool:
        """Whether any comparison is with a tag."""
        return any(term.is_tag for term in self.terms)

    def only(self, key: str) -> str | None:
        """The one value that an attribute must have, where the search says so."""
        told = [term.value for term in self.terms if not term.is_tag and (term.key, term.operator) == (key, "=")]
        return str(told[0]) if told else None

    def chosen(self, among: Iterable[Found]) -> list[Found]:
        """What matches, in order."""
        found = [each for each in among if all(term.matches(each) for term in self.terms)]
        for key, ascends in reversed(self.order):
            found.sort(key=lambda each: getattr(each, key), reverse=not ascends)
        return found


def models(text: str, order_by: Iterable[str]) -> Search:
    """A search for models; by name, unless another order is asked for."""
    order = _ordered(order_by, {**_ORDERS, "name": "name"})
    return Search(_terms(text, _MODEL_KEYS), _completed(order, ("name", True)))


def versions(text: str, order_by: Iterable[str]) -> Search:
    """A search for versions; what was changed last comes first, unless another order is asked for."""
    order = _ordered(order_by, {**_ORDERS, "name": "name", "version_number": "number"})
    order = order or (("updated_at", False),)
    return Search(_terms(text, _VERSION_KEYS), _completed(order, ("name", True), ("number", False)))


def _completed(order: tuple[tuple[str, bool], ...], *last: tuple[str, bool]) -> tuple[tuple[str, bool], ...]:
    said = {key for key, _ in order}
    return (*order, *((key, ascends) for key, ascends in last if key not in said))


def _ordered(order_by: Iterable[str], keys: Mapping[str, str]) -> tuple[tuple[str, bool], ...]:
    found: dict[str, bool] = {}
    for each in order_by:
        told = _ORDER.match(each[:MAX_TEXT])
        key = keys.get(told["key"].lower()) if told else None
        if told is None or key is None or key in found:
            raise Invalid(f"order_by takes each of {', '.join(sorted(keys))} once, with ASC or DESC behind it.")
        found[key] = (told["way"] or "ASC").upper() == "ASC"
    return tuple(found.items())


def _terms(text: str, keys: frozenset[str]) -> tuple[Term, ...]:
    if len(text) > MAX_TEXT:
        raise Invalid(f"a filter has at most {MAX_TEXT} characters.")
    terms: list[Term] = []
    place, more = 0, bool(text.strip())
    while more:
        found = _TERM.match(text, place)
        if found is None or len(terms) == MAX_TERMS:
            raise Invalid(
                f"Invalid filter: write at most {MAX_TERMS} comparisons that are joined by AND, such as "
                f"\"name LIKE 'fraud%' AND tags.team = 'risk'\"; the attributes are {', '.join(sorted(keys))}.",
            )
        terms.append(_term(found, keys))
        place, more = found.end(), bool(found["and"])
    return tuple(terms)


def _term(found: re.Match[str], keys: frozenset[str]) -> Term:
    key = found["ticked"] or found["quoted"] or found["key"]
    sign = re.sub(r"\s+", " ", found["operator"].upper()).replace("<>", "!=")
    is_tag = (found["kind"] or "").lower().startswith("tag")
    if not is_tag and key not in keys:
        raise Invalid(f"Invalid attribute key '{key[:60]}' specified. Valid keys are {', '.join(sorted(keys))}.")
    value: Value
    if found["list"] is not None:
        value = tuple(each[1:-1] for each in _ONE_TEXT.findall(found["list"]))
    else:
        value = int(found["number"]) if found["number"] is not None else found["text"][1:-1]
    _check(key, sign, value, is_tag=is_tag)
    return Term(key, sign, value, is_tag)


def _check(key: str, sign: str, value: Value, *, is_tag: bool) -> None:
    if not is_tag and key in _NUMERIC:
        if sign not in _NUMBERS or not isinstance(value, int):
            raise Invalid(f"{key} is compared with a whole number, by one of {', '.join(_NUMBERS)}.")
        return
    if isinstance(value, tuple):
        if sign not in {"IN", "NOT IN"} or is_tag or key not in _LISTED or len(value) > MAX_LIST:
            raise Invalid(f"only {' and '.join(sorted(_LISTED))} are compared with lists, by IN or NOT IN.")
    elif not isinstance(value, str) or sign not in {"=", "!=", "LIKE", "ILIKE"}:
        raise Invalid(f"{key[:60]} is compared with a text in quotes, by =, !=, LIKE or ILIKE.")


def _compare(there: str | int, sign: str, value: Value) -> bool:
    if isinstance(there, int):
        return isinstance(value, int) and _NUMBERS[sign](there, value)
    match sign:
        case "=":
            return there == value
        case "!=":
            return there != value
        case "IN":
            return there in value if isinstance(value, tuple) else False
        case "NOT IN":
            return there not in value if isinstance(value, tuple) else False
        case _:
            return _is_like(there, str(value), fold=sign == "ILIKE")


def _is_like(there: str, pattern: str, *, fold: bool) -> bool:
    """Whether a text is like a pattern, in time that grows with their lengths only."""
    if fold:
        there, pattern = there.lower(), pattern.lower()
    at, back, tried, place = 0, -1, 0, 0
    while at < len(there):
        letter = pattern[place] if place < len(pattern) else ""
        if letter == "%":
            back, tried, place = place, at, place + 1
        elif letter and letter in {"_", there[at]}:
            at, place = at + 1, place + 1
        elif back >= 0:
            tried += 1
            at, place = tried, back + 1
        else:
            return False
    return set(pattern[place:]) <= {"%"}
