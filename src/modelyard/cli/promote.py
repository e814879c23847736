"""Promotion: a version of one model becomes one of another, without a byte being moved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import MLFLOW, OURS, Client
from modelyard.cli.options import AsJson, Comment, ModelName, Number, Server
from modelyard.cli.output import show

if TYPE_CHECKING:
    from collections.abc import Callable

_ORIGIN: Final = re.compile(r"([^@]+)@([^@]+)")
_COPIED: Final = ("model", "version", "source", "aliases", "digest")
_CARD: Final = ("model", "version", "status", "files", "size", "contents", "verdict", "digest")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    commands: dict[str, Callable[..., None]] = {"promote": promote, "card": card}
    for name, command in commands.items():
        app.command(name)(command)


def promote(
    origin: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="What to promote: a version or an alias.")],
    destination: Annotated[str, typer.Argument(metavar="MODEL", help="The registered model that it goes to.")],
    server: Server,
    alias: Annotated[str | None, typer.Option(help="Point this alias of the destination at the new version.")] = None,
    expect: Annotated[int | None, typer.Option(help="Only if the alias points here now; 0: nowhere.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the history of the alias.")] = None,
    comment: Comment = None,
    as_json: AsJson = False,
) -> None:
    """Copy a version into another model on the server, whatever its size, and move an alias with it if asked.

    Examples: `modelyard promote dev.ml_team.churn@3 prod.ml_team.churn --alias Champion` ·
    `modelyard promote staging.ml_team.churn@Challenger prod.ml_team.churn --alias Champion --expect 2`
    """
    model, version = found_version(server, origin)
    said = {"alias": alias, "expected_version": expect, "reason": reason, "comment": comment}
    made = server.ask("POST", f"{_at(model, version)}/copy", destination=destination, **said)
    show(made, as_json=as_json, columns=_COPIED)


def card(model: ModelName, version: Number, server: Server, as_json: AsJson = False) -> None:
    """Show how large a version is, how its files were judged, and what its `MLmodel` says (with `--json`).

    Example: `modelyard card prod.ml_team.churn 3`
    """
    show(server.ask("GET", f"{_at(model, version)}/card"), as_json=as_json, columns=_CARD)


def _at(model: str, version: int | str) -> str:
    return f"{OURS}/models/{quote(model, safe='')}/versions/{version}"


def found_version(server: Client, origin: str) -> tuple[str, str]:
    """The model and the version's number that `MODEL@VERSION` names; an alias is looked up."""
    told = _ORIGIN.fullmatch(origin)
    if told is None:
        raise typer.BadParameter("write MODEL@VERSION, such as dev.ml_team.churn@3.", param_hint="MODEL@VERSION")
    model, version = told.groups()
    if version.isdecimal():
        return model, version
    found = server.ask("GET", f"{MLFLOW}/registered-models/alias", name=model, alias=version)
    return model, found["model_version"]["version"]
