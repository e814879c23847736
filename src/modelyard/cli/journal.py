"""Commands for the audit: what was done, refused and failed."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import AsJson, Server, group
from modelyard.cli.output import err, say, show
from modelyard.errors import Invalid

_COLUMNS: Final = ("time", "principal", "action", "securable", "result", "message")
_MOST: Final = 1_000
_AGO = re.compile(r"(\d{1,6})([smhdw])\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def moment(text: str) -> str:
    """A time as the server reads it; `90m` or `1d` is so long ago."""
    if found := _AGO.match(text):
        return str(int((time.time() - int(found[1]) * _SECONDS[found[2]]) * 1000))
    return text


_TIME: Final = "such as 1d, 2026-01-31 or 2026-01-31T18:00:00Z"
Since = Annotated[str | None, typer.Option(parser=moment, metavar="TIME", help=f"Only from then on, {_TIME}.")]
Until = Annotated[str | None, typer.Option(parser=moment, metavar="TIME", help="Only before then.")]
Who = Annotated[str | None, typer.Option("--principal", metavar="NAME", help="Only what this one did or tried.")]
On = Annotated[str | None, typer.Option("--securable", metavar="NAME", help="Only this one and what is inside.")]
What = Annotated[str | None, typer.Option("--action", metavar="NAME", help="Only this action, such as setAlias.")]
How = Annotated[Literal["done", "refused", "failed"] | None, typer.Option("--result", help="Only what ended so.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(app, "audit", "The audit: who did what, and what was refused.", list=list_audit, export=export_audit)


def _flat(event: dict[str, Any]) -> dict[str, Any]:
    """What people look at first."""
    return {
        "time": event["event_time"],
        "principal": event["user_identity"]["email"] or "(nobody)",
        "action": event["action_name"],
        "securable": event["securable"],
        "result": event["response"]["result"],
        "message": event["response"]["error_message"] or event["reason"],
    }


def list_audit(  # noqa: PLR0913, PLR0917  each parameter is an option of the command
    server: Server,
    since: Since = None,
    until: Until = None,
    principal: Who = None,
    securable: On = None,
    action: What = None,
    result: How = None,
    most: Annotated[int, typer.Option(min=1, max=_MOST, help="How many rows at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what was done, refused and failed, newest first: by you, to what you manage, or all as an admin.

    Examples: `modelyard audit list --since 1d --result refused` ·
    `modelyard audit list --securable prod.ml_team.churn --action setAlias`
    """
    asked = {"since": since, "until": until, "principal": principal, "securable": securable, "action": action}
    found = server.ask("GET", f"{OURS}/audit", **asked, result=result, max_results=most)["events"]
    show(found if as_json else [_flat(event) for event in found], as_json=as_json, columns=_COLUMNS)


def export_audit(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file; - is the standard output.")],
    server: Server,
    since: Since = None,
    until: Until = None,
    principal: Who = None,
    securable: On = None,
    action: What = None,
    result: How = None,
) -> None:
    """Write rows of the audit as JSON Lines, oldest first, page by page.

    Examples: `modelyard audit export january.jsonl --since 2026-01-01 --until 2026-02-01` ·
    `modelyard audit export - --securable prod | jq .action_name`
    """
    asked: dict[str, object] = {
        "since": since, "until": until, "principal": principal, "securable": securable, "action": action,
        "result": result,
    }  # fmt: skip
    count = 0
    with _opened(file) as out:
        for event in _all(server, asked):
            out.write(json.dumps(event, ensure_ascii=False) + "\n")
            count += 1
    say(f"Wrote {count} rows of the audit.")


@contextmanager
def _opened(file: str) -> Generator[IO[str]]:
    if file == "-":
        yield sys.stdout
        return
    try:
        with Path(file).open("x", encoding="utf-8") as out:
            yield out
    except OSError as error:
        raise Invalid(f"{file} cannot be written: {error.strerror}. Name a new file.") from None


def _all(server: Client, asked: dict[str, object]) -> Iterator[dict[str, Any]]:
    """Every row, oldest first, while a bar tells how far it is to the newest one."""
    newest = server.ask("GET", f"{OURS}/audit", **asked, max_results=1)["events"]
    columns = (TextColumn("Audit"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not (newest and err.is_terminal)) as progress:
        bar = progress.add_task("", total=None)
        token, first = None, 0
        while newest:
            page = server.ask("GET", f"{OURS}/audit", **asked, order="asc", max_results=_MOST, page_token=token)
            yield from page["events"]
            token = page["next_page_token"]
            if not token:
                return
            first = first or page["events"][0]["sequence"]
            here, end = page["events"][-1]["sequence"] - first, newest[0]["sequence"] - first
            progress.update(bar, completed=here, total=max(here, end))
