"""Commands for old names: which flat name stands for which model, who still calls by it, and stages."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS
from modelyard.cli.options import AsJson, ModelName, Server, Yes, confirm, group
from modelyard.cli.output import say, show

_NAME: Final = ("name", "model=full_name", "aliases", "state", "last_seen=last_seen_at", "added=created_at")
_WITNESS: Final = (
    "principal",
    "client",
    "call",
    "stage",
    "times",
    "refused",
    "first=first_seen_at",
    "last=last_seen_at",
)
_MOVE: Final = ("version", "from=from_stage", "to=to_stage", "moved=moved_at", "by=moved_by")
_MOST: Final = 1_000

OldName = Annotated[str, typer.Argument(metavar="NAME", help="The flat name, as old code writes it.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--alias", metavar="STAGE=ALIAS", help="The alias of a stage; may be repeated.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "legacy", "Old names: flat names of models that code still says, and who does.",
        list=list_old_names, add=add_old_name, show=show_old_name, set=change_old_name, remove=remove_old_name,
        witnesses=list_witnesses, stages=stage_history,
    )  # fmt: skip


def _at(name: str) -> str:
    return f"{OURS}/legacy-names/{quote(name, safe='')}"


def _aliases(told: list[str] | None) -> dict[str, str] | None:
    if told is None:
        return None
    return {stage: alias for stage, _, alias in (each.partition("=") for each in told)}


def list_old_names(server: Server, as_json: AsJson = False) -> None:
    """List the old names of models, what they stand for, and when somebody called by them last.

    Example: `modelyard legacy list`
    """
    show(server.all(f"{OURS}/legacy-names", "legacy_names", max_results=_MOST), as_json=as_json, columns=_NAME)


def add_old_name(
    name: OldName,
    target: Annotated[str, typer.Argument(metavar="MODEL", help="catalog.schema.model; for '*' catalog.schema.")],
    server: Server,
    alias: Mapped = None,
    as_json: AsJson = False,
) -> None:
    """Let a flat name stand for a model; '*' for the schema in which models of new flat names are made.

    Examples: `modelyard legacy add fraud prod.ml_team.fraud` ·
    `modelyard legacy add fraud prod.ml_team.fraud --alias Production=live --alias Staging=next`
    """
    made = server.ask("POST", f"{OURS}/legacy-names", name=name, full_name=target, aliases=_aliases(alias))
    show(made, as_json=as_json, columns=_NAME)


def show_old_name(name: OldName, server: Server, as_json: AsJson = False) -> None:
    """Show what an old name stands for.

    Example: `modelyard legacy show fraud`
    """
    show(server.ask("GET", _at(name)), as_json=as_json, columns=_NAME)


def change_old_name(
    name: OldName,
    server: Server,
    alias: Mapped = None,
    refuse_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="When a brown-out begins (UTC).", show_default=False)
    ] = None,
    refuse_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends; two empty times end it now.", show_default=False)
    ] = None,
    retired: Annotated[
        bool | None, typer.Option("--retire/--revive", help="Refuse calls for good, or no longer.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Map stages to other aliases, or refuse calls by an old name: for a while, or for good.

    Examples: `modelyard legacy set fraud --refuse-from 2026-12-01T09:00 --refuse-until 2026-12-01T10:00` ·
    `modelyard legacy set fraud --retire`
    """
    times = {"refused_from": refuse_from, "refused_until": refuse_until}
    changed = server.ask("PATCH", _at(name), aliases=_aliases(alias), retired=retired, **times)
    show(changed, as_json=as_json, columns=_NAME)


def remove_old_name(name: OldName, server: Server, yes: Yes = False) -> None:
    """Let a name stand for nothing any more; who called by it stays known.

    Example: `modelyard legacy remove fraud`
    """
    confirm(f"Let {name} stand for nothing? Code that says it fails then.", yes=yes)
    server.ask("DELETE", _at(name))
    say(f"{name} stands for nothing any more.")


def list_witnesses(name: OldName, server: Server, as_json: AsJson = False) -> None:
    """List who called by an old name, with which client, for what and when, the latest first.

    Example: `modelyard legacy witnesses fraud`
    """
    found = server.all(f"{_at(name)}/witnesses", "witnesses", max_results=_MOST)
    show(found, as_json=as_json, columns=_WITNESS)


def stage_history(name: ModelName, server: Server, as_json: AsJson = False) -> None:
    """Show which versions of a model went into which stage, when and by whom, newest first.

    Example: `modelyard legacy stages prod.ml_team.fraud`
    """
    path = f"{OURS}/models/{quote(name, safe='')}/stage-history"
    show(server.all(path, "moves", max_results=_MOST), as_json=as_json, columns=_MOVE)
