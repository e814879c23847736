"""MLflow's own tracking server as a child: started when it is first asked, looked after, and ended with the server.

Nobody reaches it but through this module: it listens on a unix socket in a folder that nobody else may enter. It gets
none of the server's variables and, where the machine can confine it, sees none of the server's files.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from modelyard.domain.experiments import LOCATION
from modelyard.domain.relays import Asked, Heard
from modelyard.engines.local.logs import for_people
from modelyard.engines.local.sandbox import OUTER, SLOTS, TASK_SLOTS, Confinement, Job, Prepared, Sandbox
from modelyard.engines.wire import Lost, Wire
from modelyard.errors import Failure, TooLate, Unavailable

if TYPE_CHECKING:
    from modelyard.config import Settings

log = logging.getLogger(__name__)

PAGE: Final = "/mlflow"
"""Where the child thinks that its page is."""
_HEALTH: Final = Asked("GET", f"{PAGE}/health")
_ANSWER_SECONDS: Final = 110.0
"""Clients wait for 120 seconds."""
_GLANCE: Final = 0.1
_HEALTH_SECONDS: Final = 5.0
_WELL_SECONDS: Final = 60.0
"""What was well for so long begins with short pauses again."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_GRACE_SECONDS: Final = 5.0
_LONGEST_SOCKET: Final = 100
"""The kernel takes 107 bytes for the path of a socket."""
_LONGEST_LOG: Final = 1 << 20
_SHOWN: Final = 4096
_TRIES: Final = 2


class Trouble(Exception):
    """Why it could not be started, for the log."""


class Tracker:
    """Keeps the child, and asks it. `backend` gives the URL of its database, which is made where it is missing."""

    def __init__(self, settings: Settings, backend: Callable[[], str]) -> None:
        self._settings = settings
        self._backend = backend
        self._folder = settings.folder / "tracking"
        self._child: _Child | None = None
        self._starting: asyncio.Task[_Child] | None = None
        self._failures = 0
        self._again_at = 0.0

    async def ask(self, asked: Asked) -> Heard:
        """The child's answer; `Unavailable` where it does not run, or was lost before it answered.

        What only looks is asked again at once where the child was lost: clients repeat the rest, as they know whether
        they may.
        """
        for attempt in range(1, _TRIES + 1):
            child = await self._running()
            try:
                return await child.wire.ask(replace(asked, target=PAGE + asked.target), _ANSWER_SECONDS)
            except TimeoutError:
                raise TooLate("the tracking server did not answer in time; ask for less at once.") from None
            except Lost as lost:
                if attempt == _TRIES or not (lost.untouched or asked.method == "GET"):
                    raise _unavailable("the tracking server was lost before it answered; ask again shortly.") from None
                await asyncio.sleep(_GLANCE)
        raise AssertionError

    @property
    def is_ours(self) -> bool:
        """It is."""
        return True

    @property
    def pid(self) -> int | None:
        """The id of the child's outermost process, while there is one."""
        return self._child.pid if self._child and self._child.is_alive else None

    async def _running(self) -> _Child:
        child = self._child
        if child and child.is_alive:
            return child
        if child:
            self._bury(child)
        if self._starting is None:
            wait = self._again_at - time.monotonic()
            if wait > 0:
                raise _unavailable("the tracking server does not start; its log says why.", int(wait) + 1)
            self._starting = asyncio.create_task(self._started())
            self._starting.add_done_callback(self._settle)
        try:
            return await asyncio.shield(self._starting)
        except Trouble:
            raise _unavailable("the tracking server does not start; its log says why.", 1) from None

    async def _started(self) -> _Child:
        loop = asyncio.get_running_loop()
        try:
            child = await loop.run_in_executor(None, lambda: _Child(self._settings, self._folder, self._backend()))
        except Failure as failure:
            raise Trouble(failure.message) from failure
        try:
            await self._until_well(child)
        except BaseException:
            await loop.run_in_executor(None, child.close)
            raise
        log.info("the tracking server runs")
        return child

    async def _until_well(self, child: _Child) -> None:
        until = time.monotonic() + self._settings.tracking_start_seconds
        while time.monotonic() < until:
            if not child.is_alive:
                raise Trouble(f"it ended at once: {child.tail()}")
            with contextlib.suppress(Lost, TimeoutError):
                if (await child.wire.ask(_HEALTH, _HEALTH_SECONDS)).status == 200:  # noqa: PLR2004  as HTTP has it
                    return
            await asyncio.sleep(_GLANCE)
        raise Trouble("it did not answer in time.")

    def _settle(self, starting: asyncio.Task[_Child]) -> None:
        self._starting = None
        failure = None if starting.cancelled() else starting.exception()
        if failure is None and not starting.cancelled():
            self._child = starting.result()
        else:
            self._pause(f"the tracking server could not be started: {failure}")

    def _bury(self, child: _Child) -> None:
        self._child = None
        if child.age > _WELL_SECONDS:
            self._failures = 0
            log.warning("the tracking server ended; it is started again: %s", child.tail())
        else:
            self._pause(f"the tracking server ended soon after its start: {child.tail()}")
        child.close()

    def _pause(self, why: str) -> None:
        """Once is at once; more often takes longer and longer."""
        pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 8), _LONGEST_PAUSE) if self._failures else 0.0
        self._failures += 1
        self._again_at = time.monotonic() + pause
        log.error("%s", why)

    def close(self) -> None:
        """End the child; the loop in which it was asked may be gone."""
        child, self._child = self._child, None
        if child:
            child.close()


def _unavailable(message: str, seconds: int = 1) -> Unavailable:
    failure = Unavailable(message)
    failure.seconds = seconds
    return failure


class _Child:
    """One life of the child."""

    def __init__(self, settings: Settings, folder: Path, backend: str) -> None:
        if find_spec("mlflow") is None:
            raise Trouble('MLflow is not installed: pip install "modelyard[tracking]".')
        self._began = time.monotonic()
        self._place = _private(folder)
        self._log = folder / "log"
        self._sockets = self._socket_folder()
        self.wire = Wire(str(self._sockets / "sock"))
        self._prepared = self._confined(settings, backend)
        self._process = _spawned(self._prepared, self._log)

    @property
    def pid(self) -> int:
        """The id of the outermost process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def age(self) -> float:
        """How many seconds ago it was started."""
        return time.monotonic() - self._began

    def tail(self) -> str:
        """The last that it has printed, for the log."""
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - _SHOWN))
            return for_people(file.read().decode(errors="replace").splitlines()[-6:])
        return ""

    def close(self) -> None:
        """End it with all that it has started."""
        self.wire.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_SECONDS)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._prepared.tidy()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _socket_folder(self) -> Path:
        """A folder for this life, which nobody else may enter."""
        if len(os.fsencode(self._place)) + len("/s-12345678/sock") <= _LONGEST_SOCKET:
            return Path(tempfile.mkdtemp(prefix="s-", dir=self._place))
        return Path(tempfile.mkdtemp(prefix="modelyard-"))

    def _confined(self, settings: Settings, backend: str) -> Prepared:
        hidden = (settings.folder,)
        sandbox = Sandbox(
            self._place, first_uid=settings.sandbox_uid, is_shared=True, hidden=hidden, what="the tracking server runs"
        )
        uid = settings.sandbox_uid + SLOTS + TASK_SLOTS
        writes = (self._place / "db", self._sockets)
        if sandbox.confinement is not Confinement.OWN_VIEW:
            # Another user would not come through the private data folder, and what runs is MLflow's own code only.
            uid = os.geteuid()
        for path in (*writes, *(self._place / "db").iterdir()):
            os.chown(path, uid, uid) if os.geteuid() == 0 else None
        job = Job(
            _command(str(self._sockets / "sock"), settings.tracking_workers),
            uid,
            reads=(Path(sys.prefix), *_database_sockets(backend)),
            writes=writes,
            variables=_variables(backend),
            nice=0,
        )
        return sandbox.prepared(job)


def _private(folder: Path) -> Path:
    """The child's folder, without what an earlier life has left."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "db").mkdir(mode=0o700, exist_ok=True)
    return folder


def _command(socket: str, workers: int) -> tuple[str, ...]:
    options = f"--uds {socket} --no-access-log --log-level warning --timeout-keep-alive 75"
    return (
        *(sys.executable, "-m", "mlflow", "server"),
        *("--uvicorn-opts", options, "--workers", str(workers)),
        *("--no-serve-artifacts", "--default-artifact-root", LOCATION),
        *("--allowed-hosts", "localhost", "--static-prefix", PAGE),
    )


def _variables(backend: str) -> dict[str, str]:
    """Where the database is may hold a password, so it is no argument, which everybody on the machine could read."""
    return {
        **OUTER,
        "MLFLOW_BACKEND_STORE_URI": backend,
        "MLFLOW_REGISTRY_STORE_URI": backend,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_ASSISTANT": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _database_sockets(backend: str) -> Iterator[Path]:
    """PostgreSQL's socket, where it is a file: its folder may be closed to the child's user."""
    url = urlsplit(backend)
    said = dict(parse_qsl(url.query))
    if said.get("host", "").startswith("/"):
        yield Path(said["host"]) / f".s.PGSQL.{said.get('port') or url.port or 5432}"


def _spawned(prepared: Prepared, printed: Path) -> subprocess.Popen[bytes]:
    said = os.memfd_create("job")
    try:
        os.write(said, prepared.said)
        os.lseek(said, 0, os.SEEK_SET)
        if printed.exists() and printed.stat().st_size > _LONGEST_LOG:
            printed.replace(printed.with_suffix(".old"))
        with open(os.open(printed, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:  # noqa: PTH123
            return subprocess.Popen(  # noqa: S603  MLflow's own command, confined
                prepared.command, stdin=said, stdout=file, stderr=file, env=OUTER, cwd="/", start_new_session=True
            )
    except OSError:
        raise Trouble("its process could not be started on this machine.") from None
    finally:
        os.close(said)
