"""A comparison from beginning to end: of the outputs of two batch jobs, or of the answers of two endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelyard.errors import Invalid
from modelyard.upgrade.comparing import sources
from modelyard.upgrade.comparing.answers import Answer, Gathering, Request
from modelyard.upgrade.comparing.limits import Match, Tolerance, chosen
from modelyard.upgrade.comparing.measures import Column
from modelyard.upgrade.comparing.pairing import paired
from modelyard.upgrade.comparing.sources import Side
from modelyard.upgrade.comparing.verdict import Comparison


@dataclass(frozen=True, slots=True)
class Order:
    """What to compare of two outputs, and how."""

    old: str
    new: str
    keys: tuple[str, ...]
    columns: tuple[Match, ...] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)
    delimiter: str = ","


def files(order: Order, tell: Callable[[int], None]) -> Comparison:
    """Compare two outputs; `tell` hears of bytes as they are read for their digest."""
    begun = time.monotonic()
    if not order.keys:
        raise Invalid("say by which column rows belong together: --key ID; it may be repeated.")
    sides = tuple(sources.look(place, order.keys, order.delimiter, tell) for place in (order.old, order.new))
    old, new = sides
    found = Comparison("files", _told(old), _told(new), order.keys, are_same_bytes=old.contents == new.contents)
    if not found.are_same_bytes:
        matches = _matches(order, old, new)
        found.columns = [Column(match, order.tolerance) for match in matches]
        wanted = [match.old for match in matches], [match.new for match in matches]
        for pairs in paired((old, new), order.keys, wanted, found.counted):
            for column in found.columns:
                ones, others = pairs.old.column(column.match.old), pairs.new.column(column.match.new)
                column.add(ones, others, pairs.hashes)
    found.seconds = time.monotonic() - begun
    return found


def _matches(order: Order, old: Side, new: Side) -> Sequence[Match]:
    matches = order.columns or chosen(list(old.columns), list(new.columns), order.keys)
    for match in matches:
        for name, side in ((match.old, old), (match.new, new)):
            if name not in side.columns:
                raise Invalid(f"{side.location} has no column {name!r}; it has {', '.join(list(side.columns)[:20])}.")
    return matches


def _told(side: Side) -> dict[str, Any]:
    return {
        "location": side.location,
        "digest": side.digest,
        "files": [{"path": each.path, "size": each.size, "sha256": each.sha256} for each in side.files],
        "columns": {name: str(kind) for name, kind in side.columns.items()},
    }


def answers(
    sides: tuple[dict[str, Any], dict[str, Any]], pairs: Iterable[tuple[Request, Answer, Answer]], tolerance: Tolerance
) -> Comparison:
    """Compare answers, as they come."""
    begun = time.monotonic()
    gathering = Gathering(tolerance)
    for request, old, new in pairs:
        gathering.add(request, old, new)
    gathering.flush()
    return Comparison(
        "answers", *sides, ("request",), gathering.keys, list(gathering.columns.values()),
        replay=gathering.replay, seconds=time.monotonic() - begun,
    )  # fmt: skip
