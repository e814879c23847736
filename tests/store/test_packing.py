"""The process that makes Parquet files: what it makes, and what becomes of rows when it fails."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest

from modelyard.errors import Unavailable
from modelyard.packer.frames import framed
from modelyard.store.packing import Packer
from tests.house.tables import record


@pytest.fixture
def packer() -> Iterator[Packer]:
    packer = Packer()
    yield packer
    packer.close()


@pytest.fixture
def spooled(tmp_path: Path) -> Path:
    """Rows of two tables, the last of which was not written to its end."""
    rows = [
        record(endpoint, table=table, at=at) for table, endpoint, at in (("t", "a", 2.5), ("t", "b", 1), ("u", "a", 3))
    ]
    path = tmp_path / "some.rows"
    path.write_bytes(framed(rows) + framed([record("z")])[:-1])
    return path


def test_rows_are_packed_by_table_and_only_of_those_who_may_log(packer: Packer, spooled: Path) -> None:
    found = packer.sorted(spooled)
    assert {table: set(endpoints) for table, endpoints in found.items()} == {"t": {"a", "b"}, "u": {"a"}}
    told, content = packer.packed(spooled, "t", ["a", "b"])
    assert (told.rows, told.first_at, told.last_at) == (2, 1000, 2500)
    assert packer.packed(spooled, "t", ["a", "b"])[1] == content
    told, content = packer.packed(spooled, "t", ["b"])
    assert told.rows == 1
    assert pyarrow.parquet.read_table(io.BytesIO(content))["endpoint_id"].to_pylist() == ["b"]


def test_files_are_joined_in_their_order(packer: Packer, spooled: Path) -> None:
    several = [packer.packed(spooled, *each)[1] for each in (("t", ["b"]), ("t", ["a"]), ("u", ["a"]))]
    rows = pyarrow.parquet.read_table(io.BytesIO(packer.joined(several))).to_pylist()
    assert rows == [row for each in several for row in pyarrow.parquet.read_table(io.BytesIO(each)).to_pylist()]


def test_a_killed_process_is_told_and_replaced(packer: Packer, spooled: Path) -> None:
    packer.sorted(spooled)
    assert packer.pid
    os.kill(packer.pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="packed again shortly"):
        packer.packed(spooled, "t", ["a"])
    assert packer.packed(spooled, "t", ["a"])[0].rows == 1


@pytest.mark.parametrize(
    "does",
    ["import time; time.sleep(600)", "connection.send_bytes(b'what?')", "raise SystemExit(1)"],
    ids=["hangs", "talks nonsense", "ends"],
)
def test_a_process_that_does_something_else_is_ended(does: str, spooled: Path) -> None:
    said = (
        f"import sys; from multiprocessing.connection import Connection as C; connection = C(int(sys.argv[1])); {does}"
    )
    packer = Packer((sys.executable, "-I", "-c", said), seconds=2)
    with pytest.raises(Unavailable):
        packer.sorted(spooled)
    assert not packer.pid
