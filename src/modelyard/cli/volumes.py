"""Commands for volumes and the files in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import FILES
from modelyard.cli.download import download
from modelyard.cli.options import (
    AsJson,
    Comment,
    Owner,
    Rename,
    SchemaName,
    Securables,
    Server,
    Yes,
    confirm,
    group,
    need_one,
)
from modelyard.cli.output import say, show
from modelyard.cli.outputs import VolumeName
from modelyard.cli.progress import bytes_bar, counted
from modelyard.errors import Invalid

_COLUMNS: Final = ("name=full_name", "owner", "comment", "created=created_at", "updated=updated_at")
VOLUMES: Final = Securables("volume", "volumes", ("catalog_name", "schema_name", "name"), _COLUMNS)
_PIECE: Final = 1 << 20

There = Annotated[
    str,
    typer.Argument(metavar="PATH", help="A path in a volume, /Volumes/catalog/schema/volume/… or without /Volumes."),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "volumes", "Volumes: files that are governed as models are.",
        create=create, list=list_volumes, get=get, set=change, delete=delete, ls=list_files, put=put, fetch=fetch,
        rm=remove,
    )  # fmt: skip


def create(name: VolumeName, server: Server, comment: Comment = None, as_json: AsJson = False) -> None:
    """Make a volume in a schema; it will be yours.

    Example: `modelyard volumes create prod.ml_team.fraud_scores`
    """
    made = VOLUMES.create(server, name, volume_type="MANAGED", comment=comment)
    show(made, as_json=as_json, columns=VOLUMES.columns)


def list_volumes(schema: SchemaName, server: Server, as_json: AsJson = False) -> None:
    """List the volumes of a schema that you may read.

    Example: `modelyard volumes list prod.ml_team`
    """
    catalog, _, name = schema.partition(".")
    show(VOLUMES.list(server, catalog_name=catalog, schema_name=name), as_json=as_json, columns=VOLUMES.columns)


def get(name: VolumeName, server: Server, as_json: AsJson = False) -> None:
    """Show a volume.

    Example: `modelyard volumes get prod.ml_team.fraud_scores`
    """
    show(VOLUMES.get(server, name), as_json=as_json, columns=VOLUMES.columns)


def change(
    name: VolumeName,
    server: Server,
    comment: Comment = None,
    owner: Owner = None,
    rename: Rename = None,
    as_json: AsJson = False,
) -> None:
    """Change a volume's comment, owner or name.

    Example: `modelyard volumes set prod.ml_team.fraud_scores --owner ml-team`
    """
    need_one(comment, owner, rename)
    changed = VOLUMES.change(server, name, comment=comment, owner=owner, new_name=rename)
    show(changed, as_json=as_json, columns=VOLUMES.columns)


def delete(name: VolumeName, server: Server, yes: Yes = False) -> None:
    """Delete a volume with its files and outputs.

    Example: `modelyard volumes delete prod.ml_team.old_scores --yes`
    """
    confirm(f"Delete the volume {name} with all its files? They cannot be restored.", yes=yes)
    VOLUMES.delete(server, name)


# Files


def list_files(path: There, server: Server, as_json: AsJson = False) -> None:
    """List what is directly in a directory of a volume.

    Example: `modelyard volumes ls /Volumes/prod/ml_team/fraud_scores/current`
    """
    found = server.all(f"{FILES}/directories{quote(located(path))}", "contents")
    show(found, as_json=as_json, columns=("name", "directory=is_directory", "size=file_size", "changed=last_modified"))


def put(file: Annotated[Path, typer.Argument(help="A file of this machine.")], path: There, server: Server) -> None:
    """Put a file into a volume, in place of any that is there.

    Example: `modelyard volumes put rows.parquet /Volumes/prod/ml_team/raw/rows.parquet`
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as content, bytes_bar(size) as advance:
            pieces = iter(lambda: content.read(_PIECE), b"")
            server.send(f"{FILES}/files{quote(located(path))}", counted(pieces, advance), size)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from None
    say(f"{located(path)} has {size} bytes.")


def fetch(
    path: There,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
    server: Server,
) -> None:
    """Fetch all that is in a directory of a volume into a folder, which is there only once all of it is.

    Example: `modelyard volumes fetch /Volumes/prod/ml_team/fraud_scores/current ./scores`
    """
    say(f"{folder} holds the {download(server, located(path), folder)} files of {located(path)}.")


def remove(path: There, server: Server, yes: Yes = False) -> None:
    """Delete a file of a volume.

    Example: `modelyard volumes rm /Volumes/prod/ml_team/raw/rows.parquet`
    """
    confirm(f"Delete {located(path)}?", yes=yes)
    server.ask("DELETE", f"{FILES}/files{quote(located(path))}")
    say(f"Deleted {located(path)}.")


def located(path: str) -> str:
    """The absolute path of something in a volume."""
    inside = path.strip("/").removeprefix("Volumes/")
    return f"/Volumes/{inside}"
