"""What runs leave: what was printed, what notebooks said, and, on paths of ours, log pieces and task values."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from modelyard.actions.jobs import results
from modelyard.actions.jobs.results import Output, Piece
from modelyard.actions.jobs.runs import RunPage
from modelyard.domain.jobs.runs import MOST_LOG, TaskRun
from modelyard.errors import Invalid
from modelyard.surfaces.jobs import told
from modelyard.surfaces.jobs.said import API, OneRun, older, row
from modelyard.surfaces.stored import Bytes
from modelyard.surfaces.wire import AnyAction, Here, Joining, Row, Translation

_OURS: Final = "/api/2.0/modelyard/jobs/runs/{run_id}"
_VIEWS: Final = frozenset({"CODE", "DASHBOARDS", "ALL"})


class Exporting(OneRun, frozen=True):
    """Which views of a run are wanted."""

    views_to_export: str = "CODE"


class Reading(OneRun, frozen=True):
    """From where on a log is read."""

    from_offset: int = 0


def _output(said: OneRun) -> AnyAction:
    return results.GetRunOutput(said.job_run)


def _told(found: Output, here: Here) -> object:
    task = found.task
    spec = found.run.settings.task(task.key)
    metadata = told.run(RunPage(found.run, task, whole=True), here)
    answer: dict[str, Any] = {"metadata": metadata}
    if task.error or task.message:
        answer["error"] = task.error or task.message
    if task.result and task.result.value == "SUCCESS":
        answer.pop("error", None)
    if task.trace:
        answer["error_trace"] = task.trace
    if task.child:
        answer["run_job_output"] = {"run_id": task.child}
    if spec and spec.kind == "notebook_task":
        answer["notebook_output"] = _notebook(task)
    return {**answer, "logs": found.log.decode("utf-8", "replace"), "logs_truncated": found.is_cut}


def _notebook(task: TaskRun) -> dict[str, Any]:
    """What a notebook said at its end, of which the first part is shown."""
    return {"result": task.exit[:MOST_LOG], "truncated": len(task.exit) > MOST_LOG}


def _export(said: Exporting) -> AnyAction:
    if said.views_to_export not in _VIEWS:
        raise Invalid(f"views_to_export must be one of {', '.join(sorted(_VIEWS))}.")
    return results.ExportRun(said.job_run)


def _as_page(store: Bytes, _said: Exporting, found: tuple[str, bytes]) -> tuple[str, str]:
    path, notebook = found
    return path.rpartition("/")[2], store.page(notebook)


def _exported(found: tuple[str, str], _here: Here) -> object:
    name, page = found
    return {"views": [{"content": page, "name": name, "type": "NOTEBOOK"}]}


def _read(said: Reading) -> AnyAction:
    return results.ReadRunLog(said.job_run, max(0, said.from_offset))


def _piece(found: Piece, _here: Here) -> object:
    following = found.start + len(found.content)
    content = base64.b64encode(found.content).decode("ascii")
    return {"offset": found.start, "next_offset": following, "content": content, "is_over": found.is_over}


def _values(said: OneRun) -> AnyAction:
    return results.ListTaskValues(said.job_run)


def _left(found: Mapping[str, Mapping[str, Any]], _here: Here) -> object:
    return {"task_values": msgspec.to_builtins(found)}


ROWS: Final[tuple[Row, ...]] = (
    row("GET", "/runs/get-output", OneRun, _output, _told),
    Joining("GET", f"{API}/runs/export", Exporting, _export, _as_page, write=_exported, older=older("/runs/export")),
    Translation("GET", f"{_OURS}/log", Reading, _read, _piece),
    Translation("GET", f"{_OURS}/values", OneRun, _values, _left),
)
