"""Commands for the trash: what was deleted, and can be restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show

if TYPE_CHECKING:
    from typing import Any

_ENTRY: Final = (
    "id", "kind", "model=full_name", "version", "size", "owner", "deleted=deleted_at", "by=deleted_by",
    "until=kept_until_time",
)  # fmt: skip
_MOST: Final = 1_000

EntryId = Annotated[str, typer.Argument(metavar="ID", help="The id that `modelyard trash list` shows.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "trash", "The trash: deleted models and versions that can be restored.",
        list=list_trash, restore=restore, purge=purge,
    )  # fmt: skip


def _at(entry: str) -> str:
    return f"{OURS}/trash/{quote(entry, safe='')}"


def list_trash(server: Server, as_json: AsJson = False) -> None:
    """List the deleted models and versions that you may restore, the latest first.

    Examples: `modelyard trash list` · `modelyard trash list --json`
    """
    show(server.all(f"{OURS}/trash", "trash", max_results=_MOST), as_json=as_json, columns=_ENTRY)


def restore(entry: EntryId, server: Server, as_json: AsJson = False) -> None:
    """Put a deleted version back into its model, or a deleted model with its versions back into its schema.

    Grants, tags and the versions' numbers return as they were. Aliases return with a model, but for protected ones that
    you may not move; they do not return with a single version.

    Example: `modelyard trash restore 0f6d9b2c4f1e4f0e9a7d3c5b8e1a2f34`
    """
    done = server.ask("POST", f"{_at(entry)}/restore")
    if as_json:
        show(done, as_json=True, columns=())
    else:
        say(_told(done))


def _told(done: dict[str, Any]) -> str:
    if done["kind"] == "version":
        return f"Restored version {done['version']} of {done['full_name']}."
    left = ", ".join(done["aliases_left_out"])
    kept_away = f" You may not move these aliases, which did not return: {left}." if left else ""
    return f"Restored the model {done['full_name']}, versions: {done['versions']}.{kept_away}"


def purge(entry: EntryId, server: Server, yes: Yes = False) -> None:
    """Remove a model or version from the trash for good, before its time; only for admins.

    `modelyard gc` removes its bytes.

    Example: `modelyard trash purge 0f6d9b2c4f1e4f0e9a7d3c5b8e1a2f34 --yes`
    """
    confirm(f"Remove {entry} from the trash, so that nobody can restore it?", yes=yes)
    server.ask("DELETE", _at(entry))
    say(f"Removed {entry} from the trash.")
