"""The chain of seals over the audit, verified from outside, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from modelyard.cli.client import OURS, Client
from modelyard.cli.output import err
from modelyard.errors import Failure, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable


def verify(server: Client, noted: str) -> str:
    """Follow the whole chain; what to know of it, or a `Failure` that names the first seal that is broken.

    `noted` is the number and the digest of a seal, as this function told them once, or the empty string.
    """
    if noted:
        number, _, digest = noted.partition(":")
        if not (number.isascii() and number.isdigit() and digest):
            raise Invalid("a noted seal is written NUMBER:DIGEST, as `modelyard doctor` told it.")
        _held(_part(server, int(number), digest))
    columns = (TextColumn("Seals"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bar = progress.add_task("", total=None)
        end, rows = _follow(server, lambda done, all_: progress.update(bar, completed=done, total=all_))
    if not end["newest"]:
        return "nothing is sealed yet"
    return f"{rows} rows under {end['newest']} seals hold; note the newest elsewhere: {end['through']}:{end['digest']}"


def _follow(server: Client, tell: Callable[[int, int], object]) -> tuple[dict[str, Any], int]:
    """The last part of the chain, and how many rows it covers in all."""
    part = _held(_part(server, 0, ""))
    rows = int(part["rows"])
    while part["more"]:
        tell(part["through"], part["newest"])
        part = _held(_part(server, part["through"], part["digest"]))
        rows += int(part["rows"])
    if part["unsealed_late"]:
        raise Failure(
            f"{part['unsealed_late']} rows wait for a seal for more than a minute; the server's log says why.",
        )
    return part, rows


def _part(server: Client, after: int, digest: str) -> dict[str, Any]:
    return server.ask("GET", f"{OURS}/audit/verify", after_seal=after, digest=digest)


def _held(part: dict[str, Any]) -> dict[str, Any]:
    if broken := part["broken"]:
        raise Failure(f"seal {broken['seal']} of the audit is broken: {broken['problem']}")
    return part
