"""Commands for who may do what with serving endpoints, and who may run code at all."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import typer

from modelyard.cli.access import address, everybody, find
from modelyard.cli.client import TOKENS, Client
from modelyard.cli.endpoints import EndpointName, at
from modelyard.cli.options import AsJson, Server, group
from modelyard.cli.output import say, show
from modelyard.domain.endpoints import Level

_PERMISSION: Final = ("principal", "level", "inherited")
_ENTITLED: Final = ("name", "kind", "entitlements")
_NAMES: Final = ("user_name", "group_name", "service_principal_name")

Entitlement = Literal["allow-cluster-create"]

EntitlementName = Annotated[
    Entitlement, typer.Argument(metavar="ENTITLEMENT", help="allow-cluster-create: to serve models and run jobs.")
]
Entitled = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="A user, a service principal or a group.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "entitlements", "Entitlements: who may run code, as models that are served do.",
        add=add_entitlement, remove=remove_entitlement, list=list_entitlements,
    )  # fmt: skip


def permissions(
    name: EndpointName,
    server: Server,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="PRINCIPAL=LEVEL", help="Permit CAN_VIEW, CAN_QUERY or CAN_MANAGE; may be repeated."),
    ] = None,
    deny: Annotated[
        list[str] | None, typer.Option(metavar="PRINCIPAL", help="Take away what it was permitted; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who may do what with an endpoint, and change it.

    Examples: `modelyard endpoints permissions fraud` ·
    `modelyard endpoints permissions fraud --allow ml-team=CAN_QUERY --deny bob@example.com`
    """
    found = server.ask("GET", at(name))
    where = f"{TOKENS}/permissions/serving-endpoints/{found['id']}"
    asked = [_item(each) for each in allow or ()]
    if deny:
        now = server.ask("GET", where)
        kept = _without(_rows(now), {found["creator"], *deny, *(each["user_name"] for each in asked)})
        told = server.ask("PUT", where, access_control_list=[*kept, *asked])
    elif asked:
        told = server.ask("PATCH", where, access_control_list=asked)
    else:
        told = server.ask("GET", where)
    show(told if as_json else _rows(told), as_json=as_json, columns=_PERMISSION)


def _item(said: str) -> dict[str, str]:
    principal, _, level = said.rpartition("=")
    if not principal or level.upper() not in Level.__members__:
        raise typer.BadParameter(f"write PRINCIPAL=LEVEL with {', '.join(Level)}, not {said!r}.", param_hint="--allow")
    return {"user_name": principal, "permission_level": level.upper()}


def _rows(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "principal": next(each[key] for key in _NAMES if key in each),
            "level": each["all_permissions"][0]["permission_level"],
            "inherited": each["all_permissions"][0]["inherited"],
        }
        for each in told["access_control_list"]
    ]


def _without(rows: list[dict[str, Any]], gone: set[str]) -> list[dict[str, str]]:
    """What was permitted to all others, as it is said."""
    return [
        {"user_name": row["principal"], "permission_level": row["level"]}
        for row in rows
        if row["principal"] not in gone and not row["inherited"]
    ]


# Entitlements


def add_entitlement(principal: Entitled, entitlement: EntitlementName, server: Server) -> None:
    """Entitle a principal, or the members of a group; admins are entitled without it.

    Example: `modelyard entitlements add ml-team allow-cluster-create`
    """
    _change(server, principal, "add", entitlement)
    say(f"{principal} is entitled to {entitlement}.")


def remove_entitlement(principal: Entitled, entitlement: EntitlementName, server: Server) -> None:
    """Take an entitlement away; what its endpoints serve runs on, and is not started again.

    Example: `modelyard entitlements remove ml-team allow-cluster-create`
    """
    _change(server, principal, "remove", entitlement)
    say(f"{principal} is not entitled to {entitlement} by itself any more.")


def list_entitlements(
    server: Server,
    principal: Annotated[str | None, typer.Argument(metavar="PRINCIPAL", help="Only what this one has.")] = None,
    as_json: AsJson = False,
) -> None:
    """List who was entitled to what, by itself and not through a group.

    Examples: `modelyard entitlements list` · `modelyard entitlements list ml-team --json`
    """
    found = [find(server, principal)] if principal else everybody(server)
    rows = [{**each, "entitlements": [one["value"] for one in each.get("entitlements", ())]} for each in found]
    shown = [{key: row[key] for key in _ENTITLED} for row in rows if row["entitlements"]]
    show(shown, as_json=as_json, columns=_ENTITLED)


def _change(server: Client, principal: str, op: str, entitlement: str) -> None:
    operation = {"op": op, "path": "entitlements", "value": [{"value": entitlement}]}
    server.ask("PATCH", address(find(server, principal)), Operations=[operation])
