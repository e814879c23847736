"""Commands for prompts; MLflow's client is what writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import MLFLOW
from modelyard.cli.options import SCHEMAS, AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show

if TYPE_CHECKING:
    from collections.abc import Sequence

PromptName = Annotated[str, typer.Argument(metavar="PROMPT", help="The prompt's full name, catalog.schema.prompt.")]

_TIMES: Final = ("created=creation_timestamp", "updated=last_updated_timestamp")
_PROMPT: Final[Sequence[str]] = ("name", "owner", "aliases", "tags", "comment=description", *_TIMES)
_VERSION: Final[Sequence[str]] = ("version", "aliases", "tags", "comment=description", "by=created_by", *_TIMES)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "prompts", "Prompts and their versions.",
        list=list_prompts, get=get_prompt, versions=list_versions, delete=delete_prompt,
    )  # fmt: skip


def list_prompts(
    server: Server,
    schema: Annotated[str | None, typer.Option(metavar="CATALOG.SCHEMA", help="Only the prompts in it.")] = None,
    search: Annotated[
        str | None, typer.Option(metavar="FILTER", help="Terms on name and tags.KEY with =, LIKE, ILIKE and AND.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the prompts that you may see.

    Examples: `modelyard prompts list` · `modelyard prompts list --schema prod.support --search "name LIKE 'greet%'"`
    """
    where = SCHEMAS.split(schema) if schema else {}
    inside = {"catalog_name": where["catalog_name"], "schema_name": where["name"]} if where else None
    found = server.search(f"{MLFLOW}/prompts/search", "prompts", catalog_schema=inside, filter=search)
    show(found, as_json=as_json, columns=_PROMPT)


def get_prompt(
    name: PromptName,
    server: Server,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Show this version: a number, an alias, or latest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a prompt, or one version with its template, which is JSON.

    Examples: `modelyard prompts get prod.support.greeting` · `modelyard prompts get prod.support.greeting latest`
    """
    if version is None:
        show(server.ask("GET", _at(name)), as_json=as_json, columns=_PROMPT)
        return
    which = version if version.isdigit() else f"by-alias/{quote(version, safe='')}"
    found = server.ask("GET", f"{_at(name)}/versions/{which}")
    show(found, as_json=as_json, columns=("prompt=name", *_VERSION, "template"))


def list_versions(name: PromptName, server: Server, as_json: AsJson = False) -> None:
    """List the versions of a prompt, newest first.

    Example: `modelyard prompts versions prod.support.greeting`
    """
    found = server.search(f"{_at(name)}/versions/search", "prompt_versions")
    show(found, as_json=as_json, columns=_VERSION)


def delete_prompt(name: PromptName, server: Server, yes: Yes = False) -> None:
    """Delete a prompt with all its versions.

    Example: `modelyard prompts delete prod.support.greeting --yes`
    """
    confirm(f"Delete the prompt {name} with all its versions?", yes=yes)
    server.ask("DELETE", _at(name))
    say(f"Deleted the prompt {name}.")


def _at(name: str) -> str:
    return f"{MLFLOW}/prompts/{quote(name, safe='')}"
