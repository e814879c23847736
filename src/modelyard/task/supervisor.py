"""Looks after one attempt, whatever becomes of the server that has started it.

It claims the attempt, and does nothing if it was claimed before; starts its process, confined; keeps the first and the
last of what is printed; ends everything when it is cancelled or takes too long; and writes down how it ended. What it
is told stands in the file that is its standard input, because it holds secrets.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelyard.task import claims, processes, reports
from modelyard.task.masks import Lines, Mask

RESULT: Final = "result"
LOG: Final = "log"
CANCEL: Final = "cancel"
"""A file that is there when the attempt is to be ended."""
OUT: Final = "out"
"""Inside of a place, the folder to which the code writes what it leaves behind."""
PLACES: Final = "run-*"
"""Folders of an attempt that are of no use once it has ended; it runs in one of them."""
HEARTBEAT: Final = "heartbeat"
"""A file that is touched again and again, for people: whether it lives is said by the claim."""

_PIECE: Final = 64 << 10
_BEAT: Final = 5.0
_DRAIN: Final = 2.0
_OUTER: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Order:
    """What is to be done; times are seconds, and 0 seconds are no bound."""

    folder: str
    place: str
    command: list[str]
    said: str
    """What the command reads from its standard input."""
    seconds: float
    grace: float
    secrets: list[str]
    drop: list[str]
    """Further folders that are of no use once it has ended."""
    first: int
    """Bytes that are kept of the begin of the log, and as many as `last` of its end."""
    last: int


class Log:
    """The first and the last of what is printed: the end is added when there is one."""

    def __init__(self, path: Path, lines: Lines, first: int, last: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lines = lines
        self._room = first
        self._last = last
        self._later: deque[bytes] = deque()
        self._held = self._left_out = 0

    def feed(self, more: bytes) -> None:
        """Take some more."""
        self._take(self._lines.feed(more))

    def note(self, text: str) -> None:
        """Add a line of the supervisor's own."""
        self._take(f"[modelyard] {text}\n".encode())

    def close(self) -> None:
        """Add the end."""
        self._take(self._lines.end())
        if self._left_out:
            self._write(f"\n[modelyard] … {self._left_out} bytes are left out here …\n".encode())
        for piece in self._later:
            self._write(piece)
        os.close(self._file)

    def _take(self, shown: bytes) -> None:
        now, later = shown[: self._room], shown[self._room :]
        if now:
            self._room -= len(now)
            self._write(now)
            if not self._room:
                self._write(b"\n[modelyard] The log is long: only its end is kept from here on, and shown later.\n")
        if later:
            self._later.append(later)
            self._held += len(later)
        while self._held > self._last:
            dropped = self._later.popleft()
            keep = dropped[len(dropped) - max(self._last - self._held + len(dropped), 0) :]
            if keep and len(keep) < len(dropped):
                self._later.appendleft(keep)
            self._held -= len(dropped) - len(keep)
            self._left_out += len(dropped) - len(keep)

    def _write(self, content: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk loses lines, and nothing else
            os.write(self._file, content)


class Supervisor:
    """One attempt, from its claim to its result."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._folder = Path(order.folder)
        self._out = self._folder / order.place / OUT
        self._selector = selectors.DefaultSelector()
        self._wake, ours = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake, selectors.EVENT_READ)
        signal.set_wakeup_fd(ours, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, _wake_up)
        self._why = ""
        self._kill_at = 0.0
        self._beat_at = 0.0

    def run(self) -> None:
        """Do it, if nobody did."""
        if claims.take(self._folder, self._order.place) is None:
            shutil.rmtree(self._folder / self._order.place, ignore_errors=True)
            return
        if self._is_cancelled():
            self._end({"trouble": "CANCELED"})
            return
        processes.adopt()
        mask = Mask(self._order.secrets)
        log = Log(self._folder / LOG, Lines(mask), self._order.first, self._order.last)
        try:
            told = self._outcome(self._watched(log), mask)
        except OSError as error:
            told = {"trouble": "LOST", "error": f"Its process could not be started: {error.strerror}."}
        log.close()
        self._end(told)

    def _watched(self, log: Log) -> int:
        pipe, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(pipe, False)
        process = _started(self._order, theirs)
        os.close(theirs)
        self._selector.register(pipe, selectors.EVENT_READ)
        until = time.monotonic() + self._order.seconds if self._order.seconds else 0.0
        while process.poll() is None:
            self._wait(self._pause(until))
            self._read(pipe, log)
            self._decide(until, log)
        processes.end()
        self._drain(pipe, log)
        return process.returncode

    def _pause(self, until: float) -> float:
        times = [each for each in (until, self._kill_at, self._beat_at) if each]
        return max(min(times, default=time.monotonic() + _BEAT) - time.monotonic(), 0.0)

    def _wait(self, seconds: float) -> None:
        self._selector.select(seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, _PIECE)

    def _read(self, pipe: int, log: Log) -> bool:
        """Read what there is, a piece at a time; whether there may be more."""
        try:
            more = os.read(pipe, _PIECE)
        except BlockingIOError:
            return True
        if more:
            log.feed(more)
        elif pipe in self._selector.get_map():
            self._selector.unregister(pipe)
        return bool(more)

    def _drain(self, pipe: int, log: Log) -> None:
        until = time.monotonic() + _DRAIN
        if pipe in self._selector.get_map():
            while self._read(pipe, log) and time.monotonic() < until:
                pass

    def _decide(self, until: float, log: Log) -> None:
        """Begin to end it, if it is time; kill it, if it was asked to end for long enough."""
        now = time.monotonic()
        if now >= self._beat_at:
            (self._folder / HEARTBEAT).touch(0o600)
            self._beat_at = now + _BEAT
        if not self._why:
            self._why = "CANCELED" if self._is_cancelled() else "TIMED_OUT" if until and now >= until else ""
            if self._why:
                log.note("It is cancelled." if self._why == "CANCELED" else "It has taken too long, and is ended.")
                self._kill_at = now + self._order.grace
                processes.ask_to_end()
        elif now >= self._kill_at:
            self._kill_at = now + 1.0
            processes.end()

    def _is_cancelled(self) -> bool:
        return (self._folder / CANCEL).exists()

    def _outcome(self, status: int, mask: Mask) -> dict[str, Any]:
        told: dict[str, Any] = {"values": reports.values(self._out)}
        if self._why == "TIMED_OUT":
            told |= {"trouble": self._why, "error": f"It did not end within {self._order.seconds:g} seconds."}
        elif self._why:
            told |= {"trouble": self._why, "error": "It was cancelled."}
        elif status:
            told |= {name: _masked(text, mask) for name, text in reports.failure(self._out, _end_of(status)).items()}
        else:
            told |= {"result": _masked(reports.result(self._out), mask)}
        return told

    def _end(self, told: Mapping[str, Any]) -> None:
        times = {"began_at": reports.began_at(self._out), "ended_at": int(time.time() * 1000)}
        notebook = reports.content(self._out, reports.NOTEBOOK, reports.MOST_NOTEBOOK)
        if notebook is not None:
            claims.write(self._folder / reports.NOTEBOOK, notebook)
        claims.write(self._folder / RESULT, json.dumps({**told, **times}).encode())
        for each in (*self._folder.glob(PLACES), *self._order.drop):
            shutil.rmtree(each, ignore_errors=True)


def _wake_up(_number: int, _frame: object) -> None:
    """Nothing but that the wait is over."""


def _masked(text: str, mask: Mask) -> str:
    return mask(text.encode(errors="replace")).decode(errors="replace")


def _end_of(status: int) -> str:
    number = -status if status < 0 else status - 128
    with contextlib.suppress(ValueError):
        name = signal.Signals(number).name
        hint = "; it may have used up the machine's memory" if name == "SIGKILL" else ""
        return f"Its process was ended by {name}{hint}."
    return f"Its process ended with status {status}."


def _started(order: Order, printed: int) -> subprocess.Popen[bytes]:
    said = os.memfd_create("task")
    try:
        os.write(said, order.said.encode())
        os.lseek(said, 0, os.SEEK_SET)
        return subprocess.Popen(  # noqa: S603  the engine's own command, confined
            order.command, stdin=said, stdout=printed, stderr=printed, env=_OUTER, cwd="/", start_new_session=True
        )
    finally:
        os.close(said)


def main() -> None:
    """Do what standard input says."""
    Supervisor(Order(**json.load(sys.stdin))).run()
