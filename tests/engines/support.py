"""Engines with models that do what they are told."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil

from modelyard.config import Settings
from modelyard.domain.files import Entry, digest
from modelyard.engines.base import Load, Served, Standing, State
from modelyard.engines.local import Follower, LocalEngine
from modelyard.scorer import frames
from modelyard.scorer.frames import ANSWER_HEAD, Kind, Reading, packed

FAKE = Path(__file__).with_name("fake_scorer.py")
Model = Mapping[str, bytes]


def write_fake_scorer(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(FAKE, "__main__.py")
        archive.write(frames.__file__, "frames.py")


def model(files: Model | None = None, **told: object) -> dict[str, bytes]:
    """The files of a model that does what is told."""
    return {"model.json": json.dumps(told).encode(), **(files or {})}


def entry(path: str, content: bytes) -> Entry:
    return Entry(path, is_directory=False, size=len(content), sha256=hashlib.sha256(content).hexdigest())


class Bytes:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def close(self) -> None:
        pass


@dataclass
class Shelf:
    """Where models are kept; what is asked of it can be seen, and changed."""

    files: dict[str, list[Entry]] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    refusal: Exception | None = None
    loads: int = 0

    def add(self, files: Model) -> str:
        """Keep a model; its digest."""
        entries = [entry(path, each) for path, each in files.items()]
        self.content |= {each.sha256: files[each.path] for each in entries}
        name = digest(entries)
        self.files[name] = entries
        return name

    def load(self, served: Served) -> Load:
        self.loads += 1
        if self.refusal:
            raise self.refusal
        return Load(self.files[served.digest], self.variables)

    def open(self, entry: Entry) -> Bytes:
        return Bytes(self.content[entry.sha256])


class House:
    """An engine, its shelf, and what a test wants of them."""

    def __init__(
        self,
        folder: Path,
        write_scorer: Callable[[Path], object] = write_fake_scorer,
        **said: Any,  # noqa: ANN401  whatever a setting is
    ) -> None:
        self.settings = settings(folder, **said)
        self.shelf = Shelf()
        self._changes = threading.Semaphore(0)
        self.engine = LocalEngine(
            self.settings,
            self.shelf.load,
            self.shelf.open,
            write_scorer=write_scorer,
            on_change=self._changes.release,
        )
        self.follower = Follower(self.settings)

    def served(
        self,
        files: Model | None = None,
        name: str = "one",
        **said: Any,  # noqa: ANN401  whatever a field is
    ) -> Served:
        return Served(name, f"model {name}", self.shelf.add(model() if files is None else files), **said)

    def keep(self, *wanted: Served) -> None:
        self.engine.keep(wanted)

    def standing(self, name: str = "one") -> Standing:
        return self.engine.standings()[name]

    def wait(self, hope: Callable[[Standing], object], name: str = "one", seconds: float = 20) -> Standing:
        """The first standing of which something is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if hope(standing := self.standing(name)):
                return standing
            self._changes.acquire(timeout=0.05)
        raise AssertionError(f"{self.standing(name)}\n{self.engine.logs(name)}\n{self.engine.build_logs(name)}")

    def ready(self, name: str = "one", processes: int = 1, seconds: float = 20) -> Standing:
        def hope(standing: Standing) -> bool:
            return standing.state is State.READY and len(standing.addresses) == processes

        return self.wait(hope, name, seconds)

    def failed(self, name: str = "one", seconds: float = 20) -> Standing:
        return self.wait(lambda standing: standing.state is State.FAILED, name, seconds)

    def close(self) -> None:
        self.engine.close()
        self.follower.close()


def settings(folder: Path, **said: Any) -> Settings:  # noqa: ANN401  whatever a setting is
    folder.mkdir(mode=0o700, exist_ok=True)
    plain = {"data": folder, "serving_env": "local", "shared_user": True, "serving_spares": 0}
    return msgspec.structs.replace(Settings(), **{**plain, **said})


def ask(address: str, expression: str = "6 * 7", seconds: float = 20) -> Any:  # noqa: ANN401  whatever JSON holds
    """What the process at an address makes of an expression."""
    status, body = predict(address, expression.encode(), seconds)
    assert status == 200, body
    return json.loads(body)


def predict(address: str, body: bytes, seconds: float = 20) -> tuple[int, bytes]:
    """The status and the answer to a request."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(address)
        connection.sendall(packed(Kind.PREDICT, 5, body=body))
        reading = Reading()
        while more := connection.recv(65_536):
            for frame in reading.feed(more):
                if frame.kind == Kind.ANSWER:
                    assert frame.number == 5
                    return ANSWER_HEAD.unpack(frame.head)[0], frame.body
    raise ConnectionResetError


def scorers(folder: Path) -> list[psutil.Process]:
    """The processes that serve models of a folder: those that have become the scorer."""
    return [each for each in _processes() if _is_scorer(each, folder)]


def all_children(folder: Path) -> list[psutil.Process]:
    """All processes that are there because of a folder, with those around the scorer."""
    return [each for each in _processes() if any(str(folder) in word for word in _words(each)[1:])]


def _processes() -> Sequence[psutil.Process]:
    return list(psutil.process_iter())


def _is_scorer(process: psutil.Process, folder: Path) -> bool:
    words = _words(process)
    return bool(words) and words[0].endswith("python") and f"{folder}/run/scorer.pyz" in words


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return process.cmdline()
    return []


def eventually(hope: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not hope():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


def words_of(processes: Sequence[psutil.Process]) -> Iterator[str]:
    for process in processes:
        yield from _words(process)
