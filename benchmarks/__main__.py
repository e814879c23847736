"""`python -m benchmarks registry | bytes | care | serving | batch | tracking | upgrade | moving | all`."""

import dataclasses
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import bytes as transfers
from benchmarks import care, governance, governed, machine, registry, report
from benchmarks.batch.command import batch_command
from benchmarks.jobs import jobs_command
from benchmarks.registry import Product
from benchmarks.serving.command import serving_command
from benchmarks.tracking import tracking_command
from benchmarks.upgrade.command import upgrade_command
from benchmarks.upgrade.moving import moving_command

application = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
application.command("serving")(serving_command)
application.command("batch")(batch_command)
application.command("tracking")(tracking_command)
application.command("jobs")(jobs_command)
application.command("upgrade")(upgrade_command)
application.command("moving")(moving_command)
WIDE = 184
"""Characters that the widest table takes: a narrower terminal wraps its lines, and no cell is lost."""
console = Console(width=max(Console().width, WIDE))
quiet = Console(stderr=True)

UNITS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}

Models = Annotated[list[int], typer.Option(help="How many registered models; may be given several times.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="Length of one trial.")]
Rounds = Annotated[int, typer.Option(min=1, help="Trials of each kind per server, in turn; medians are quoted.")]
Size = Annotated[str, typer.Option(help="Size of the file, as 1GiB or 64MiB.")]
Only = Annotated[Product | None, typer.Option(help="Measure one server alone.")]
AsAdmin = Annotated[bool, typer.Option("--as-admin", help="Ask Modelyard as its administrator.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write everything found to this file.")]
Folder = Annotated[Path | None, typer.Option(help="Where the servers keep their data; a temporary folder by default.")]

DEFAULT_MODELS = [1_000, 100_000]


@application.command("registry")
def registry_command(
    *,
    models: Models = DEFAULT_MODELS,
    seconds: Seconds = 3.0,
    rounds: Rounds = 3,
    only: Only = None,
    as_admin: AsAdmin = False,
    json_file: Json = None,
    folder: Folder = None,
) -> None:
    """Measure the registry's calls at 1, 8 and 32 connections."""
    plan = registry.Plan(tuple(sorted(models)), _products(only), seconds, rounds, as_admin)
    _conclude({"registry": _registry(plan, folder)}, json_file)


@application.command("bytes")
def bytes_command(
    *,
    size: Size = "1GiB",
    rounds: Rounds = 3,
    only: Only = None,
    json_file: Json = None,
    folder: Folder = None,
) -> None:
    """Measure upload and download of one large file."""
    _conclude({"bytes": _bytes(_size(size), rounds, only, folder)}, json_file)


@application.command("governance")
def governance_command(
    *,
    grants: Annotated[int, typer.Option(help="How many grants; everything else in proportion.")] = 1_000_000,
    postgres: Annotated[str, typer.Option(help="The URL of an empty PostgreSQL database, to measure it too.")] = "",
    folder: Folder = None,
) -> None:
    """Measure decisions and filtered lists in a large catalog."""
    size = governed.Size(grants // 10, grants // 5, grants // 100, grants)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as place:
        tables = [
            governance.measure(Path(place) / name, url, size, _tell)
            for name, url in (("sqlite", ""), ("postgresql", postgres))
            if url or name == "sqlite"
        ]
    report.show(console, tables)
    print("\n" + report.markdown(machine.facts(), tables, []))


@application.command("care")
def care_command(*, rounds: Rounds = 5, folder: Folder = None) -> None:
    """Measure scans of files, and the trash."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as place:
        tables = [care.measure(Path(place), rounds, _tell)]
    report.show(console, tables)
    print("\n" + report.markdown(machine.facts(), tables, []))


@application.command("all")
def all_command(
    *,
    models: Models = DEFAULT_MODELS,
    seconds: Seconds = 3.0,
    rounds: Rounds = 3,
    size: Size = "1GiB",
    only: Only = None,
    as_admin: AsAdmin = False,
    json_file: Json = None,
    folder: Folder = None,
) -> None:
    """Measure both."""
    plan = registry.Plan(tuple(sorted(models)), _products(only), seconds, rounds, as_admin)
    found = {"registry": _registry(plan, folder), "bytes": _bytes(_size(size), rounds, only, folder)}
    _conclude(found, json_file)


def _registry(plan: registry.Plan, folder: Path | None) -> registry.Results:
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as place:
        return registry.measure(Path(place), plan, _tell)


def _bytes(size: int, rounds: int, only: Product | None, folder: Path | None) -> transfers.Results:
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as place:
        return transfers.measure(Path(place), size, rounds, _products(only), _tell)


def _conclude(found: dict[str, registry.Results | transfers.Results], json_file: Path | None) -> None:
    """Print tables, then Markdown; write JSON if asked to."""
    facts, tables, notes = machine.facts(), list[report.Table](), list[str]()
    for results in found.values():
        if isinstance(results, registry.Results):
            tables += report.registry_tables(results)
            notes += report.warnings(results)
        else:
            tables += report.transfer_tables(results)
    report.show(console, tables)
    print("\n" + report.markdown(facts, tables, notes))
    if json_file:
        content: dict[str, Any] = {name: dataclasses.asdict(results) for name, results in found.items()}
        json_file.write_text(json.dumps({"machine": facts, **content}, indent=2) + "\n")


def _products(only: Product | None) -> tuple[Product, ...]:
    return (only,) if only else tuple(Product)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+) ?([KMG]iB)?", text, re.IGNORECASE)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a size like 1GiB or 64MiB")
    return int(found[1]) * UNITS[(found[2] or "").upper()]


def _tell(what: str) -> None:
    quiet.print(f"[dim]{time.strftime('%H:%M:%S')} {what}[/dim]", highlight=False)


if __name__ == "__main__":
    application(prog_name="python -m benchmarks")
