"""One confined process: started, listened to, and ended with all that it has started itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from modelyard.engines.local.logs import Ring, for_people
from modelyard.engines.local.sandbox import OUTER, Prepared
from modelyard.engines.local.trouble import Trouble
from modelyard.task.masks import Lines, Mask

_PIECE: Final = 64 << 10
_BREATH: Final = 0.01
_GLANCE: Final = 0.25
_LINES: Final = 12


class Child:
    """A process of the loop's own thread, because the kernel ends it when the thread ends that has started it."""

    def __init__(self, prepared: Prepared, ring: Ring, secrets: Iterable[str] = (), fds: Sequence[int] = ()) -> None:
        self._prepared = prepared
        self._ring = ring
        self._lines = Lines(Mask(secrets))
        self._tail: deque[str] = deque(maxlen=_LINES)
        self._silent = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._process, self._pipe = _started(prepared, fds)
        self._loop.add_reader(self._pipe, self._read)

    @property
    def pid(self) -> int:
        """The id of the outermost process."""
        return self._process.pid

    @property
    def tail(self) -> str:
        """The last that it has printed, for people."""
        return for_people(self._tail)

    def belongs(self, ring: Ring) -> None:
        """From now on, what it prints is for another log."""
        self._ring = ring

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        while self._process.poll() is None:
            if self._silent.is_set():
                await asyncio.sleep(_BREATH)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GLANCE):
                    await self._silent.wait()
        return self._process.returncode

    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, and all that it has started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def end(self, grace: float = 0.0) -> None:
        """End it, politely for so many seconds, and let go of what it had."""
        if grace:
            self.kill(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.ended()
        self.close()

    def close(self) -> None:
        """End it at once, and let go of what it had."""
        self.kill()
        self._process.wait()
        self._read()
        self._stop_reading()
        self._take(self._lines.end())
        self._prepared.tidy()

    def _read(self) -> None:
        if self._pipe < 0:
            return
        try:
            more = os.read(self._pipe, _PIECE)
        except BlockingIOError:
            return
        if not more:
            self._stop_reading()
            return
        self._take(self._lines.feed(more))
        if len(more) == _PIECE:  # whoever prints without end does not keep the loop from the others
            self._loop.remove_reader(self._pipe)
            self._loop.call_later(_BREATH, self._resume)

    def _resume(self) -> None:
        if self._pipe >= 0:
            self._loop.add_reader(self._pipe, self._read)

    def _stop_reading(self) -> None:
        if self._pipe >= 0:
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
            self._silent.set()

    def _take(self, hidden: bytes) -> None:
        if hidden:
            self._ring.write(hidden)
            self._tail.extend(hidden.decode(errors="replace").splitlines()[-_LINES:])


def _started(prepared: Prepared, fds: Sequence[int]) -> tuple[subprocess.Popen[bytes], int]:
    """A process, and the end of a pipe from which all that it prints is read."""
    said, (ours, theirs) = os.memfd_create("job"), os.pipe()
    try:
        os.write(said, prepared.said)
        os.lseek(said, 0, os.SEEK_SET)
        os.set_blocking(ours, False)
        return _spawned(prepared.command, said, theirs, fds), ours
    except OSError:
        os.close(ours)
        prepared.tidy()
        raise Trouble("its process could not be started on this machine.") from None
    finally:
        os.close(said)
        os.close(theirs)


def _spawned(command: Sequence[str], said: int, printed: int, fds: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  the engine's own command, confined
        command,
        stdin=said,
        stdout=printed,
        stderr=printed,
        pass_fds=fds,
        env=OUTER,
        cwd="/",
        start_new_session=True,
    )
