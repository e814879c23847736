"""Commands of the upgrade assistant: what points at the old registry, and what it becomes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelyard import __version__
from modelyard.cli import upgrade_compare, upgrade_shift, upgrade_status
from modelyard.cli.moving import commands
from modelyard.cli.options import AsJson, group
from modelyard.cli.output import harmless, out, say, show
from modelyard.cli.upgrade_plan import MapFile, Maps, planned, ready
from modelyard.cli.upgrade_workflow import workflow
from modelyard.cli.written import new_file, write_text
from modelyard.errors import Changed, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelyard.upgrade.engine import Change, Options, Outcome
    from modelyard.upgrade.moving.registry import Inventory
    from modelyard.upgrade.plan import Plan

Anywhere = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH…]", help="Files and folders with code and configuration.", show_default=False),
]
Registered = Annotated[
    str,
    typer.Option(
        "--registry",
        metavar="URI",
        help="Look at this flat registry, too: http://…, sqlite:///…, databricks://PROFILE or a folder.",
    ),
]
Paths = Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders with code and configuration.")]
Schema = Annotated[
    str, typer.Option("--schema", metavar="CATALOG.SCHEMA", help="Where models without a new name of their own go.")
]
Stages = Annotated[
    list[str] | None,
    typer.Option("--stage", metavar="STAGE=ALIAS", help="The alias of a stage [default: Production=champion, …]."),
]
Registry = Annotated[str, typer.Option("--registry-uri", metavar="URI", help="The catalog's registry address.")]
With = Annotated[list[str] | None, typer.Option("--with", metavar="RULE", help="Use an opt-in rule (U30, U43), too.")]
Without = Annotated[list[str] | None, typer.Option("--without", metavar="RULE", help="Leave a rule out.")]
Sarif = Annotated[Path | None, typer.Option("--sarif", metavar="FILE", help="Also write SARIF 2.1.0 to this file.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page for people to this file.")]

_COLUMNS = ("file", "line", "rule", "safety", "changed=is_changed", "message")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "upgrade", "Move workflows from a flat MLflow registry to the catalog, a step at a time.",
        scan=scan, plan=commands.plan, apply=commands.apply, undo=commands.undo, code=code, rules=show_rules,
        workflow=workflow,
        compare=upgrade_compare.compare,
        status=upgrade_status.status,
        retire=upgrade_status.retire,
        shift=upgrade_shift.shift,
    )  # fmt: skip


def scan(  # noqa: PLR0913, PLR0917  Typer calls it with every option of the command
    paths: Anywhere = None,
    registry: Registered = "",
    jobs: commands.Readers = 8,
    maps: Maps = None,
    map_file: MapFile = None,
    schema: Schema = "",
    stages: Stages = None,
    registry_uri: Registry = "",
    extra: With = None,
    without: Without = None,
    sarif: Sarif = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """List what is in the old registry, and every reference to it, with what would change; nothing is written.

    The registry is asked with MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD; that of
    a Databricks workspace with host and token of a profile in ~/.databrickscfg.

    Examples: `modelyard upgrade scan . --schema prod.ml --html report.html` ·
    `modelyard upgrade scan --registry http://mlflow:5000` · `modelyard upgrade scan . --registry sqlite:///mlflow.db`
    """
    if not paths and not registry:
        raise Invalid("name files or folders with code, a --registry, or both.")
    if not paths and sarif:
        raise Invalid("--sarif is about code: name its files or folders, too.")
    found = commands.look(registry, jobs) if registry else None
    outcome = None
    if paths:
        ready()
        outcome = _run(paths, planned(maps, map_file, schema, stages, registry_uri), _options(extra, without))
    _written(outcome, found, sarif, html)
    _shown(outcome, found, as_json=as_json)


def code(  # noqa: PLR0913, PLR0917  as `scan`
    paths: Paths,
    maps: Maps = None,
    map_file: MapFile = None,
    schema: Schema = "",
    stages: Stages = None,
    registry_uri: Registry = "",
    extra: With = None,
    without: Without = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print what would change, rule by rule.")] = False,
    branch: Annotated[
        str, typer.Option(metavar="NAME", help="Leave the files; make a git branch with a commit for each rule.")
    ] = "",
    propose: Annotated[bool, typer.Option("--propose", help="Make the changes of class C, too.")] = False,
    only_automatic: Annotated[bool, typer.Option("--only-automatic", help="Make changes of class A only.")] = False,
    comments: Annotated[bool, typer.Option(help="Leave a comment where a person must decide.")] = True,
    sarif: Sarif = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Rewrite code and configuration for the catalog: full names instead of flat ones, aliases instead of stages.

    Example: `modelyard upgrade code src jobs --map fraud=prod.ml.fraud --branch upgrade/fraud`
    """
    if branch and (check or diff):
        raise Invalid("--branch makes a branch, and --check and --diff make nothing; give one of them.")
    ready()
    plan = planned(maps, map_file, schema, stages, registry_uri)
    if not (plan.names or plan.schema):  # an alias of a name that stays in the old registry is no help to anybody
        raise Invalid("say what models are called in the catalog: --map OLD=NEW, --map-file FILE or --schema.")
    options = _options(extra, without, propose=propose, only_automatic=only_automatic, comments=comments)
    outcome = _branched(paths, branch, plan, options) if branch else _run(paths, plan, options)
    _written(outcome, None, sarif, html)
    if diff:
        _print_diffs(outcome)
    elif as_json or not check:
        _shown(outcome, None, as_json=as_json)
    if not (check or diff or branch):
        _save(paths, outcome)
    if check:
        _checked(outcome)


def show_rules(as_json: AsJson = False) -> None:
    """List the rules: what each finds, what it writes, and why."""
    from modelyard.upgrade.catalogue import RULES  # noqa: PLC0415  as in `_run`

    rows = [
        {"rule": rule.id, "finds": rule.matches, "writes": rule.writes, "why": rule.why, "opt_in": rule.opt_in}
        for rule in RULES.values()
    ]
    show(rows, as_json=as_json, columns=("rule", "finds", "writes", "why", "opt_in"))


def _options(
    extra: list[str] | None,
    without: list[str] | None,
    *,
    propose: bool = False,
    only_automatic: bool = False,
    comments: bool = True,
) -> Options:
    from modelyard.upgrade.analysis import Wanted  # noqa: PLC0415  as in `_run`
    from modelyard.upgrade.engine import Options  # noqa: PLC0415  as in `_run`
    from modelyard.upgrade.findings import Safety  # noqa: PLC0415  as in `_run`

    wanted = Wanted(_known(extra), _known(without))
    safeties = {Safety.AUTOMATIC} if only_automatic else {Safety.AUTOMATIC, Safety.REVIEW}
    return Options(wanted, frozenset(safeties | ({Safety.PROPOSE} if propose else set())), comments)


def _known(rules: list[str] | None) -> frozenset[str]:
    from modelyard.upgrade.catalogue import RULES  # noqa: PLC0415  as in `_run`

    for rule in rules or []:
        if rule not in RULES:
            raise Invalid(f'"{rule}" is not a rule; `modelyard upgrade rules` lists them.')
    return frozenset(rules or [])


def _run(paths: Sequence[Path], plan: Plan, options: Options) -> Outcome:
    # tree-sitter is an extra, and the other commands start without it.
    from modelyard.upgrade import engine, walk  # noqa: PLC0415

    return engine.run(walk.files(list(paths)), plan, options)


def _branched(paths: list[Path], branch: str, plan: Plan, options: Options) -> Outcome:
    from modelyard.upgrade import repository  # noqa: PLC0415  as in `_run`

    outcome, titles = repository.branched(paths, branch, lambda inside: _run(inside, plan, options))
    for title in titles:
        say(f"  {title}")
    say(f"The branch {branch} has {len(titles)} commits; the checkout is as it was.")
    return outcome


def _shown(outcome: Outcome | None, found: Inventory | None, *, as_json: bool) -> None:
    said: dict[str, Any] = {"format": 1, "modelyard": __version__}
    if found:
        said["registry"] = commands.document(found)
    if outcome:
        from modelyard.upgrade import reports  # noqa: PLC0415  as in `_run`

        said |= reports.document(outcome)
    if as_json:
        show(said, as_json=True, columns=())
    if found and not as_json:
        commands.show_registry(found)
    if outcome:
        _show_code(outcome, said, as_json=as_json)


def _show_code(outcome: Outcome, said: dict[str, Any], *, as_json: bool) -> None:
    if not as_json:
        show(said["code"]["references"], as_json=False, columns=_COLUMNS)
    for trouble in outcome.troubles:
        say(f"{trouble.name}: {trouble.message}")
    if not as_json:
        found, changed = len(outcome.references), len(outcome.changes)
        say(f"{found} references in {outcome.counted} files; {changed} files change.")


def _print_diffs(outcome: Outcome) -> None:
    from modelyard.upgrade import reports  # noqa: PLC0415  as in `_run`
    from modelyard.upgrade.catalogue import RULES  # noqa: PLC0415  as in `_run`

    for rule, step in outcome.steps():
        out.file.write(f"# {rule}: {RULES[rule].matches} → {RULES[rule].writes}\n")
        for name, before, after in step:
            out.file.write(harmless(reports.diff(name, before, after)))


def _written(outcome: Outcome | None, found: Inventory | None, sarif: Path | None, html: Path | None) -> None:
    if sarif and outcome:
        from modelyard.upgrade import reports  # noqa: PLC0415  as in `_run`

        write_text(sarif, json.dumps(reports.sarif(outcome), indent=1))
    if html:
        from modelyard.upgrade import paper  # noqa: PLC0415  as in `_run`

        body = "".join(_parts(outcome, found))
        write_text(
            html, paper.page("Modelyard upgrade: what is there", "The old registry, and what points at it", body)
        )


def _parts(outcome: Outcome | None, found: Inventory | None) -> Iterator[str]:
    """What a page says of a registry, and of code."""
    if found:
        from modelyard.upgrade.moving import page as registry  # noqa: PLC0415  as in `_run`

        yield registry.body(found)
    if outcome:
        from modelyard.upgrade import page  # noqa: PLC0415  as in `_run`

        yield page.body(outcome)


def _checked(outcome: Outcome) -> None:
    for change in outcome.changes:
        say(f"would change: {change.name}")
    if outcome.changes:
        say(f"{len(outcome.changes)} files would change: run `modelyard upgrade code` on them.")
        raise typer.Exit(1)


def _save(paths: Sequence[Path], outcome: Outcome) -> None:
    from modelyard.upgrade import walk  # noqa: PLC0415  as in `_run`

    root = walk.root(list(paths))
    for change in outcome.changes:
        _replace(root / change.name, change)


def _replace(path: Path, change: Change) -> None:
    """Write a file whole or not at all, with the permissions that it had."""
    if path.read_bytes() != change.before:
        raise Changed(f"{change.name} has changed since it was read; run the command again.")
    with new_file(path, replace=True) as file:
        os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
        file.write(change.after)
