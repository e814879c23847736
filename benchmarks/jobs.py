"""`python -m benchmarks jobs`: so many runs are queued at once, and how long it takes until all are done."""

from __future__ import annotations

import base64
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import BaseRun, QueueSettings, RunLifeCycleState, SparkPythonTask, Task
from databricks.sdk.service.workspace import ImportFormat

from benchmarks import machine
from benchmarks.servers import admin_token, modelyard_server

_SCRIPT = "/Shared/one.py"
_OVER = (RunLifeCycleState.TERMINATED, RunLifeCycleState.SKIPPED, RunLifeCycleState.INTERNAL_ERROR)


def jobs_command(
    runs: Annotated[int, typer.Option(min=1, help="How many runs are queued.")] = 500,
    at_once: Annotated[int, typer.Option(min=1, help="How many of them the job runs at once.")] = 4,
) -> None:
    """Queue runs of a script that prints a line, by the SDK, and wait for the last one."""
    with (
        tempfile.TemporaryDirectory(prefix="b-") as folder,
        modelyard_server(Path(folder) / "data", {"MODELYARD_JOBS_ENV": "local"}) as server,
    ):
        client = WorkspaceClient(host=server.address, token=admin_token(Path(folder) / "data"))
        job = _job(client, at_once)
        began = time.perf_counter()
        for _ in range(runs):
            client.jobs.run_now(job)
        queued = time.perf_counter() - began
        while not all(_is_over(each) for each in client.jobs.list_runs(job_id=job)):
            time.sleep(2)
        drained = time.perf_counter() - began
        results = Counter(_result(each) for each in client.jobs.list_runs(job_id=job))
    print(f"{runs} runs, {at_once} at once: queued in {queued:.1f} s, done in {drained:.1f} s, {dict(results)}")
    print(", ".join(f"{name} {fact}" for name, fact in machine.facts().items()))


def _job(client: WorkspaceClient, at_once: int) -> int:
    client.workspace.mkdirs(str(Path(_SCRIPT).parent))
    content = base64.b64encode(b"print('done')\n").decode()
    client.workspace.import_(_SCRIPT, content=content, format=ImportFormat.AUTO, overwrite=True)
    task = Task("only", spark_python_task=SparkPythonTask(_SCRIPT))
    made = client.jobs.create(name="many", tasks=[task], max_concurrent_runs=at_once, queue=QueueSettings(enabled=True))
    if made.job_id is None:
        raise RuntimeError("the job has no id")
    return made.job_id


def _is_over(run: BaseRun) -> bool:
    return run.state is not None and run.state.life_cycle_state in _OVER


def _result(run: BaseRun) -> str:
    return run.state.result_state.value if run.state and run.state.result_state else "none"
