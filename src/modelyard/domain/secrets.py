"""Secrets in scopes: their names, their bounds, who may do what with them, and how other texts refer to them.

Names, bounds and levels are those of the Databricks Secrets API 2.0; names are compared without case, as there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.errors import Invalid, TooLarge

MAX_NAME: Final = 128
MAX_VALUE: Final = 128 << 10
"""Bytes of one secret."""
MAX_SECRETS: Final = 1_000
"""In one scope."""
MAX_SCOPES: Final = 1_000

_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
_OPENING: Final = re.compile(r"\{\{\s*secrets\s*/")
_REFERENCE: Final = re.compile(r"\s*\{\{\s*secrets/([^/{}\s]+)/([^/{}\s]+)\s*\}\}\s*")


class Level(StrEnum):
    """What somebody may do with a scope; each level includes those before it."""

    READ = "READ"
    WRITE = "WRITE"
    MANAGE = "MANAGE"

    def includes(self, other: Level) -> bool:
        """Whether who has this level may do what takes the other one."""
        return _RANKS[self] >= _RANKS[other]


_RANKS: Final = {level: rank for rank, level in enumerate(Level)}


def highest(levels: set[Level]) -> Level | None:
    """The most that several levels allow together, or None where there are none."""
    return max(levels, key=_RANKS.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope, and what whoever asked may do with it."""

    id: str
    name: str
    level: Level | None


@dataclass(frozen=True, slots=True)
class Key:
    """A secret without its value; the time is in epoch milliseconds."""

    name: str
    updated_at: int


@dataclass(frozen=True, slots=True)
class Access:
    """What one principal may do with a scope."""

    principal_id: str
    principal: str
    level: Level


@dataclass(init=False, repr=False, eq=False)
class Hidden:
    """A value that is not shown by accident: `repr` has nothing of it, and neither has the audit.

    The audit encodes the fields of actions as JSON, and this is a dataclass without any field: it is written as `{}`.
    """

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content: Final = content

    def __repr__(self) -> str:
        """Nothing of the value."""
        return "Hidden(…)"

    def reveal(self) -> bytes:
        """The value itself, which must reach no log, error or audit."""
        return self._content

    def text(self) -> str:
        """The same as a text; undecodable bytes are no error, whose words would hold them (see `is_text`)."""
        return self._content.decode(errors="replace")

    def is_text(self) -> bool:
        """Whether it is UTF-8 without NUL, as the environment of a program can hold it."""
        try:
            return "\x00" not in self._content.decode()
        except UnicodeDecodeError:
            return False


def scope_name(name: str) -> str:
    """A valid name of a scope, as written."""
    return _checked(name, "scope")


def key_name(name: str) -> str:
    """A valid key of a secret, as written."""
    return _checked(name, "secret's key")


def _checked(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid(f"a {what} has 1 to {MAX_NAME} letters without accents, digits, and - _ @ or periods.")
    return name


def value(content: bytes) -> Hidden:
    """A secret's value; `TooLarge` if it is longer than secrets are."""
    if len(content) > MAX_VALUE:
        raise TooLarge(f"a secret has at most {MAX_VALUE} bytes, this one has {len(content)}.")
    return Hidden(content)


# References


@dataclass(frozen=True, slots=True)
class Reference:
    """A secret, as another text refers to it."""

    scope: str
    key: str

    def __str__(self) -> str:
        """As it is written; it says nothing of the value."""
        return f"{{{{secrets/{self.scope}/{self.key}}}}}"


def reference(text: str) -> Reference | None:
    """The secret that a text refers to; None where it is a text like any other.

    A reference is a whole text, `{{secrets/<scope>/<key>}}`. One with anything around it, or that is written wrong, is
    `Invalid`, as a program that gets it as it stands would be sent astray.
    """
    if not _OPENING.search(text):
        return None
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise Invalid("a secret is referred to with {{secrets/<scope>/<key>}} and nothing before or after it.")
    return Reference(scope_name(found[1]), key_name(found[2]))
