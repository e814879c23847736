"""The filters by which principals are searched: SCIM's language (RFC 7644 §3.4.2.2), as far as Databricks speaks it.

`userName eq "alice@example.com" and not (active eq false)`: comparisons with eq, ne, co and sw, joined by `and`, `or`,
`not` and parentheses. What is read is bounded in length, in depth and in the number of comparisons.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, TypeAlias

from modelyard.errors import Invalid

MAX_LENGTH: Final = 4_096
MAX_DEPTH: Final = 16
MAX_COMPARISONS: Final = 64

_WORD: Final = re.compile(r'\s*([()]|"(?:[^"\\]|\\.)*"|[^\s()"]+)', re.DOTALL)
_SCHEMA: Final = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:\w+:", re.IGNORECASE)


class Attribute(StrEnum):
    """What can be compared, and sorted by if it is one value."""

    ID = "id"
    USER_NAME = "userName"
    DISPLAY_NAME = "displayName"
    APPLICATION_ID = "applicationId"
    EXTERNAL_ID = "externalId"
    ACTIVE = "active"
    MEMBERS = "members"
    GROUPS = "groups"


class Operator(StrEnum):
    """How it is compared: equal, not equal, contains, starts with."""

    EQ = "eq"
    NE = "ne"
    CO = "co"
    SW = "sw"


_ONLY_EQUAL: Final = frozenset({Attribute.ACTIVE, Attribute.MEMBERS, Attribute.GROUPS})
_ATTRIBUTES: Final = {attribute.lower(): attribute for attribute in Attribute} | {
    "members.value": Attribute.MEMBERS,
    "groups.value": Attribute.GROUPS,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against one value; the members of a group and the groups of a principal are compared by id."""

    attribute: Attribute
    operator: Operator
    value: str | bool


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class Joined:
    """Two or more conditions, of which every one must hold, or else any."""

    every: bool
    parts: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Not | Joined


def without_schema(name: str) -> str:
    """The name of an attribute, without the URN of its schema."""
    return _SCHEMA.sub("", name, count=1)


def attribute(name: str) -> Attribute:
    """The attribute of a name, in any case, with or without the URN of its schema."""
    found = _ATTRIBUTES.get(without_schema(name).lower())
    if found is None:
        raise Invalid(f"{name[:100]} cannot be searched by; {', '.join(Attribute)} can.")
    return found


def sortable(name: str) -> Attribute:
    """The attribute that a list is sorted by: one that has a single value."""
    found = attribute(name)
    if found in {Attribute.MEMBERS, Attribute.GROUPS}:
        raise Invalid(f"a list cannot be sorted by {found}.")
    return found


def read(text: str) -> Condition:
    """The condition that a filter states, or `Invalid`."""
    if len(text) > MAX_LENGTH:
        raise Invalid(f"a filter has at most {MAX_LENGTH} characters.")
    reader = _Reader(_words(text))
    found = reader.any_of(0)
    if reader.next:
        reader.fail()
    return found


def _words(text: str) -> list[str]:
    words: list[str] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _WORD.match(text, place)
        if found is None:
            raise Invalid('a filter has a text without its second quotation mark, as in `userName eq "alice`.')
        words.append(found[1])
        place = found.end()
    return words


class _Reader:
    """Reads words by recursive descent: `or` binds less than `and`, and `and` less than `not`."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._place = 0
        self._comparisons = 0

    @property
    def next(self) -> str:
        """The next word, or the empty string at the end."""
        return self._words[self._place] if self._place < len(self._words) else ""

    def fail(self) -> NoReturn:
        """Say which word makes no sense, and show a filter that does."""
        where = f"`{self.next[:100]}`" if self.next else "the end"
        raise Invalid(
            f'the filter cannot be read at {where}; write it like `userName eq "alice" and active eq true`.',
        )

    def any_of(self, depth: int) -> Condition:
        """Conditions joined by `or`."""
        return self._joined("or", [self._all_of(depth)], depth)

    def _all_of(self, depth: int) -> Condition:
        return self._joined("and", [self._one(depth)], depth)

    def _joined(self, word: str, parts: list[Condition], depth: int) -> Condition:
        while self._takes(word):
            parts.append(self._all_of(depth) if word == "or" else self._one(depth))
        return Joined(word == "and", tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise Invalid(f"a filter has at most {MAX_DEPTH} parentheses in each other.")
        if self._takes("not"):
            if self.next != "(":
                self.fail()
            return Not(self._one(depth + 1))
        if self._takes("("):
            inner = self.any_of(depth + 1)
            if not self._takes(")"):
                self.fail()
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise Invalid(f"a filter has at most {MAX_COMPARISONS} comparisons.")
        if self.next in {"", ")"} or self.next.startswith('"'):
            self.fail()
        compared = attribute(self._take())
        if self.next.lower() not in set(Operator):
            self.fail()
        operator = Operator(self._take().lower())
        if compared in _ONLY_EQUAL and operator in {Operator.CO, Operator.SW}:
            raise Invalid(f"{compared} is compared with eq or ne only.")
        return Comparison(compared, operator, self._value(compared))

    def _value(self, compared: Attribute) -> str | bool:
        word = self.next
        told = word.lower().strip('"')
        if compared is Attribute.ACTIVE and told in {"true", "false"}:
            self._take()
            return told == "true"
        if compared is Attribute.ACTIVE or not word.startswith('"'):
            self.fail()
        self._take()
        return _unquoted(word)

    def _takes(self, word: str) -> bool:
        """Whether the next word is this one, which is then taken."""
        if self.next.lower() != word:
            return False
        self._place += 1
        return True

    def _take(self) -> str:
        self._place += 1
        return self._words[self._place - 1]


def _unquoted(word: str) -> str:
    """A text without its quotation marks: they are written as in JSON."""
    try:
        found = str(json.loads(word))
        found.encode()
    except ValueError:
        raise Invalid("a text in the filter cannot be read; it is written as in JSON.") from None
    return found
