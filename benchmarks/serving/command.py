"""`python -m benchmarks serving`: Modelyard beside MLflow, MLServer, BentoML, LitServe and Ray Serve."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import machine, report
from benchmarks.serving import environments, loopback, tables
from benchmarks.serving.measure import KEYS, Plan, Results, install, measure
from benchmarks.serving.models import Flavor

WIDE = 150
quiet = Console(stderr=True)


def serving_command(
    *,
    only: Annotated[str, typer.Option(help="Which servers, with commas between.")] = ",".join(KEYS),
    connections: Annotated[str, typer.Option(help="How many connections, with commas between.")] = "1,8,32",
    models: Annotated[str, typer.Option(help="Which models, with commas between.")] = "sklearn,custom",
    seconds: Annotated[float, typer.Option(min=1, help="Length of one trial, in whole seconds.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Trials of each kind per server, in turn.")] = 3,
    warmup: Annotated[float, typer.Option(min=1, help="Seconds of load before the first trial.")] = 3,
    peers_folder: Annotated[Path | None, typer.Option(help="Where the peers' environments are kept.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write everything found to this file.")] = None,
) -> None:
    """Measure predictions by Modelyard and by its peers, and a start from zero (needs wrk)."""
    place = peers_folder or environments.default_folder()
    flavors = tuple(Flavor[name.upper()] for name in _chosen(models, tuple(each.name.lower() for each in Flavor)))
    numbers = tuple(int(number) for number in connections.split(","))
    plan = Plan(_chosen(only, KEYS), numbers, seconds, rounds, warmup, flavors, place)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as data:
        results = _measure(Path(data), plan)
    _conclude(results, json_file)


def _measure(folder: Path, plan: Plan) -> Results:
    """Install first: there is no way out any more afterwards."""
    pythons = install(plan, _tell)
    try:
        loopback.isolate()
    except loopback.NotIsolatedError as refused:
        _tell(f"not on a network of its own ({refused}): Ray and MLServer then open ports on every address")
    return measure(folder, plan, pythons, _tell)


def _conclude(results: Results, json_file: Path | None) -> None:
    facts, found, notes = machine.facts(), tables.tables(results), list(tables.warnings(results))
    report.show(Console(width=max(Console().width, WIDE)), found)
    print("\n" + report.markdown(facts, found, notes))
    if json_file:
        content: dict[str, Any] = {"machine": facts, "serving": dataclasses.asdict(results)}
        json_file.write_text(json.dumps(content, indent=2) + "\n")


def _chosen(said: str, known: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(said.split(",")))
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}")
    return chosen


def _tell(what: str) -> None:
    quiet.print(f"[dim]{time.strftime('%H:%M:%S')} {what}[/dim]", highlight=False)
