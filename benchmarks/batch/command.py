"""`python -m benchmarks batch`: rows per second, in turn, and their ratio."""

# MLflow, scikit-learn and pyarrow come without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Annotated, Any

import mlflow
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from mlflow.models import infer_signature
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks import machine
from modelyard.batch.order import Order, Scored
from modelyard.batch.run import run

FEATURES = [f"f{number:02}" for number in range(20)]
GOAL = 0.9
SPARK_GOAL = 3.0
_SPARK = Path(__file__).with_name("spark.py")

Rows = Annotated[int, typer.Option(help="Rows of the input.")]
Rounds = Annotated[int, typer.Option(min=1, help="Trials of each; medians are quoted.")]
Spark = Annotated[
    Path | None, typer.Option(metavar="PYTHON", help="A Python with pyspark, mlflow and the model's needs.")
]
Json = Annotated[Path | None, typer.Option("--json", help="Also write everything found to this file.")]


def batch_command(
    *, rows: Rows = 2_000_000, rounds: Rounds = 3, batch_rows: int = 10_000, spark: Spark = None, json_file: Json = None
) -> None:
    """Measure batch inference beside a bare loop of `predict` in one process for each core."""
    found: dict[str, Any] = {"machine": machine.facts(), "rows": rows, "batch_rows": batch_rows, "models": {}}
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        source = _source(folder, rows)
        for name, model in _models(folder).items():
            found["models"][name] = _measured(folder, source, model, rounds, batch_rows, spark)
    _show(found)
    if json_file:
        json_file.write_text(json.dumps(found, indent=1))


def _source(folder: Path, rows: int) -> Path:
    random = np.random.default_rng(7)
    path = folder / "rows.parquet"
    schema = pa.schema([("id", pa.int64()), *((name, pa.float64()) for name in FEATURES)])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 100_000):
            count = min(100_000, rows - start)
            columns = [pa.array(range(start, start + count)), *(pa.array(random.normal(size=count)) for _ in FEATURES)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return path


def _models(folder: Path) -> dict[str, Path]:
    """One model that is quick, so that all the rest counts, and one that is not."""
    random = np.random.default_rng(3)
    import pandas as pd  # noqa: PLC0415  only here

    table = pd.DataFrame(random.normal(size=(2_000, len(FEATURES))), columns=FEATURES)
    label = (table.sum(axis=1) > 0).astype(int)
    made: dict[str, Path] = {}
    for name, kind in (
        ("logistic regression", LogisticRegression()),
        ("random forest", RandomForestClassifier(50, max_depth=8, n_jobs=1)),
    ):
        made[name] = folder / name.replace(" ", "-")
        fitted = kind.fit(table, label)
        mlflow.sklearn.save_model(
            fitted, made[name], signature=infer_signature(table, label), serialization_format="cloudpickle",
            pip_requirements=[],
        )  # fmt: skip
    return made


def _measured(
    folder: Path, source: Path, model: Path, rounds: int, batch_rows: int, spark: Path | None
) -> dict[str, list[tuple[float, float]]]:
    kinds: dict[str, Callable[[Path], tuple[float, float]]] = {
        "bare": lambda output: _bare(model, source, output, batch_rows),
        "modelyard": lambda output: _ours(model, source, output, batch_rows),
    }
    if spark:
        kinds["spark_udf"] = lambda output: _by_spark(spark, model, source, output)
    seconds: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind, measure in kinds.items():
            output = folder / f"{kind}-{number}"
            seconds[kind].append(measure(output))
            shutil.rmtree(output)
    return seconds


class _Clock:
    """Seconds from now on, and those that child processes have a processor: these count where a machine is shared."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
        self._before = sum(each.user + each.system for each in times) + _ended()

    def read(self) -> tuple[float, float]:
        """Both, once the children have ended."""
        return time.perf_counter() - self._begun, _ended() - self._before


def _ended() -> float:
    """Seconds of the processor that children have used which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bare(model: Path, source: Path, output: Path, batch_rows: int) -> tuple[float, float]:
    """From when all processes have their model, and have used it once, until the last one is done."""
    output.mkdir()
    count = len(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "benchmarks.batch.bare", str(model), str(source), str(output)]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    children = [
        subprocess.Popen(
            [*command, str(number), str(count), str(batch_rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=variables,
            start_new_session=True,  # as ours: Linux shares a busy processor among sessions
        )
        for number in range(count)
    ]  # fmt: skip
    for child in children:
        assert child.stdout  # noqa: S101  it has pipes
        child.stdout.readline()
    clock = _Clock()
    for child in children:
        assert child.stdin  # noqa: S101  as above
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
    return clock.read()


def _ours(model: Path, source: Path, output: Path, batch_rows: int) -> tuple[float, float]:
    """From when all processes have their model until the output is there, durably; one of them has used it once."""
    clocks: list[_Clock] = []

    @contextlib.contextmanager
    def bar(_total: int, _is_rows: bool) -> Generator[Callable[[int], None]]:  # noqa: FBT001  as it is called
        clocks.append(_Clock())
        yield lambda _more: None

    scored = Scored(model, "0" * 64, "bench.batch.model", "1", "")
    run(Order(scored, str(source), str(output), batch_rows=batch_rows), bar)
    return clocks[0].read()


def _by_spark(python: Path, model: Path, source: Path, output: Path) -> tuple[float, float]:
    """From when the session, its workers and the model are warm until the output is there."""
    done = subprocess.run(
        [str(python), str(_SPARK), str(model), str(source), str(output)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"Spark has failed:\n{done.stderr[-2_000:]}")
    seconds, processor = done.stdout.split()[-2:]
    return float(seconds), float(processor)


def _medians(times: list[tuple[float, float]]) -> list[float]:
    return [statistics.median(each) for each in zip(*times, strict=True)]


def _show(found: dict[str, Any]) -> None:
    table = Table(title="Batch inference: rows per second")
    for column in ("model", "what", "seconds", "rows/s", "ratio", "CPU s", "rows/CPU s", "CPU ratio", "goal"):
        table.add_column(column, justify="left" if column in {"model", "what"} else "right")
    for model, seconds in found["models"].items():
        ours = _medians(seconds["modelyard"])
        for kind, times in seconds.items():
            goal = {"bare": f"≥ {GOAL}", "spark_udf": f"≥ {SPARK_GOAL}"}.get(kind, "")
            cells: list[str] = []
            for median, mine in zip(_medians(times), ours, strict=True):
                ratio = f"{median / mine:.2f}" if kind != "modelyard" else ""
                cells += [f"{median:.2f}", f"{found['rows'] / median:,.0f}", ratio]
            table.add_row(model, kind, *cells, goal)
    Console(width=120).print(table)
    print(found["machine"])
