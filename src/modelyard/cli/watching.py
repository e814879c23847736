"""Commands that ask serving endpoints, and tell how they do: predictions, statistics, logs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from modelyard.cli.client import Client
from modelyard.cli.endpoints import EndpointName, at, entities_of, ours, part
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import harmless, show
from modelyard.errors import Invalid

_STATISTICS: Final = (
    "served", "version", "share", "requests", "errors_4xx", "errors_5xx", "error_rate", "p50=p50_ms", "p95=p95_ms",
    "p99=p99_ms",
)  # fmt: skip


def query(
    name: EndpointName,
    server: Server,
    body: Annotated[
        str, typer.Option("--body", metavar="JSON|@FILE|-", help="The question: JSON, a file's, or standard input's.")
    ] = "-",
    served: Annotated[
        str | None, typer.Option(metavar="NAME", help="Ask this served entity, whatever its share.")
    ] = None,
) -> None:
    """Ask an endpoint for predictions; the answer is JSON.

    Examples: `modelyard endpoints query fraud --body @body.json` ·
    `modelyard endpoints query fraud --body '{"dataframe_records": [{"amount": 12.5}]}' --served challenger`
    """
    middle = f"/served-models/{quote(served, safe='')}" if served else ""
    server.be_patient()
    found = server.send_json(f"/serving-endpoints/{quote(name, safe='')}{middle}/invocations", _question(body))
    show(found, as_json=True, columns=())


def _question(said: str) -> bytes:
    if said == "-":
        body = sys.stdin.buffer.read()
    elif said.startswith("@"):
        body = _read(Path(said[1:]))
    else:
        body = said.encode()
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"the question is not JSON: {error}.") from None
    return body


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.") from None


def stats(name: EndpointName, server: Server, as_json: AsJson = False) -> None:
    """Show what each served entity did in the last hour: requests, errors, and milliseconds by percentile.

    Example: `modelyard endpoints stats fraud`
    """
    found = server.ask("GET", ours(name, "/statistics"))
    rows = found["served_entities"]
    show(rows if as_json else [_row(each) for each in rows], as_json=as_json, columns=_STATISTICS)


def _row(entity: dict[str, Any]) -> dict[str, Any]:
    shown = {"share": f"{entity['share']:.1%}", "error_rate": f"{entity['error_rate']:.1%}"}
    return {**entity, "served": entity["name"], **shown}


def logs(
    name: EndpointName,
    server: Server,
    served: Annotated[
        str | None, typer.Argument(metavar="SERVED", help="The served entity; it may be left out where there is one.")
    ] = None,
    build: Annotated[bool, typer.Option("--build", help="What was said while its environment was built.")] = False,
) -> None:
    """Print what the processes of a served entity have printed lately.

    Examples: `modelyard endpoints logs fraud` · `modelyard endpoints logs fraud challenger --build`
    """
    what = "build-logs" if build else "logs"
    called = quote(served or _only(server, name), safe="")
    typer.echo(harmless(server.ask("GET", at(name, f"/served-models/{called}/{what}"))["logs"]), nl=False)


def _only(server: Client, name: str) -> str:
    """The one entity that is served, or is going to be."""
    found = server.ask("GET", at(name))
    names = [str(each["name"]) for each in entities_of(part(found, "pending_config") or part(found, "config"))]
    if len(names) != 1:
        told = f"one of {', '.join(names)}" if names else "it, once there is a config"
        raise typer.BadParameter(f"name the served entity: {told}.", param_hint="SERVED")
    return names[0]
