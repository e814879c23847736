"""Commands that explain decisions: why somebody may or may not, and what is missing for a role."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal

import typer

from modelyard.cli.client import OURS
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import say, show, show_tree

NO: Final = 3
"""The exit status of a plain no, so that scripts can tell it from a command that failed (1) or was misspelt (2)."""

_ENDPOINTS: Final = "serving-endpoints/"
_TYPES: Final = ("metastore", "catalog", "schema", "function")

RoleName = Literal["training", "promotion", "deployment", "inference"]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command("explain")(explain)
    app.command("preflight")(preflight)


def explain(
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help='Who; "me" is whose token is used.')],
    action: Annotated[
        str,
        typer.Argument(metavar="ACTION", help='Such as SetAlias or "set alias", or a privilege such as EXECUTE.'),
    ],
    securable: Annotated[
        str,
        typer.Argument(
            metavar="SECURABLE",
            help='The full name of a catalog, schema or model, "metastore", or serving-endpoints/NAME.',
        ),
    ],
    server: Server,
    origin: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The model that is copied from, for actions that copy.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain why somebody may or may not do something: each check, and by which grant to whom it passes.

    You may ask about yourself, and about everybody where you manage the securable. Exit status 0 means allowed, 3 not.

    Examples: `modelyard explain alice@example.com SetAlias prod.ml_team.fraud` ·
    `modelyard explain me EXECUTE prod.ml_team.fraud` · `modelyard explain ci UpdateConfig serving-endpoints/fraud`
    """
    found = server.ask(
        "GET",
        f"{OURS}/explain",
        action=action,
        securable_type=_type(securable),
        full_name=securable,
        principal=_who(principal),
        origin=origin,
    )
    if as_json:
        show(found, as_json=True, columns=())
    else:
        may = "may" if found["allowed"] else "may not"
        on = found["full_name"] or "the metastore"
        show_tree(f"{found['principal']} {may} {found['action']} on {on}", _branches(found))
        say(found["reason"])
        if not found["complete"]:
            say("What lies behind the first refusal is told to those who manage it.")
    _answer(yes=found["allowed"])


def preflight(
    role: Annotated[RoleName, typer.Argument(metavar="ROLE", help="training, promotion, deployment or inference.")],
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model's full name, or a schema's for all models in it.")
    ],
    server: Server,
    source: Annotated[
        str | None, typer.Option(metavar="MODEL", help="What a promotion copies from: a model, or a schema.")
    ] = None,
    principal: Annotated[str, typer.Option(metavar="NAME", help="Who will do it.")] = "me",
    as_json: AsJson = False,
) -> None:
    """Say what somebody lacks for a role, and print the grants that would help; they change nothing by themselves.

    Exit status 0 means that nothing is missing, 3 that something is.

    Examples: `modelyard preflight training staging.ml_team.fraud --principal trainer` ·
    `modelyard preflight promotion prod.ml_team.fraud --source staging.ml_team.fraud --principal ci`
    """
    found = server.ask("GET", f"{OURS}/preflight", role=role, model=model, source=source, principal=_who(principal))
    if as_json:
        show(found, as_json=True, columns=())
    else:
        ready = "is ready" if found["ready"] else "is not ready"
        show_tree(f"{found['principal']} {ready} for {role}", _branches(found))
        _advise(found)
    _answer(yes=found["ready"])


def _who(name: str) -> str | None:
    return None if name == "me" else name


def _type(full_name: str) -> str:
    if full_name == "metastore":
        return "metastore"
    if full_name.startswith(_ENDPOINTS):
        return "serving_endpoint"
    return _TYPES[min(full_name.count(".") + 1, len(_TYPES) - 1)]


def _branches(found: dict[str, Any]) -> list[tuple[bool, str]]:
    return [(check["passed"], _told(check)) for check in found["checks"]]


def _told(check: dict[str, Any]) -> str:
    if "basis" not in check:
        return str(check["reason"])
    what = f"{check['privilege'].replace('_', ' ')} on {_named(check)}"
    way = " → ".join(check["through"])
    if check["basis"] == "entitlement":
        return f"{what}: entitlement of {way}"
    if check["basis"] != "grant":
        return f"{what}: {check['basis']} ({way} owns {_named(check['found_on'])})"
    return f"{what}: {check['granted'].replace('_', ' ')} is granted on {_named(check['found_on'])} to {way}"


def _named(place: dict[str, Any]) -> str:
    kind = {"FUNCTION": "model", "SERVING_ENDPOINT": "endpoint"}.get(place["securable_type"])
    return f"{kind or place['securable_type'].lower()} {place['full_name'].removeprefix(_ENDPOINTS)}".rstrip()


def _advise(found: dict[str, Any]) -> None:
    if not found["active"]:
        say(f"{found['principal']} is not active, so its tokens are refused.")
    for message in found["absent"]:
        say(message)
    for form, title in (("sql", "These grants would help:"), ("command", "The same as commands:")):
        if found["grants"]:
            say(title)
        for grant in found["grants"]:
            typer.echo(grant[form])


def _answer(*, yes: bool) -> None:
    if not yes:
        sys.exit(NO)
