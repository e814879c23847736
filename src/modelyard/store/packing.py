"""What makes Parquet files of rows: a child process that is kept warm, and replaced when it fails.

Python has one lock: a thread that made them would hold up every request for as long as that takes.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from modelyard.errors import Unavailable
from modelyard.packer.words import Ask, Found, Packed
from modelyard.store.children import spawned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

PACKER: Final = (sys.executable, "-I", "-m", "modelyard.packer")
_SECONDS: Final = 120.0
"""How long one answer may take."""
_MOST_BYTES: Final = 256 << 20
"""Of one file."""
_encode: Final = msgspec.json.Encoder().encode

Answer = TypeVar("Answer")


class Packer:
    """Asks the child one thing after the other; `Unavailable` where it fails, and the next one asked is a new one."""

    def __init__(self, command: Sequence[str] = PACKER, seconds: float = _SECONDS) -> None:
        self._command = command
        self._seconds = seconds
        self._turn = threading.Lock()
        self._child: _Child | None = None

    @property
    def pid(self) -> int:
        """The id of the child; 0 while there is none."""
        return self._child.pid if self._child else 0

    def sorted(self, path: Path) -> dict[str, tuple[str, ...]]:
        """Which endpoints have rows in a spooled file, by the ids of their tables."""
        asked = Ask(str(path))
        return self._asked(lambda child: child.told(asked, Found)).tables

    def packed(self, path: Path, table: str, endpoints: Sequence[str]) -> tuple[Packed, bytes]:
        """A Parquet file of the rows of some endpoints, and what it holds."""
        asked = Ask(str(path), table, tuple(endpoints))
        return self._asked(lambda child: (child.told(asked, Packed), child.file()))

    def joined(self, several: Sequence[bytes]) -> bytes:
        """One Parquet file with the rows of several."""
        return self._asked(lambda child: child.joined(several))

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _asked(self, ask: Callable[[_Child], Answer]) -> Answer:
        with self._turn:
            if self._child is None:
                self._child = _Child(self._command, self._seconds)
            try:
                return ask(self._child)
            except (OSError, EOFError, ValueError):
                self._end()
                raise Unavailable("the process that packs rows failed; they are packed again shortly.") from None
            except BaseException:
                self._end()  # what it says next is of no use to anybody
                raise

    def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            child.end()


class _Child:
    """The process, and the connection to it."""

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._seconds = seconds
        self._process, self._connection = spawned(command)

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def told(self, asked: Ask, kind: type[Answer]) -> Answer:
        """The answer to a question."""
        self._connection.send_bytes(_encode(asked))
        return msgspec.json.decode(self.file(), type=kind)

    def file(self) -> bytes:
        """The next bytes that it sends."""
        if not self._connection.poll(self._seconds):
            raise TimeoutError
        return self._connection.recv_bytes(_MOST_BYTES)

    def joined(self, several: Sequence[bytes]) -> bytes:
        """One file with the rows of several."""
        self._connection.send_bytes(_encode(Ask(join=len(several), most=_MOST_BYTES)))
        for content in several:
            self._connection.send_bytes(content)
        return self.file()

    def end(self) -> None:
        """Let it go."""
        with contextlib.suppress(OSError):
            self._connection.close()
        self._process.kill()
        self._process.wait()
