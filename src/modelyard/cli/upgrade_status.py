"""`modelyard upgrade status` and `retire`: who still calls by old names, and when one may be let go."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.progress import track

from modelyard.cli.client import OURS, Client, Told
from modelyard.cli.legacy import OldName
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import err, say, show
from modelyard.cli.standing import Standing
from modelyard.cli.written import new_file
from modelyard.domain.legacy import ANY
from modelyard.errors import Invalid, NotFound, WrongState
from modelyard.upgrade.callers import entries, page, scans
from modelyard.upgrade.callers.entries import Entry, Measure, State

_SHOWN: Final = (
    "name", "state", "model=full_name", "days_silent", "last_seen=last_seen_at", "callers", "in_code=code",
    "in_texts=prose", "traffic",
)  # fmt: skip
_MOST: Final = 1_000

Scans = Annotated[
    list[Path] | None,
    typer.Option("--scan", metavar="FILE", help="A report of `upgrade scan --json`; may be repeated."),
]
Days = Annotated[int, typer.Option(min=1, max=3_650, help="Days without a call that count as silence.")]


def status(
    server: Server,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="Old names [default: all that you may see].")
    ] = None,
    scan: Scans = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A plan or map file: names that it has are shown, too.")
    ] = None,
    silent_days: Days = 30,
    traffic: Annotated[bool, typer.Option(help="Ask where each model's traffic stands.")] = True,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page for people to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far it is with each old name: who calls by it, what code says it, and what is proven of that.

    Examples: `modelyard upgrade status` ·
    `modelyard upgrade scan . --json > scan.json; modelyard upgrade status fraud --scan scan.json --html status.html`
    """
    by = Measure(_now(), silent_days, _scanned(scan))
    found = _entries(server, names or [], _planned(plan), by)
    if traffic:
        standing = Standing(server)
        for each in found:
            each.traffic = standing.of(each.full_name)
    if html:
        with new_file(html, replace=True) as out:
            out.write(page.html(found, by.now).encode())
    if as_json:
        told = {"format": 1, "made_at": by.now, "silent_days": silent_days, "names": [each.told() for each in found]}
        show(told, as_json=True, columns=())
        return
    show([_row(each) for each in found], as_json=False, columns=_SHOWN)
    if names:
        _explain(found)


def retire(
    name: OldName,
    server: Server,
    scan: Scans = None,
    silent_days: Days = 30,
    yes_i_know: Annotated[
        bool, typer.Option("--yes-i-know", help="Retire it although somebody may still need it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Refuse calls by an old name for good, if the ledger shows that nobody needs it any more.

    Where it does not, nothing is changed and the reasons are told. `modelyard legacy set NAME --revive` takes it back.

    Examples: `modelyard upgrade retire fraud --scan scan.json` · `modelyard upgrade retire fraud --silent-days 90`
    """
    by = Measure(_now(), silent_days, _scanned(scan))
    [found] = _entries(server, [name], {}, by)
    if found.state is State.RETIRED:
        say(f"{name} is retired already.")
    elif found.state is State.ABSENT:
        raise NotFound(" ".join(found.blockers))
    else:
        if found.blockers and not yes_i_know:
            raise WrongState(f"{name} is not retired. {' '.join(found.blockers)} --yes-i-know does it all the same.")
        server.ask("PATCH", _at(name), retired=True)
        for line in (*found.blockers, *found.unproven):
            say(line)
    [after] = _entries(server, [name], {}, by)
    show(after.told() if as_json else _row(after), as_json=as_json, columns=_SHOWN)


def _now() -> int:
    return int(time.time() * 1000)


def _at(name: str) -> str:
    return f"{OURS}/legacy-names/{quote(name, safe='')}"


# What is known


def _scanned(files: list[Path] | None) -> scans.Scanned:
    return scans.read((str(file), _text(file)) for file in files or ())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"{file} cannot be read as text.") from None


def _planned(file: Path | None) -> dict[str, str]:
    from modelyard.upgrade import plan  # noqa: PLC0415  it reads YAML, which other commands do without

    return dict(plan.made([], "", [], "", _text(file)).names) if file else {}


def _entries(server: Client, wanted: list[str], planned: dict[str, str], by: Measure) -> list[Entry]:
    """The entries of the names that are asked for, or else of all that the server and a plan know, by name."""
    listed = server.all(f"{OURS}/legacy-names", "legacy_names", max_results=_MOST)
    known = {each["name"]: each for each in listed if each["name"] != ANY}
    names = wanted or sorted({*known, *planned})
    return [
        entries.entry(known[name], _callers(server, name), by)
        if name in known
        else entries.absent(name, planned.get(name, ""), by)
        for name in track(names, "names", console=err, transient=True, disable=not err.is_terminal)
    ]


def _callers(server: Client, name: str) -> list[dict[str, Any]] | None:
    try:
        return server.all(f"{_at(name)}/witnesses", "witnesses", max_results=_MOST)
    except Told as told:
        if told.code in {"PERMISSION_DENIED", "RESOURCE_DOES_NOT_EXIST"}:
            return None
        raise


# Telling


def _row(found: Entry) -> dict[str, Any]:
    callers = None if found.callers is None else len(found.callers)
    counts = {"callers": "?" if callers is None else callers, "code": len(found.code), "prose": len(found.prose)}
    traffic = [f"{each['kind']} {each['where']}: {each['said']}" for each in found.traffic]
    return {**found.told(), **counts, "traffic": traffic}


def _explain(found: list[Entry]) -> None:
    for each in found:
        for title, lines in (("proven", each.proven), ("not proven", each.unproven), ("in the way", each.blockers)):
            for line in lines:
                say(f"{each.name}, {title}: {line}")
