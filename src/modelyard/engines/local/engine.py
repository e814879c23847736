"""The engine: one thread that keeps all processes, and the methods by which others speak to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.engines.base import Loader, Served, Standing, State
from modelyard.engines.local.environments import Environments
from modelyard.engines.local.files import Files, OpenFile
from modelyard.engines.local.logs import last
from modelyard.engines.local.places import OwnPlaces, hidden_folders
from modelyard.engines.local.replicas import Kit
from modelyard.engines.local.sandbox import Sandbox, Slots
from modelyard.engines.local.services import Service
from modelyard.engines.local.spares import Spares
from modelyard.scorer.bundle import bundle

if TYPE_CHECKING:
    from modelyard.config import Settings

log = logging.getLogger(__name__)

_OWN: Final = ""
"""The source of reports that come from the engine's own process."""
_NEW: Final = Standing(State.CREATING)
_MOST_HEARD: Final = 64 << 10


class LocalEngine:
    """Keeps child processes on this machine; `Unavailable` where another engine has the workers' folder.

    `load` is asked before each start of a process, and `open_file` gives the bytes of files out; `write_scorer` writes
    the program that answers predictions to a path. `on_change` is called from the engine's thread.
    """

    def __init__(
        self,
        settings: Settings,
        load: Loader,
        open_file: OpenFile,
        *,
        write_scorer: Callable[[Path], object] = bundle,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_change = on_change
        self._wanted: Mapping[str, Served] = {}
        self._told: Mapping[str, Standing] = {}
        self._published: Mapping[str, Standing] | None = None
        self._services: dict[str, Service] = {}
        self._tasks: dict[asyncio.Task[None], Service] = {}
        self._places = OwnPlaces(settings)
        try:
            self._kit = _kit(settings, self._places, load, open_file, write_scorer)
            self._spares = Spares(self._kit)
            self._bell = _bound(self._places.bell)
        except BaseException:
            self._places.close()
            raise
        self._loop = asyncio.SelectorEventLoop()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._keep_running, name="engine", daemon=True)
        self._thread.start()

    @property
    def confinement(self) -> str:
        """How its processes are confined, for people."""
        return self._kit.sandbox.confinement.value

    def keep(self, wanted: Sequence[Served]) -> None:
        """Serve these, and nothing else: what is new is started, what is gone is drained and ended."""
        self._wanted = {served.id: served for served in wanted}
        self._soon(self._keep, self._wanted)

    def standings(self) -> Mapping[str, Standing]:
        """How it stands with each of them, by id."""
        told = self._told
        return {served_id: told.get(served_id, _NEW) for served_id in self._wanted}

    def wake(self, served_id: str) -> None:
        """Somebody asks something that sleeps."""
        self._soon(self._heard, "wake", served_id, 0, _OWN)

    def report(self, served_id: str, waiting: int) -> None:
        """So many requests are under way or wait, from time to time: whether more processes are needed, or none."""
        self._soon(self._heard, "report", served_id, waiting, _OWN)

    def suspect(self, address: str) -> None:
        """A request takes longer than any may at this address: the process has seconds left to show that it is well."""
        self._soon(self._heard, "suspect", address, 0, _OWN)

    def linger(self, address: str) -> None:
        """Requests are still under way at an address that is not offered any more; to be said about each second."""
        self._soon(self._heard, "linger", address, 0, _OWN)

    def logs(self, served_id: str) -> str:
        """What its processes have printed lately."""
        return last(self._places.log(served_id))

    def build_logs(self, served_id: str) -> str:
        """What was said while its environment was built."""
        return last(self._places.build_log(served_id).resolve())

    def close(self) -> None:
        """End every process."""
        self._soon(self._closing.set)
        self._thread.join()

    def _soon(self, work: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(work, *arguments)

    def _keep_running(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._kit.files.tidy()
            self._kit.environments.clear()
            self._loop.run_until_complete(self._run())
        except Exception:  # nobody else would hear of it
            log.exception("the engine ended")
        finally:
            self._loop.close()
            self._bell.close()
            self._places.close()

    async def _run(self) -> None:
        self._loop.add_reader(self._bell, self._listen)
        self._publish()
        await self._closing.wait()
        self._loop.remove_reader(self._bell)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._spares.close()

    def _keep(self, wanted: Mapping[str, Served]) -> None:
        for served_id in self._services.keys() - wanted.keys():
            self._services.pop(served_id).leave()
        for served_id in wanted.keys() - self._services.keys():
            self._begin(wanted[served_id])
        self._publish()

    def _begin(self, served: Served) -> None:
        service = Service(served, self._kit, self._spares, self._publish)
        self._services[served.id] = service
        task = self._loop.create_task(service.run(), name=served.label)
        self._tasks[task] = service
        task.add_done_callback(self._tasks.pop)

    def _publish(self) -> None:
        """Tell how it stands with everything, if that is news: who listens may ask again what is to be kept."""
        told = {served_id: service.standing for served_id, service in self._services.items()}
        if told == self._published:
            return
        self._told = self._published = told
        self._places.publish(told)
        try:
            self._on_change()
        except Exception:  # the engine goes on, whatever those do who listen
            log.exception("a change in what is served was not heard")

    def _heard(self, what: str, whom: str, waiting: int, source: str) -> None:
        services = tuple(self._tasks.values())
        match what:
            case "wake" | "report":
                for service in (each for each in services if each.served.id == whom):
                    _ = service.wake() if what == "wake" else service.report(source, waiting)
            case "suspect":
                for service in services:
                    service.suspect(whom)
            case "linger":
                for service in services:
                    service.linger(whom)
            case _:
                pass

    def _listen(self) -> None:
        """Hear what other processes of the server say; they run as the same user, and no model reaches this socket."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told: dict[str, Any] = json.loads(self._bell.recv(_MOST_HEARD))
            self._heard(str(told["what"]), str(told["whom"]), int(told["waiting"]), str(told["source"]))


def _kit(
    settings: Settings,
    places: OwnPlaces,
    load: Loader,
    open_file: OpenFile,
    write_scorer: Callable[[Path], object],
) -> Kit:
    scorer = places.folder / "scorer.pyz"
    scorer.unlink(missing_ok=True)
    write_scorer(scorer)
    scorer.chmod(0o444)
    sandbox = Sandbox(
        places.folder,
        first_uid=settings.sandbox_uid,
        is_shared=settings.shared_user,
        hidden=hidden_folders(settings),
    )
    slots = Slots(settings.sandbox_uid)
    files = Files(places.models, open_file)
    environments = Environments(places.environments, places.logs, settings, sandbox, slots)
    return Kit(settings, load, places, sandbox, slots, files, environments, scorer)


def _bound(path: str) -> socket.socket:
    """A socket where other processes of the server ring."""
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.bind(path)
    Path(path).chmod(0o600)
    bell.setblocking(False)  # noqa: FBT003  the standard library's own
    return bell
