"""The recorder: keeps sampled requests and answers in inference tables, and never makes a request wait.

A request leaves its row in memory, where there is room for some. One thread takes the rows to a file in the data folder
each second; another one makes a Parquet file of them from time to time, in the catalog's storage. What is bounded: a
killed process loses the rows of its last second; rows for which there is no room, here or on the disk, are lost. Both
are counted.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from modelyard.actions.tables import KeepRows, NoteLostRows, PlaceRows
from modelyard.domain.access import Server
from modelyard.domain.journal import Origin
from modelyard.errors import Failure
from modelyard.workers.spool import Estate, Spool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelyard.action import Chore
    from modelyard.domain.capture import Record
    from modelyard.domain.tables import PayloadFile
    from modelyard.gate import Gate

log = logging.getLogger(__name__)

MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 32 << 20
"""What may wait in memory."""
_MOST_SPOOLED: Final = 1 << 30
"""Bytes that may wait on disk while the storage or the database cannot be reached."""
_EVERY: Final = 1.0
_SOON: Final = 1_000
"""Rows at which a second is not waited for."""
_FILE_ROWS: Final = 10_000
_FILE_BYTES: Final = 16 << 20
"""What one Parquet file is made of at most."""
_PAUSE: Final = 5.0
_BYTES_OF_A_ROW: Final = 500
"""What a row takes besides its bodies."""


class Shelves(Protocol):
    """The stored bytes, as far as the recorder sees them."""

    def rows_in(self, path: Path) -> Mapping[str, Sequence[str]]:
        """Which endpoints have rows in a spooled file, by the ids of their tables."""
        ...

    def bring_rows(self, store_id: str, path: Path, table: str, batch: str, endpoints: Sequence[str]) -> PayloadFile:
        """Store a table's rows of some endpoints in a spooled file as a file with an id."""
        ...


class Recorder:
    """Keeps rows until it is closed; only `capture` is called by requests, in the event loop."""

    def __init__(self, gate: Gate, shelves: Shelves, folder: Path, seconds: float) -> None:
        self._gate = gate
        self._shelves = shelves
        self._folder = folder
        self._seconds = seconds
        self._spool: Spool | None = None
        self._lock = threading.Lock()
        self._buffer: list[Record] = []
        self._bytes = 0
        self._lost: Counter[str] = Counter()
        self._ended: deque[Path] = deque()
        self._full = threading.Event()
        self._due = threading.Event()
        self._closing = threading.Event()
        self._threads = (
            threading.Thread(target=self._keep_spooling, name="spooler", daemon=True),
            threading.Thread(target=self._keep_delivering, name="recorder", daemon=True),
        )

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._spool = Spool(self._folder)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take what is there to disk and, if that is possible now, into the tables."""
        self._closing.set()
        self._full.set()
        self._due.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        if self._spool:
            self._spool.close()

    def capture(self, record: Record) -> None:
        """Keep a row, if there is room for it; it never waits."""
        spool = self._spool
        if spool is None or not record.table:
            return
        clipped = record.clipped()
        size = clipped.size + _BYTES_OF_A_ROW
        spool.counters.seen(record.table)
        with self._lock:
            if len(self._buffer) >= MOST_ROWS or self._bytes + size > MOST_BYTES:
                self._lost[record.table] += 1
                return
            self._buffer.append(clipped)
            self._bytes += size
            if len(self._buffer) == _SOON:
                self._full.set()

    # Onto the disk

    def _keep_spooling(self) -> None:
        ends = time.monotonic() + self._seconds
        while not self._closing.is_set():
            self._full.wait(_EVERY)
            self._full.clear()
            self._take_down()
            if time.monotonic() >= ends:
                self._end()
                ends = time.monotonic() + self._seconds
        self._take_down()
        self._end()

    def _take_down(self) -> None:
        with self._lock:
            taken, self._buffer, self._bytes = self._buffer, [], 0
        for some in _portions(taken):
            self._write(some)

    def _write(self, rows: Sequence[Record]) -> None:
        spool = self._spool
        if spool is None:
            return
        try:
            has_room = self._spooled() < _MOST_SPOOLED
            if has_room:
                spool.write(rows)
        except OSError as error:
            log.warning("rows of inference tables cannot be written: %s", error.strerror or error)
            has_room = False
        if not has_room:
            self._lose(rows)
            return
        for table, count in Counter(row.table for row in rows).items():
            spool.counters.settle(table, count)
        if spool.rows >= _FILE_ROWS or spool.size >= _FILE_BYTES:
            self._end()

    def _spooled(self) -> int:
        return sum(path.stat().st_size for path in list(self._ended) if path.exists())

    def _lose(self, rows: Iterable[Record]) -> None:
        with self._lock:
            self._lost.update(row.table for row in rows)

    def _end(self) -> None:
        path = self._spool.turn() if self._spool else None
        if path:
            self._ended.append(path)
        if path or self._lost:
            self._due.set()

    # Into the tables

    def _keep_delivering(self) -> None:
        self._attempt(self._adopt)
        while not self._closing.is_set():
            self._due.wait()
            self._due.clear()
            if not self._attempt(self._deliver):
                self._closing.wait(_PAUSE)
                self._due.set()
        self._threads[0].join()
        self._attempt(self._deliver)

    def _attempt(self, work: Any) -> bool:  # noqa: ANN401  either of two methods
        try:
            work()
        except Failure as failure:
            log.warning("rows of inference tables wait: %s", failure.message)
        except Exception:
            log.exception("rows of inference tables wait")
        else:
            return True
        return False

    def _adopt(self) -> None:
        """Keep what processes have left that were killed."""
        for estate in Estate.found(self._folder):
            try:
                for path in estate.files:
                    self._keep(path)
                self._tell_lost(estate.lost)
                estate.settle()
            finally:
                estate.close()

    def _deliver(self) -> None:
        failed: Exception | None = None
        for _ in range(len(self._ended)):
            path = self._ended.popleft()
            try:
                self._keep(path)
            except Exception as error:  # noqa: BLE001  the others go on; it is tried again, and told
                self._ended.append(path)
                failed = error
        self._deliver_lost()
        if failed:
            raise failed

    def _deliver_lost(self) -> None:
        with self._lock:
            lost, self._lost = self._lost, Counter()
        try:
            self._tell_lost(lost)
        except BaseException:
            with self._lock:
                self._lost.update(lost)
            raise
        if self._spool:
            for table, rows in lost.items():
                self._spool.counters.settle(table, rows)

    def _tell_lost(self, lost: dict[str, int]) -> None:
        if lost:
            self._do(NoteLostRows(tuple(lost.items())))

    def _keep(self, path: Path) -> None:
        """Make a Parquet file for each table that has rows in a file; done again, it makes the very same."""
        for table, endpoints in self._shelves.rows_in(path).items():
            self._keep_in(table, endpoints, path)
        path.unlink()

    def _keep_in(self, table: str, endpoints: Sequence[str], path: Path) -> None:
        placement = self._do(PlaceRows(table, tuple(endpoints)))
        if placement is None:
            log.info("rows of an inference table that was deleted are dropped")
            return
        kept = [each for each in endpoints if each in placement.endpoints]
        if len(kept) < len(endpoints):
            log.warning("an endpoint may not log any more, as who made it may not make tables there")
        if kept:
            self._do(KeepRows(table, self._shelves.bring_rows(placement.store_id, path, table, path.stem, kept)))

    def _do(self, chore: Chore[Any, Any]) -> Any:  # noqa: ANN401  the chore's own result
        return self._gate.do(chore, Server(), Origin(uuid.uuid4().hex))


def _portions(rows: list[Record]) -> Iterable[list[Record]]:
    """Rows in portions that are written at once."""
    some: list[Record] = []
    size = 0
    for row in rows:
        some.append(row)
        size += row.size
        if size >= _FILE_BYTES // 4 or len(some) >= _SOON:
            yield some
            some, size = [], 0
    if some:
        yield some
