"""The edits of one document that are made: none meets another."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field

from modelyard.upgrade.findings import Edit


@dataclass(slots=True)
class Chosen:
    """Edits in their order, with the rule of each, and comments, which stand before everything at their place."""

    edits: list[Edit] = field(default_factory=list[Edit])
    rules: dict[Edit, str] = field(default_factory=dict[Edit, str])
    comments: dict[tuple[int, str], Edit] = field(default_factory=dict[tuple[int, str], Edit])

    def has_room(self, edit: Edit) -> bool:
        """Whether an edit is made already, or meets no other."""
        return edit in self.rules or not any(_meet(edit, other) for other in self._near(edit))

    def covers(self, edit: Edit) -> bool:
        """Whether an edit lies inside one that is made, which has it in its text."""
        return edit in self.rules or any(
            other.start <= edit.start and edit.end <= other.end for other in self._near(edit)
        )

    def add(self, edit: Edit, rule: str) -> None:
        """Make an edit that there is room for."""
        if edit not in self.rules:
            insort(self.edits, edit)
            self.rules[edit] = rule

    def comment(self, edit: Edit, rule: str) -> None:
        """Leave a comment, one of a rule at a place, where it does not stand inside something that changes."""
        if not any(other.start < edit.start < other.end for other in self._near(edit)):
            self.comments.setdefault((edit.start, rule), edit)

    def by_rule(self) -> dict[str, tuple[Edit, ...]]:
        """Everything that is made, by rule."""
        found: dict[str, list[Edit]] = defaultdict(list)
        for (_, rule), edit in self.comments.items():
            found[rule].append(edit)
        for edit in self.edits:
            found[self.rules[edit]].append(edit)
        return {rule: tuple(edits) for rule, edits in found.items()}

    def _near(self, edit: Edit) -> list[Edit]:
        """The edits that could meet one: those from the last that begins before it to the first that begins after."""
        first = bisect_left(self.edits, edit.start, key=lambda other: other.start)
        last = bisect_left(self.edits, edit.end + 1, key=lambda other: other.start)
        return self.edits[max(0, first - 2) : last]


def _meet(one: Edit, other: Edit) -> bool:
    if one.start == one.end == other.start == other.end:
        return True
    return one.start < other.end and other.start < one.end
