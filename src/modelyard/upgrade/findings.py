"""What rules find: a place in a document, what to say about it, and the spans that would change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Safety(StrEnum):
    """How far a change may go without a person."""

    AUTOMATIC = "A"
    """The meaning stays: the change is made."""
    REVIEW = "B"
    """As A, but it crosses a cell, file or configuration: made, and to be read together."""
    PROPOSE = "C"
    """A person decides: a comment is left, and the change is made only where it is asked for."""
    REPORT = "D"
    """Only told: nothing is written."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Bytes of one document, from `start` to before `end` of what rules read of it, that become others."""

    document: str
    start: int
    end: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule at one place."""

    rule: str
    safety: Safety
    document: str
    start: int
    end: int
    message: str
    edits: tuple[Edit, ...] = ()
    todo: int | None = None
    """Where a comment would stand: the beginning of the statement's line; `None` where there can be none."""
    subject: str = ""
    """The flat name that it is about, where it is about one."""
