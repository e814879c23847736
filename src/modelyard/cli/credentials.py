"""Commands for the secrets of service principals: what programs show to get tokens by OAuth."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

import typer

from modelyard.cli.access import find
from modelyard.cli.client import TOKENS, Client
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show
from modelyard.errors import Invalid

_DAY_SECONDS: Final = 24 * 3600
_SECRET: Final = ("id", "status", "created=create_time", "expires=expire_time", "used=last_used_time", "by=created_by")

ServicePrincipal = Annotated[str, typer.Argument(metavar="NAME", help="The service principal's application id.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "secrets", "Secrets of service principals, for OAuth: two live at a time, so that they can be exchanged.",
        create=create_secret, list=list_secrets, delete=delete_secret,
    )  # fmt: skip


def _at(server: Client, name: str) -> str:
    principal = find(server, name)
    if principal["kind"] != "service-principal":
        raise Invalid(f"{name} is a {principal['kind']}; only service principals have secrets. Make a token for it.")
    return f"{TOKENS}/accounts/servicePrincipals/{quote(principal['id'], safe='')}/credentials/secrets"


def create_secret(
    name: ServicePrincipal,
    server: Server,
    days: Annotated[int | None, typer.Option(min=1, help="How long it lives [default: 730].")] = None,
) -> None:
    """Make a secret, and print its value, which is never shown again.

    Programs sign in with DATABRICKS_CLIENT_ID, which is the principal's name, and DATABRICKS_CLIENT_SECRET.

    Example: `modelyard secrets create ci --days 90 > ci-secret`
    """
    lifetime = None if days is None else f"{days * _DAY_SECONDS}s"
    made = server.ask("POST", _at(server, name), lifetime=lifetime)
    say(f"Secret {made['id']} of {name}; it expires: {made.get('expire_time', 'never')}.")
    typer.echo(made["secret"])


def list_secrets(name: ServicePrincipal, server: Server, as_json: AsJson = False) -> None:
    """List the secrets of a service principal, without their values.

    Example: `modelyard secrets list ci`
    """
    show(server.ask("GET", _at(server, name))["secrets"], as_json=as_json, columns=_SECRET)


def delete_secret(
    name: ServicePrincipal,
    secret: Annotated[str, typer.Argument(metavar="ID", help="The secret's id, not its value.")],
    server: Server,
    yes: Yes = False,
) -> None:
    """Delete a secret, and revoke the tokens that were given for it; both are refused from now on.

    Example: `modelyard secrets delete ci 0b5c1d…`
    """
    confirm(f"Delete the secret {secret} of {name}?", yes=yes)
    server.ask("DELETE", f"{_at(server, name)}/{quote(secret, safe='')}")
    say(f"Deleted the secret {secret} of {name}.")
