"""Commands for subscriptions to what happens in the registry."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from modelyard.cli.client import OURS
from modelyard.cli.destinations import Name, find
from modelyard.cli.options import AsJson, Server, group
from modelyard.cli.output import say, show

_SUBSCRIPTIONS: Final = f"{OURS}/subscriptions"
_SHOWN: Final = ("on=full_name", "destination", "events", "by=principal", "created=created_at", "id")

Subject = Annotated[str, typer.Argument(metavar="NAME", help="The full name of a model, a schema or a catalog.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "subscriptions", "Who is told what happens to models.",
        create=create, list=list_all, delete=delete,
    )  # fmt: skip


def create(
    name: Subject,
    destination: Name,
    server: Server,
    event: Annotated[
        list[str] | None, typer.Option(metavar="EVENT", help="Such as alias.set; may be repeated. None is all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have a destination told what happens to a model, or to everything in a schema or catalog that you may see.

    Examples: `modelyard subscriptions create prod.ml_team.fraud ci --event alias.set`
    · `modelyard subscriptions create prod ci`
    """
    told = {"full_name": name, "destination_id": find(server, destination), "events": event or []}
    show(server.ask("POST", _SUBSCRIPTIONS, **told), as_json=as_json, columns=_SHOWN)


def list_all(
    server: Server,
    on: Annotated[str | None, typer.Option(metavar="NAME", help="Only those on this model, schema or catalog.")] = None,
    as_json: AsJson = False,
) -> None:
    """List your subscriptions; admins see everybody's.

    Example: `modelyard subscriptions list --on prod.ml_team.fraud`
    """
    show(server.all(_SUBSCRIPTIONS, "subscriptions", full_name=on), as_json=as_json, columns=_SHOWN)


def delete(
    subscription: Annotated[str, typer.Argument(metavar="ID", help="The subscription's id.")], server: Server
) -> None:
    """End a subscription.

    Example: `modelyard subscriptions delete 0f3a…`
    """
    server.ask("DELETE", f"{_SUBSCRIPTIONS}/{subscription}")
    say("Ended the subscription.")
