"""A bar for bytes on their way, where somebody looks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

from modelyard.cli.output import err

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator


@contextmanager
def bytes_bar(total: int) -> Generator[Callable[[int], None]]:
    """What to call with the number of bytes that have come since the last time."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda more: progress.advance(task, more)


def counted(pieces: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    """The same pieces, while a bar is told of each."""
    for piece in pieces:
        yield piece
        advance(len(piece))


@contextmanager
def counter(what: str) -> Generator[Callable[[int], None]]:
    """What to call with how many more things were looked at, of which nobody knows how many there are."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} " + what))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda more: progress.advance(task, more)
