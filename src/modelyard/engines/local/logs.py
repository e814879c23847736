"""What children print: kept in two files that follow each other."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_HALF: Final = 512 << 10
_SHOWN: Final = 64 << 10
_PATH: Final = re.compile(r"(?:/[\w.+@~-]+)+/(?=[\w.+@~-])", re.ASCII)


class Ring:
    """The last of what was printed: about 1 MiB, in files that only the server's user reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size if path.exists() else 0

    def write(self, content: bytes) -> None:
        """Add some lines; a full disk loses them, and nothing else."""
        with contextlib.suppress(OSError):
            if self._size + len(content) > _HALF:
                self._path.replace(_older(self._path))
                self._size = 0
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                self._size += os.write(descriptor, content)
            finally:
                os.close(descriptor)

    def note(self, text: str) -> None:
        """Add a line of the engine's own."""
        self.write(f"[modelyard] {text}\n".encode())


def last(path: Path) -> str:
    """The last lines of a ring; empty where there is none."""
    content = b""
    for part in (_older(path), path):
        with contextlib.suppress(OSError):
            content += part.read_bytes()
    if len(content) > _SHOWN:
        content = content[-_SHOWN:].partition(b"\n")[2]
    return content.decode(errors="replace")


def _older(path: Path) -> Path:
    return path.with_suffix(".old")


def for_people(lines: Iterable[str], most: int = 600) -> str:
    """The end of what was printed, without the folders of files."""
    told = "\n".join(_PATH.sub("…/", line) for line in lines if line.strip())
    return told if len(told) <= most else f"…{told[-most:]}"
