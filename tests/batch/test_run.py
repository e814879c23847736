"""Batch jobs on this machine: what they read and write, and that it is all or nothing."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard.batch import inputs
from modelyard.batch.order import BadRows, Existing, Form, Report
from modelyard.batch.pool import Failed
from modelyard.errors import Failure, Invalid, WrongState
from tests.batch.conftest import numbers, read
from tests.support import clean_environment

Score = Callable[..., Report]


def test_the_answers_are_those_of_a_plain_loop_over_the_same_batches(
    score: Score, rows: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "PIECE_ROWS", 250)
    done = score(rows, batch_rows=64, processes=2)
    model: Any = mlflow.pyfunc.load_model(str(models / "linear"))
    batches = pq.ParquetFile(rows).iter_batches(64)
    expected = [each for batch in batches for each in model.predict(batch.select(["x"]).to_pandas())]
    found = read(tmp_path / "out")
    assert found["prediction"].to_pylist() == expected
    assert found.select(["id", "x", "note"]).equals(numbers(1_000))
    assert (done.rows, done.parts) == (1_000, tuple(f"part-{each:05}.parquet" for each in range(5)))
    row = found.slice(0, 1).to_pylist()[0]
    assert (row["model_name"], row["model_version"], row["model_run_id"]) == ("prod.ml.price", 7, "a-run")
    assert int(row["scored_at"].timestamp() * 1000) == done.started_at


def test_an_output_is_complete_with_a_manifest_and_nothing_else_is_left(
    score: Score, rows: Path, tmp_path: Path
) -> None:
    score(rows, keep=("id",), prefix="by_", prediction="price")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out", "rows.parquet"]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        "_SUCCESS", "_manifest.json", "part-00000.parquet",
    ]  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert (manifest["rows"], manifest["model"]["version"], manifest["parts"][0]["rows"]) == (1_000, "7", 1_000)
    names = ["id", "price", "by_model_name", "by_model_version", "by_model_run_id", "by_scored_at"]
    assert list(manifest["columns"]) == read(tmp_path / "out").column_names == names


def test_csv_is_cut_between_rows_whatever_its_values_hold(
    score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "TEXT_BYTES", 2_000)
    monkeypatch.setattr(inputs, "_BLOCK", 700)
    told = [(number, number / 4, f'say "{number}",\n\n"and" more' if number % 3 else "00123") for number in range(700)]
    frame = pd.DataFrame(told, columns=["id", "x", "note"])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    done = score(tmp_path / "rows.csv", batch_rows=50)
    assert len(done.parts) > 5
    found = read(tmp_path / "out").to_pydict()
    assert [(int(id_), x, note) for id_, x, note in zip(found["id"], found["x"], found["note"], strict=True)] == told
    assert found["prediction"] == [pytest.approx(x * 3) for _, x, _ in told]


def test_folders_of_csv_plain_and_zipped_become_csv(score: Score, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "_ignored").mkdir(parents=True)
    (folder / "_ignored" / "rows.csv").write_text("nonsense")
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbfx;country\r\n1.5;NA\r\n-2;\r\n")
    pd.DataFrame({"country": ["FR"], "x": [2.5]}).to_csv(folder / "b.csv.gz", sep=";", index=False)
    score(folder, delimiter=";", output_form=Form.CSV, keep=("country",))
    found: list[dict[str, str]] = []
    for part in sorted((tmp_path / "out").glob("part-*.csv")):
        with part.open(newline="") as file:
            found += csv.DictReader(file)
    assert [each["country"] for each in found] == ["NA", "", "FR"]
    assert [float(each["prediction"]) for each in found] == [4.5, -6.0, 7.5]


def test_the_model_may_be_loaded_by_another_python_that_has_nothing_of_ours(
    score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("DATABRICKS_TOKEN", "not for models")
    pq.write_table(pa.table({"do": ["echo there"]}), tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", model="naughty", python=sys.executable)
    assert read(tmp_path / "out")["prediction"].to_pylist() == ["echo there"]


def test_values_in_the_names_of_folders_are_columns(score: Score, tmp_path: Path) -> None:
    for x in ("1", "2"):
        place = tmp_path / "in" / f"x={x}"
        place.mkdir(parents=True)
        pq.write_table(pa.table({"id": [int(x)]}), place / "rows.parquet")
    score(tmp_path / "in")
    found = read(tmp_path / "out")
    assert (found["x"].to_pylist(), found["prediction"].to_pylist()) == ([1.0, 2.0], [3.0, 6.0])


def test_delta_tables_are_read_and_written_in_one_commit(score: Score, tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    source, target = str(tmp_path / "in"), str(tmp_path / "out")
    deltalake.write_deltalake(source, numbers(300))
    deltalake.write_deltalake(source, numbers(100), mode="append")
    done = score(source, output_form=Form.DELTA)
    table = deltalake.DeltaTable(target)
    assert (table.version(), table.to_pyarrow_table().num_rows, done.delta_version) == (0, 400, 0)
    again = score(source, output_form=Form.DELTA)
    assert (again.resumed, again.delta_version) == (len(done.parts), 0)
    deltalake.write_deltalake(source, numbers(50), mode="overwrite")
    with pytest.raises(Invalid, match="is a Delta table already"):
        score(source, output_form=Form.DELTA)
    score(source, output_form=Form.DELTA, existing=Existing.APPEND)
    assert deltalake.DeltaTable(target).to_pyarrow_table().num_rows == 450
    score(source, output_form=Form.DELTA, existing=Existing.REPLACE)
    assert deltalake.DeltaTable(target).to_pyarrow_table().num_rows == 50
    with pytest.raises(WrongState, match="other columns"):
        score(source, output_form=Form.DELTA, existing=Existing.APPEND, prediction="price")
    assert deltalake.DeltaTable(target).version() == 2


def test_partitioned_delta_tables_have_their_partitions_as_columns(score: Score, tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(str(tmp_path / "in"), pa.table({"x": [1.0, 2.0], "day": [3, 4]}), partition_by=["day"])
    score(tmp_path / "in")
    found = sorted(zip(*read(tmp_path / "out").select(["day", "prediction"]).to_pydict().values(), strict=True))
    assert found == [(3, 3.0), (4, 6.0)]


def test_an_output_that_is_there_is_kept_unless_it_is_to_be_replaced(score: Score, rows: Path, tmp_path: Path) -> None:
    score(rows)
    assert score(rows).resumed == 1  # the same job again: all of it is there
    with pytest.raises(Invalid, match="is there already"):
        score(rows, prediction="price")
    score(rows, prediction="price", existing=Existing.REPLACE)
    assert "price" in read(tmp_path / "out").column_names
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out", "rows.parquet"]


@pytest.mark.parametrize(
    ("content", "said", "message"),
    [
        ({"y": [1.0]}, {}, "the input lacks 'x', which the model needs. Its columns are 'y'."),
        ({"x": pa.array([], pa.float64())}, {}, "has no rows"),
        ({"x": ["a", "b"]}, {}, "cannot be scored: .*x"),
        ({"x": [1.0]}, {"keep": ("z",)}, "no column 'z' to keep"),
        ({"x": [1.0], "prediction": [2.0]}, {}, "has a column prediction already"),
        ({"x": [1.0]}, {"features": ("x",)}, "signature says which"),
        ({"x": [1.0]}, {"existing": Existing.APPEND}, "only Delta tables"),
    ],
)
def test_what_cannot_be_scored_is_said_and_leaves_no_output(
    score: Score, tmp_path: Path, content: dict[str, Any], said: dict[str, Any], message: str
) -> None:
    pq.write_table(pa.table(content), tmp_path / "in.parquet")
    with pytest.raises(Failure, match=message):
        score(tmp_path / "in.parquet", **said)
    assert not (tmp_path / "out").exists()


def test_inputs_that_are_not_there_or_are_no_data_are_said(score: Score, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.parquet").write_bytes(b"not Parquet at all")
    (tmp_path / "header.csv").write_text("x\n")
    for place, message in (
        ("nowhere", "cannot be read: there is nothing there"),
        ("empty", "no .parquet or .csv file"),
        ("broken.parquet", "cannot be read as parquet"),
        ("header.csv", "no rows"),
    ):
        with pytest.raises(Invalid, match=message):
            score(tmp_path / place)
    with pytest.raises(Invalid, match="neither a path nor in S3"):
        score("ftp://example.com/rows.csv")


def test_rows_that_cannot_be_scored_are_kept_apart_with_the_reason_if_that_is_asked_for(
    score: Score, tmp_path: Path
) -> None:
    lines = ["id,x", *(f"{number},{'oops' if number in {3, 40} else number}" for number in range(100))]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    with pytest.raises(Failed, match="oops"):
        score(tmp_path / "rows.csv")
    done = score(tmp_path / "rows.csv", bad_rows=BadRows.SKIP, batch_rows=30)
    assert (done.rows, done.rejected) == (98, 2)
    assert read(tmp_path / "out")["prediction"].to_pylist()[:4] == [0.0, 3.0, 6.0, 12.0]
    kept = [json.loads(line) for line in (tmp_path / "out/_rejected/part-00000.jsonl").read_text().splitlines()]
    assert [(each["id"], each["x"]) for each in kept] == [("3", "oops"), ("40", "oops")]
    assert all("oops" in each["_reason"] for each in kept)


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("crash", "ended by signal 11"),
        ("leave", "ended with status 7"),
        ("fail", "ValueError: as asked"),
        ("echo hello", "1 answers to 2 rows"),
    ],
)
def test_a_model_that_fails_or_ends_its_process_is_said_to(score: Score, tmp_path: Path, do: str, message: str) -> None:
    pq.write_table(pa.table({"do": [do, do]}), tmp_path / "in.parquet")
    with pytest.raises(Failed, match=message):
        score(tmp_path / "in.parquet", model="naughty")
    assert not (tmp_path / "out").exists()


KILLED = """
import sys
from modelyard.batch.order import Order, Scored
from modelyard.batch import inputs
from modelyard.batch.run import run
from pathlib import Path
from tests.batch.conftest import no_bar
inputs.PIECE_ROWS = 100
folder, source, output = sys.argv[1:]
scored = Scored(Path(folder), "slow".ljust(64, "0"), "prod.ml.price", "7", "a-run")
run(Order(scored, source, output, processes=2), no_bar)
"""


@pytest.mark.parametrize("form", ["folder", "delta"])
def test_a_job_that_is_killed_leaves_no_output_and_goes_on_where_it_was(
    score: Score, rows: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(inputs, "PIECE_ROWS", 100)
    script = KILLED if form == "folder" else KILLED.replace("processes=2", 'processes=2, output_form="delta"')
    script = script.replace('"delta"', "Form.DELTA").replace("import Order,", "import Form, Order,")
    output = tmp_path / "out"
    command = [sys.executable, "-c", script, str(models / "slow"), str(rows), str(output)]
    job = subprocess.Popen(command, env=clean_environment(), start_new_session=True)
    until = time.monotonic() + 120
    while len(list(tmp_path.rglob("_journal/*.json"))) < 3:
        assert job.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait(10)
    assert not output.exists() if form == "folder" else not (output / "_delta_log").exists()
    before = {each.name: each.stat().st_mtime_ns for each in tmp_path.rglob("part-*.parquet")}
    chosen = Form.PARQUET if form == "folder" else Form.DELTA
    done = score(rows, model="slow", output_form=chosen)
    assert 3 <= done.resumed < 10
    found = sorted(read(output).to_pylist(), key=lambda row: row["id"])
    assert [row["id"] for row in found] == list(range(1_000))
    assert [row["prediction"] for row in found] == [pytest.approx(each / 7 * 3) for each in range(1_000)]
    assert len({row["scored_at"] for row in found}) == 1
    kept = [each for each in output.glob("part-*.parquet") if before.get(each.name) == each.stat().st_mtime_ns]
    assert len(kept) >= 3
    assert list(output.glob("*.unfinished")) == [] or form == "delta"


def test_a_job_that_goes_on_with_other_data_starts_anew(score: Score, tmp_path: Path) -> None:
    pq.write_table(pa.table({"do": ["echo a"]}), tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", model="naughty")
    pq.write_table(pa.table({"do": ["echo b"]}), tmp_path / "in.parquet")
    with pytest.raises(Invalid, match="is there already"):
        score(tmp_path / "in.parquet", model="naughty")
    done = score(tmp_path / "in.parquet", model="naughty", existing=Existing.REPLACE)
    assert (done.resumed, read(tmp_path / "out")["prediction"].to_pylist()) == (0, ["echo b"])


def test_text_is_written_as_csv_can_be_read(score: Score, tmp_path: Path) -> None:
    pq.write_table(pa.table({"do": ['echo "quoted", and\nmore']}), tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", model="naughty", output_form=Form.CSV)
    with (tmp_path / "out" / "part-00000.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["prediction"] == 'echo "quoted", and\nmore'
