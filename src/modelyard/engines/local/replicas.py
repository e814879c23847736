"""One process that answers predictions: started, watched while it is well, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from modelyard.engines.base import Load, Loader, Served
from modelyard.engines.local.children import Child
from modelyard.engines.local.environments import Environments
from modelyard.engines.local.files import Files, linked, remove
from modelyard.engines.local.interpreters import Interpreter
from modelyard.engines.local.line import Line, Lost
from modelyard.engines.local.logs import Ring
from modelyard.engines.local.places import OwnPlaces
from modelyard.engines.local.sandbox import Job, Sandbox, Slots
from modelyard.engines.local.trouble import Trouble
from modelyard.scorer.memory import USED_UP

if TYPE_CHECKING:
    from modelyard.config import Settings

PING_SECONDS: Final = 1.0
_SUSPECT_SECONDS: Final = 2.0
"""How long one that somebody suspects may take to answer."""
_LINGER_SECONDS: Final = 2.0
"""How long one that is not offered any more waits for requests that somebody was about to send."""
_MORE_THAN_A_REQUEST: Final = 3.0
_BACKLOG: Final = 128
_NOT_LOADED: Final = 3
"""The status with which a scorer says that the model cannot be loaded."""
_THREADS: Final = tuple(
    f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "RAYON")
)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Kit:
    """What processes are made with."""

    settings: Settings
    load: Loader
    places: OwnPlaces
    sandbox: Sandbox
    slots: Slots
    files: Files
    environments: Environments
    scorer: Path
    starting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))


class Replica:
    """A process; it exists from its start on, and is offered once `begin` has returned."""

    def __init__(self, kit: Kit, ring: Ring) -> None:
        self._kit = kit
        self._ring = ring
        self._number = next(_numbers)
        self._uid = kit.slots.take()
        self._line: Line | None = None
        self._child: Child | None = None
        self._retired = asyncio.Event()
        self._suspected_at = 0.0
        self._lingers_until = 0.0
        self._room: Path | None = None
        self.python: Interpreter | None = None
        self.libraries: Sequence[str] = ()
        """The modules that it has loaded, if it says so."""
        self.address = str(Path(os.path.realpath(kit.places.sockets), f"{self._number:x}.sock"))
        self.ready_at = 0.0

    @property
    def pid(self) -> int:
        """The id of its outermost process."""
        return self._child.pid if self._child else 0

    @property
    def has_ended(self) -> bool:
        """Whether its process is no more."""
        return self._child is None or self._child.has_ended()

    def belongs(self, ring: Ring) -> None:
        """From now on it is somebody's, who keeps the log of what it prints."""
        self._ring = ring
        if self._child:
            self._child.belongs(ring)

    def stand_by(self, python: Interpreter, libraries: Sequence[str]) -> None:
        """Start it without a model: it loads what `begin` gives it."""
        self._room = Path(tempfile.mkdtemp(dir=self._kit.places.rooms))
        self._room.chmod(0o755)
        options = ("--row-wise", "auto", "--spare", ",".join(libraries))
        self._start(self._room / "model", python, options, {}, self._room)

    async def begin(self, served: Served, load: Load, model: Path, python: Interpreter) -> None:
        """Start it, or give it its model, and wait until it answers; `Trouble` where it does not."""
        self.python = python
        if self._room:
            await asyncio.to_thread(linked, model, self._room / "model")
        else:
            row_wise = {None: "auto", True: "yes", False: "no"}[served.row_wise]
            self._start(model, python, ("--row-wise", row_wise), load.variables, model)
        self._ring.note(f"process {self._number} starts ({served.label})")
        await self._greeted()
        self.ready_at = time.monotonic()

    async def _greeted(self) -> None:
        seconds = self._kit.settings.serving_start_seconds
        try:
            self._line = await Line.open(self.address)
            async with asyncio.timeout(seconds):
                told = await self._line.hello()
        except TimeoutError:
            raise Trouble(f"the model was not loaded within {seconds} seconds (serving_start_seconds).") from None
        except Lost:
            raise await self._not_started() from None
        names: object = told.get("libraries")
        self.libraries = [str(each) for each in cast("list[object]", names)] if isinstance(names, list) else ()

    async def live(self) -> str:
        """Wait until it is not well any more, or is retired and has drained; what happened, for people."""
        watching = asyncio.ensure_future(self._watch())
        retired = asyncio.ensure_future(self._retired.wait())
        try:
            await asyncio.wait((watching, retired), return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                return watching.result()
        finally:
            watching.cancel()
            retired.cancel()
        await self._drain()
        return ""

    def retire(self) -> None:
        """Let it end what it has to do, and end it."""
        self._retired.set()

    async def _watch(self) -> str:
        try:
            while line := self._line:
                await self._ask(line)
                await asyncio.sleep(PING_SECONDS)
        except Lost:
            return await self._how_it_ended()
        except TimeoutError:
            return "its process did not answer any more, and was ended."
        return "its process ended."

    def suspect(self) -> None:
        """Somebody waits for an answer of it for longer than any may take."""
        self._suspected_at = time.monotonic()

    def linger(self) -> None:
        """Somebody still has requests under way with it."""
        self._lingers_until = time.monotonic() + _LINGER_SECONDS

    async def _drain(self) -> None:
        """Wait until nobody asks it any more and it computes nothing, as long as a request may take; then end it."""
        self.linger()
        seconds = self._kit.settings.serving_request_seconds + _MORE_THAN_A_REQUEST
        with contextlib.suppress(TimeoutError, Lost):
            async with asyncio.timeout(seconds):
                await self._quiet()
        if self._child:
            await self._child.end(grace=1.0)

    def close(self) -> None:
        """End it at once, and let go of what it had."""
        if self._line:
            self._line.close()
        if self._child:
            self._child.close()
        Path(self.address).unlink(missing_ok=True)
        if self._room:
            remove(self._room)
        if self._uid:
            self._kit.slots.give(self._uid)
        self._uid = 0

    async def _ask(self, line: Line) -> None:
        """Ask whether it is well, for as long as a request may take: a process that computes answers later."""
        asked = asyncio.ensure_future(line.ping())
        asked_at = time.monotonic()
        try:
            while not (await asyncio.wait((asked,), timeout=PING_SECONDS))[0]:
                if time.monotonic() > self._patience(asked_at):
                    raise TimeoutError
            asked.result()
        finally:
            asked.cancel()

    def _patience(self, asked_at: float) -> float:
        until = asked_at + self._kit.settings.serving_request_seconds + _MORE_THAN_A_REQUEST
        if self._suspected_at < asked_at - _SUSPECT_SECONDS:
            return until
        return min(until, max(asked_at, self._suspected_at) + _SUSPECT_SECONDS)

    async def _quiet(self) -> None:
        while (left := self._lingers_until - time.monotonic()) > 0:
            await asyncio.sleep(left)
            if self._line:
                await self._line.ping()

    async def _not_started(self) -> Trouble:
        child = self._child
        if child is None:
            return Trouble("its process ended before it answered.")
        status = await child.ended()
        if status == _NOT_LOADED:
            return Trouble(f"the model could not be loaded. {child.tail}".strip(), is_final=True)
        return Trouble(f"its process ended before it answered (status {status}). {child.tail}".strip())

    async def _how_it_ended(self) -> str:
        if not self._child:
            return "its process ended."
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PING_SECONDS):
                status = await self._child.ended()
            if status == USED_UP:
                return "its process had used up its memory (serving_memory), and was ended."
            return f"its process ended (status {status})."
        return "its process closed its connection, and was ended."

    def _start(
        self, model: Path, python: Interpreter, options: Sequence[str], variables: Mapping[str, str], reads: Path
    ) -> None:
        listening = _listening(self.address)
        try:
            job = self._job(model, python, (*options, "--listen", str(listening.fileno())), variables, reads)
            prepared = self._kit.sandbox.prepared(job)
            self._child = Child(prepared, self._ring, variables.values(), (listening.fileno(),))
        finally:
            listening.close()

    def _job(
        self, model: Path, python: Interpreter, options: Sequence[str], variables: Mapping[str, str], reads: Path
    ) -> Job:
        settings = self._kit.settings
        command = (str(python.python), "-I", "-u", "-B", str(self._kit.scorer), "--model", str(model), *options)
        return Job(
            command=(*command, "--timeout", str(settings.serving_request_seconds)),
            uid=self._uid,
            reads=(self._kit.scorer, reads, *python.reads),
            variables={**dict(_variables(python)), **variables},
            memory=settings.serving_memory,
            has_network=settings.serving_network,
        )


def _variables(python: Interpreter) -> Iterator[tuple[str, str]]:
    yield "PATH", f"{python.python.parent}:/usr/bin:/bin"
    yield "LANG", "C.UTF-8"
    yield from ((name, "1") for name in _THREADS)
    yield from (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("DO_NOT_TRACK", "true"),
        ("MLFLOW_ENABLE_ASYNC_LOGGING", "false"),
    )
    yield "MLFLOW_TRACKING_URI", "file:///nonexistent"
    yield "MLFLOW_CONFIGURE_LOGGING", "false"


def _listening(address: str) -> socket.socket:
    """A socket that only the server's user can connect to."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(address)
        Path(address).chmod(0o600)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise Trouble("no socket for its process could be made.") from None
    return listening
