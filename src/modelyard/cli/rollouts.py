"""The command for roll-outs of serving endpoints: an entity takes over step by step, or is taken back."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from modelyard.cli.endpoints import EndpointName, ours
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import show

_SHOWN: Final = (
    "served=served_entity_name", "state", "percentage", "reason", "steps", "bake_seconds", "max_error_rate",
    "max_latency_ratio", "min_requests", "by=started_by", "started=started_at", "step_since=step_at",
)  # fmt: skip


def rollout(  # noqa: PLR0913, PLR0917  each is an option of the command
    name: EndpointName,
    server: Server,
    served: Annotated[
        str | None, typer.Argument(metavar="SERVED", help="The served entity that takes over; without it, look.")
    ] = None,
    steps: Annotated[str | None, typer.Option(metavar="PERCENT,...", help="Its shares, rising.")] = None,
    bake: Annotated[int | None, typer.Option(metavar="SECONDS", help="How long each step lasts at least.")] = None,
    max_errors: Annotated[
        float | None, typer.Option(metavar="FRACTION", help="Take it back when more of its answers are errors.")
    ] = None,
    max_latency: Annotated[
        float | None, typer.Option(metavar="RATIO", help="Take it back when it is slower than the others by this.")
    ] = None,
    min_requests: Annotated[int | None, typer.Option(metavar="COUNT", help="Answers that a judgement takes.")] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="End it; the shares stay as they are.")] = False,
    back: Annotated[bool, typer.Option("--back", help="End it; the shares return to what they were.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a served entity take over step by step, look how far it is, or end that.

    Examples: `modelyard endpoints rollout fraud challenger --steps 10,50,100 --bake 60` ·
    `modelyard endpoints rollout fraud` · `modelyard endpoints rollout fraud --back`
    """
    plan = {
        "steps": _steps(steps),
        "bake_seconds": bake,
        "max_error_rate": max_errors,
        "max_latency_ratio": max_latency,
        "min_requests": min_requests,
    }
    planned = any(value is not None for value in plan.values())
    if (planned and not served) or [bool(served), cancel, back].count(True) > 1:
        raise typer.BadParameter("name what takes over, with its steps; or --cancel; or --back.", param_hint="rollout")
    found: dict[str, Any] = (
        server.ask("DELETE", ours(name, "/rollout"), rollback=back)
        if cancel or back
        else server.ask("POST", ours(name, "/rollout"), served_entity_name=served, **plan)
        if served
        else server.ask("GET", ours(name, "/rollout"))
    )
    show(found, as_json=as_json, columns=_SHOWN)


def _steps(said: str | None) -> list[int] | None:
    try:
        return None if said is None else [int(each) for each in said.split(",")]
    except ValueError:
        raise typer.BadParameter(f"write steps as 10,50,100, not {said!r}.", param_hint="--steps") from None
