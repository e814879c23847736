"""Commands for scopes of secrets: values that programs need, and who may read them."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from modelyard.cli.client import TOKENS
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show
from modelyard.domain.secrets import MAX_VALUE, Level
from modelyard.errors import Invalid, TooLarge

_SECRETS: Final = f"{TOKENS}/secrets"
_SCOPE: Final = ("name",)
_KEY: Final = ("key", "updated=last_updated_timestamp")
_GRANT: Final = ("principal", "level=permission")

ScopeName = Annotated[str, typer.Argument(metavar="SCOPE", help="The scope's name.")]
KeyName = Annotated[str, typer.Argument(metavar="KEY", help="The secret's name in its scope.")]
Grantee = Annotated[str, typer.Argument(metavar="PRINCIPAL", help="A user, a service principal or a group.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "scopes", "Scopes of secrets: values for programs, kept encrypted, and who may read them.",
        create=create_scope, list=list_scopes, delete=delete_scope, grant=grant, revoke=revoke, grants=list_grants,
        put=put_secret, keys=list_keys, remove=remove_secret,
    )  # fmt: skip


# Scopes


def create_scope(
    scope: ScopeName,
    server: Server,
    everybody: Annotated[bool, typer.Option("--everybody", help="Everybody manages it, and not only you.")] = False,
) -> None:
    """Make a scope; you will manage it.

    Examples: `modelyard scopes create fraud` · `modelyard scopes create playground --everybody`
    """
    principal = "users" if everybody else None
    server.ask("POST", f"{_SECRETS}/scopes/create", scope=scope, initial_manage_principal=principal)
    say(f"Made the scope {scope}, which " + ("everybody manages." if everybody else "you manage."))


def list_scopes(server: Server, as_json: AsJson = False) -> None:
    """List the scopes that you may read.

    Examples: `modelyard scopes list` · `modelyard scopes list --json`
    """
    show(server.ask("GET", f"{_SECRETS}/scopes/list")["scopes"], as_json=as_json, columns=_SCOPE)


def delete_scope(scope: ScopeName, server: Server, yes: Yes = False) -> None:
    """Delete a scope with all its secrets, for good.

    Example: `modelyard scopes delete old --yes`
    """
    confirm(f"Delete the scope {scope} and all its secrets? They cannot be restored.", yes=yes)
    server.ask("POST", f"{_SECRETS}/scopes/delete", scope=scope)
    say(f"Deleted the scope {scope}.")


# Who may do what


def grant(
    scope: ScopeName,
    principal: Grantee,
    level: Annotated[Level, typer.Argument(metavar="LEVEL", case_sensitive=False, help="READ, WRITE or MANAGE.")],
    server: Server,
) -> None:
    """Let somebody READ a scope's secrets, also WRITE them, or also MANAGE who may; in place of what it could before.

    Examples: `modelyard scopes grant fraud ml-team READ` · `modelyard scopes grant fraud alice@example.com MANAGE`
    """
    server.ask("POST", f"{_SECRETS}/acls/put", scope=scope, principal=principal, permission=level.value)
    say(f"{principal} may {level} the scope {scope}.")


def revoke(scope: ScopeName, principal: Grantee, server: Server) -> None:
    """Take away what somebody was granted on a scope.

    Example: `modelyard scopes revoke fraud ml-team`
    """
    server.ask("POST", f"{_SECRETS}/acls/delete", scope=scope, principal=principal)
    say(f"{principal} has no grant on the scope {scope} any more.")


def list_grants(scope: ScopeName, server: Server, as_json: AsJson = False) -> None:
    """List who was granted what on a scope; admins may manage every scope without that.

    Example: `modelyard scopes grants fraud`
    """
    found = server.ask("GET", f"{_SECRETS}/acls/list", scope=scope)
    show(found["items"], as_json=as_json, columns=_GRANT)


# Secrets


def put_secret(
    scope: ScopeName,
    key: KeyName,
    server: Server,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the value, byte for byte.", show_default=False)
    ] = None,
) -> None:
    """Keep a secret in a scope, in place of the value that it had.

    The value comes from standard input, without the end of its last line, or from a file; never from an argument, which
    everybody on the machine can see. In a terminal it is asked for.

    Examples: `modelyard scopes put fraud token < token.txt` · `modelyard scopes put fraud tls-key --file key.pem`
    """
    server.ask("POST", f"{_SECRETS}/put", scope=scope, key=key, **_said(given_value(file)))
    say(f"Kept the secret {key} in the scope {scope}.")


def given_value(file: Path | None) -> bytes:
    """A value that nobody else is to see: from a file, or else from standard input or as it is typed."""
    value = _read(file) if file else _typed()
    if not value:
        raise Invalid("the value is empty; pipe it in, or name a --file.")
    if len(value) > MAX_VALUE:
        raise TooLarge(f"a secret has at most {MAX_VALUE} bytes.")
    return value


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_VALUE + 1)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.") from None


def _typed() -> bytes:
    if sys.stdin.isatty():
        return str(typer.prompt("Value", hide_input=True, err=True)).encode()
    told = sys.stdin.buffer.read(MAX_VALUE + 3)  # the end of a line, and enough to see that there is more
    return told.removesuffix(b"\n").removesuffix(b"\r")


def _said(value: bytes) -> dict[str, str]:
    """A value as it is sent: text as text, anything else in base64."""
    try:
        return {"string_value": value.decode()}
    except UnicodeDecodeError:
        return {"bytes_value": base64.b64encode(value).decode()}


def list_keys(scope: ScopeName, server: Server, as_json: AsJson = False) -> None:
    """List the secrets of a scope, without their values.

    Example: `modelyard scopes keys fraud`
    """
    show(server.ask("GET", f"{_SECRETS}/list", scope=scope)["secrets"], as_json=as_json, columns=_KEY)


def remove_secret(scope: ScopeName, key: KeyName, server: Server, yes: Yes = False) -> None:
    """Remove a secret from its scope, for good.

    Example: `modelyard scopes remove fraud token`
    """
    confirm(f"Remove the secret {key} from the scope {scope}?", yes=yes)
    server.ask("POST", f"{_SECRETS}/delete", scope=scope, key=key)
    say(f"Removed the secret {key} from the scope {scope}.")
