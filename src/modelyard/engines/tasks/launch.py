"""The last step of a start: what is to be run, as whom, and the supervisor that looks after it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import modelyard
from modelyard.engines.attempts import Brief, Work
from modelyard.engines.local import interpreters
from modelyard.engines.local.interpreters import Interpreter
from modelyard.engines.local.sandbox import OUTER, Job, Sandbox
from modelyard.engines.tasks.code import ROOTS, Code
from modelyard.engines.tasks.places import TaskPlaces, give
from modelyard.engines.tasks.users import User
from modelyard.task import reports
from modelyard.task.supervisor import OUT, Order

if TYPE_CHECKING:
    from modelyard.config import Settings

WORK: Final = "work"
"""The folder of an attempt with its copy of the code."""
_FIRST: Final = 2 << 20
_LAST: Final = 5 << 20
"""Bytes of the log that are kept of its end: as many as Databricks shows."""
_BEGIN: Final = "from dbruntime.begin import main; main()"
_DRIVE: Final = "import sys; sys.path.insert(0, sys.argv[1]); from modelyard.task.notebooks import main; main()"
_SUPERVISE: Final = "import sys; sys.path.insert(0, sys.argv[1]); from modelyard.task.supervisor import main; main()"
_SECRET: Final = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|_KEY\Z", re.IGNORECASE)
_MAIN: Final = "main"


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that a start takes."""

    folder: Path
    """Of the attempt."""
    place: Path
    """In it, where it is to run."""
    brief: Brief
    code: Code
    python: Interpreter
    user: User
    lent: int | None
    """What keeps the environment while it runs."""


class Launcher:
    """Starts supervisors."""

    def __init__(self, settings: Settings, places: TaskPlaces, sandbox: Sandbox) -> None:
        self._settings = settings
        self._places = places
        self._sandbox = sandbox

    def launch(self, ready: Ready) -> subprocess.Popen[bytes]:
        """Start the supervisor of an attempt; it finds out by itself whether another one has it already."""
        out = ready.place / OUT
        task = self._told(ready)
        (out / reports.TASK).write_text(json.dumps(task))
        if self._sandbox.has_own_users:
            give(out, ready.user.uid)
            give(ready.code.folder, ready.user.uid)
        prepared = self._sandbox.prepared(self._job(ready, out))
        homes = [str(prepared.home)] if prepared.home else []
        order = Order(
            folder=str(ready.folder),
            place=ready.place.name,
            command=list(prepared.command),
            said=prepared.said.decode(),
            seconds=float(ready.brief.seconds),
            grace=float(self._settings.jobs_cancel_seconds),
            secrets=list(_secrets(ready.brief.variables)),
            drop=homes,
            first=_FIRST,
            last=_LAST,
        )
        fds = [ready.user.descriptor, *([] if ready.lent is None else [ready.lent])]
        return _supervised(order, fds)

    def _inner(self, ready: Ready, path: str) -> str:
        """Where the code finds something: in its own place, or where there is no view in the attempt's folder."""
        return path if self._sandbox.has_view else str(ready.code.at(path))

    def _told(self, ready: Ready) -> dict[str, object]:
        brief = ready.brief
        return {
            "path": self._inner(ready, ready.code.main()) if brief.work is not Work.WHEEL else "",
            "root": "" if self._sandbox.has_view else str(ready.code.folder),
            "python": str(ready.python.python),
            "context": dict(brief.context),
            "widgets": dict(brief.named),
            "values": {key: dict(each) for key, each in brief.values.items()},
            "packages": self._packages(),
            "uv": interpreters.uv() if brief.work is Work.NOTEBOOK else "",
        }

    def _packages(self) -> dict[str, object]:
        """What `%pip` may know; an index with a password is not told to the code of tasks."""
        settings = self._settings
        index = "" if "@" in settings.package_index else settings.package_index
        links = "" if "@" in settings.package_find_links else settings.package_find_links
        return {"index": index, "links": links, "from_source": settings.build_from_source}

    def _job(self, ready: Ready, out: Path) -> Job:
        folder = ready.code.folder
        has_view = self._sandbox.has_view
        mounts = {root: folder / root[1:] for root in ROOTS if any((folder / root[1:]).iterdir())} if has_view else {}
        driver = (*interpreters.own().reads, Path(interpreters.uv())) if ready.brief.work is Work.NOTEBOOK else ()
        links = self._settings.package_find_links
        return Job(
            command=self._command(ready),
            uid=ready.user.uid,
            reads=(
                *(self._places.program, *ready.python.reads, *driver),
                *((Path(links),) if links.startswith("/") and Path(links).exists() else ()),
            ),
            writes=(out,),
            mounts=mounts,
            variables={**dict(self._variables(ready, out)), **ready.brief.variables},
            memory=self._settings.jobs_memory,
            umask=0o022,
            nice=3,
        )

    def _command(self, ready: Ready) -> Sequence[str]:
        brief = ready.brief
        if brief.work is Work.NOTEBOOK:
            return (sys.executable, "-I", "-u", "-c", _DRIVE, str(self._places.program))
        begin = (str(ready.python.python), "-u", "-c", _BEGIN)
        if brief.work is Work.SCRIPT:
            return (*begin, "script", self._inner(ready, ready.code.main()), *brief.positional)
        named = (f"--{name}={value}" for name, value in brief.named.items())
        return (*begin, "wheel", brief.path, brief.entry_point or _MAIN, *brief.positional, *named)

    def _variables(self, ready: Ready, out: Path) -> Iterator[tuple[str, str]]:
        yield "PATH", f"{ready.python.python.parent}:/usr/bin:/bin"
        yield from (("LANG", "C.UTF-8"), ("USER", "task"), ("LOGNAME", "task"))
        yield from (("MLFLOW_TRACKING_URI", "databricks"), ("MLFLOW_REGISTRY_URI", "databricks-uc"))
        yield from (("MLFLOW_DISABLE_TELEMETRY", "true"), ("DO_NOT_TRACK", "true"))
        if path := ready.brief.context.get("notebookPath"):
            yield "MLFLOW_RUN_CONTEXT", json.dumps({"mlflow.databricks.notebookPath": path})
        yield "PYTHONPATH", str(self._places.library)
        yield "PYTHONDONTWRITEBYTECODE", "1"
        yield "MODELYARD_TASK", str(out)


def _secrets(variables: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are secrets by their names."""
    return (value for name, value in variables.items() if _SECRET.search(name))


def _supervised(order: Order, fds: Sequence[int]) -> subprocess.Popen[bytes]:
    source = Path(modelyard.__file__).parent.parent
    said = os.memfd_create("order")
    try:
        os.write(said, json.dumps(asdict(order)).encode())
        os.lseek(said, 0, os.SEEK_SET)
        return subprocess.Popen(  # noqa: S603  our own Python
            (os.path.realpath(sys.executable), "-I", "-S", "-c", _SUPERVISE, str(source)),
            stdin=said,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=fds,
            env=OUTER,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(said)
