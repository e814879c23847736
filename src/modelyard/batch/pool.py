"""Processes that score: one for each core, each asking for the next piece as soon as it has done one."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self

from modelyard.errors import Failure

_STRIPPED: Final = ("DATABRICKS_", "MODELYARD_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY")
"""Variables that code of a model has no business with."""
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_TAIL: Final = 2_000
_PATIENCE: Final = 10

Progress = Callable[[dict[str, Any], int], None]
"""What is told of rows that were scored, with the piece that they are of."""


class Failed(Failure):
    """The model, or a process that it ran in, failed; nothing of the output is seen."""


def cores() -> int:
    """How many processes may run at once here."""
    return max(1, len(os.sched_getaffinity(0)))


class Pool:
    """Some processes with the same plan. It is to be closed, which ends them."""

    def __init__(self, plan: dict[str, Any], python: str, count: int) -> None:
        self._plan = plan
        self._python = python
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Start them."""
        try:
            self._workers.extend(_Worker(self._python, self._count) for _ in range(self._count))
            for worker in self._workers:
                worker.say(self._plan)
            for worker in self._workers:
                worker.hear()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """End them."""
        self.close()

    def close(self) -> None:
        """End every process, and let go of it."""
        for worker in self._workers:
            worker.end()
            worker.let_go()

    def probe(self, pieces: Sequence[dict[str, Any]]) -> str:
        """The schema of the output, by the first rows that there are; the empty string where there are none."""
        for piece in pieces:
            found: str = self._workers[0].ask(_asking("probe", piece))["schema"]
            if found:
                return found
        return ""

    def use(self, schema: str) -> None:
        """Let all write this schema."""
        for worker in self._workers:
            worker.ask({"schema": schema})

    def score(self, pieces: Sequence[dict[str, Any]], progress: Progress) -> list[dict[str, Any]]:
        """Score pieces; what the journal says of them, in their order. The first failure ends all processes."""
        waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        for piece in pieces:
            waiting.put(piece)
        done: list[dict[str, Any]] = []
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=self._keep_busy, args=(worker, waiting, done, failures, progress), daemon=True)
            for worker in self._workers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # so that Ctrl-C is heard
        if failures:
            raise failures[0]
        return sorted(done, key=lambda noted: noted["part"])

    def _keep_busy(
        self,
        worker: _Worker,
        waiting: queue.SimpleQueue[dict[str, Any]],
        done: list[dict[str, Any]],
        failures: list[BaseException],
        progress: Progress,
    ) -> None:
        while not failures:
            try:
                piece = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.append(
                    worker.ask(_asking("piece", piece), lambda rows, piece=piece: progress(piece, rows))["done"]
                )
            except BaseException as failure:  # noqa: BLE001  it is raised in the thread that waits
                failures.append(failure)
                for each in self._workers:
                    each.end()


def _asking(what: str, piece: dict[str, Any]) -> dict[str, Any]:
    name = Path(piece["file"]).name
    return {what: piece, "what": f"piece {piece['index']} of the input, in {name}, cannot be scored"}


class _Worker:
    """One process."""

    def __init__(self, python: str, share: int) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process
        self._process = subprocess.Popen(  # noqa: S603  our own program, in the Python that was chosen
            _command(python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(share),
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    @property
    def _streams(self) -> tuple[IO[str], IO[str]]:
        if not self._process.stdin or not self._process.stdout:
            raise RuntimeError("the process has pipes")
        return self._process.stdin, self._process.stdout

    def say(self, question: dict[str, Any]) -> None:
        """Ask something."""
        try:
            self._streams[0].write(json.dumps(question) + "\n")
            self._streams[0].flush()
        except OSError:
            raise self._gone() from None

    def hear(self, progress: Callable[[int], None] = lambda _rows: None) -> dict[str, Any]:
        """The answer; meanwhile `progress` is told of rows."""
        for line in self._streams[1]:
            told: dict[str, Any] = json.loads(line)
            if "failed" in told:
                raise Failed(str(told["failed"]))
            if "rows" not in told:
                return told
            progress(told["rows"])
        raise self._gone()

    def ask(self, question: dict[str, Any], progress: Callable[[int], None] = lambda _rows: None) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        self.say(question)
        return self.hear(progress)

    def _gone(self) -> Failed:
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            status = 0
        return Failed(f"a process that scored ended {_how(status)}. {self._tail()}".rstrip())

    def _tail(self) -> str:
        """The last that it said."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _TAIL))
        return self._log.read().decode(errors="replace").strip()

    def end(self) -> None:
        """End it, with whatever the model started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def let_go(self) -> None:
        """Close what led to it."""
        for stream in (*self._streams, self._log):
            with contextlib.suppress(OSError):
                stream.close()


def _how(status: int) -> str:
    if status == -signal.SIGKILL:
        return "by signal 9: the machine may have run out of memory; fewer --processes or --batch-rows need less"
    return f"by signal {-status}" if status < 0 else f"with status {status}"


def _command(python: str) -> list[str]:
    if not python:
        return [sys.executable, "-m", "modelyard.batch.worker"]
    from modelyard.batch.bundle import bundled  # noqa: PLC0415  only other Pythons need it

    return [python, "-I", str(bundled())]


def _environment(share: int) -> dict[str, str]:
    """What the process is told: no tokens, and its share of the cores for libraries that use many."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STRIPPED)}
    threads = str(max(1, cores() // share))
    return {**dict.fromkeys(_THREADS, threads), **kept, "PYTHONUNBUFFERED": "1"}
