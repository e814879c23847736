"""What serving is to reach beside its peers, and whether it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from benchmarks.report import NONE, times, verdict
from benchmarks.serving.measure import Case, Measure, Results
from benchmarks.serving.models import Flavor
from benchmarks.serving.side import MODELYARD, SPLIT

MLFLOW = "MLflow"
RATE_GOALS = {(1, 1): 3.5, (1, 32): 10.0, (100, 32): 4.0}
"""Times the best peer with its own batching, by rows and connections."""
MLFLOW_GOALS = {(1, 1): 8.0, (1, 32): 150.0}
"""Times `mlflow models serve`."""
P50_GOAL = 1.2e-3
P99_GOAL = 10.0
"""Times less than the best peer's."""
SPLIT_GOAL = 0.1
FRONT_GOAL = 0.2e-3
CUSTOM_GOAL = 1.3
WAKE_GOAL = 3.0


@dataclass(frozen=True)
class Goal:
    """One line: what is asked for, beside whom, what was found, and the goal with its verdict."""

    what: str
    beside: str
    found: str
    goal: str

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        return (self.what, self.beside, self.found, self.goal)


def judge(results: Results) -> list[Goal]:
    """Judge every goal whose measures are there."""
    by = {(one.title, one.case): one for one in results.measures}
    ours = {case: one for (title, case), one in by.items() if title == MODELYARD}
    goals: list[Goal] = []
    for case, one in ours.items():
        goals += _custom(one, results) if case.flavor is Flavor.CUSTOM else _plain(one, results)
        goals += _split(one, by.get((SPLIT, case)))
    if results.wakes:
        goals.append(_below("scaled from zero, slowest", max(results.wakes), WAKE_GOAL, 1, "s"))
    return goals


def best(results: Results, case: Case, *, batching: bool) -> Measure | None:
    """The fastest peer under a load, of those with their own batching on or of those without any."""
    peers = (one for one in results.measures if one.case == case and not one.title.startswith(MODELYARD))
    return max((one for one in peers if one.batching is batching), key=lambda one: one.rate, default=None)


def _plain(ours: Measure, results: Results) -> Iterator[Goal]:
    at = (ours.case.rows, ours.case.connections)
    joined = best(results, ours.case, batching=True)
    if at in RATE_GOALS:
        yield _rate(ours, joined, RATE_GOALS[at])
    if at in MLFLOW_GOALS:
        yield _rate(ours, _named(MLFLOW, results.measures, ours.case), MLFLOW_GOALS[at])
    if at == (1, 1):
        yield _below(_what("p50", ours.case), ours.p50, P50_GOAL, 1e3, "ms")
    if at == (1, 32):
        yield _tail(ours, joined)
    if ours.case.rows == 1:
        yield _below(_what("front, processor", ours.case), ours.front, FRONT_GOAL, 1e3, "ms")


def _custom(ours: Measure, results: Results) -> Iterator[Goal]:
    yield _rate(ours, best(results, ours.case, batching=False), CUSTOM_GOAL)


def _named(title: str, measures: Iterable[Measure], case: Case) -> Measure | None:
    return next((one for one in measures if one.title == title and one.case == case), None)


def _rate(ours: Measure, theirs: Measure | None, goal: float) -> Goal:
    return _at_least(_what("requests per second", ours.case), theirs, goal, lambda peer: ours.rate / peer.rate)


def _tail(ours: Measure, theirs: Measure | None) -> Goal:
    return _at_least(_what("p99", ours.case), theirs, P99_GOAL, lambda peer: peer.p99 / ours.p99)


def _split(ours: Measure, split: Measure | None) -> Iterator[Goal]:
    if split and ours.case.rows == 1 and ours.rate:
        cost = 1 - split.rate / ours.rate
        goal = f"< {SPLIT_GOAL:.0%}{verdict(cost < SPLIT_GOAL)}"
        yield Goal(_what("a split of 90/10 costs", ours.case), MODELYARD, f"{cost:.0%}", goal)


def _at_least(what: str, theirs: Measure | None, goal: float, compare: Callable[[Measure], float]) -> Goal:
    ratio = compare(theirs) if theirs and theirs.rate else None
    met = None if ratio is None else ratio >= goal
    return Goal(what, theirs.title if theirs else NONE, times(ratio), f"≥ {goal:g}x{verdict(met)}")


def _below(what: str, found: float, goal: float, scale: float, unit: str) -> Goal:
    return Goal(what, NONE, f"{found * scale:.2f} {unit}", f"< {goal * scale:g} {unit}{verdict(found < goal)}")


def _what(name: str, case: Case) -> str:
    rows = "1 row" if case.rows == 1 else f"{case.rows} rows"
    return f"{name}: {case.flavor}, {rows}, {case.connections} conn."
