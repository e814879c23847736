"""The executor: prepares attempts in a thread of its own, and finds out about all of them from what is on disk.

What user code does is started by a supervisor, once. Everything before that can be repeated: a server that dies while
an environment is built leaves nothing behind that counts, and the attempt is `ABSENT` until it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.engines.attempts import Brief, Briefing, Look, Outcome, Stage, Trouble, Work
from modelyard.engines.local import interpreters, requirements
from modelyard.engines.local.environments import Environments
from modelyard.engines.local.files import OpenFile, remove
from modelyard.engines.local.interpreters import Interpreter
from modelyard.engines.local.locks import is_locked, locked
from modelyard.engines.local.places import hidden_folders
from modelyard.engines.local.sandbox import SLOTS, Sandbox
from modelyard.engines.local.trouble import Trouble as Obstacle
from modelyard.engines.tasks.checkouts import Checkouts
from modelyard.engines.tasks.code import Code
from modelyard.engines.tasks.launch import WORK, Launcher, Ready
from modelyard.engines.tasks.places import TaskPlaces
from modelyard.engines.tasks.users import Users
from modelyard.errors import Denied, Failure, Invalid, NotFound
from modelyard.task import claims, reports
from modelyard.task.supervisor import CANCEL, LOG, OUT, RESULT

if TYPE_CHECKING:
    from modelyard.config import Settings
    from modelyard.domain.git_credentials import Login

log = logging.getLogger(__name__)

_PREPARING: Final = "preparing"
"""A file that is locked while somebody prepares the attempt."""
_TRIES: Final = 3
_REFUSALS: Final = (
    (Invalid, Trouble.MISCONFIGURED),
    (NotFound, Trouble.NO_CODE),
    (Denied, Trouble.NOT_ALLOWED),
)
"""What it means that a brief is refused; anything else is the server's own trouble, which another try may not have."""


class _NotStarted(Exception):
    """Why an attempt was not started."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.outcome = Outcome(trouble, message[:1].upper() + message[1:])


@dataclass(slots=True)
class _Under:
    """An attempt that this process prepares, or whose supervisor it has started."""

    task: asyncio.Task[None] | None = None
    supervisor: subprocess.Popen[bytes] | None = None


class LocalExecutor:
    """Runs attempts on this machine, beside other processes of the server with the same workers' folder.

    `brief` is asked before each start, and `open_file` gives the bytes of files out. `on_change` is called from the
    executor's thread when something is new about an attempt that this process has started.
    """

    def __init__(
        self,
        settings: Settings,
        brief: Briefing,
        open_file: OpenFile,
        *,
        on_change: Callable[[str], None] = lambda _attempt_id: None,
    ) -> None:
        self._settings = settings
        self._brief = brief
        self._open_file = open_file
        self._on_change = on_change
        self._places = TaskPlaces(settings)
        first = settings.sandbox_uid + SLOTS
        self._sandbox = Sandbox(
            self._places.folder,
            first_uid=first,
            is_shared=settings.shared_user,
            hidden=hidden_folders(settings),
            what="tasks run in processes",
        )
        self._launcher = Launcher(settings, self._places, self._sandbox)
        self._users = Users(self._places.users, first, settings.jobs_at_once)
        places = self._places
        self._environments = Environments(places.environments, places.logs, settings, self._sandbox, self._users)
        self._environments.clear()
        self._checkouts = Checkouts(places.checkouts, settings, self._sandbox, self._users.builder)
        self._under: dict[str, _Under] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tasks", daemon=True)
        self._thread.start()

    # What others ask

    def start(self, attempt_id: str) -> None:
        """Start it, unless it was started before, by whichever process of this host, also one that is gone."""
        folder = self._places.attempt(attempt_id)
        with self._lock:
            if attempt_id in self._under or claims.is_held(folder) is not None:
                return
            self._under[attempt_id] = _Under()
        self._soon(self._begin, attempt_id)

    def look(self, attempt_id: str) -> Look:
        """How far it is."""
        folder = self._places.attempt(attempt_id)
        held = claims.is_held(folder)
        if ended := _ended(folder):
            return ended
        if held is None:
            is_under_way = attempt_id in self._under or is_locked(folder / _PREPARING)
            return Look(Stage.PREPARING if is_under_way else Stage.ABSENT)
        if held:
            began_at = _began_at(folder)
            return Look(Stage.RUNNING if began_at else Stage.PREPARING, began_at=began_at)
        return _ended(folder) or Look(Stage.LOST, began_at=_began_at(folder))

    def cancel(self, attempt_id: str) -> None:
        """End it and everything that it has started; what was never started never will be."""
        folder = self._places.attempt(attempt_id)
        folder.mkdir(mode=0o711, exist_ok=True)
        if self._end(folder, Outcome(Trouble.CANCELED, "It was cancelled before it began.")):
            self._soon(self._give_up, attempt_id)
        elif claims.is_held(folder):
            (folder / CANCEL).touch(0o600)
            claims.sync(folder)
            claims.ring(folder)

    def log(self, attempt_id: str, offset: int, most: int) -> bytes:
        """What it has printed, from a byte on."""
        try:
            with (self._places.attempt(attempt_id) / LOG).open("rb") as file:
                file.seek(offset)
                return file.read(most)
        except FileNotFoundError:
            return b""

    def notebook(self, attempt_id: str) -> bytes | None:
        """The executed notebook (.ipynb), as far as it got; None if it is not one."""
        folder = self._places.attempt(attempt_id)
        kept = reports.content(folder, reports.NOTEBOOK, reports.MOST_NOTEBOOK)
        place = claims.place_of(folder)
        return kept or (reports.content(place / OUT, reports.NOTEBOOK, reports.MOST_NOTEBOOK) if place else None)

    def forget(self, attempt_ids: Sequence[str]) -> None:
        """Remove what is kept of attempts, unless they still run."""
        for attempt_id in attempt_ids:
            folder = self._places.attempt(attempt_id)
            if self.look(attempt_id).stage in {Stage.ENDED, Stage.LOST}:
                remove(folder)
        self._soon(self._environments.tidy)

    def close(self) -> None:
        """Look after nothing any more; attempts go on, and are found again."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def resolve(
        self, url: str, *, branch: str = "", tag: str = "", commit: str = "", login: Login | None = None
    ) -> str:
        """The commit that a branch or a tag of a git repository is at now; for all tasks of a run, asked once."""
        return self._checkouts.resolve(url, branch=branch, tag=tag, commit=commit, login=login)

    @property
    def confinement(self) -> str:
        """How tasks are confined, for people."""
        return self._sandbox.confinement.value

    # In the loop

    def _soon(self, work: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(work, *arguments)

    def _begin(self, attempt_id: str) -> None:
        if under := self._under.get(attempt_id):
            under.task = self._loop.create_task(self._started(attempt_id, under))

    def _give_up(self, attempt_id: str) -> None:
        under = self._under.get(attempt_id)
        if under and under.task and under.supervisor is None:
            under.task.cancel()

    async def _stop(self) -> None:
        tasks = [under.task for under in self._under.values() if under.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _started(self, attempt_id: str, under: _Under) -> None:
        """The life of an attempt as this process sees it: prepared, launched, and watched until its end."""
        folder = self._places.attempt(attempt_id)
        try:
            folder.mkdir(mode=0o711, exist_ok=True)
            with locked(folder / _PREPARING) as is_mine:
                if is_mine:
                    await self._prepared(attempt_id, folder, under)
            if under.supervisor:
                await self._watched(attempt_id, under.supervisor)
        except _NotStarted as why:
            self._end(folder, why.outcome)
        except Exception:
            log.exception("an attempt could not be started")
            self._end(folder, Outcome(Trouble.LOST, "The server failed to start it; its log says why."))
        finally:
            self._under.pop(attempt_id, None)
            self._tell(attempt_id)

    async def _prepared(self, attempt_id: str, folder: Path, under: _Under) -> None:
        brief = await asyncio.to_thread(self._briefed, attempt_id)
        place = _new_place(folder)
        code, user = Code(place / WORK, brief), None
        try:
            await asyncio.to_thread(self._bring, code, brief)
            python, lent = await self._environment(code, brief)
            user = await self._users.free()
            ready = Ready(folder, place, brief, code, python, user, lent)
            under.supervisor = await asyncio.to_thread(self._launch, ready)
        except Obstacle as obstacle:
            raise _NotStarted(Trouble.NO_CODE, obstacle.message) from None
        finally:
            if user:
                user.close()
            if not under.supervisor:
                await asyncio.to_thread(remove, place)

    def _briefed(self, attempt_id: str) -> Brief:
        try:
            return self._brief(attempt_id)
        except Obstacle as obstacle:
            raise _NotStarted(Trouble.NO_CHECKOUT, obstacle.message) from None
        except Failure as failure:
            kinds = (trouble for kind, trouble in _REFUSALS if isinstance(failure, kind))
            raise _NotStarted(next(kinds, Trouble.LOST), failure.message) from None

    def _bring(self, code: Code, brief: Brief) -> None:
        code.bring(self._open_file)
        if brief.checkout:
            try:
                self._checkouts.unpack(brief.checkout, code.checkout)
            except Obstacle as obstacle:
                raise _NotStarted(Trouble.NO_CHECKOUT, obstacle.message) from None
        if brief.work is not Work.WHEEL and not code.main():
            raise _NotStarted(Trouble.NO_CODE, f"there is no {brief.work.value} {brief.path}.")

    async def _environment(self, code: Code, brief: Brief) -> tuple[Interpreter, int | None]:
        """The environment, and what keeps it."""
        if self._settings.jobs_env == "local":
            return interpreters.own(), None
        try:
            needs = await asyncio.to_thread(self._needs, code, brief)
            for _ in range(_TRIES):
                python = await self._environments.built(needs, self)
                if (lent := self._environments.lent(python)) is not None:
                    return python, lent
        except Obstacle as obstacle:
            raise _NotStarted(Trouble.NO_ENVIRONMENT, obstacle.message) from None
        raise _NotStarted(Trouble.NO_ENVIRONMENT, "its environment was removed again and again while it was needed.")

    def builds(self, log: Path) -> None:
        """An environment may be built; what is said meanwhile is for the operator."""

    def _needs(self, code: Code, brief: Brief) -> requirements.Needs:
        settings = self._settings
        base = settings.jobs_packages
        return requirements.of_task(
            brief.requirements, code.find, base, may_link=settings.package_links, python=brief.python
        )

    def _launch(self, ready: Ready) -> subprocess.Popen[bytes]:
        try:
            return self._launcher.launch(ready)
        finally:
            if ready.lent is not None:
                os.close(ready.lent)

    async def _watched(self, attempt_id: str, supervisor: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a supervisor."""
        descriptor = os.pidfd_open(supervisor.pid)
        ended = asyncio.Event()
        self._loop.add_reader(descriptor, ended.set)
        try:
            self._tell(attempt_id)
            await ended.wait()
            supervisor.wait()
        finally:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            supervisor.returncode = supervisor.returncode or 0  # it may go on, and nobody waits for it any more

    def _tell(self, attempt_id: str) -> None:
        try:
            self._on_change(attempt_id)
        except Exception:  # the executor goes on, whatever those do who listen
            log.exception("a change of an attempt was not heard")

    def _end(self, folder: Path, outcome: Outcome) -> bool:
        """Write how an attempt ended that no supervisor has; false if one has it."""
        descriptor = claims.take(folder)
        if descriptor is None:
            return False
        told = {
            "trouble": outcome.trouble.name if outcome.trouble else None,
            "error": outcome.error,
            "began_at": 0,
            "ended_at": int(time.time() * 1000),
        }
        claims.write(folder / RESULT, json.dumps(told).encode())
        os.close(descriptor)
        return True


def _ended(folder: Path) -> Look | None:
    try:
        told: dict[str, Any] = json.loads((folder / RESULT).read_bytes())
    except (OSError, ValueError):
        return None
    trouble = Trouble[told["trouble"]] if told.get("trouble") else None
    texts = {name: str(told.get(name, "")) for name in ("error", "trace", "result")}
    outcome = Outcome(trouble, values=told.get("values", {}), **texts)
    return Look(Stage.ENDED, outcome, int(told["began_at"]), int(told["ended_at"]))


def _new_place(folder: Path) -> Path:
    """Where an attempt can run; whoever is not the first to start it has made one for nothing."""
    place = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    place.chmod(0o711)
    for name in (WORK, OUT):
        (place / name).mkdir(mode=0o700)
    return place


def _began_at(folder: Path) -> int:
    place = claims.place_of(folder)
    return reports.began_at(place / OUT) if place else 0
