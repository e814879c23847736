"""Aliases: the history of their moves, and who may move those that a schema protects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from modelyard.domain.names import MAX_NAME, text
from modelyard.errors import Invalid

MAX_REASON: Final = 1_000
MAX_PATTERNS: Final = 100
MAX_MOVERS: Final = 100

_PATTERN = re.compile(r"[\w\-*]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class Move:
    """One move of an alias, at epoch milliseconds; `to_version` is None where it was taken away."""

    seq: int
    alias: str
    from_version: int | None
    to_version: int | None
    moved_at: int
    moved_by: str
    reason: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Mover:
    """A user, service principal or group that may move what a pattern protects."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Protection:
    """A pattern of aliases in all models and prompts of a schema, and who alone may move them."""

    schema: str
    pattern: str
    movers: tuple[Mover, ...]
    created_at: int = 0
    created_by: str = ""

    def lets(self, identities: frozenset[str]) -> bool:
        """Whether somebody is one of the movers, directly or by a group; where none is left, nobody is."""
        return any(mover.id in identities for mover in self.movers)

    @property
    def who(self) -> str:
        """The movers, in words."""
        names = ", ".join(mover.name for mover in self.movers)
        return f"only {names} may move it" if names else "nobody may move it until an admin changes the protection"


def pattern(told: str) -> str:
    """A valid pattern of aliases, without case; `*` stands for any letters, or none."""
    folded = told.lower()
    if not _PATTERN.match(folded):
        raise Invalid(
            f"a pattern of aliases has 1 to {MAX_NAME} letters, digits, underscores, dashes, and * for any of them.",
        )
    return folded


def reason(told: str) -> str:
    """Why an alias is moved, in the words of who moves it."""
    if len(told) > MAX_REASON:
        raise Invalid(f"a reason has at most {MAX_REASON} characters, this one has {len(told)}.")
    return text(told, "reason")


def matches(folded: str, alias: str) -> bool:
    """Whether a pattern (folded) stands for an alias, in time that grows with their lengths only."""
    alias = alias.lower()
    first, *parts = folded.split("*")
    if not parts:
        return alias == first
    *middle, last = parts
    at = len(first)
    for part in middle:
        found = alias.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return alias.startswith(first) and alias.endswith(last) and len(alias) - at >= len(last)


def barrier(protections: Iterable[Protection], alias: str, identities: frozenset[str]) -> Protection | None:
    """What keeps somebody from moving an alias; of several patterns that stand for it, each must let the mover."""
    guarding = (each for each in protections if matches(each.pattern, alias))
    return next((each for each in guarding if not each.lets(identities)), None)
