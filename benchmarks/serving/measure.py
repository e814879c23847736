"""Measures every way of serving in turn, on one machine and in one run; medians over the rounds are quoted.

All servers of a flavor are started first and stand still, stopped by a signal, but for the one that is asked. The load
comes from the same machine.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import servers
from benchmarks.serving import environments, models, ours, peer, processes, wrk
from benchmarks.serving.models import Flavor
from benchmarks.serving.side import Side

ROWS = {Flavor.SKLEARN: (1, 100), Flavor.CUSTOM: (1,)}
KEYS = ("modelyard", *dict.fromkeys(each.key for each in peer.PEERS))


@dataclass(frozen=True)
class Plan:
    """What to measure and for how long."""

    only: tuple[str, ...]
    connections: tuple[int, ...]
    seconds: float
    rounds: int
    warmup: float
    flavors: tuple[Flavor, ...]
    peers_folder: Path


@dataclass(frozen=True)
class Case:
    """One kind of load."""

    flavor: Flavor
    rows: int
    connections: int


@dataclass(frozen=True)
class Measure:
    """What one server did under one load: medians over the rounds; seconds."""

    title: str
    batching: bool
    case: Case
    rate: float
    p50: float
    p99: float
    cpu: float
    """Processor seconds of all its processes for each request."""
    front: float
    """Of its first process alone."""
    errors: int


@dataclass
class Results:
    """Everything that one run found."""

    measures: list[Measure] = field(default_factory=list[Measure])
    wakes: list[float] = field(default_factory=list[float])
    """Seconds of requests that woke an endpoint from sleep."""


@dataclass(frozen=True)
class _Trial:
    seen: wrk.Seen
    cpu: float
    front: float


@dataclass(frozen=True)
class _Run:
    """What all steps of a run share."""

    plan: Plan
    folder: Path
    saved: dict[Flavor, Path]
    tell: Callable[[str], None]

    def body(self, rows: int) -> Path:
        path = self.folder / f"body-{rows}.json"
        if not path.exists():
            path.write_bytes(models.body(rows))
        return path


def measure(folder: Path, plan: Plan, pythons: dict[str, Path], tell: Callable[[str], None]) -> Results:
    """Serve each flavor by everybody, and ask in turn."""
    tell("training the model")
    run, results = _Run(plan, folder, models.save(folder), tell), Results()
    with ExitStack() as stack:
        modelyard = _modelyard(run, stack) if "modelyard" in plan.only else None
        for flavor in plan.flavors:
            with ExitStack() as inner:
                sides = modelyard.sides(flavor) if modelyard else []
                sides += list(_peers(run, flavor, pythons, inner))
                results.measures += _asked(run, flavor, sides)
        if modelyard:
            results.wakes += _woken(run, modelyard)
    return results


def install(plan: Plan, tell: Callable[[str], None]) -> dict[str, Path]:
    """The interpreters of the peers that are measured; MLflow's is our own."""
    wanted = [key for key in plan.only if (environments.REQUIREMENTS / f"{key}.in").exists()]
    return {key: environments.python(plan.peers_folder, key, tell) for key in wanted}


def _modelyard(run: _Run, stack: ExitStack) -> ours.Ours:
    place = run.folder / "modelyard"
    place.mkdir()
    found = stack.enter_context(ours.serve(place, run.saved, run.tell))
    processes.pause(found.server.process.pid)
    return found


def _peers(run: _Run, flavor: Flavor, pythons: dict[str, Path], stack: ExitStack) -> Iterator[Side]:
    for number, each in enumerate(peer.PEERS):
        if each.key not in run.plan.only or (each.batching and flavor is Flavor.CUSTOM):
            continue
        run.tell(f"starting {each.title} with the {flavor} model")
        place = run.folder / f"{flavor.name.lower()}-{number}"
        place.mkdir()
        where = peer.Place(pythons.get(each.key, Path(sys.executable)), run.saved[flavor], place, servers.free_port())
        side = stack.enter_context(peer.serve(each, where, run.body(1).read_bytes()))
        processes.pause(side.root)
        yield side


def _asked(run: _Run, flavor: Flavor, sides: list[Side]) -> list[Measure]:
    for side in sides:
        _warm(run, flavor, side)
    found: dict[tuple[str, Case], list[_Trial]] = {}
    known = {side.title: side for side in sides}
    cases = [Case(flavor, rows, connections) for rows in ROWS[flavor] for connections in run.plan.connections]
    for number in range(1, run.plan.rounds + 1):
        for case in cases:
            run.tell(f"round {number}: {case.flavor}, {case.rows} rows, {case.connections} connections")
            for side in sides:
                found.setdefault((side.title, case), []).append(_trial(run, side, case))
    return [_median(known[title], case, trials) for (title, case), trials in found.items()]


def _warm(run: _Run, flavor: Flavor, side: Side) -> None:
    run.tell(f"comparing and warming {side.title}")
    processes.resume(side.root)
    for rows in ROWS[flavor]:
        side.check(run.body(rows).read_bytes(), _expected(run, flavor, rows))
    wrk.post(side.address, run.body(1), max(run.plan.connections), run.plan.warmup)
    processes.pause(side.root)


def _expected(run: _Run, flavor: Flavor, rows: int) -> list[Any]:
    return models.expected(run.saved[flavor], rows)


def _trial(run: _Run, side: Side, case: Case) -> _Trial:
    processes.resume(side.root)
    before = processes.used(side.root)
    seen = wrk.post(side.address, run.body(case.rows), case.connections, run.plan.seconds)
    after = processes.used(side.root)
    processes.pause(side.root)
    front = after[side.root] - before[side.root]
    return _Trial(seen, *(spent / max(seen.requests, 1) for spent in (processes.between(before, after), front)))


def _median(side: Side, case: Case, trials: list[_Trial]) -> Measure:
    return Measure(
        side.title,
        side.batching,
        case,
        statistics.median(trial.seen.rate for trial in trials),
        statistics.median(trial.seen.p50 for trial in trials),
        statistics.median(trial.seen.p99 for trial in trials),
        statistics.median(trial.cpu for trial in trials),
        statistics.median(trial.front for trial in trials),
        sum(trial.seen.errors for trial in trials),
    )


def _woken(run: _Run, modelyard: ours.Ours) -> list[float]:
    processes.resume(modelyard.server.process.pid)
    seconds: list[float] = []
    for number in range(1, run.plan.rounds + 1):
        run.tell(f"waking an endpoint, round {number}")
        seconds.append(modelyard.wake(run.body(1).read_bytes()))
    return seconds
