"""Commands for serving endpoints: made, looked at, changed, stopped and deleted; others stand beside this file."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS, TOKENS, Client
from modelyard.cli.options import AsJson, Comment, Server, Yes, confirm, group
from modelyard.cli.output import err, say, show
from modelyard.domain.endpoints import default_name
from modelyard.errors import TooLate, WrongState

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_ALL: Final = f"{TOKENS}/serving-endpoints"
_LISTED: Final = ("name", "state", "update", "serves", "creator")
_SHOWN: Final = (
    "name", "state", "update", "message", "creator", "description", "config=config_version", "sticky_by",
    "permission=permission_level", "created=creation_timestamp", "url=endpoint_url", "id",
)  # fmt: skip
_ENTITY: Final = ("served", "model", "version", "traffic", "size", "state", "message")
_TOLD: Final = frozenset({"state", "creator", "creation_timestamp"})
"""What an answer says of a served entity beside what a client says of it."""

Size = Literal["Small", "Medium", "Large"]

EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's name.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=]MODEL@VERSION...",
        help="What to serve: versions, by numbers or aliases; and what each is called here.",
        show_default=False,
    ),
]
Traffic = Annotated[
    list[str] | None,
    typer.Option("--traffic", metavar="NAME=PERCENT", help="The share of a served entity; may be repeated."),
]
ServedSize = Annotated[
    Size, typer.Option(case_sensitive=False, help="Requests at once: Small 4, Medium 8 to 16, Large 16 to 64.")
]
Sleeps = Annotated[bool, typer.Option("--scale-to-zero", help="Keep no process while nobody asks.")]
Follow = Annotated[bool, typer.Option("--follow", help="Move when the alias does.")]
Environment = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=VALUE", help="A variable for the models; {{secrets/SCOPE/KEY}} is a secret."),
]
Waits = Annotated[bool, typer.Option("--wait", help="Wait until it serves, or failed to.")]
Patience = Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to wait at most.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    from modelyard.cli import permits, rollouts, watching  # noqa: PLC0415  they take the words above

    group(
        app, "endpoints", "Serving endpoints: which versions answer predictions, and who may ask.",
        create=create_endpoint, list=list_endpoints, show=show_endpoint, update=update_endpoint, traffic=set_traffic,
        wait=wait, stop=stop_endpoint, start=start_endpoint, delete=delete_endpoint, rollout=rollouts.rollout,
        query=watching.query, stats=watching.stats, logs=watching.logs, permissions=permits.permissions,
    )  # fmt: skip
    permits.add_to(app)


# Looking


def at(name: str, more: str = "") -> str:
    """The address of an endpoint."""
    return f"{_ALL}/{quote(name, safe='')}{more}"


def ours(name: str, more: str) -> str:
    """The address of what only we have of an endpoint."""
    return f"{OURS}/serving-endpoints/{quote(name, safe='')}{more}"


def list_endpoints(server: Server, as_json: AsJson = False) -> None:
    """List the endpoints that you may see.

    Examples: `modelyard endpoints list` · `modelyard endpoints list --json`
    """
    found = server.ask("GET", _ALL)["endpoints"]
    show(found if as_json else [_flat(each) for each in found], as_json=as_json, columns=_LISTED)


def show_endpoint(name: EndpointName, server: Server, as_json: AsJson = False) -> None:
    """Show an endpoint, and how it stands with each entity that it serves or is going to serve.

    Example: `modelyard endpoints show fraud`
    """
    told(server.ask("GET", at(name)), as_json=as_json)


def told(found: dict[str, Any], *, as_json: bool) -> None:
    """Print an endpoint."""
    if as_json:
        show(found, as_json=True, columns=())
        return
    show(_flat(found), as_json=False, columns=_SHOWN)
    show(_entities(found), as_json=False, columns=_ENTITY)


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    """An endpoint in the words of tables."""
    state, config = found["state"], part(found, "config")
    serves = [f"{each['name']} ({_source(each)})" for each in entities_of(config)]
    return {
        **found,
        "state": "STOPPED" if state.get("suspend") else state["ready"],
        "update": state["config_update"],
        "message": state.get("message", ""),
        "config_version": config.get("config_version"),
        "sticky_by": config.get("sticky_by", ""),
        "serves": serves,
    }


def _source(entity: dict[str, Any]) -> str:
    return f"{entity['entity_name']}@{entity['entity_version']}" if "entity_name" in entity else "elsewhere"


def _entities(found: dict[str, Any]) -> list[dict[str, Any]]:
    active = _rows(part(found, "config"))
    known = {(row["served"], row["model"], row["version"]) for row in active}
    coming = _rows(part(found, "pending_config"), "coming up")
    return [*active, *(row for row in coming if (row["served"], row["model"], row["version"]) not in known)]


def _rows(config: dict[str, Any], traffic: str = "") -> list[dict[str, Any]]:
    routes = config.get("traffic_config", {}).get("routes", ())
    shares = {route["served_entity_name"]: route["traffic_percentage"] for route in routes}
    return [
        {
            "served": each["name"],
            "model": each.get("entity_name", each.get("external_model", {}).get("provider")),
            "version": each.get("entity_version", ""),
            "traffic": traffic or f"{shares.get(each['name'], 0)} %",
            "size": each.get("workload_size", ""),
            "state": each["state"]["deployment"].removeprefix("DEPLOYMENT_"),
            "message": each["state"]["deployment_state_message"],
        }
        for each in entities_of(config)
    ]


def part(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A config of an endpoint; an empty one, if it has none."""
    return found.get(name) or {}


def plain(entity: dict[str, Any]) -> dict[str, Any]:
    """A served entity as a client says it."""
    return {key: value for key, value in entity.items() if key not in _TOLD}


def entities_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The served entities of a config."""
    return config.get("served_entities", [])


# Changing


def create_endpoint(  # noqa: PLR0913, PLR0917  each is an option of the command
    name: EndpointName,
    sources: Sources,
    server: Server,
    size: ServedSize = "Small",
    scale_to_zero: Sleeps = False,
    follow: Follow = False,
    env: Environment = None,
    traffic: Traffic = None,
    comment: Comment = None,
    wait: Waits = False,
    timeout: Patience = 1200,
    as_json: AsJson = False,
) -> None:
    """Make an endpoint that serves versions of models; it will be yours, and loads them in your name.

    Examples: `modelyard endpoints create fraud prod.ml_team.fraud@3 --wait` ·
    `modelyard endpoints create fraud champion=prod.ml_team.fraud@Champion --follow --size Medium --scale-to-zero` ·
    `modelyard endpoints create fraud old=prod.ml.fraud@3 new=prod.ml.fraud@4 --traffic old=90 --traffic new=10`
    """
    config = {
        "served_entities": [_entity(each, size, env, sleeps=scale_to_zero, follow=follow) for each in sources],
        **_routes(traffic),
    }
    made = server.ask("POST", _ALL, name=name, config=config, description=comment)
    told(settled(server, name, timeout) if wait else made, as_json=as_json)


def update_endpoint(  # noqa: PLR0913, PLR0917  each is an option of the command
    name: EndpointName,
    server: Server,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]MODEL@VERSION", help="Serve this too, or in place of what is called the same."),
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Serve this no more.")] = None,
    size: ServedSize = "Small",
    scale_to_zero: Sleeps = False,
    follow: Follow = False,
    env: Environment = None,
    traffic: Traffic = None,
    sticky: Annotated[
        str | None, typer.Option(metavar="KEY", help='What keeps somebody on one version, as "user"; empty: nothing.')
    ] = None,
    wait: Waits = False,
    timeout: Patience = 1200,
    as_json: AsJson = False,
) -> None:
    """Change what an endpoint serves; until all of the new config is ready, and if it fails, the one before goes on.

    What is added has no share before `--traffic` or `modelyard endpoints traffic` gives it one. Size, environment and
    the like are those of what is added.

    Examples: `modelyard endpoints update fraud --add challenger=prod.ml_team.fraud@4 --wait` ·
    `modelyard endpoints update fraud --remove champion --traffic challenger=100`
    """
    if not any((add, remove, traffic, sticky is not None)):
        raise typer.BadParameter("say what to change; `--help` lists the options.", param_hint="update")
    said: dict[str, Any] = {**_routes(traffic), "sticky_by": sticky}
    if add or remove:
        added = [_entity(each, size, env, sleeps=scale_to_zero, follow=follow) for each in add or ()]
        said["served_entities"] = _merged(server.ask("GET", at(name)), added, remove or [])
    made = server.ask("PUT", at(name, "/config"), **said)
    told(settled(server, name, timeout) if wait else made, as_json=as_json)


def _merged(found: dict[str, Any], added: list[dict[str, Any]], remove: list[str]) -> list[dict[str, Any]]:
    """What is served, as a client says it, without what is removed and with what is added."""
    before = entities_of(part(found, "config"))
    if unknown := sorted(set(remove) - {each["name"] for each in before}):
        raise typer.BadParameter(f"{found['name']} serves nothing called {unknown[0]!r}.", param_hint="--remove")
    gone = {*remove, *(each["name"] for each in added)}
    kept = [each for each in before if each["name"] not in gone]
    return [*map(plain, kept), *added]


def set_traffic(
    name: EndpointName,
    shares: Annotated[list[str], typer.Argument(metavar="NAME=PERCENT...", help="The shares, which add up to 100.")],
    server: Server,
    as_json: AsJson = False,
) -> None:
    """Say which share of the requests each served entity gets, at once; who is not named gets none.

    Example: `modelyard endpoints traffic fraud champion=90 challenger=10`
    """
    told(server.ask("PUT", at(name, "/config"), **_routes(shares)), as_json=as_json)


def wait(name: EndpointName, server: Server, timeout: Patience = 1200, as_json: AsJson = False) -> None:
    """Wait until an update of an endpoint has ended: well, or with what went wrong and status 1.

    Example: `modelyard endpoints wait fraud --timeout 300`
    """
    told(settled(server, name, timeout), as_json=as_json)


def stop_endpoint(name: EndpointName, server: Server, as_json: AsJson = False) -> None:
    """End every process of an endpoint; it refuses requests until it is started.

    Example: `modelyard endpoints stop fraud`
    """
    told(server.ask("POST", at(name, "/stop")), as_json=as_json)


def start_endpoint(
    name: EndpointName, server: Server, wait: Waits = False, timeout: Patience = 1200, as_json: AsJson = False
) -> None:
    """Start an endpoint that was stopped.

    Example: `modelyard endpoints start fraud --wait`
    """
    made = server.ask("POST", at(name, "/start"))
    told(settled(server, name, timeout) if wait else made, as_json=as_json)


def delete_endpoint(name: EndpointName, server: Server, yes: Yes = False) -> None:
    """Delete an endpoint with its permissions; the models that it serves stay.

    Example: `modelyard endpoints delete fraud --yes`
    """
    confirm(f"Delete the endpoint {name}? Whoever asks it gets no answer any more.", yes=yes)
    server.ask("DELETE", at(name))
    say(f"Deleted the endpoint {name}.")


def settled(server: Client, name: str, seconds: int) -> dict[str, Any]:
    """An endpoint once no update of it is under way; `WrongState` where that has failed."""
    until = time.monotonic() + seconds
    spinner: AbstractContextManager[object] = nullcontext()
    if err.is_terminal:
        spinner = err.status(f"{name} comes up")
    with spinner:
        while (found := server.ask("GET", at(name)))["state"]["config_update"] == "IN_PROGRESS":
            if time.monotonic() > until:
                raise TooLate(f"{name} has not come up in {seconds} seconds; `modelyard endpoints logs` may say why.")
            time.sleep(0.5)
    state = found["state"]
    if state["config_update"] != "NOT_UPDATING":
        raise WrongState(f"The update of {name} has not come through: {_briefly(state.get('message', ''))}")
    return found


def _briefly(message: str) -> str:
    """The first and the last line of what may be a whole traceback, which `show` has."""
    lines = message.splitlines() or ["it was canceled."]
    return lines[0] if len(lines) == 1 else f"{lines[0]} … {lines[-1]}"


# Words


def _entity(source: str, size: Size, env: list[str] | None, *, sleeps: bool, follow: bool) -> dict[str, Any]:
    """A served entity of `[NAME=]MODEL@VERSION`."""
    called, equals, rest = source.rpartition("=")
    model, at_sign, version = rest.rpartition("@")
    if not at_sign or not model or not version or (equals and not called):
        raise typer.BadParameter(f"write what to serve as MODEL@VERSION or NAME=MODEL@VERSION, not {source!r}.")
    numbered = version.isascii() and version.isdigit()
    if follow and numbered:
        raise typer.BadParameter(
            f"only an alias can be followed, and {source!r} names a number.", param_hint="--follow"
        )
    return {
        "name": called or default_name(model, version),
        "entity_name": model,
        "entity_version": version if numbered else f"@{version}",
        "workload_size": size,
        "scale_to_zero_enabled": sleeps,
        "follow_alias": follow,
        "environment_vars": dict(_pair(each, "--env") for each in env or ()),
    }


def _routes(shares: list[str] | None) -> dict[str, Any]:
    routes = [_pair(each, "share") for each in shares or ()]
    if not routes:
        return {}
    told = [{"served_entity_name": name, "traffic_percentage": _percentage(share)} for name, share in routes]
    return {"traffic_config": {"routes": told}}


def _percentage(said: str) -> int:
    if not (said.isascii() and said.isdigit()):
        raise typer.BadParameter(f"a share is a whole number from 0 to 100, not {said!r}.", param_hint="share")
    return int(said)


def _pair(said: str, option: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"write NAME=VALUE, not {said!r}.", param_hint=option)
    return name, value
