"""Commands for inference tables: what endpoints were asked, and what they answered."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli import table_exports
from modelyard.cli.client import OURS
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show

if TYPE_CHECKING:
    from collections.abc import Sequence

TableName = Annotated[str, typer.Argument(metavar="TABLE", help="The table's full name, catalog.schema.table.")]
Hours = Annotated[float | None, typer.Option(min=0, metavar="HOURS", help="Only of the last hours.")]

_TABLE: Final[Sequence[str]] = (
    "name=full_name", "owner", "rows", "lost=lost_rows", "files", "size", "days=retention_days",
    "first=first_at", "last=last_at", "created=created_at",
)  # fmt: skip
_ROW: Final[Sequence[str]] = (
    "time=request_time", "status=status_code", "ms=execution_duration_ms", "entity=served_entity_name",
    "shadow=is_shadow", "by=requester", "request", "response",
)  # fmt: skip
_SIDE: Final[Sequence[str]] = (
    "entity=served_entity_name", "rows", "pairs", "failed", "mean_ms=mean_duration_ms", "agreement=agreement_rate",
)  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "tables", "Inference tables: what endpoints were asked, and what they answered.",
        show=show_table, rows=show_rows, compare=compare, export=export, retain=retain, delete=delete,
    )  # fmt: skip


def show_table(name: TableName, server: Server, as_json: AsJson = False) -> None:
    """Show an inference table: how many rows it has, and how many could not be kept.

    Example: `modelyard tables show prod.ml_team.churn_payload`
    """
    show(server.ask("GET", _at(name)), as_json=as_json, columns=_TABLE)


def show_rows(
    name: TableName,
    server: Server,
    status: Annotated[int | None, typer.Option(help="Only answers with this status.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only answers of this served entity.")] = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="Only of the request with this id.")] = None,
    hours: Hours = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many rows at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the newest rows of an inference table; it takes SELECT on it.

    Example: `modelyard tables rows prod.ml_team.churn_payload --status 400 --limit 5`
    """
    said: dict[str, object] = {"status_code": status, "served_entity_name": entity, "databricks_request_id": request}
    found: list[dict[str, Any]] = []
    token = None
    while len(found) < limit:
        left = limit - len(found)
        page = server.ask("GET", f"{_at(name)}/rows", **said, since=_since(hours), max_results=left, page_token=token)
        found += page["rows"]
        token = page["next_page_token"]
        if not token:
            break
    show(found, as_json=as_json, columns=_ROW)


def compare(
    name: TableName,
    server: Server,
    a: Annotated[str, typer.Option("--a", metavar="ENTITY", help="A served entity, such as the champion.")],
    b: Annotated[str, typer.Option("--b", metavar="ENTITY", help="Another one, such as its shadow.")],
    hours: Hours = None,
    as_json: AsJson = False,
) -> None:
    """Compare what two served entities answered to the same requests.

    A shadow is compared request by request; two that share the traffic by the client_request_id of their clients.

    Example: `modelyard tables compare prod.ml_team.churn_payload --a churn-3 --b churn-4`
    """
    found = server.ask("GET", f"{_at(name)}/compare", a=a, b=b, since=_since(hours))
    if as_json:
        show(found, as_json=True, columns=())
        return
    rate = found["agreement_rate"]
    told = "" if rate is None else f"{rate:.2%}"
    show([_side(found, each, told) for each in ("a", "b")], as_json=False, columns=_SIDE)
    if not found["is_complete"]:
        say("There is more than was compared; name fewer --hours to compare all of them.")


def _side(found: dict[str, Any], which: str, rate: str) -> dict[str, object]:
    side: dict[str, Any] = found[which]
    mean = side["mean_duration_ms"]
    shown = None if mean is None else f"{mean:.1f}"
    return {**side, "mean_duration_ms": shown, "pairs": found["pairs"], "agreement_rate": rate}


def export(
    name: TableName,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder, or an earlier export.")],
    server: Server,
) -> None:
    """Bring an inference table into a folder as a Delta table; it takes SELECT on it, and deltalake.

    Done again, it fetches what is new, and removes what the table does not keep any more.

    Example: `modelyard tables export prod.ml_team.churn_payload churn`
    """
    done = table_exports.export(server, _at(name), name, folder)
    say(f"{folder} is version {done.version}: {done.added} files came, {done.removed} went.")


def retain(
    name: TableName,
    days: Annotated[int, typer.Argument(metavar="DAYS", min=1, help="For how many days rows are kept.")],
    server: Server,
) -> None:
    """Say for how many days an inference table keeps its rows.

    Example: `modelyard tables retain prod.ml_team.churn_payload 90`
    """
    server.ask("PATCH", _at(name), retention_days=days)
    say(f"{name} keeps its rows for {days} days.")


def delete(name: TableName, server: Server, yes: Yes = False) -> None:
    """Delete an inference table with all its rows.

    Example: `modelyard tables delete prod.ml_team.churn_payload --yes`
    """
    confirm(f"Delete the table {name} with all its rows? They cannot be restored.", yes=yes)
    server.ask("DELETE", _at(name))
    say(f"Deleted the table {name}.")


def _since(hours: float | None) -> int | None:
    return None if hours is None else int((time.time() - hours * 3600) * 1000)


def _at(name: str) -> str:
    return f"{OURS}/tables/{quote(name, safe='')}"
