"""Runs a notebook in a kernel of the task's environment, and keeps what it shows.

It is the server's own Python, with nbclient, beside the kernel in one sandbox. Streams go to the log as they come; the
executed notebook is written again and again, so that it is there however the attempt ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Final, cast

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from modelyard.task import reports
from modelyard.task.dbruntime import cells

EXIT: Final = "NotebookExit"
RESTART: Final = "NotebookRestart"
"""How exceptions are called that end a notebook well, and that begin a new process for the rest of it."""
_MOST_SHOWN: Final = 1 << 20
"""Characters of streams that are kept of one cell; the log has more."""
_OFTEN: Final = 2.0
_READY_SECONDS: Final = 120
_COLORS: Final = re.compile(r"\x1b\[[0-9;]*m")


class Client(NotebookClient):
    """Shows streams while they come, and keeps a bounded part of them."""

    shown = 0

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> Any:  # noqa: ANN401  nbclient's own
        """Take an output of a cell."""
        if msg["msg_type"] == "stream":
            text = msg["content"]["text"]
            sys.stdout.write(text)
            sys.stdout.flush()
            room = max(_MOST_SHOWN - self.shown, 0)
            self.shown += len(text)
            if not room:
                return None
            msg["content"]["text"] = text[:room]
        return super().output(outs, msg, display_id, cell_index)


class Run:
    """A notebook, from its source to its result."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._task: dict[str, Any] = json.loads((out / reports.TASK).read_text())
        path = Path(self._task["path"])
        content = path.read_text(encoding="utf-8-sig", errors="replace")
        self._language = cells.language_of(content, path.suffix) or "PYTHON"
        self._notebook: Any = nbformat.from_dict(cells.jupyter(cells.read(content)))  # pyright: ignore[reportUnknownMemberType]
        self._folder = str(path.parent)
        self._written_at = 0.0

    async def run(self) -> int:
        """Run it; the status of the process."""
        if self._language != "PYTHON":
            text = f"The notebook is written in {self._language}; notebooks in Python are run here."
            return self._fail(text, trouble="MISCONFIGURED")
        client = self._client()
        try:
            async with client.async_setup_kernel(cwd=self._folder):
                (self._out / reports.BEGAN).touch()
                return await self._cells(client)
        except (DeadKernelError, RuntimeError) as error:
            return self._fail(f"The notebook's process ended: {error}")
        finally:
            self._write()

    def _client(self) -> Client:
        home = Path(os.environ["HOME"])
        spec = home / "kernels" / "task"
        spec.mkdir(parents=True, exist_ok=True)
        start = [self._task["python"], "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quick = ["--HistoryManager.enabled=False", "--IPKernelApp.extra_extensions=dbruntime.kernel"]
        about = {"argv": [*start, *quick], "display_name": "Python", "language": "python"}
        (spec / "kernel.json").write_text(json.dumps(about))
        specs = KernelSpecManager(kernel_dirs=[str(spec.parent)], ensure_native_kernel=False)
        manager = AsyncKernelManager(
            kernel_name="task", kernel_spec_manager=specs, transport="ipc", ip=str(home / "kernel")
        )
        return Client(self._notebook, km=manager, timeout=None, startup_timeout=_READY_SECONDS, force_raise_errors=True)

    async def _cells(self, client: Client) -> int:
        for number, cell in enumerate(self._notebook.cells):
            client.shown = 0
            try:
                await client.async_execute_cell(cell, number)
            except CellExecutionError as error:
                if error.ename == EXIT:
                    _clear(cell)
                    return 0
                if error.ename != RESTART:
                    return self._raised(cell, error)
                _clear(cell)
                await self._restart(client)
            self._write(_OFTEN)
        return 0

    async def _restart(self, client: Client) -> None:
        """Go on in a new process, as `dbutils.library.restartPython` wants it."""
        manager, channels = cast("Any", client.km), cast("Any", client.kc)
        await manager.restart_kernel(now=True)
        await channels.wait_for_ready(timeout=_READY_SECONDS)

    def _raised(self, cell: Any, error: CellExecutionError) -> int:  # noqa: ANN401  nbformat's own
        shown = [each for each in cell.outputs if each.output_type == "error"]
        trace = _COLORS.sub("", "\n".join(shown[-1].traceback)) if shown else ""
        sys.stdout.write(f"{trace}\n")
        return self._fail(f"{error.ename}: {error.evalue}".removesuffix(": "), trace)

    def _fail(self, error: str, trace: str = "", trouble: str = "RAISED") -> int:
        told = {"error": error, "trace": trace, "trouble": trouble}
        (self._out / reports.ERROR).write_text(json.dumps(told))
        if not trace:
            sys.stdout.write(f"{error}\n")
        return 1

    def _write(self, pause: float = 0.0) -> None:
        """Keep the notebook as far as it is, unless that was done so many seconds ago."""
        if time.monotonic() - self._written_at < pause:
            return
        fresh = self._out / f".{reports.NOTEBOOK}"
        with contextlib.suppress(OSError):
            fresh.write_text(nbformat.writes(self._notebook), encoding="utf-8")  # pyright: ignore[reportUnknownMemberType]
            fresh.replace(self._out / reports.NOTEBOOK)
        self._written_at = time.monotonic()


def _clear(cell: Any) -> None:  # noqa: ANN401  nbformat's own
    """Take out what only said how the cell ended."""
    cell.outputs = [each for each in cell.outputs if each.output_type != "error"]


def main() -> None:
    """Run the notebook of the attempt."""
    out = Path(os.environ["MODELYARD_TASK"])
    try:
        status = asyncio.run(Run(out).run())
    except Exception as error:  # noqa: BLE001  whatever it is, people are to hear of it
        traceback.print_exc()
        told = {"error": f"The notebook could not be run: {type(error).__name__}: {error}", "trouble": "RAISED"}
        (out / reports.ERROR).write_text(json.dumps(told))
        status = 1
    sys.stdout.flush()
    os._exit(status)
