"""What the commands of the registry share: options, each declared once, and the shape of a securable."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import UNITY, Client
from modelyard.cli.output import say
from modelyard.cli.server import AsJson, settings

__all__ = ["AsJson"]  # declared beside the commands of the host, for these commands too


def server_of(folder: Path | None) -> Client:
    """The server of a data folder, or the one that the environment tells."""
    return Client(settings(data=folder), named=folder is not None)


def _connect(folder: str) -> Client:
    return server_of(Path(folder) if folder else None)


Server = Annotated[
    Client,
    typer.Option(
        "--data",
        parser=_connect,
        default_factory=str,
        show_default=False,
        metavar="DIR",
        help="The data folder of the server, for its address and the admin's token [default: DATABRICKS_HOST and "
        "DATABRICKS_TOKEN, else ~/.modelyard].",
    ),
]
"""The server that is asked. It is the first thing each command takes, and is found by itself."""

CatalogName = Annotated[str, typer.Argument(metavar="CATALOG", help="The catalog's name.")]
SchemaName = Annotated[str, typer.Argument(metavar="CATALOG.SCHEMA", help="The schema's full name.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The model's full name, catalog.schema.model.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The version's number.")]
AliasName = Annotated[str, typer.Argument(metavar="ALIAS", help="The alias, such as Champion.")]
Comment = Annotated[str | None, typer.Option(help="What people should know about it.")]
Root = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where new versions inside are kept: one of the server's storage_locations."),
]
Owner = Annotated[str | None, typer.Option(help="The principal that it shall belong to.")]
Rename = Annotated[str | None, typer.Option(metavar="NAME", help="Its new name, without its containers.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Set a tag; may be repeated.")]
Untags = Annotated[list[str] | None, typer.Option("--untag", metavar="KEY", help="Take a tag off; may be repeated.")]
Force = Annotated[bool, typer.Option("--force", help="Delete what is in it, too.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation in a terminal.")]

RESTORABLE: Final = "`modelyard trash list` shows what can be restored."
"""What is said after something with models in it was deleted."""


def group(app: typer.Typer, name: str, about: str, **commands: Callable[..., None]) -> None:
    """Put a group of commands on the command line."""
    made = typer.Typer(help=about, no_args_is_help=True)
    for verb, function in commands.items():
        made.command(verb)(function)
    app.add_typer(made, name=name)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost, if somebody sits there."""
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True, err=True)


def pairs(tags: list[str] | None) -> list[dict[str, str]]:
    """Tags as they are sent, from `key=value`."""
    return [_pair(tag) for tag in tags or ()]


def _pair(tag: str) -> dict[str, str]:
    key, equals, value = tag.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"write a tag as KEY=VALUE, not {tag!r}.", param_hint="--tag")
    return {"key": key, "value": value}


def need_one(*options: object) -> None:
    """Refuse a `set` that sets nothing."""
    if all(option is None or option == [] for option in options):
        raise typer.BadParameter("say what to set; `--help` lists the options.", param_hint="set")


@dataclass(frozen=True)
class Securables:
    """One kind of securable of Unity Catalog's surface; `parts` are the fields of its full name."""

    noun: str
    folder: str
    parts: tuple[str, ...]
    columns: tuple[str, ...]
    has_aliases: bool = False

    def split(self, full_name: str) -> dict[str, str]:
        """The fields of a full name."""
        names = full_name.split(".")
        if len(names) != len(self.parts):
            shape = ".".join(part.removesuffix("_name").upper() for part in self.parts)
            raise typer.BadParameter(f"{full_name!r} must have the form {shape}.", param_hint="name")
        return dict(zip(self.parts, names, strict=True))

    def create(self, server: Client, full_name: str, **said: object) -> dict[str, Any]:
        """Make one."""
        return server.ask("POST", f"{UNITY}/{self.folder}", **self.split(full_name), **said)

    def list(self, server: Client, **said: object) -> list[dict[str, Any]]:
        """Every one that the caller may see."""
        return server.all(
            f"{UNITY}/{self.folder}", self.folder if self.folder != "models" else "registered_models", **said
        )

    def get(self, server: Client, full_name: str) -> dict[str, Any]:
        """Look at one, with the aliases that it has."""
        return server.ask("GET", self._at(full_name), include_aliases=self.has_aliases or None)

    def change(self, server: Client, full_name: str, **said: object) -> dict[str, Any]:
        """Change one, or look at it if nothing is said."""
        if any(value is not None for value in said.values()):
            full_name = server.ask("PATCH", self._at(full_name), **said)["full_name"]
        return self.get(server, full_name)

    def delete(self, server: Client, full_name: str, **said: object) -> None:
        """Delete one, and say so."""
        server.ask("DELETE", self._at(full_name), **said)
        say(f"Deleted the {self.noun} {full_name}.")

    def _at(self, full_name: str) -> str:
        return f"{UNITY}/{self.folder}/{quote(full_name, safe='')}"


_COMMON: Final = ("owner", "comment", "created=created_at", "updated=updated_at")
CATALOGS: Final = Securables("catalog", "catalogs", ("name",), ("name", *_COMMON))
SCHEMAS: Final = Securables("schema", "schemas", ("catalog_name", "name"), ("name=full_name", *_COMMON))
MODELS: Final = Securables(
    "model",
    "models",
    ("catalog_name", "schema_name", "name"),
    ("name=full_name", "owner", "aliases", "tags", "comment", "created=created_at", "updated=updated_at"),
    has_aliases=True,
)
