"""Commands for the history of aliases, and for the protection of aliases in schemas."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS
from modelyard.cli.journal import moment
from modelyard.cli.options import AsJson, ModelName, SchemaName, Server, Yes, confirm
from modelyard.cli.output import say, show

_MOVE: Final = ("alias", "from=from_version", "to=to_version", "moved=moved_at", "by=moved_by", "reason")
_PROTECTION: Final = ("pattern", "movers=principals", "created=created_at", "by=created_by")
_MOST: Final = 1_000

Pattern = Annotated[str, typer.Argument(metavar="PATTERN", help="Aliases such as champion or 'prod-*', in any case.")]


def _protected(schema: str) -> str:
    return f"{OURS}/schemas/{quote(schema, safe='')}/protected-aliases"


def _show_protections(found: dict[str, Any], *, as_json: bool) -> None:
    show(found["protected_aliases"], as_json=as_json, columns=_PROTECTION)


def alias_history(
    name: ModelName,
    server: Server,
    alias: Annotated[str | None, typer.Argument(metavar="[ALIAS]", help="Only this alias.", show_default=False)] = None,
    at: Annotated[
        str | None,
        typer.Option(parser=moment, metavar="TIME", help="Only where each stood then, such as 2026-01-31 (UTC) or 1d."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who moved the aliases of a model, when and why, newest first.

    Examples: `modelyard aliases history prod.ml_team.churn` ·
    `modelyard aliases history prod.ml_team.churn Champion --at 2026-01-31`
    """
    path = f"{OURS}/models/{quote(name, safe='')}/alias-history"
    show(server.all(path, "moves", alias=alias, at=at, max_results=_MOST), as_json=as_json, columns=_MOVE)


def list_protected(schema: SchemaName, server: Server, as_json: AsJson = False) -> None:
    """List the patterns of aliases that a schema protects, and who may move them.

    Example: `modelyard aliases protected prod.ml_team`
    """
    _show_protections(server.ask("GET", _protected(schema)), as_json=as_json)


def protect_alias(
    schema: SchemaName,
    pattern: Pattern,
    server: Server,
    mover: Annotated[list[str], typer.Option(metavar="PRINCIPAL", help="Who may move them; may be repeated.")],
    as_json: AsJson = False,
) -> None:
    """Let only some principals move aliases of a pattern in a schema; it binds owners and admins, too.

    Example: `modelyard aliases protect prod.ml_team champion --mover release-managers`
    """
    found = server.ask("PUT", _protected(schema), pattern=pattern, principals=mover)
    _show_protections(found, as_json=as_json)


def unprotect_alias(schema: SchemaName, pattern: Pattern, server: Server, yes: Yes = False) -> None:
    """Protect a pattern of aliases no longer; only for those who may move them, and for admins.

    Example: `modelyard aliases unprotect prod.ml_team champion`
    """
    confirm(f"Let everybody who manages a model of {schema} move {pattern}?", yes=yes)
    server.ask("DELETE", _protected(schema), pattern=pattern)
    say(f"{schema} protects {pattern} no longer.")
