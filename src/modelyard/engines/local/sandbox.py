"""How a child is confined: which user it runs as, which folders it sees, and what it may take.

From the best to the last: root with bubblewrap (a user of its own, and only the folders that it needs), root without it
(a user of its own), another user with bubblewrap (only the folders that it needs), and nothing but limits, where the
operator has said so. What comes before the launcher runs with the server's rights, and gets no variable of a model.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from modelyard.engines.local import launcher
from modelyard.engines.local.trouble import Trouble

log = logging.getLogger(__name__)

OUTER: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""All that the steps before the launcher know of the environment."""
SLOTS: Final = 500
"""How many users there are, from the setting `sandbox_uid` on; the first one builds environments."""
TASK_SLOTS: Final = 500
"""How many users there are behind them, for attempts at tasks; the first one builds environments."""

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC: Final = tuple(
    f"/etc/{name}"
    for name in (
        *("resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services", "protocols"),
        *("ssl", "pki", "ca-certificates", "crypto-policies"),
        *("passwd", "group", "localtime", "ld.so.cache", "alternatives", "mime.types"),
    )
)
_SCRATCH: Final = 1 << 30
"""Bytes that a child can write, where that can be bounded."""
_FILES: Final = 4_096
_PROCESSES: Final = 1_024
_PRIVILEGES: Final = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
_PROBE_SECONDS: Final = 20
_WHAT: Final = "models and tasks run in processes"


class Confinement(StrEnum):
    """How children are confined here."""

    OWN_VIEW = "a user and a view of the files of its own"
    OWN_USER = "a user of its own"
    VIEW = "a view of the files of its own"
    SHARED = "the server's own user"
    NONE = "not at all"


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: as whom, what it sees, and what it may take; 0 bytes of memory are no bound."""

    command: Sequence[str]
    uid: int
    reads: Sequence[Path]
    writes: Sequence[Path] = ()
    mounts: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Folders that it writes to and sees in other places, by those; only where it has a view of its own."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    memory: int = 0
    has_network: bool = True
    umask: int = 0o077
    nice: int = 2
    """How far it stands back behind the server."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command as it is started, what it reads from its standard input, and its home where that is a folder here."""

    command: Sequence[str]
    said: bytes = field(repr=False)
    home: Path | None = None

    def tidy(self) -> None:
        """Remove what it has left in its home."""
        if self.home:
            shutil.rmtree(self.home, ignore_errors=True)


class Slots:
    """Users that are given to one process at a time."""

    def __init__(self, first: int) -> None:
        self.builder = first
        self._free = list(range(first + SLOTS - 1, first, -1))

    def take(self) -> int:
        """A user that nobody has now."""
        if not self._free:
            raise Trouble("too many processes of models run on this machine already.")
        return self._free.pop()

    def give(self, uid: int) -> None:
        """It is free; those that were free for longer are taken before it."""
        self._free.insert(0, uid)


class Sandbox:
    """Confines children as well as this machine allows; `hidden` are folders that no child may ever see."""

    def __init__(
        self, folder: Path, *, first_uid: int, is_shared: bool, hidden: Sequence[Path] = (), what: str = _WHAT
    ) -> None:
        self._homes = folder / "homes"
        self._launcher = folder / "launcher.py"
        _write_once(self._launcher, Path(launcher.__file__).read_bytes())
        self._launcher.chmod(0o444)
        self._homes.mkdir(exist_ok=True)
        self._homes.chmod(0o711)
        self._hidden = tuple(hidden)
        self.confinement = self._probe(first_uid, is_shared=is_shared)
        log.info("%s with %s", what, self.confinement)

    def prepared(self, job: Job) -> Prepared:
        """The command that does a job, confined."""
        self.check()
        home = None if self.has_view else self._home(job.uid)
        return Prepared(self._command(job), self._said(job, str(home or "/tmp")), home)  # noqa: S108  its own one

    def check(self) -> None:
        """Trouble, where nothing may be run at all."""
        if self.confinement is not Confinement.NONE:
            return
        raise Trouble(
            "models and tasks are not run here, because they could read what the server keeps: install bubblewrap "
            "(and setpriv, where the server is root), or set shared_user = true if that is acceptable.",
            is_final=True,
        )

    @property
    def has_view(self) -> bool:
        """Whether each child sees only the folders that it needs, in the places that are wanted."""
        return self.confinement in {Confinement.OWN_VIEW, Confinement.VIEW}

    @property
    def has_own_users(self) -> bool:
        """Whether each child is a user of its own."""
        return self.confinement in {Confinement.OWN_VIEW, Confinement.OWN_USER}

    def _probe(self, uid: int, *, is_shared: bool) -> Confinement:
        is_root = os.geteuid() == 0
        kinds = (Confinement.OWN_VIEW, Confinement.OWN_USER) if is_root else (Confinement.VIEW,)
        for kind in kinds:
            self.confinement = kind
            if self._works(Job([os.path.realpath(sys.executable), "-I", "-S", "-c", ""], uid, ())):
                return kind
        return Confinement.SHARED if is_shared else Confinement.NONE

    def _works(self, job: Job) -> bool:
        prepared = self.prepared(job)
        try:
            done = subprocess.run(  # noqa: S603  our own Python
                prepared.command,
                check=False,
                input=prepared.said,
                env=OUTER,
                cwd="/",
                capture_output=True,
                timeout=_PROBE_SECONDS,
            )
        except (OSError, subprocess.SubprocessError):
            return False
        finally:
            prepared.tidy()
        return done.returncode == 0

    def _home(self, uid: int) -> Path:
        home = Path(tempfile.mkdtemp(dir=self._homes))
        if self.has_own_users:
            os.chown(home, uid, uid)
        return home

    def _said(self, job: Job, home: str) -> bytes:
        limits = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": _FILES}
        if self.has_own_users:  # else it would bound all that the server's user runs
            limits["RLIMIT_NPROC"] = _PROCESSES
        if job.memory:
            limits["RLIMIT_AS"] = job.memory
        return json.dumps(
            {
                "command": list(job.command),
                "variables": {"HOME": home, "TMPDIR": home, "USER": "model", "LOGNAME": "model", **job.variables},
                "limits": limits,
                "nice": job.nice,
                "umask": job.umask,
                "folder": home,
            }
        ).encode()

    def _command(self, job: Job) -> list[str]:
        launch = [os.path.realpath(sys.executable), "-I", "-S", str(self._launcher)]
        match self.confinement:
            case Confinement.OWN_VIEW:
                return [*self._bubble(job), "setpriv", *_as_user(job.uid), *_PRIVILEGES, *launch]
            case Confinement.OWN_USER:
                return ["setpriv", *_as_user(job.uid), *_PRIVILEGES, "--pdeathsig", "KILL", *launch]
            case Confinement.VIEW:
                return [*self._bubble(job), *launch]
            case _:
                return ["setpriv", "--no-new-privs", "--pdeathsig", "KILL", *launch]

    def _bubble(self, job: Job) -> Iterator[str]:
        yield from ("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session")
        if self.confinement is Confinement.VIEW:
            yield "--unshare-user"
        if not job.has_network:
            yield "--unshare-net"
        yield from _scratch("/tmp")  # noqa: S108  it is empty, and the child's own
        yield from _system()
        yield from ("--proc", "/proc", "--dev", "/dev", *_scratch("/dev/shm"))  # noqa: S108  likewise
        yield from self._folders(job)
        for place, path in job.mounts.items():
            yield from ("--bind", str(path), place)
        yield from ("--remount-ro", "/", "--chdir", "/", "--")

    def _folders(self, job: Job) -> Iterator[str]:
        """What lies inside another comes after it, so that a hidden folder can hold one that is seen."""
        seen = {*_twice((Path(sys.base_prefix), self._launcher, *job.reads)), *job.writes}
        hidden = {path for path in self._hidden if any(path.is_relative_to(other) for other in (*seen, Path("/usr")))}
        above = {parent for path in seen for parent in path.parents}
        for path in sorted(seen | hidden | above, key=lambda path: len(path.parts)):
            if path in hidden:
                yield from ("--perms", "0755", "--tmpfs", str(path))
            if path in seen:
                yield from ("--bind" if path in job.writes else "--ro-bind", str(path), str(path))
            elif path not in hidden:
                yield from ("--perms", "0755", "--dir", str(path))


def _write_once(path: Path, content: bytes) -> None:
    """Write a file in one step, unless it is there: other processes of the server may start children just now."""
    if path.exists() and path.read_bytes() == content:
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.chmod(0o444)
    fresh.replace(path)


def _as_user(uid: int) -> tuple[str, ...]:
    return "--reuid", str(uid), "--regid", str(uid), "--clear-groups"


def _scratch(path: str) -> tuple[str, ...]:
    return "--size", str(_SCRATCH), "--perms", "1777", "--tmpfs", path


def _system() -> Iterator[str]:
    for place in _SYSTEM:
        if os.path.islink(place):  # noqa: PTH114  the places are texts everywhere here
            yield from ("--symlink", os.readlink(place), place)  # noqa: PTH115  likewise
        else:
            yield from ("--ro-bind-try", place, place)
    yield from ("--perms", "0755", "--dir", "/etc")
    for place in _ETC:
        yield from ("--ro-bind-try", place, place)


def _twice(paths: Iterable[Path]) -> Iterator[Path]:
    """Paths as they are named, and as they are: a link to an interpreter leads to the second."""
    for path in paths:
        yield path
        yield Path(os.path.realpath(path))
