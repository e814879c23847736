"""The verdict: what was asked, what was found, whether that is enough; as one document for machines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from modelyard import __version__
from modelyard.upgrade.comparing import statistics
from modelyard.upgrade.comparing.answers import Replay
from modelyard.upgrade.comparing.limits import Check, Limits, Match
from modelyard.upgrade.comparing.measures import Column
from modelyard.upgrade.comparing.pairing import Keys

FORMAT: Final = 1
_MOST_LABELS: Final = 200


@dataclass(slots=True)
class Comparison:
    """What was compared, and what was counted."""

    kind: str
    """`files` or `answers`."""
    old: dict[str, Any]
    new: dict[str, Any]
    keys: tuple[str, ...] = ()
    counted: Keys = field(default_factory=Keys)
    columns: list[Column] = field(default_factory=list[Column])
    are_same_bytes: bool = False
    replay: Replay | None = None
    seconds: float = 0.0
    measured: dict[Match, dict[str, float | None]] = field(default_factory=dict[Match, dict[str, float | None]])

    def distances(self, column: Column) -> dict[str, float | None]:
        """Rank correlation and distances of a column, computed once."""
        if column.match not in self.measured:
            self.measured[column.match] = _distances(column)
        return self.measured[column.match]


def _distances(column: Column) -> dict[str, float | None]:
    if column.kind in {"numbers", "vectors"}:
        old, new = column.sample.pairs
        return {
            "spearman": statistics.ranks(old, new),
            "ks": statistics.distance(old, new),
            "psi": statistics.stability(old, new),
        }
    one, other = margins(column.labels)
    return {"spearman": None, "ks": None, "psi": statistics.stability_of_labels(one, other)}


def margins(labels: Counter[tuple[str, str]]) -> tuple[Counter[str], Counter[str]]:
    """How often each label is given on either side."""
    sides = Counter[str](), Counter[str]()
    for pair, count in labels.items():
        for side, label in zip(sides, pair, strict=True):
            side[label] += count
    return sides


def checks(found: Comparison, limits: Limits) -> list[Check]:
    """Everything that was asked, and what came of it."""
    if found.are_same_bytes:
        told = "both sides are the same bytes: identical by construction."
        return [Check("bytes", "", "same", "same", passed=True, said=told)]
    asked = list(_of_keys(found, limits))
    for column in found.columns:
        asked += _of_column(found, column, limits)
    if found.replay:
        asked += _of_replay(found.replay, limits)
    return asked


def _of_keys(found: Comparison, limits: Limits) -> Iterator[Check]:
    keys = found.counted
    yield Check("pairs", "", keys.both, 1, keys.both > 0, f"{keys.both} rows are on both sides.")
    told = f"{keys.alone[0]} keys are only on the old side and {keys.alone[1]} only on the new one: {keys.missing:.4%}."
    yield Check("missing keys", "", keys.missing, limits.missing, keys.missing <= limits.missing, told)
    twice = sum(keys.twice) + sum(keys.empty)
    told = f"{sum(keys.twice)} rows repeat the key of another and {sum(keys.empty)} have none."
    yield Check("unique keys", "", twice, 0, not twice, told)


def _of_column(found: Comparison, column: Column, limits: Limits) -> Iterator[Check]:
    name, share = column.match.old, column.agreement
    if column.kind == "mixed":
        told = f"it is {column.old_type} on the old side and {column.new_type} on the new one."
        yield Check("types", name, f"{column.old_type}, {column.new_type}", "of one kind", passed=False, said=told)
    if share is None:
        yield Check("agreement", name, None, limits.agreement, passed=False, said="there are no pairs.")
        return
    told = f"{column.within} of {column.pairs} pairs agree, {column.exact} of them to the bit."
    yield Check("agreement", name, share, limits.agreement, share >= limits.agreement, told)
    distances = found.distances(column)
    for key, limit, words in (
        ("psi", limits.psi, "the population stability index"), ("ks", limits.ks, "the Kolmogorov-Smirnov statistic"),
    ):  # fmt: skip
        value = distances[key]
        if limit is not None and value is not None:
            yield Check(key, name, value, limit, value <= limit, f"{words} is {value:.4f}.")
    rank = distances["spearman"]
    if limits.rank is not None and column.kind in {"numbers", "vectors"}:
        told = "one side is constant." if rank is None else f"Spearman's rank correlation is {rank:.4f}."
        yield Check("rank correlation", name, rank, limits.rank, rank is not None and rank >= limits.rank, told)


def _of_replay(replay: Replay, limits: Limits) -> Iterator[Check]:
    rate = replay.only_new_failed / replay.requests if replay.requests else 0.0
    told = f"{replay.only_new_failed} of {replay.requests} requests failed on the new side only."
    yield Check("errors", "", rate, limits.errors, rate <= limits.errors, told)
    ratio = replay.ratio
    if limits.latency_ratio is not None:
        told = "there are no latencies." if ratio is None else f"the new side's p95 is {ratio:.2f} times the old one's."
        yield Check(
            "latency", "", ratio, limits.latency_ratio, ratio is not None and ratio <= limits.latency_ratio, told
        )


def document(found: Comparison, limits: Limits) -> dict[str, Any]:
    """The verdict."""
    asked = checks(found, limits)
    agrees = all(check.passed for check in asked)
    return {
        "format": FORMAT,
        "modelyard": __version__,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": found.kind,
        "agrees": agrees,
        "verdict": "identical" if found.are_same_bytes else "agrees" if agrees else "differs",
        "reasons": [_reason(check) for check in asked if not check.passed],
        "checks": [asdict(check) for check in asked],
        "old": found.old,
        "new": found.new,
        "schema": _schema(found.old.get("columns"), found.new.get("columns")),
        "keys": _keys(found),
        "columns": [_column(found, column) for column in found.columns],
        "latency": found.replay.told() if found.replay else None,
        "seconds": round(found.seconds, 3),
    }


def _reason(check: Check) -> str:
    return f"{check.name}{f' of {check.subject}' if check.subject else ''}: {check.said}"


def _schema(old: dict[str, str] | None, new: dict[str, str] | None) -> dict[str, Any] | None:
    """How the columns of both sides differ."""
    if old is None or new is None:
        return None
    return {
        "only_old": [name for name in old if name not in new],
        "only_new": [name for name in new if name not in old],
        "types": [
            {"column": name, "old": kind, "new": new[name]} for name, kind in old.items() if new.get(name, kind) != kind
        ],
    }


def _keys(found: Comparison) -> dict[str, Any] | None:
    keys = found.counted
    if found.are_same_bytes:
        return None
    return {
        "by": list(found.keys),
        "rows": _sides(keys.rows),
        "both": keys.both,
        "alone": _sides(keys.alone),
        "repeated": _sides(keys.twice),
        "empty": _sides(keys.empty),
        "examples_alone": _sides(keys.examples),
    }


def _sides(values: list[Any]) -> dict[str, Any]:
    return {"old": values[0], "new": values[1]}


def _column(found: Comparison, column: Column) -> dict[str, Any]:
    confusion = column.confusion.most_common(_MOST_LABELS)
    rest = column.confusion.total() - sum(count for _, count in confusion) + column.other_labels
    return {
        "old": column.match.old,
        "new": column.match.new,
        "kind": column.kind,
        "types": _sides([column.old_type, column.new_type]),
        "pairs": column.pairs,
        "exact": column.exact,
        "exact_share": column.exact / column.pairs if column.pairs else None,
        "within": column.within,
        "agreement": column.agreement,
        "tolerance": asdict(column.tolerance),
        "missing": {**_sides(column.missing), "both": column.both_missing},
        "largest_difference": column.most if column.measured and math.isfinite(column.most) else None,
        "mean_difference": column.total / column.measured if column.measured and math.isfinite(column.total) else None,
        **found.distances(column),
        "distances_of": min(column.sample.seen, column.sample.most),
        "confusion": [{"old": one, "new": other, "count": count} for (one, other), count in confusion],
        "confusion_rest": rest if column.confusion else 0,
    }
