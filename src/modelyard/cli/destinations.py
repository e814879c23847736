"""Commands for notification destinations: where the server sends what jobs and models tell, and what became of it."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from modelyard.cli.client import OURS, TOKENS, Client
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import fail, say, show
from modelyard.domain.deliveries import State
from modelyard.domain.destinations import Body
from modelyard.errors import Invalid

_WIRE: Final = f"{TOKENS}/notification-destinations"
_LIST: Final = ("name=display_name", "type=destination_type", "id")
_ONE: Final = (
    "id", "name=display_name", "type=destination_type", "config", "body", "delivers", "hindrance",
    "signed_since=signed_since_at", "former_secret_until=former_secret_until_at", "created=created_at", "by=created_by",
)  # fmt: skip
_DELIVERIES: Final = (
    "id", "event", "state", "tries", "status", "error", "created=created_at", "next_try=due_at",
)  # fmt: skip
_PATIENCE_SECONDS: Final = 30.0

Name = Annotated[str, typer.Argument(metavar="DESTINATION", help="The destination's name, or its id.")]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id: its webhook-id.")]
_URL: Final = "DESTINATION_URL"
_PASSWORD: Final = "DESTINATION_PASSWORD"  # noqa: S105  the name of a variable


class Type(StrEnum):
    """What can be made here."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"


_CONFIGS: Final = {Type.WEBHOOK: "generic_webhook", Type.SLACK: "slack", Type.TEAMS: "microsoft_teams"}


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "destinations", "Where the server sends notifications: webhooks, Slack, Teams.",
        create=create, list=list_all, get=get, set=set_body, delete=delete, test=send_test, secret=secret,
        deliveries=list_deliveries, delivery=get_delivery, redeliver=redeliver,
    )  # fmt: skip


def find(server: Client, name: str) -> str:
    """The id of a destination by its name or id."""
    there = server.all(_WIRE, "results")
    found = [each["id"] for each in there if name in {each["id"], each["display_name"]}]
    if not found:
        raise Invalid(f"there is no destination {name}; `modelyard destinations list` shows them.")
    if len(found) > 1:
        raise Invalid(f"{len(found)} destinations are called {name}; name one by its id.")
    return found[0]


def _at(id_: str, what: str = "") -> str:
    return f"{OURS}/notification-destinations/{id_}" + (f"/{what}" if what else "")


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    server: Server,
    type_: Annotated[Type, typer.Option("--type", help="What is called.")] = Type.WEBHOOK,
    username: Annotated[str | None, typer.Option(help="For HTTP Basic; the password is asked for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a destination. Its URL comes from standard input, or DESTINATION_URL: it is a secret.

    The password comes from DESTINATION_PASSWORD, or is asked for in a terminal. A webhook's signing secret is
    shown this once.

    Examples: `modelyard destinations create ci < url.txt` · `modelyard destinations create ops --type slack < url.txt`
    """
    told = {"url": _asked_for("URL", _URL)}
    if username:
        told |= {"username": username, "password": _asked_for("Password", _PASSWORD)}
    made = server.ask("POST", _WIRE, display_name=name, config={_CONFIGS[type_]: told})
    if type_ is Type.WEBHOOK:
        made |= {"secret": server.ask("POST", _at(made["id"], "signing-secret"), keep_hours=0)["secret"]}
    show(made, as_json=as_json, columns=("id", "name=display_name", "type=destination_type", "secret"))
    if type_ is Type.WEBHOOK:
        say("Keep the secret: it is not shown again. Receivers verify with it what comes from here.")


def _asked_for(what: str, variable: str) -> str:
    if told := os.environ.get(variable):
        return told
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, err=True))
    told = sys.stdin.readline().strip()
    if not told:
        raise Invalid(f"the {what} is missing: pipe it in, a line, or set {variable}.")
    return told


def list_all(server: Server, as_json: AsJson = False) -> None:
    """List the destinations.

    Example: `modelyard destinations list`
    """
    show(server.all(_WIRE, "results"), as_json=as_json, columns=_LIST)


def get(name: Name, server: Server, as_json: AsJson = False) -> None:
    """Show a destination: whether the server delivers to it, and since when it signs.

    Example: `modelyard destinations get ci`
    """
    show(server.ask("GET", _at(find(server, name))), as_json=as_json, columns=_ONE)


def set_body(
    name: Name,
    server: Server,
    body: Annotated[Body, typer.Option(help="The documented body, or that with one more key, `extension`.")],
) -> None:
    """Say which body a webhook gets from jobs.

    Example: `modelyard destinations set ci --body extended`
    """
    server.ask("PATCH", _at(find(server, name)), body=body.value)
    say(f"{name} gets {body} bodies.")


def delete(name: Name, server: Server, yes: Yes = False) -> None:
    """Delete a destination with its subscriptions and its log; what is on its way is not delivered.

    Example: `modelyard destinations delete ci --yes`
    """
    confirm(f"Delete the destination {name}, and what is on its way there?", yes=yes)
    server.ask("DELETE", f"{_WIRE}/{find(server, name)}")
    say(f"Deleted the destination {name}.")


def secret(
    name: Name,
    server: Server,
    keep_hours: Annotated[int, typer.Option(help="How long the former secret signs, too.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a new signing secret, which is shown this once; for a while requests are signed with both.

    Example: `modelyard destinations secret ci --keep-hours 48`
    """
    made = server.ask("POST", _at(find(server, name), "signing-secret"), keep_hours=keep_hours)
    show(made, as_json=as_json, columns=("secret", "former_secret_until=former_secret_until_at"))


def send_test(name: Name, server: Server, as_json: AsJson = False) -> None:
    """Send something to a destination once, and say what came of it.

    Example: `modelyard destinations test ci`
    """
    begun = server.ask("POST", _at(find(server, name), "test"))["delivery_id"]
    until = time.monotonic() + _PATIENCE_SECONDS
    while (found := _delivery(server, begun))["state"] == State.WAITING and time.monotonic() < until:
        time.sleep(0.1)
    show(found, as_json=as_json, columns=_DELIVERIES)
    if found["state"] != State.DELIVERED:
        fail(found["error"] or "there is no answer yet; `modelyard destinations delivery` shows it later.")
        raise typer.Exit(1)


# The log


def list_deliveries(
    name: Name,
    server: Server,
    state: Annotated[State | None, typer.Option(case_sensitive=False, help="Only those.")] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was sent to a destination, and what is on its way.

    Examples: `modelyard destinations deliveries ci` · `modelyard destinations deliveries ci --state dead`
    """
    asked = {"state": state.value if state else None, "max_results": most}
    found = server.ask("GET", _at(find(server, name), "deliveries"), **asked)
    show(found["deliveries"], as_json=as_json, columns=_DELIVERIES)


def _delivery(server: Client, id_: str) -> dict[str, Any]:
    return server.ask("GET", f"{OURS}/deliveries/{id_}")


def get_delivery(delivery: DeliveryId, server: Server, as_json: AsJson = False) -> None:
    """Show a delivery, with its body and every try.

    Example: `modelyard destinations delivery 2f1c…-5d0e… --json`
    """
    show(_delivery(server, delivery), as_json=as_json, columns=(*_DELIVERIES, "body", "log"))


def redeliver(
    name: Annotated[str, typer.Argument(metavar="DESTINATION|DELIVERY", help="A destination, or a delivery's id.")],
    server: Server,
    dead: Annotated[bool, typer.Option("--dead", help="Everything that a destination did not get.")] = False,
) -> None:
    """Send a delivery again, or with --dead all that a destination did not get; ids stay the same.

    Examples: `modelyard destinations redeliver ci --dead` · `modelyard destinations redeliver 2f1c…-5d0e…`
    """
    if dead:
        count = server.ask("POST", _at(find(server, name), "redeliver"))["redelivered"]
        say(f"{count} deliveries are on their way to {name} again.")
        return
    server.ask("POST", f"{OURS}/deliveries/{name}/redeliver")
    say("It is on its way again.")
