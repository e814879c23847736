"""What tests of batch inference share: a model on disk, data, and what makes an order of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard.batch.order import Order, Report, Scored
from modelyard.batch.run import run
from tests.serving import Naughty, Times, save_linear, save_python


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression that multiplies by 3, one that takes its time, and one that does what it is told."""
    folder = tmp_path_factory.mktemp("models")
    save_linear(folder / "linear", 3.0)
    save_python(folder / "slow", Times(3.0, 0.25))
    save_python(folder / "naughty", Naughty(), None)
    return folder


@pytest.fixture
def scored(models: Path) -> Callable[[str], Scored]:
    def made(name: str = "linear") -> Scored:
        return Scored(models / name, name.ljust(64, "0"), "prod.ml.price", "7", "a-run")

    return made


@contextlib.contextmanager
def no_bar(*_told: object) -> Iterator[Callable[[int], None]]:
    yield lambda _more: None


@pytest.fixture
def score(scored: Callable[[str], Scored], tmp_path: Path) -> Callable[..., Report]:
    """Runs a job: with one process and the quick model, if nothing else is said."""

    def done(
        source: str | Path, output: str | Path = tmp_path / "out", model: str = "linear", **said: object
    ) -> Report:
        order = Order(scored(model), str(source), str(output), processes=1)
        return run(replace(order, **said), no_bar)

    return done


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file with 1,000 rows in ten row groups."""
    path = tmp_path / "rows.parquet"
    pq.write_table(numbers(1_000), path, row_group_size=100)
    return path


def numbers(count: int) -> pa.Table:
    return pa.table(
        {"id": range(count), "x": [each / 7 for each in range(count)], "note": [f"n{each}" for each in range(count)]}
    )


def read(folder: Path) -> pa.Table:
    """The parts of an output, in order."""
    return pa.concat_tables(pq.read_table(part) for part in sorted(folder.glob("part-*.parquet")))
