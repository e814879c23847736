"""`modelyard gc` and `modelyard fsck`: bytes that nobody needs any more, and bytes that somebody misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import err, say, show
from modelyard.domain.collection import GRACE_HOURS

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    commands: dict[str, Callable[..., None]] = {"gc": gc, "fsck": fsck}
    for name, command in commands.items():
        app.command(name)(command)


def gc(
    server: Server,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    grace_hours: Annotated[
        int, typer.Option(help="Keep bytes for so long after the last file that named them is gone.")
    ] = GRACE_HOURS,
    as_json: AsJson = False,
) -> None:
    """Remove what was in the trash for long enough, and stored bytes that no file names any more; only for admins.

    It may be stopped at any moment, and run while clients are at work.

    Examples: `modelyard gc --dry-run` · `modelyard gc --grace-hours 1`
    """
    weight = server.ask("GET", f"{OURS}/gc", grace_hours=grace_hours)
    if not dry_run:
        weight = _collect(server, grace_hours, int(weight["objects"]) + int(weight["waiting"]))
    if as_json:
        show(weight, as_json=True, columns=())
    elif dry_run:
        say(
            f"Due in the trash: {weight['trash']}. "
            f"{weight['objects']} objects of {_size(weight['size'])} in {weight['manifests']} old lists of files have "
            f"no version; {weight['waiting']} more, of {_size(weight['waiting_size'])}, wait for their removal."
        )
    else:
        say(
            f"Removed {weight['objects']} objects, {_size(weight['size'])}; {weight['spared']} were written just now. "
            f"Forgotten in the trash: {weight['trash']}."
        )


def _collect(server: Client, grace_hours: int, total: int) -> dict[str, int]:
    done = {"trash": 0, "manifests": 0, "objects": 0, "size": 0, "spared": 0}
    columns = (TextColumn("Objects"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("", total=total)
        more = True
        while more:
            step = server.ask("POST", f"{OURS}/gc", grace_hours=grace_hours)
            done = {name: done[name] + step[name] for name in done} | {"spared": step["spared"]}
            progress.update(bar, completed=done["objects"])
            more = step["more"]
    return done


def fsck(
    server: Server,
    verify: Annotated[bool, typer.Option("--verify", help="Read all bytes, and compare their SHA-256.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare what the database says of stored bytes with what is there; only for admins.

    It changes nothing. The exit code is 1 when something is missing or damaged. A file that is brought again, by
    whoever has it, heals all versions that have it.

    Examples: `modelyard fsck` · `modelyard fsck --verify --json`
    """
    server.be_patient()
    objects, size, damage = _look(server, verify=verify)
    manifests, wrong = _compare(server)
    if as_json:
        found = {"objects": objects, "size": size, "damage": damage, "manifests": manifests, "wrong": wrong}
        show(found, as_json=True, columns=())
    else:
        _tell(damage, wrong)
        say(f"{objects} objects of {_size(size)} and {manifests} lists of files: {_verdict(damage, wrong)}.")
    if damage or wrong:
        raise typer.Exit(1)


def _look(server: Client, *, verify: bool) -> tuple[int, int, list[dict[str, Any]]]:
    objects, size, damage = 0, 0, list[dict[str, Any]]()
    with err.status("Looking at objects …") as status:
        after: str | None = ""
        while after is not None:
            part = server.ask("POST", f"{OURS}/fsck/objects", after=after, verify=verify)
            objects, size, after = objects + part["objects"], size + part["size"], part["after"]
            damage += part["damage"]
            status.update(f"Looked at {objects} objects of {_size(size)} …")
    return objects, size, damage


def _compare(server: Client) -> tuple[int, list[dict[str, Any]]]:
    manifests, wrong = 0, list[dict[str, Any]]()
    with err.status("Comparing lists of files …") as status:
        after: str | None = ""
        while after is not None:
            part = server.ask("POST", f"{OURS}/fsck/manifests", after=after)
            manifests, after = manifests + part["manifests"], part["after"]
            wrong += part["wrong"]
            status.update(f"Compared {manifests} lists of files …")
    return manifests, wrong


def _tell(damage: list[dict[str, Any]], wrong: list[dict[str, Any]]) -> None:
    rows = [{**each, "files": "\n".join(each["files"]) or "(none)"} for each in damage]
    if rows:
        show(rows, as_json=False, columns=("condition", "sha256", "size", "files"))
    if wrong:
        rows = [{**each, "versions": "\n".join(each["versions"]) or "(none)"} for each in wrong]
        show(rows, as_json=False, columns=("problem", "versions", "manifest=id"))


def _verdict(damage: list[dict[str, Any]], wrong: list[dict[str, Any]]) -> str:
    if not damage and not wrong:
        return "nothing is missing or damaged"
    return f"{len(damage)} objects are missing or damaged, {len(wrong)} lists are wrong"


def _size(count: int) -> str:
    """A number of bytes as people write it."""
    size, unit = float(count), 0
    while size >= 1024 and unit < len(_UNITS) - 1:  # noqa: PLR2004  how many of a unit make the next
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} bytes"
