"""Files that commands write: private, and there only once they are whole."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def new_file(file: Path, *, replace: bool = False) -> Generator[IO[bytes]]:
    """A file that only its owner may read, and that appears durably under its name once everything is in it.

    One that is there already is `Invalid`, unless it is to be replaced.
    """
    if not replace and file.exists():
        raise Invalid(f"{file} is there already; name a new file.")
    partial = file.with_name(f".{file.name}.partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.rename(file)
        _make_durable(file.parent)
    except OSError as error:
        raise Invalid(f"{file} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)


def write_text(file: Path, text: str) -> None:
    """Write a report, in place of any that is there."""
    with new_file(file, replace=True) as out:
        out.write(text.encode())


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
