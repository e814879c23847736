"""Executors of attempts, with code that does what tests want."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil

from modelyard.config import Settings
from modelyard.domain.files import Entry
from modelyard.engines.attempts import Brief, Look, Stage, Work
from modelyard.engines.tasks import LocalExecutor
from tests.engines.support import Bytes
from tests.support import clean_environment

HOME = "/Workspace/Users/ann"


def settings(folder: Path, **said: Any) -> Settings:  # noqa: ANN401  whatever a setting is
    folder.mkdir(mode=0o700, exist_ok=True)
    plain = {"data": folder, "jobs_env": "local", "shared_user": True, "jobs_cancel_seconds": 2}
    return msgspec.structs.replace(Settings(), **{**plain, **said})


@dataclass
class Yard:
    """An executor, the code that it finds, and what a test asks of both."""

    folder: Path
    said: dict[str, Any] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)
    briefs: dict[str, Brief | Exception] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    _executor: LocalExecutor | None = None

    @property
    def executor(self) -> LocalExecutor:
        if self._executor is None:
            self._executor = self.another()
        return self._executor

    def another(self) -> LocalExecutor:
        """One more executor on the same folder, as another process of the server would have it."""
        return LocalExecutor(settings(self.folder, **self.said), self.brief, self.open, on_change=self.changes.append)

    def restart(self) -> None:
        """Let the executor go, and have another one find what it has left."""
        self.close()

    def close(self) -> None:
        if self._executor:
            self._executor.close()
        self._executor = None

    def brief(self, attempt_id: str) -> Brief:
        found = self.briefs[attempt_id]
        if isinstance(found, Exception):
            raise found
        return found

    def open(self, entry: Entry) -> Bytes:
        return Bytes(self.content[entry.sha256])

    def files(self, **content: str | bytes) -> dict[str, Entry]:
        """Files by their absolute paths; `__` stands for a slash below the home folder, and `_dot_` for a dot."""
        told: dict[str, Entry] = {}
        for name, each in content.items():
            told |= self.file(f"{HOME}/{name.replace('__', '/').replace('_dot_', '.')}", each)
        return told

    def file(self, path: str, content: str | bytes) -> dict[str, Entry]:
        whole = content.encode() if isinstance(content, str) else content
        sha256 = hashlib.sha256(whole).hexdigest()
        self.content[sha256] = whole
        return {path: Entry(path, is_directory=False, size=len(whole), sha256=sha256)}

    def script(self, attempt_id: str, code: str, *arguments: str, **said: Any) -> str:  # noqa: ANN401  fields of a brief
        """Begin an attempt at a script; its id."""
        files = {**self.file(f"{HOME}/main.py", code), **said.pop("files", {})}
        self.briefs[attempt_id] = Brief(Work.SCRIPT, f"{HOME}/main.py", positional=arguments, files=files, **said)
        self.executor.start(attempt_id)
        return attempt_id

    def notebook(self, attempt_id: str, source: str, name: str = "Main", **said: Any) -> str:  # noqa: ANN401  likewise
        files = {**self.file(f"{HOME}/{name}", source), **said.pop("files", {})}
        path = f"{HOME}/{name}"
        context = {"notebookPath": path.removeprefix("/Workspace"), **said.pop("context", {})}
        self.briefs[attempt_id] = Brief(Work.NOTEBOOK, path, files=files, context=context, **said)
        self.executor.start(attempt_id)
        return attempt_id

    def ended(self, attempt_id: str, seconds: float = 60) -> Look:
        return self.until(attempt_id, lambda look: look.stage in {Stage.ENDED, Stage.LOST}, seconds)

    def running(self, attempt_id: str, seconds: float = 60) -> Look:
        look = self.until(attempt_id, lambda look: look.stage is not Stage.PREPARING, seconds)
        assert look.stage is Stage.RUNNING, look
        return look

    def said_by(self, attempt_id: str, text: str, seconds: float = 60) -> str:
        """What an attempt has printed, once something is in it."""
        until = time.monotonic() + seconds
        while text not in (found := self.log(attempt_id)):
            assert time.monotonic() < until, (found, self.executor.look(attempt_id))
            time.sleep(0.02)
        return found

    def until(self, attempt_id: str, hope: Callable[[Look], bool], seconds: float = 60) -> Look:
        until = time.monotonic() + seconds
        while not hope(look := self.executor.look(attempt_id)):
            assert time.monotonic() < until, (look, self.log(attempt_id))
            time.sleep(0.01)
        return look

    def log(self, attempt_id: str) -> str:
        return self.executor.log(attempt_id, 0, 64 << 20).decode(errors="replace")


def processes(marker: str) -> list[psutil.Process]:
    """All processes that have a word in their command line or environment."""
    found: list[psutil.Process] = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(marker in word for word in (*each.cmdline(), *each.environ().values())):
                found.append(each)
    return found


def gone(marker: str, seconds: float = 20) -> None:
    """Wait until no such process is left."""
    until = time.monotonic() + seconds
    while left := processes(marker):
        assert time.monotonic() < until, [each.cmdline() for each in left]
        time.sleep(0.05)


@contextlib.contextmanager
def starter(folder: Path, attempt_id: str, code: str, **told: Any) -> Iterator[subprocess.Popen[bytes]]:  # noqa: ANN401  see below
    """A process of its own that starts an attempt, and can be killed; see `__main__` below for what it is told."""
    said = json.dumps({"folder": str(folder), "attempt": attempt_id, "code": code, **told})
    command = [sys.executable, "-c", "from tests.engines.attempts import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as process:
        assert process.stdin
        process.stdin.write(said.encode())
        process.stdin.close()
        yield process
        process.kill()


def main() -> None:
    """Start an attempt as told, say so, and wait to be killed."""
    told = json.load(sys.stdin)
    yard = Yard(Path(told["folder"]), told.get("said", {}))
    if told.get("dies_when") == "asked":
        yard.brief = lambda _: os.kill(os.getpid(), 9)  # pyright: ignore[reportAttributeAccessIssue]  it never answers
    yard.script(told["attempt"], told["code"])
    sys.stdout.write("started\n")
    sys.stdout.flush()
    time.sleep(600)
