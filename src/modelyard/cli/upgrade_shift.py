"""`modelyard upgrade shift`: requests move from old to new step by step, and batch consumers all at once."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import say, show
from modelyard.cli.outputs import point
from modelyard.cli.shift_entities import Beginning, Origin
from modelyard.cli.shifts import Shift, read_verdict
from modelyard.errors import Invalid
from modelyard.upgrade import shifting

_ROLLOUT: Final = (
    "served=served_entity_name", "state", "percentage", "reason", "steps", "bake_seconds", "max_error_rate",
    "max_latency_ratio", "min_requests", "started=started_at", "step_since=step_at",
)  # fmt: skip
_OUTPUT: Final = ("name", "state", "current=is_current", "files", "size", "path", "about")


_To = Annotated[
    str, typer.Option("--to", metavar="MODEL@VERSION|SERVED|OUTPUT", help="What takes over.", show_default=False)
]
_Endpoint = Annotated[
    str | None, typer.Argument(metavar="[ENDPOINT]", help="The endpoint whose requests move.", show_default=False)
]
_Output = Annotated[
    str, typer.Option(metavar="VOLUME", help="Instead: the volume whose consumers read the output --to.")
]
_Steps = Annotated[str, typer.Option(metavar="PERCENT,…", help="The shares of what takes over, rising.")]
_MaxDisagreement = Annotated[
    float | None, typer.Option(metavar="SHARE", help="Of answers to the same request, that differ.", min=0, max=1)
]
_Verdicts = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="A verdict of `upgrade compare` that must agree before each step."),
]
_FromUrl = Annotated[
    str, typer.Option(metavar="URL", help="The old scorer, if ENDPOINT is not there yet: it begins with 100 %.")
]
_Record = Annotated[str, typer.Option(metavar="CATALOG.SCHEMA.PREFIX", help="Keep answers in this inference table.")]


def shift(  # noqa: PLR0913, PLR0917  each is an option of the command
    server: Server,
    to: _To,
    endpoint: _Endpoint = None,
    output: _Output = "",
    steps: _Steps = "1,10,50,100",
    bake: Annotated[str, typer.Option(metavar="TIME", help="How long each step lasts at least: 90s, 30m, 2h.")] = "30m",
    max_error_rate: Annotated[float, typer.Option(metavar="SHARE", help="Of its answers, that are errors.")] = 0.05,
    max_p95_ratio: Annotated[float, typer.Option(metavar="RATIO", help="Its 95th percentile to the old one's.")] = 2.0,
    min_requests: Annotated[int, typer.Option(min=1, help="Answers that a judgement takes.")] = 50,
    max_disagreement: _MaxDisagreement = None,
    verdict: _Verdicts = None,
    from_url: _FromUrl = "",
    from_secret: Annotated[str, typer.Option(metavar="SCOPE/KEY", help="The secret with the token for it.")] = "",
    record: _Record = "",
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the history of an output.")] = None,
    wait: Annotated[bool, typer.Option(help="Stay until it has ended; without, the server goes on alone.")] = True,
    timeout: Annotated[int | None, typer.Option(metavar="SECONDS", min=1, help="Stay no longer than this.")] = None,
    as_json: AsJson = False,
) -> None:
    """Move requests from the old scorer to a version of a model by steps, or consumers of batches to another output.

    The server judges errors and latency, and takes requests back by itself. The same command again goes on.

    Examples: `modelyard upgrade shift fraud --from-url https://old/score --to prod.ml.fraud@3 --bake 30m` ·
    `modelyard upgrade shift --output prod.ml.scores --to 20260131T060000-0a1b2c3d --verdict verdict.json`
    """
    if bool(endpoint) == bool(output):
        raise Invalid("name an ENDPOINT, or the volume with --output; one of them.")
    verdicts = tuple(verdict or ())
    if output:
        moved = _move(server, output, to, verdicts, reason)
        show(moved, as_json=as_json, columns=_OUTPUT)
        return
    if not wait and (verdicts or max_disagreement is not None):
        raise Invalid("what is asked before each step is asked by this command: --no-wait does not go with it.")
    checked = shifting.plan("", steps, bake, max_error_rate, max_p95_ratio, min_requests)
    for file in verdicts:
        read_verdict(file).allow()
    beginning = Beginning(server, endpoint or "", timeout or 1_200)
    entity = beginning.begun(to, Origin(from_url, from_secret), record)
    plan = replace(checked, entity=entity)
    until = None if timeout is None else time.monotonic() + timeout
    found = Shift(beginning, plan, verdicts, max_disagreement, until).run(wait=wait)
    show(found, as_json=as_json, columns=_ROLLOUT)


def _move(server: Client, volume: str, output: str, verdicts: tuple[Path, ...], reason: str | None) -> dict[str, Any]:
    """Let the consumers of a volume read another output, if the verdicts are about its bytes and agree."""
    at = f"{OURS}/volumes/{quote(volume, safe='')}/outputs/{quote(output, safe='')}"
    found = server.ask("GET", at)
    for file in verdicts:
        read_verdict(file).allow_output(output, found["digest"])
    if found["is_current"]:
        say(f"consumers of {volume} see {found['name']} already.")
        return found
    told = f"compared: {', '.join(file.name for file in verdicts)}" if verdicts else None
    return point(server, volume, found["name"], None, reason or told)
