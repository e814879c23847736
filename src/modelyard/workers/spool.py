"""Rows of inference tables on their way, where they survive the end of the process: files of frames, and counters.

A frame is the length and the CRC-32 of a record, then the record. Frames are appended with one write and not synced: a
process that is killed loses nothing of them, a machine that loses its power some seconds. Beside the files is one page
of counters in shared memory, of all rows that were to be kept and of those that found a place, so that whoever comes
after a killed process knows how many were lost. Who runs has a lock on its counters.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from modelyard.packer.frames import framed

if TYPE_CHECKING:
    from modelyard.domain.capture import Record

_PAGE: Final = 1 << 14
_SLOT: Final = 64
_TABLE: Final = struct.Struct("<32s")
_COUNT: Final = struct.Struct("<Q")
_SEEN_AT: Final = 32
_SETTLED_AT: Final = 40
_MOST_SLOTS: Final = _PAGE // _SLOT
_COUNTERS: Final = ".run"
_ROWS: Final = ".rows"


class Counters:
    """How many rows of each table were to be kept, and how many found a place or are known to be lost."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, _PAGE)
            self._page = mmap.mmap(self._descriptor, _PAGE)
        except OSError:
            os.close(self._descriptor)
            raise
        self._slots = dict(self._tables())
        self._settling = threading.Lock()

    def _tables(self) -> Iterator[tuple[str, int]]:
        for slot in range(0, _PAGE, _SLOT):
            table: bytes = _TABLE.unpack_from(self._page, slot)[0]
            if name := table.rstrip(b"\0").decode("ascii", "replace"):
                yield name, slot

    def seen(self, table: str) -> None:
        """A row of a table, by its id, is to be kept; of more tables than there is room for none are counted."""
        slot = self._slots.get(table)
        if slot is None:
            if len(self._slots) >= _MOST_SLOTS:
                return
            slot = self._slots[table] = len(self._slots) * _SLOT
            _TABLE.pack_into(self._page, slot, table.encode())
        self._add(slot + _SEEN_AT, 1)

    def settle(self, table: str, rows: int) -> None:
        """Rows have found a place, or are known to be lost."""
        slot = self._slots.get(table)
        if slot is not None:
            with self._settling:
                self._add(slot + _SETTLED_AT, rows)

    def _add(self, at: int, more: int) -> None:
        _COUNT.pack_into(self._page, at, _COUNT.unpack_from(self._page, at)[0] + more)

    def unsettled(self) -> dict[str, int]:
        """How many rows have neither, by table."""
        found: dict[str, int] = {}
        for table, slot in self._slots.items():
            seen: int = _COUNT.unpack_from(self._page, slot + _SEEN_AT)[0]
            settled: int = _COUNT.unpack_from(self._page, slot + _SETTLED_AT)[0]
            if seen > settled:
                found[table] = seen - settled
        return found

    def close(self, *, remove: bool) -> None:
        """Let go of them."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._page.close()
        os.close(self._descriptor)


class Spool:
    """The files of one process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._run = uuid.uuid4().hex
        self.counters = Counters(folder / f"{self._run}{_COUNTERS}")
        self._number = 0
        self._file = -1
        self.size = 0
        self.rows = 0

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._run}-{self._number:08d}{_ROWS}"

    def write(self, records: Sequence[Record]) -> None:
        """Append rows, all or none; `OSError` if the disk takes no more."""
        if self._file < 0:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        frames = framed(records)
        try:
            written = os.write(self._file, frames)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        if written < len(frames):
            os.ftruncate(self._file, self.size)
            raise OSError("the disk is full")
        self.size += written
        self.rows += len(records)

    def turn(self) -> Path | None:
        """End the file that is written, if there is one, and begin another with the next row."""
        if self._file < 0:
            return None
        os.close(self._file)
        ended = self._path
        self._file, self.size, self.rows = -1, 0, 0
        self._number += 1
        return ended

    def close(self) -> None:
        """Write no more; what is there stays for whoever comes next, unless nothing is."""
        self.turn()
        is_empty = not self.counters.unsettled() and not any(self._folder.glob(f"{self._run}-*{_ROWS}"))
        self.counters.close(remove=is_empty)


class Estate:
    """What a process left that has ended: files, and rows that are lost."""

    def __init__(self, counters: Counters, files: Sequence[Path]) -> None:
        self._counters = counters
        self.files = files
        self.lost = counters.unsettled()

    @classmethod
    def found(cls, folder: Path) -> Iterator[Self]:
        """Each of them in a folder; nobody else has it until it is closed."""
        for path in sorted(folder.glob(f"*{_COUNTERS}")):
            with contextlib.suppress(OSError):  # its process runs
                counters = Counters(path)
                yield cls(counters, sorted(folder.glob(f"{path.stem}-*{_ROWS}")))

    def settle(self) -> None:
        """The rows that are lost have been told."""
        for table, rows in self.lost.items():
            self._counters.settle(table, rows)
        self.lost = {}

    def close(self) -> None:
        """Let go of it; nothing is left where all its files are gone."""
        self._counters.close(remove=not self.lost and not any(file.exists() for file in self.files))
