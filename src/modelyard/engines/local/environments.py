"""Python environments: built once for the same needs, by a user that may do nothing else, then read-only."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from modelyard.engines.local import interpreters, requirements
from modelyard.engines.local.children import Child
from modelyard.engines.local.files import remove
from modelyard.engines.local.interpreters import Interpreter
from modelyard.engines.local.locks import locked
from modelyard.engines.local.logs import Ring
from modelyard.engines.local.requirements import Needs, Wheel
from modelyard.engines.local.sandbox import Job, Sandbox
from modelyard.engines.local.trouble import Trouble

if TYPE_CHECKING:
    from modelyard.config import Settings

_FORM: Final = 1
"""Counted up when environments are built in another way, so that older ones are not used."""
_SPARE: Final = 8
"""Environments that are kept although nobody needs them now."""
_AT_ONCE: Final = 2
_SECONDS: Final = 1_800
_UNSOLVABLE: Final = 1
"""The status with which uv says that no versions fit; with others it may work the next time."""
_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 600.0
_GLANCE: Final = 0.1


class Users(Protocol):
    """Who builds: one user for all, but a user of its own for what runs code of packages."""

    builder: int

    def take(self) -> int:
        """A user that nobody has now."""
        ...

    def give(self, uid: int) -> None:
        """It is free again."""
        ...


class Told(Protocol):
    """Whoever wants to know how a build goes."""

    def builds(self, log: Path) -> None:
        """It is built now, and what is said meanwhile stands there."""
        ...


@dataclass(slots=True)
class _Failed:
    """A build that failed: why, how often in a row, and when it is tried again, on the monotonic clock."""

    trouble: Trouble
    times: int
    again_at: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be built: where, of what, and with which Python."""

    key: str
    place: Path
    lines: Sequence[str]
    base: Interpreter
    notes: Sequence[str] = field(default=())
    wheels: Sequence[Wheel] = ()

    @property
    def ready(self) -> Interpreter:
        """The interpreter of the environment, once it is built."""
        return Interpreter(self.place / "bin" / "python", (self.place, *self.base.reads))

    @property
    def mark(self) -> Path:
        """The file that says that it is built to its end; the builder cannot write there."""
        return self.place.with_suffix(".json")

    @property
    def copies(self) -> Path:
        """Where the builder finds wheels that are files."""
        return self.place.with_suffix(".wheels")


class Environments:
    """Finds or builds environments, also beside other processes that do so in the same folder."""

    def __init__(self, folder: Path, logs: Path, settings: Settings, sandbox: Sandbox, slots: Users) -> None:
        self._folder = folder
        self._locks = folder.with_name(f"{folder.name}-locks")
        self._locks.mkdir(mode=0o700, exist_ok=True)
        self._logs = logs
        self._settings = settings
        self._sandbox = sandbox
        self._slots = slots
        self._turns = defaultdict[str, asyncio.Lock](asyncio.Lock)
        self._builders = asyncio.Semaphore(1 if settings.build_from_source else _AT_ONCE)
        self._failed: dict[str, _Failed] = {}
        self._needed = Counter[Path]()

    @contextlib.contextmanager
    def needed(self, interpreter: Interpreter) -> Generator[None]:
        """Keep an environment while it is used."""
        place = interpreter.python.parent.parent
        self._needed[place] += 1
        try:
            yield
        finally:
            self._needed[place] -= 1
            self.tidy()

    async def ready(self, model: Path, told: Told) -> Interpreter:
        """The interpreter for a model in a folder; trouble, where its environment cannot be built."""
        if self._settings.serving_env == "local":
            return interpreters.own()
        may_link = self._settings.package_links
        return await self.built(await asyncio.to_thread(requirements.of_model, model, may_link=may_link), told)

    async def built(self, needs: Needs, told: Told) -> Interpreter:
        """The interpreter of an environment with these packages."""
        plan = await asyncio.to_thread(self._planned, needs)
        log = self._logs / f"env-{plan.key}.log"
        told.builds(log)
        async with self._turns[plan.key]:
            if not plan.mark.exists():
                self._check_failed(plan)
                async with self._builders, self._alone(plan):
                    if not plan.mark.exists():
                        await self._build(plan, Ring(log))
            os.utime(plan.mark)
            return plan.ready

    def lent(self, interpreter: Interpreter) -> int | None:
        """A descriptor that keeps an environment for as long as somebody has it open; None if it is gone already."""
        mark = interpreter.python.parent.parent.with_suffix(".json")
        try:
            descriptor = os.open(mark, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)
        return None

    def tidy(self, spare: int = _SPARE) -> None:
        """Remove what was not built to its end, and what nobody needs but for a few that were used last."""
        marks = sorted(self._folder.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
        unneeded = [mark for mark in marks if not self._needed[mark.with_suffix("")]]
        for mark in unneeded[spare:]:
            with locked(mark) as is_mine:
                if is_mine:
                    mark.unlink()
                    remove(mark.with_suffix(""))

    def clear(self) -> None:
        """Remove what a server that is no more has left half done."""
        for each in self._folder.iterdir():
            if each.suffix != ".json" and not each.with_suffix(".json").exists():
                with locked(self._locks / each.stem) as is_mine:
                    if is_mine:
                        remove(each)
        self.tidy()

    @contextlib.asynccontextmanager
    async def _alone(self, plan: _Plan) -> AsyncGenerator[None]:
        """While no other process builds the same."""
        while True:
            with locked(self._locks / plan.key) as is_mine:
                if is_mine:
                    yield
                    return
            await asyncio.sleep(_GLANCE)

    def _planned(self, needs: Needs) -> _Plan:
        base, notes = interpreters.of_version(needs.python)
        told: list[object] = [_FORM, needs.lines, str(base.python), sys.platform, *self._choices()]
        if needs.wheels:
            told.append([(wheel.path.name, wheel.sha256, wheel.extras) for wheel in needs.wheels])
        key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
        return _Plan(key, self._folder / key, needs.lines, base, notes, needs.wheels)

    def _choices(self) -> tuple[object, ...]:
        settings = self._settings
        return settings.package_index, settings.package_find_links, settings.build_from_source

    def _check_failed(self, plan: _Plan) -> None:
        failed = self._failed.get(plan.key)
        if failed and failed.again_at > time.monotonic():
            raise failed.trouble

    async def _build(self, plan: _Plan, ring: Ring) -> None:
        try:
            await self._try(plan, ring)
        except Trouble as trouble:
            self._remember(plan, trouble)
            raise
        else:
            self._failed.pop(plan.key, None)
        finally:
            if not plan.mark.exists():
                remove(plan.place)

    def _remember(self, plan: _Plan, trouble: Trouble) -> None:
        before = self._failed.get(plan.key)
        times = before.times + 1 if before else 1
        trouble.pause = min(_PAUSE * 2.0 ** (times - 1), _LONGEST_PAUSE)
        self._failed[plan.key] = _Failed(trouble, times, time.monotonic() + trouble.pause)

    async def _try(self, plan: _Plan, ring: Ring) -> None:
        uv = interpreters.uv()
        wanted = plan.place.with_suffix(".txt")
        await asyncio.to_thread(_write, wanted, "\n".join((*plan.lines, *_copied(plan), "")))
        for note in (f"Python {plan.base.version}", *plan.notes):
            ring.note(note)
        from_source = self._settings.build_from_source
        uid = self._slots.take() if from_source else self._slots.builder
        try:
            cache = self._folders(plan, uid)
            await self._step((uv, "venv", "--quiet", *_ALWAYS, "--no-project", *_python(plan)), plan, uid, cache, ring)
            await self._step((uv, *self._install(plan, wanted)), plan, uid, cache, ring)
            await asyncio.to_thread(_own, plan.place)
            await asyncio.to_thread(_write, plan.mark, json.dumps({"lines": plan.lines}))
            ring.note("The environment is built.")
        finally:
            wanted.unlink(missing_ok=True)
            remove(plan.copies)
            if from_source:
                self._slots.give(uid)

    def _folders(self, plan: _Plan, uid: int) -> Path | None:
        """Empty folders for the builder; what runs code of packages shares no cache with others."""
        remove(plan.place)
        plan.place.mkdir(mode=0o755)
        cache = None if self._settings.build_from_source else self._folder.parent / "cache"
        for folder in (plan.place, cache):
            if folder:
                folder.mkdir(mode=0o755, exist_ok=True)
                if self._sandbox.has_own_users:
                    os.chown(folder, uid, uid)
        return cache

    def _install(self, plan: _Plan, wanted: Path) -> Iterator[str]:
        yield from ("pip", "install", *_ALWAYS, "--python", str(plan.ready.python), "--compile-bytecode")
        yield from ("--link-mode", "copy", "--requirements", str(wanted))
        if not self._settings.build_from_source:
            yield from ("--only-binary", ":all:")

    async def _step(self, command: Sequence[str], plan: _Plan, uid: int, cache: Path | None, ring: Ring) -> None:
        links = self._settings.package_find_links
        copies = (plan.copies,) if plan.wheels else ()
        reads = (Path(command[0]), plan.place.with_suffix(".txt"), *copies, *plan.base.reads)
        job = Job(
            command=command,
            uid=uid,
            reads=(*reads, *((Path(links),) if links.startswith("/") else ())),
            writes=(plan.place, cache) if cache else (plan.place,),
            variables=self._variables(cache),
            umask=0o022,
            nice=10,
        )
        child = Child(self._sandbox.prepared(job), ring, self._secrets())
        try:
            async with asyncio.timeout(_SECONDS):
                status = await child.ended()
        except TimeoutError:
            raise Trouble("its environment could not be built in half an hour; the build log says more.") from None
        finally:
            child.close()
        if status:
            message = f"its environment could not be built; the build log says more. {child.tail}"
            raise Trouble(message, is_final=status == _UNSOLVABLE)

    def _variables(self, cache: Path | None) -> dict[str, str]:
        """What uv is told by its environment: addresses may hold passwords, and arguments are seen by all."""
        settings = self._settings
        said = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "UV_CACHE_DIR": str(cache) if cache else "",
            "UV_NO_CACHE": "" if cache else "1",
            "UV_DEFAULT_INDEX": settings.package_index,
            "UV_FIND_LINKS": settings.package_find_links,
            "UV_SYSTEM_CERTS": "true",
            "ALL_PROXY": settings.package_proxy,
        }
        return {name: value for name, value in said.items() if value}

    def _secrets(self) -> Iterator[str]:
        for url in (self._settings.package_index, self._settings.package_find_links, self._settings.package_proxy):
            with contextlib.suppress(ValueError):
                told = urlsplit(url)
                yield from (part for part in (told.password, told.netloc.rpartition("@")[0]) if part)


_ALWAYS: Final = ("--no-config", "--no-python-downloads", "--no-progress", "--color", "never")


def _python(plan: _Plan) -> tuple[str, ...]:
    return "--python", str(plan.base.python), str(plan.place)


def _copied(plan: _Plan) -> list[str]:
    """Copies of wheels where the builder can read them, as lines of requirements."""
    if plan.wheels:
        remove(plan.copies)
        plan.copies.mkdir(mode=0o755)
    lines: list[str] = []
    for wheel in plan.wheels:
        copy = plan.copies / wheel.path.name
        shutil.copyfile(wheel.path, copy)
        copy.chmod(0o444)
        lines.append(f"{wheel.name}{wheel.extras} @ {copy.as_uri()}")
    return lines


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o444)


def _own(place: Path) -> None:
    """Take an environment from its builder: from now on it is only read."""
    me, mine = os.geteuid(), os.getegid()
    os.chown(place, me, mine)
    for folder, folders, files in os.walk(place):
        for name in (*folders, *files):
            path = Path(folder, name)
            os.chown(path, me, mine, follow_symlinks=False)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o555 if path.stat().st_mode & 0o100 else 0o444)
