"""Commands for credentials of git servers, with which the code of jobs is fetched from private repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from modelyard.cli.access import find
from modelyard.cli.client import TOKENS, Client
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show
from modelyard.cli.secrets import given_value
from modelyard.errors import Invalid

_CREDENTIALS: Final = f"{TOKENS}/git-credentials"
_SHOWN: Final = ("id=credential_id", "provider=git_provider", "user=git_username", "name", "is_default_for_provider")

Number = Annotated[int, typer.Argument(metavar="ID", help="The credential's id.")]
Whose = Annotated[
    str | None,
    typer.Option("--for", metavar="NAME", help="A service principal, instead of yourself; for admins."),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "git-credentials", "Credentials for private git repositories, which your jobs fetch their code from.",
        create=create, list=list_all, delete=delete,
    )  # fmt: skip


def _id(server: Client, whose: str | None) -> str | None:
    return None if whose is None else find(server, whose)["id"]


def create(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="gitHub, gitLab, gitLabEnterpriseEdition, …")],
    server: Server,
    user: Annotated[
        str | None, typer.Option(help="The name of the token's user, where the provider asks for it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    default: Annotated[bool, typer.Option("--default", help="Use it for its provider from now on.")] = False,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the token.", show_default=False)
    ] = None,
    whose: Whose = None,
) -> None:
    """Keep a token for a git provider; the first one for a provider is the one that is used.

    The token comes from standard input or a file; never from an argument, which everybody on the machine can see. In a
    terminal it is asked for. A job fetches its code with the credential of the principal that it runs as.

    Examples: `modelyard git-credentials create gitHub < token.txt` ·
    `modelyard git-credentials create bitbucketCloud --user alice --file token.txt`
    """
    try:
        token = given_value(file).decode().strip()
    except UnicodeDecodeError:
        raise Invalid("the token is no text.") from None
    made = server.ask(
        "POST",
        _CREDENTIALS,
        git_provider=provider,
        git_username=user,
        name=name,
        is_default_for_provider=default,
        personal_access_token=token,
        principal_id=_id(server, whose),
    )
    say(f"Kept the credential {made['credential_id']} for {made['git_provider']}.")


def list_all(server: Server, whose: Whose = None, as_json: AsJson = False) -> None:
    """List credentials, without their tokens.

    Example: `modelyard git-credentials list`
    """
    show(
        server.ask("GET", _CREDENTIALS, principal_id=_id(server, whose))["credentials"], as_json=as_json, columns=_SHOWN
    )


def delete(number: Number, server: Server, whose: Whose = None, yes: Yes = False) -> None:
    """Forget a credential.

    Example: `modelyard git-credentials delete 1234567890123456`
    """
    confirm(f"Forget the git credential {number}? Jobs that use it cannot fetch their code any more.", yes=yes)
    server.ask("DELETE", f"{_CREDENTIALS}/{number}", principal_id=_id(server, whose))
    say(f"Forgot the credential {number}.")
