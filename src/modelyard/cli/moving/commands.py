"""Commands that move a flat registry: a plan is made, carried out, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from modelyard.cli.options import AsJson, Server, Yes, confirm
from modelyard.cli.output import say, show
from modelyard.cli.progress import counter
from modelyard.cli.written import new_file
from modelyard.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelyard.upgrade.moving.moves import MovePlan
    from modelyard.upgrade.moving.registry import Inventory

Readers = Annotated[int, typer.Option("--jobs", min=1, max=64, help="How many questions are under way at once.")]
Carriers = Annotated[int, typer.Option("--jobs", min=1, max=64, help="How many versions are under way at once.")]
PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="What `modelyard upgrade plan` wrote.")]

_REGISTRY: Final = (
    "model", "version", "stage", "signature=has_signature", "files", "size", "created_at", "creator", "problem",
)  # fmt: skip
_WEBHOOKS: Final = ("model", "webhook=to", "events", "status", "new_events", "unheard")
_VERSIONS: Final = ("old_name", "model", "version", "status", "was=was_there", "size", "says")
_ACCESS: Final = ("model", "principal", "before", "change", "why")
_REFUSED: Final = ("model", "version", "why")
_UNDONE: Final = ("old_name", "model", "undone", "says")


# What is there


def look(uri: str, jobs: int, only: Collection[str] = (), *, with_files: bool = True) -> Inventory:
    """Everything that the registry at an address tells."""
    from modelyard.cli.moving import sources  # noqa: PLC0415  other commands start without what reads registries
    from modelyard.upgrade.moving import inventory  # noqa: PLC0415  as above

    with counter("versions") as advance:
        wish = inventory.Wish(only, with_files, jobs, advance)
        return inventory.inventory(sources.opened(uri), wish)


def document(found: Inventory) -> dict[str, Any]:
    """A registry for machines."""
    from modelyard.upgrade.moving import inventory  # noqa: PLC0415  as above

    return inventory.document(found)


def show_registry(found: Inventory) -> None:
    """Print a registry as a table, and what it comes to."""
    from modelyard.upgrade.moving import inventory  # noqa: PLC0415  as above

    show(inventory.rows(found), as_json=False, columns=_REGISTRY)
    told = document(found)
    if told["webhooks"]:
        show(told["webhooks"], as_json=False, columns=_WEBHOOKS)
    for problem in found.problems:
        say(problem)
    told = told["summary"]
    say(
        f"{told['models']} models with {told['versions']} versions, {told['bytes']} bytes; {told['refused']} cannot be "
        f"brought, {told['names_that_change']} names change, {told['versions_without_signature']} versions have no "
        "signature."
    )


# What becomes of it


def plan(  # noqa: PLR0913, PLR0917  Typer calls it with every option of the command
    registry: Annotated[
        str, typer.Argument(metavar="URI", help="http://…, sqlite:///…, databricks://PROFILE or a folder.")
    ],
    schema: Annotated[
        str, typer.Option("--schema", metavar="CATALOG.SCHEMA", help="Where models go that have no name of their own.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the plan is written.")] = Path(
        "plan.yaml"
    ),
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OLD=CATALOG.SCHEMA.MODEL", help="The new name of a model; may be repeated."),
    ] = None,
    stages: Annotated[
        list[str] | None,
        typer.Option("--stage", metavar="STAGE=ALIAS", help="The alias of a stage [default: Production=champion, …]."),
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="OLD", help="Plan for this model alone; may be repeated.")
    ] = None,
    files: Annotated[bool, typer.Option(help="Look at the files of each version, which takes longest.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Write over a plan that is there.")] = False,
    jobs: Readers = 8,
    as_json: AsJson = False,
) -> None:
    """Write down what becomes of a flat registry: names, stages, versions, grants; nothing is done.

    The plan is YAML for people to edit. `apply` carries it out, and `upgrade code --map-file` takes its names.

    Examples: `modelyard upgrade plan http://mlflow:5000 --schema prod.ml` ·
    `modelyard upgrade plan sqlite:///mlflow.db --schema prod.ml --model fraud --stage Production=live -o fraud.yaml`
    """
    from modelyard.upgrade import plan as words  # noqa: PLC0415  as above
    from modelyard.upgrade.moving import moves  # noqa: PLC0415  as above

    if output.exists() and not force:
        raise Invalid(f"{output} is there already; name another --output, or write over it with --force.")
    said = words.made(maps or [], schema, stages or [], "")
    found = look(registry, jobs, models or (), with_files=files)
    made = moves.made(found, moves.Wanted(said.schema, said.names, said.aliases))
    with new_file(output, replace=force) as out:
        out.write(moves.text(made).encode())
    told = _summary(made)
    if as_json:
        show({**told, "plan": str(output)}, as_json=True, columns=())
        return
    for problem in found.problems:
        say(problem)
    show(_lines(made), as_json=False, columns=_REFUSED)
    say(f"{told['models']} models, {told['versions']} versions, {told['bytes']} bytes; {told['refused']} refused.")
    say(f"Nothing was done. Read {output}, then: modelyard upgrade apply {output}")


def _summary(made: MovePlan) -> dict[str, Any]:
    lines = [line for model in made.models.values() for line in model.versions.values()]
    size = sum(line.size or 0 for line in lines)
    counts = {"models": len(made.models), "versions": len(lines), "bytes": size, "refused": len(made.refused)}
    return {**counts, "lines": _lines(made)}


def _lines(made: MovePlan) -> list[dict[str, Any]]:
    return [{"model": each.model, "version": each.version, "why": each.why} for each in made.refused]


def _read(file: Path) -> MovePlan:
    from modelyard.upgrade.moving import moves  # noqa: PLC0415  as above

    try:
        return moves.read(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"the plan {file} cannot be read as text.") from error


def _ledger(file: Path) -> Path:
    return file.with_name(file.name + ".ledger")


def apply(
    plan_file: PlanFile,
    server: Server,
    jobs: Carriers = 4,
    recover_signatures: Annotated[
        bool,
        typer.Option(
            "--recover-signatures", help="Load models that lack a signature, and make one from their input example."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring what a plan says into the catalog, verified: the SHA-256 of each file is compared at both ends.

    What is done is written down beside the plan; after an interruption, ask again, and it goes on. Exit status 1 if
    anything was refused, or failed, with a line about each.

    With --recover-signatures the code of models runs here, as you: only for registries whose models you trust.

    Examples: `modelyard upgrade apply plan.yaml` · `modelyard upgrade apply plan.yaml --jobs 8 --recover-signatures`
    """
    from modelyard.cli.moving import sources  # noqa: PLC0415  as above
    from modelyard.cli.moving.apply import Move  # noqa: PLC0415  as above
    from modelyard.cli.moving.bring import Way  # noqa: PLC0415  as above
    from modelyard.cli.moving.target import Target  # noqa: PLC0415  as above
    from modelyard.upgrade.moving.ledger import Ledger  # noqa: PLC0415  as above

    told = _read(plan_file)
    server.be_patient()
    folder = plan_file.with_name(plan_file.name + ".coming")
    with Ledger(_ledger(plan_file)) as ledger:
        source = sources.opened(told.source.uri)
        way = Way(folder, jobs, recover_signatures)
        report = Move(told, source, Target(server, told.source.id), ledger).run(way)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    if as_json:
        show(report.document(), as_json=True, columns=())
    else:
        show([each.shown() for each in report.versions], as_json=False, columns=_VERSIONS)
        if report.access:
            show(report.access, as_json=False, columns=_ACCESS)
        if report.lines:
            show(report.lines, as_json=False, columns=_REFUSED)
    if report.lines:
        say(f"{len(report.lines)} things were refused, or failed; the lines above say why.")
        raise typer.Exit(1)


def undo(plan_file: PlanFile, server: Server, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take back what `apply` made for a plan, into the trash; what was there before, or came since, stays.

    Refused once an old name is retired: then the old registry is no place to go back to.

    Example: `modelyard upgrade undo plan.yaml`
    """
    from modelyard.cli.moving import undo as back  # noqa: PLC0415  as above
    from modelyard.cli.moving.target import Target  # noqa: PLC0415  as above
    from modelyard.upgrade.moving.ledger import Ledger  # noqa: PLC0415  as above

    told = _read(plan_file)
    if not _ledger(plan_file).exists():
        raise NotFound(f"nothing was done for {plan_file}: there is no {_ledger(plan_file).name} beside it.")
    with Ledger(_ledger(plan_file)) as ledger:
        target = Target(server, told.source.id)
        back.check(ledger, target)
        confirm(f"Move {len(ledger.models)} models that were brought to the trash?", yes=yes)
        found = back.undo(ledger, target)
    show(found, as_json=as_json, columns=_UNDONE)
    if not all(each["undone"] for each in found):
        raise typer.Exit(1)
