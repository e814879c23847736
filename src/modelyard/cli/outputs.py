"""Commands for published outputs, and what brings one into a volume."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import FILES, OURS, UNITY, Client, Told
from modelyard.cli.download import download
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import say, show
from modelyard.cli.progress import bytes_bar, counted
from modelyard.domain.files import Entry, digest
from modelyard.errors import Failure, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VolumeName = Annotated[str, typer.Argument(metavar="VOLUME", help="The volume's full name, catalog.schema.volume.")]
OutputName = Annotated[str, typer.Argument(metavar="OUTPUT", help="The output's name, or current.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the history.")]
Expected = Annotated[
    str | None,
    typer.Option("--expected", metavar="OUTPUT", help="Only if the pointer is there; 'none' is nowhere."),
]

_PIECE: Final = 1 << 20
_OUTPUT: Final = (
    "name",
    "state",
    "current=is_current",
    "files",
    "size",
    "about",
    "created=created_at",
    "by=created_by",
)
_MOVE: Final = ("from=from_output", "to=to_output", "moved=moved_at", "by=moved_by", "reason")
_NONE: Final = "none"


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "outputs", "Published outputs: what consumers of a volume read, moved at once and back.",
        list=list_outputs, show=show_output, publish=publish_folder, move=move, undo=undo, history=history,
        pull=pull, delete=delete, prune=prune,
    )  # fmt: skip


def list_outputs(name: VolumeName, server: Server, as_json: AsJson = False) -> None:
    """List the outputs of a volume, newest first.

    Example: `modelyard outputs list prod.ml_team.fraud_scores`
    """
    show(server.all(_outputs(name), "outputs"), as_json=as_json, columns=_OUTPUT)


def show_output(name: VolumeName, server: Server, output: OutputName = "current", as_json: AsJson = False) -> None:
    """Show an output of a volume: the current one, if none is named.

    Example: `modelyard outputs show prod.ml_team.fraud_scores`
    """
    found = server.ask("GET", f"{_outputs(name)}/{quote(output, safe='')}")
    show(found, as_json=as_json, columns=(*_OUTPUT, "path", "digest"))


def publish_folder(
    name: VolumeName,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What becomes an output, with all that is in it.")],
    server: Server,
    reason: Reason = None,
    expected: Expected = None,
    move: Annotated[bool, typer.Option(" /--no-move", help="Only bring it; leave the pointer where it is.")] = True,
    as_json: AsJson = False,
) -> None:
    """Bring a folder as an output of a volume, and let consumers see it.

    Example: `modelyard outputs publish prod.ml_team.fraud_scores ./scores --reason "the old pipeline's last run"`
    """
    if not folder.is_dir():
        raise Invalid(f"{folder} is no folder.")
    made = bring(server, name, folder, {"folder": folder.name})
    if move:
        made = point(server, name, made["name"], _pointer(expected), reason)
    show(made, as_json=as_json, columns=(*_OUTPUT, "path"))


def move(
    name: VolumeName,
    output: OutputName,
    server: Server,
    reason: Reason = None,
    expected: Expected = None,
    as_json: AsJson = False,
) -> None:
    """Let the consumers of a volume see another output, all of it at once.

    Example: `modelyard outputs move prod.ml_team.fraud_scores 20260131T060000-0a1b2c3d --reason "fewer false alarms"`
    """
    show(point(server, name, output, _pointer(expected), reason), as_json=as_json, columns=(*_OUTPUT, "path"))


def undo(name: VolumeName, server: Server, reason: Reason = None, expected: Expected = None) -> None:
    """Move the pointer back to where it was before its last move.

    Example: `modelyard outputs undo prod.ml_team.fraud_scores --reason "half of the rows are missing"`
    """
    found = server.ask("POST", f"{_current(name)}/undo", reason=reason, expected=_pointer(expected))
    say(f"The current output of {name} is {found['output'] or 'none'}.")


def history(name: VolumeName, server: Server, as_json: AsJson = False) -> None:
    """Show who moved the pointer of a volume, when and why, newest first.

    Example: `modelyard outputs history prod.ml_team.fraud_scores`
    """
    show(server.all(f"{_current(name)}/history", "moves"), as_json=as_json, columns=_MOVE)


def pull(
    name: VolumeName,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where outputs are kept on this machine.")],
    server: Server,
    output: Annotated[str, typer.Option(metavar="OUTPUT", help="Another output than the current one.")] = "current",
) -> None:
    """Bring an output to this machine, as DIR/<output>, and point the link DIR/current at it.

    What is there already is not brought again; the link changes only once everything is there.

    Example: `modelyard outputs pull prod.ml_team.fraud_scores /data/fraud_scores`
    """
    found = server.ask("GET", f"{_outputs(name)}/{quote(output, safe='')}")
    place = folder / found["name"]
    if not place.exists():
        download(server, found["path"], place)
    _link(folder / "current", found["name"])
    say(f"{folder / 'current'} is {found['name']}.")


def _link(link: Path, target: str) -> None:
    """Point a link at a folder beside it, in one step."""
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(target, target_is_directory=True)
        fresh.replace(link)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise Invalid(f"{link} cannot be made: {error.strerror}.") from None


def delete(name: VolumeName, output: OutputName, server: Server, yes: Yes = False) -> None:
    """Delete an output that is not current.

    Example: `modelyard outputs delete prod.ml_team.fraud_scores 20260131T060000-0a1b2c3d`
    """
    confirm(f"Delete the output {output} of {name}? It cannot be restored.", yes=yes)
    server.ask("DELETE", f"{_outputs(name)}/{quote(output, safe='')}")
    say(f"Deleted the output {output} of {name}.")


def prune(
    name: VolumeName,
    server: Server,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest complete ones stay.")] = 10,
    yes: Yes = False,
) -> None:
    """Delete old outputs of a volume; the current one and those to which files still come stay.

    Example: `modelyard outputs prune prod.ml_team.fraud_scores --keep 30`
    """
    complete = [each for each in server.all(_outputs(name), "outputs") if each["state"] == "COMPLETE"]
    old = [each["name"] for each in complete[keep:] if not each["is_current"]]
    if old:
        confirm(f"Delete {len(old)} outputs of {name}? They cannot be restored.", yes=yes)
    for output in old:
        server.ask("DELETE", f"{_outputs(name)}/{output}")
    say(f"Deleted {len(old)} outputs of {name}.")


# What batch jobs do, too


def ready(server: Client, volume: str) -> str:
    """Where the pointer of a volume is, which is made if it is not there."""
    try:
        server.ask("GET", f"{UNITY}/volumes/{quote(volume, safe='')}")
    except Told as told:
        if told.code != "RESOURCE_DOES_NOT_EXIST" or volume.count(".") != 2:  # noqa: PLR2004  three levels
            raise
        catalog, schema, name = volume.split(".")
        said = {"catalog_name": catalog, "schema_name": schema, "name": name, "volume_type": "MANAGED"}
        server.ask("POST", f"{UNITY}/volumes", **said)
    moves = server.ask("GET", f"{_current(volume)}/history", max_results=1)["moves"]
    return moves[0]["to_output"] if moves else ""


def bring(server: Client, volume: str, folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Bring the files of a folder as an output of a volume; the output, whole."""
    made = server.ask("POST", _outputs(volume), about=about)
    try:
        files = _send_all(server, made["path"], folder)
        path = f"{_outputs(volume)}/{made['name']}/complete"
        return server.ask("POST", path, digest=digest(files))
    except BaseException:
        with contextlib.suppress(Failure):
            server.ask("DELETE", f"{_outputs(volume)}/{made['name']}")
        raise


def point(server: Client, volume: str, output: str, expected: str | None, reason: str | None) -> dict[str, Any]:
    """Move the pointer of a volume."""
    return server.ask("PUT", _current(volume), output=output, expected=expected, reason=reason)


def _send_all(server: Client, root: str, folder: Path) -> list[Entry]:
    files = sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    with bytes_bar(sum(file.stat().st_size for file in files)) as advance:
        return [_send(server, root, folder, file, advance) for file in files]


def _send(server: Client, root: str, folder: Path, file: Path, advance: Callable[[int], None]) -> Entry:
    path, hashed, size = file.relative_to(folder).as_posix(), hashlib.sha256(), file.stat().st_size

    def pieces() -> Iterator[bytes]:
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                hashed.update(piece)
                yield piece

    server.send(f"{FILES}/files{quote(f'{root}/{path}')}", counted(pieces(), advance), size)
    return Entry(path, is_directory=False, size=size, sha256=hashed.hexdigest())


def _pointer(expected: str | None) -> str | None:
    return "" if expected == _NONE else expected


def _outputs(volume: str) -> str:
    return f"{OURS}/volumes/{quote(volume, safe='')}/outputs"


def _current(volume: str) -> str:
    return f"{OURS}/volumes/{quote(volume, safe='')}/current"
