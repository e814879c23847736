"""`python -m benchmarks upgrade FOLDER`: the rules of the upgrade assistant on public files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import machine
from benchmarks.upgrade.measure import Found, measure, seconds


def upgrade_command(
    folder: Annotated[Path, typer.Argument(help="A folder with owner/name/path of the files of the list.")],
    *,
    show_missed: Annotated[bool, typer.Option("--missed", help="Also print what was expected and not done.")] = False,
) -> None:
    """Measure how much of what is expected is rewritten and told, and how fast."""
    found = measure(folder)
    print("\n".join(_lines(found)))
    for kind, took in seconds(folder).items():
        print(f"| seconds of processor for 1,000 {kind} | {took:.1f} |")
    print("\n" + ", ".join(f"{name} {fact}" for name, fact in machine.facts().items()))
    if show_missed:
        print("\n" + "\n".join(found.missed))


def _lines(found: Found) -> list[str]:
    done, told = found.rewrites, found.flags
    return [
        "| what | found |",
        "| --- | ---: |",
        f"| files of the list | {found.listed} |",
        f"| files there | {found.fetched}, of which {found.same} with the bytes of the list |",
        f"| expected rewrites done | {done[0]} of {done[1]} ({_share(done)}) |",
        f"| expected flags raised | {told[0]} of {told[1]} ({_share(told)}) |",
        f"| negatives changed | {found.touched} of {found.negatives} |",
        f"| changed files that do not parse, or change again | {found.broken} of {found.written} |",
    ]


def _share(counts: list[int]) -> str:
    return f"{100 * counts[0] / counts[1]:.0f} %" if counts[1] else "-"
