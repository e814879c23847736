"""Commands for grants, principals and tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from modelyard.cli.client import SCIM, TOKENS, UNITY, Client
from modelyard.cli.options import AsJson, Comment, Server, Yes, confirm, group, need_one
from modelyard.cli.output import moment, say, show
from modelyard.cli.server import token_app
from modelyard.errors import NotFound

_DAY_SECONDS: Final = 24 * 3600
_MOST_LISTED: Final = 10_000  # the server gives no more principals of a kind
_GRANT: Final = ("principal", "privileges")
_EFFECTIVE: Final = ("principal", "privilege", "inherited_from=inherited_from_name", "through")
_PRINCIPAL: Final = ("name", "kind", "display_name=displayName", "active")
_WHOLE_PRINCIPAL: Final = (*_PRINCIPAL, "members", "groups", "id")
_TOKEN: Final = (
    "id=token_id",
    "comment",
    "created=creation_time",
    "expires=expiry_time",
    "used=last_used_at",
    "by=created_by_username",
)
_FOLDERS: Final = {
    "user": ("Users", "userName"),
    "service-principal": ("ServicePrincipals", "applicationId"),
    "group": ("Groups", "displayName"),
}
"""Where SCIM keeps each kind of principal, and the field that is its name."""

SecurableKind = Literal["metastore", "catalog", "schema", "model"]
PrincipalKind = Literal["user", "service-principal", "group"]

OnKind = Annotated[SecurableKind, typer.Argument(metavar="KIND", help="metastore, catalog, schema or model.")]
OnName = Annotated[str, typer.Argument(metavar="NAME", help='Its full name; the metastore\'s is "metastore".')]
Grantee = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="A user, a service principal or a group.")]
Privileges = Annotated[
    list[str],
    typer.Argument(metavar="PRIVILEGE", help='Such as USE_CATALOG or "USE CATALOG".', show_default=False),
]
PrincipalName = Annotated[str, typer.Argument(metavar="NAME", help="The principal's name.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "grants", "Grants: who may do what with a securable.",
        list=list_grants, effective=list_effective_grants, set=set_grants, delete=delete_grants,
    )  # fmt: skip
    group(
        app, "principals", "Principals: users, service principals and groups.",
        create=create_principal, list=list_principals, get=get_principal, set=set_principal,
        delete=delete_principal,
    )  # fmt: skip
    token_app.command("create")(create_token)
    token_app.command("list")(list_tokens)
    token_app.command("revoke")(revoke_token)


# Grants


def _permissions(kind: str, name: str) -> str:
    return f"{UNITY}/permissions/{kind}/{quote(name, safe='')}"


def _show_grants(answer: dict[str, Any], *, as_json: bool) -> None:
    show(answer.get("privilege_assignments", []), as_json=as_json, columns=_GRANT)


def list_grants(
    kind: OnKind,
    name: OnName,
    server: Server,
    principal: Annotated[str | None, typer.Option(help="Only what this one holds.")] = None,
    as_json: AsJson = False,
) -> None:
    """List who was granted what on a securable itself; what it inherits is on its containers.

    Examples: `modelyard grants list schema prod.ml_team` · `modelyard grants list metastore metastore`
    """
    _show_grants(server.ask("GET", _permissions(kind, name), principal=principal), as_json=as_json)


def list_effective_grants(
    kind: OnKind,
    name: OnName,
    server: Server,
    principal: Annotated[
        str | None, typer.Option(help="Only what this one holds, by itself and through groups.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List who holds what on a securable, with what is inherited from its containers.

    Examples: `modelyard grants effective model prod.ml_team.fraud` ·
    `modelyard grants effective model prod.ml_team.fraud --principal alice@example.com`
    """
    path = f"{UNITY}/effective-privilege-assignments/{kind}/{quote(name, safe='')}"
    found = server.all(path, "effective_privilege_assignments", principal=principal)
    if as_json:
        show(found, as_json=True, columns=_EFFECTIVE)
    else:
        rows = [{**held, **each} for each in found for held in each["privileges"]]
        show(rows, as_json=False, columns=_EFFECTIVE)


def set_grants(
    kind: OnKind,
    name: OnName,
    principal: Grantee,
    privileges: Privileges,
    server: Server,
    as_json: AsJson = False,
) -> None:
    """Grant privileges on a securable, besides those that are there.

    Example: `modelyard grants set catalog prod ml-team USE_CATALOG "USE SCHEMA" EXECUTE`
    """
    change = {"principal": principal, "add": privileges}
    _show_grants(server.ask("PATCH", _permissions(kind, name), changes=[change]), as_json=as_json)


def delete_grants(
    kind: OnKind,
    name: OnName,
    principal: Grantee,
    privileges: Privileges,
    server: Server,
    as_json: AsJson = False,
) -> None:
    """Take privileges on a securable away again.

    Example: `modelyard grants delete catalog prod ml-team EXECUTE`
    """
    change = {"principal": principal, "remove": privileges}
    _show_grants(server.ask("PATCH", _permissions(kind, name), changes=[change]), as_json=as_json)


# Principals


def _told(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    """A principal of SCIM, with its kind and the name that grants and owners say."""
    return {"kind": kind, "name": found[_FOLDERS[kind][1]], **found}


def _search(server: Client, kind: str, name: str | None = None) -> Iterator[dict[str, Any]]:
    folder, field = _FOLDERS[kind]
    wanted = None if name is None else f"{field} eq {json.dumps(name, ensure_ascii=False)}"
    found = server.ask("GET", f"{SCIM}/{folder}", filter=wanted)["Resources"]
    if len(found) >= _MOST_LISTED:
        say(f"Only the first {_MOST_LISTED} of this kind are listed: {kind}.")
    return (_told(kind, each) for each in found)


def find(server: Client, name: str) -> dict[str, Any]:
    """The principal of this name, of whichever kind."""
    for kind in _FOLDERS:
        for found in _search(server, kind, name):
            return found
    raise NotFound(f"there is no principal with name {name}; `modelyard principals list` shows all.")


def everybody(server: Client) -> list[dict[str, Any]]:
    """Every principal, kind by kind."""
    return [each for kind in _FOLDERS for each in _search(server, kind)]


def address(principal: dict[str, Any]) -> str:
    """Where SCIM has a principal."""
    return f"{SCIM}/{_FOLDERS[principal['kind']][0]}/{quote(principal['id'], safe='')}"


def _members(server: Client, names: list[str] | None) -> list[dict[str, str]]:
    return [{"value": find(server, name)["id"]} for name in names or ()]


def create_principal(
    kind: Annotated[PrincipalKind, typer.Argument(metavar="KIND", help="user, service-principal or group.")],
    name: PrincipalName,
    server: Server,
    member: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A member of the new group; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a user, a service principal or a group.

    Examples: `modelyard principals create user alice@example.com` ·
    `modelyard principals create group ml-team --member alice@example.com`
    """
    folder, field = _FOLDERS[kind]
    said = {"displayName": name, field: name, "members": _members(server, member) or None}
    show(_told(kind, server.ask("POST", f"{SCIM}/{folder}", **said)), as_json=as_json, columns=_WHOLE_PRINCIPAL)


def list_principals(
    server: Server,
    kind: Annotated[
        PrincipalKind | None,
        typer.Argument(metavar="KIND", help="Only users, service principals or groups."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List principals by name.

    Examples: `modelyard principals list` · `modelyard principals list group --json`
    """
    found = [each for one in ([kind] if kind else _FOLDERS) for each in _search(server, one)]
    show(found, as_json=as_json, columns=_PRINCIPAL)


def get_principal(name: PrincipalName, server: Server, as_json: AsJson = False) -> None:
    """Show a principal with its groups, or a group with its members.

    Example: `modelyard principals get ml-team`
    """
    show(find(server, name), as_json=as_json, columns=_WHOLE_PRINCIPAL)


def set_principal(
    name: PrincipalName,
    server: Server,
    add_member: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Let it into the group.")] = None,
    remove_member: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Take it out.")] = None,
    active: Annotated[
        bool | None,
        typer.Option("--active/--inactive", help="Whether its tokens are accepted.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change who is in a group, or whether a user or service principal may come in.

    Examples: `modelyard principals set ml-team --add-member bob@example.com` ·
    `modelyard principals set bob@example.com --inactive`
    """
    need_one(add_member, remove_member, active)
    there = find(server, name)
    operations = [
        {"op": "add", "path": "members", "value": _members(server, add_member)},
        {"op": "remove", "path": "members", "value": _members(server, remove_member)},
        {"op": "replace", "path": "active", "value": active},
    ]
    told = [operation for operation in operations if operation["value"] not in ([], None)]
    changed = server.ask("PATCH", address(there), Operations=told)
    show(_told(there["kind"], changed), as_json=as_json, columns=_WHOLE_PRINCIPAL)


def delete_principal(name: PrincipalName, server: Server, yes: Yes = False) -> None:
    """Delete a principal with its tokens, grants and memberships.

    Example: `modelyard principals delete bob@example.com`
    """
    there = find(server, name)
    confirm(f"Delete the {there['kind']} {name} with its tokens and grants?", yes=yes)
    server.ask("DELETE", address(there))
    say(f"Deleted the {there['kind']} {name}.")


# Tokens


def create_token(
    server: Server,
    principal: Annotated[
        str | None,
        typer.Option("--for", metavar="NAME", help="Whose token it shall be [default: yours]."),
    ] = None,
    comment: Comment = None,
    days: Annotated[int | None, typer.Option(min=1, help="How long it lives [default: until revoked].")] = None,
) -> None:
    """Make a token, and print its secret, which is never shown again.

    Example: `modelyard token create --for ci --days 90 > ci-token`
    """
    path = "token-management/on-behalf-of/tokens" if principal else "token/create"
    seconds = None if days is None else days * _DAY_SECONDS
    said = {"principal": principal, "comment": comment, "lifetime_seconds": seconds}
    made = server.ask("POST", f"{TOKENS}/{path}", **said)
    info = made["token_info"]
    say(f"Token {info['token_id']} of {info['owner']}; it expires: {moment(info['expiry_time'])}.")
    typer.echo(made["token_value"])


def list_tokens(
    server: Server,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's, as an admin.")] = False,
    as_json: AsJson = False,
) -> None:
    """List your tokens, without their secrets; they say to about a minute when they were last used.

    Examples: `modelyard token list --json` · `modelyard token list --all`
    """
    path = "token-management/tokens" if everybody else "token/list"
    columns = (_TOKEN[0], "owner", *_TOKEN[1:]) if everybody else _TOKEN
    show(server.ask("GET", f"{TOKENS}/{path}")["token_infos"], as_json=as_json, columns=columns)


def revoke_token(
    token: Annotated[str, typer.Argument(metavar="ID", help="The token's id, not its secret.")],
    server: Server,
    yes: Yes = False,
) -> None:
    """Revoke a token of yours, or as an admin anybody's; it is refused from now on.

    Example: `modelyard token revoke 0b5c1d…`
    """
    confirm(f"Revoke the token {token}?", yes=yes)
    server.ask("POST", f"{TOKENS}/token/delete", token_id=token)
    say(f"Revoked the token {token}.")
