"""The workers' folder: what is where, that one engine has it at a time, and how others find out."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

from modelyard.engines.base import Standing, State
from modelyard.engines.local.files import remove
from modelyard.errors import Unavailable

if TYPE_CHECKING:
    from modelyard.config import Settings

_LONGEST_ADDRESS: Final = 100
"""The kernel takes 107 bytes for the path of a socket."""
_LONGEST_NAME: Final = 16
_OPEN: Final = 0o711
"""Whoever knows a name inside may reach it: the users that processes of models run as."""


def hidden_folders(settings: Settings) -> tuple[Path, ...]:
    """Folders of the server that no child may see, wherever they are."""
    urls = (urlsplit(url) for url in (settings.storage_url, *settings.location_urls))
    return (settings.folder, *(Path(unquote(url.path)) for url in urls if url.scheme == "file"))


def short(served_id: str) -> str:
    """A name for files of a `Served`."""
    return hashlib.sha256(served_id.encode()).hexdigest()[:12]


class Places:
    """The folder, as everybody on this machine sees it who may serve from it."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.run_folder
        self.logs = self.folder / "logs"
        self.sockets = self.folder / "s"
        self.table = self.folder / "table.json"

    @property
    def bell(self) -> str:
        """The socket where the engine hears from other processes of the server."""
        return f"{os.path.realpath(self.sockets)}/bell"

    def log(self, served_id: str) -> Path:
        """What its processes print."""
        return self.logs / f"{short(served_id)}.log"

    @property
    def spare_log(self) -> Path:
        """What processes print that wait for a model."""
        return self.logs / "spares.log"

    def build_log(self, served_id: str) -> Path:
        """A link to what was said when its environment was built."""
        return self.logs / f"{short(served_id)}.build"


class OwnPlaces(Places):
    """The folder, as the one engine has it that may write to it; `Unavailable` where another one has it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder / "lock")
        self.folder.chmod(_OPEN)
        self.models = self._made("models", _OPEN)
        self.environments = self._made("envs", _OPEN)
        self._made("logs", 0o700)
        remove(self.folder / "homes")
        remove(self.folder / "rooms")
        self.rooms = self._made("rooms", _OPEN)
        self._clear_sockets()

    def _made(self, name: str, mode: int) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
        return folder

    def _clear_sockets(self) -> None:
        """An empty folder for sockets; a link to one elsewhere where the path would be too long for the kernel."""
        self._remove_sockets()
        if len(os.fsencode(self.sockets)) + _LONGEST_NAME <= _LONGEST_ADDRESS:
            self.sockets.mkdir(mode=0o700)
        else:
            self.sockets.symlink_to(tempfile.mkdtemp(prefix="modelyard-"))

    def _remove_sockets(self) -> None:
        """Where they are elsewhere, somebody else may have that place by now."""
        place = Path(os.path.realpath(self.sockets))
        if place.is_dir() and place.stat().st_uid == os.geteuid():
            remove(place)
        self.sockets.unlink(missing_ok=True)

    def point(self, served_id: str, log: Path) -> None:
        """Say where the environment of a `Served` is built."""
        link = self.build_log(served_id)
        link.unlink(missing_ok=True)
        link.symlink_to(log.name)

    def publish(self, standings: Mapping[str, Standing]) -> None:
        """Tell the others; a full disk keeps them from learning it, and nothing else."""
        told = {
            served_id: {
                "state": standing.state.value,
                "message": standing.message,
                "addresses": standing.addresses,
                "asleep": standing.is_asleep,
                "pids": standing.pids,
            }
            for served_id, standing in standings.items()
        }
        fresh = self.table.with_suffix(".new")
        with contextlib.suppress(OSError):
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w") as file:  # noqa: PTH123  a path cannot be opened with a mode
                json.dump(told, file)
            fresh.replace(self.table)

    def close(self) -> None:
        """Let another engine have it."""
        self.publish({})
        self._remove_sockets()
        os.close(self._lock)


def read_table(content: bytes) -> dict[str, Standing]:
    """What an engine has published."""
    told = cast("dict[str, dict[str, Any]]", json.loads(content))
    return {
        served_id: Standing(
            State(row["state"]), row["message"], tuple(row["addresses"]), row["asleep"], tuple(row.get("pids", ()))
        )
        for served_id, row in told.items()
    }


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Unavailable("another process of the server on this machine keeps the models already.") from None
    return descriptor
