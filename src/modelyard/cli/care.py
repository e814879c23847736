"""`modelyard gc` and `modelyard fsck`: bytes that nobody needs any more, and bytes that somebody misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import err, say, show
from modelyard.cli.server import ConfigFile, Data, DatabaseUrl, Storage, settings
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

    The server does this by itself from hour to hour, unless its setting `collect` is off. It may be stopped at any
    moment, and run while clients are at work.

    Examples: `modelyard gc --dry-run` · `modelyard gc --grace-hours 1`
    """
    weight = server.ask("GET", f"{OURS}/gc", grace_hours=grace_hours)
    found = _hunt(lambda after: server.ask("POST", _orphans(dry_run=dry_run), after=after, grace_hours=grace_hours))
    if not dry_run:
        weight = _collect(server, grace_hours, int(weight["objects"]) + int(weight["waiting"]) + found["orphans"])
    if as_json:
        show({**weight, **found}, as_json=True, columns=())
    elif dry_run:
        say(
            f"Due in the trash: {weight['trash']}. "
            f"{weight['objects']} objects of {_size(weight['size'])} in {weight['manifests']} old lists of files have "
            f"no version; {weight['waiting']} more, of {_size(weight['waiting_size'])}, wait for their "
            f"removal{_orphaned(found)}."
        )
    else:
        say(
            f"Removed {weight['objects']} objects, {_size(weight['size'])}; {weight['spared']} were written just now. "
            f"Forgotten in the trash: {weight['trash']}."
        )


def _orphans(*, dry_run: bool) -> str:
    return f"{OURS}/{'fsck' if dry_run else 'gc'}/orphans"


def _hunt(ask: Callable[[str], dict[str, Any]]) -> dict[str, int]:
    """Look through all shelves for objects that the database does not know."""
    objects, size = 0, 0
    with err.status("Looking for objects that the database does not know …"):
        after: str | None = ""
        while after is not None:
            part = ask(after)
            objects, size, after = objects + part["objects"], size + part["size"], part["after"]
    return {"orphans": objects, "orphans_size": size}


def _orphaned(found: dict[str, int]) -> str:
    if not found["orphans"]:
        return ""
    return f"; the database does not know {found['orphans']} more objects of {_size(found['orphans_size'])}"


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


class _Inspector(Protocol):
    """What looks, stretch by stretch: a server that is asked, or the stores and the database themselves."""

    def objects(self, after: str) -> dict[str, Any]:
        """Look at objects."""
        ...

    def manifests(self, after: str) -> dict[str, Any]:
        """Compare lists of files."""
        ...

    def orphans(self, after: str) -> dict[str, Any]:
        """Count what the database does not know."""
        ...


class _Asked:
    """A server that is asked."""

    def __init__(self, server: Client, *, verify: bool) -> None:
        self._server = server
        self._verify = verify

    def objects(self, after: str) -> dict[str, Any]:
        return self._server.ask("POST", f"{OURS}/fsck/objects", after=after, verify=self._verify)

    def manifests(self, after: str) -> dict[str, Any]:
        return self._server.ask("POST", f"{OURS}/fsck/manifests", after=after)

    def orphans(self, after: str) -> dict[str, Any]:
        return self._server.ask("POST", f"{OURS}/fsck/orphans", after=after)


def fsck(
    verify: Annotated[bool, typer.Option("--verify", help="Read all bytes, and compare their SHA-256.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no server: look from here, on the host, while none runs.")
    ] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    storage: Storage = None,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare what the database says of stored bytes with what is there; only for admins.

    It changes nothing. The exit code is 1 when something is missing or damaged. A file that is brought again, by
    whoever has it, heals all versions that have it. Objects that the database does not know harm nobody; `modelyard gc`
    removes them. Of `--database`, `--storage` and `--config` only a check without a server needs to know.

    Examples: `modelyard fsck` · `modelyard fsck --verify --json` · `modelyard fsck --offline --data /srv/modelyard`
    """
    chosen = settings(config_file, data=data, database=database, storage=storage)
    if offline:
        from modelyard import app  # noqa: PLC0415  only commands of the host need the database

        with app.inspecting(chosen, verify=verify) as inspector:
            found = _inspect(inspector)
    else:
        server = Client(chosen)
        server.be_patient()
        found = _inspect(_Asked(server, verify=verify))
    if as_json:
        show(found, as_json=True, columns=())
    else:
        _tell(found)
    if found["damage"] or found["wrong"]:
        raise typer.Exit(1)


def _inspect(inspector: _Inspector) -> dict[str, Any]:
    return {**_look(inspector), **_compare(inspector), **_hunt(inspector.orphans)}


def _look(inspector: _Inspector) -> dict[str, Any]:
    objects, size, damage = 0, 0, list[dict[str, Any]]()
    with err.status("Looking at objects …") as status:
        after: str | None = ""
        while after is not None:
            part = inspector.objects(after)
            objects, size, after = objects + part["objects"], size + part["size"], part["after"]
            damage += part["damage"]
            status.update(f"Looked at {objects} objects of {_size(size)} …")
    return {"objects": objects, "size": size, "damage": damage}


def _compare(inspector: _Inspector) -> dict[str, Any]:
    manifests, wrong = 0, list[dict[str, Any]]()
    with err.status("Comparing lists of files …") as status:
        after: str | None = ""
        while after is not None:
            part = inspector.manifests(after)
            manifests, after = manifests + part["manifests"], part["after"]
            wrong += part["wrong"]
            status.update(f"Compared {manifests} lists of files …")
    return {"manifests": manifests, "wrong": wrong}


def _tell(found: dict[str, Any]) -> None:
    rows = [{**each, "files": "\n".join(each["files"]) or "(none)"} for each in found["damage"]]
    if rows:
        show(rows, as_json=False, columns=("condition", "sha256", "size", "files"))
    if found["wrong"]:
        rows = [{**each, "versions": "\n".join(each["versions"]) or "(none)"} for each in found["wrong"]]
        show(rows, as_json=False, columns=("problem", "versions", "manifest=id"))
    seen = f"{found['objects']} objects of {_size(found['size'])} and {found['manifests']} lists of files"
    say(f"{seen}: {_verdict(found)}{_orphaned(found)}.")


def _verdict(found: dict[str, Any]) -> str:
    damage, wrong = len(found["damage"]), len(found["wrong"])
    if not damage and not wrong:
        return "nothing is missing or damaged"
    return f"{damage} objects are missing or damaged, {wrong} lists are wrong"


def _size(count: int) -> str:
    """A number of bytes as people write it."""
    size, unit = float(count), 0
    while size >= 1024 and unit < len(_UNITS) - 1:  # noqa: PLR2004  how many of a unit make the next
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} bytes"
