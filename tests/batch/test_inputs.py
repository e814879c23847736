"""How an input is cut into pieces."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.batch import inputs

VALUES = st.lists(st.tuples(st.text("ab,\n\"'\r", max_size=12), st.integers(0, 99)), min_size=1, max_size=60)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=VALUES)
def test_pieces_of_csv_hold_every_row_once(rows: list[tuple[str, int]], tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("text", "number"), *rows])
    content = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "TEXT_BYTES", 40)
        patch.setattr(inputs, "_BLOCK", 17)
        source = inputs.look(str(path), None, ",")
    found: list[tuple[str, int]] = []
    for piece in source.pieces:
        text = content[piece["start"] : piece["end"]].decode()
        found += [(said, int(number)) for said, number in csv.reader(io.StringIO(text, newline=""))]
    assert source.columns == ["text", "number"]
    assert found == rows


@given(st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 200 << 20)), max_size=20))
def test_pieces_of_parquet_hold_every_row_once(sizes: list[tuple[int, int]]) -> None:
    seen = {number: 0 for number, _ in enumerate(sizes)}
    for piece in inputs.grouped(sizes):
        assert piece["rows"] <= max(inputs.PIECE_ROWS, 1_024)
        if len(piece["groups"]) > 1:
            assert piece["skip"] == 0
            assert piece["rows"] == sum(sizes[number][0] for number in piece["groups"])
        else:
            assert piece["skip"] == seen[piece["groups"][0]]
        left = piece["rows"]
        for number in piece["groups"]:
            taken = min(left, sizes[number][0] - seen[number])
            seen[number] += taken
            left -= taken
        assert left == 0
    assert [seen[number] for number, _ in enumerate(sizes)] == [rows for rows, _ in sizes]


@pytest.mark.parametrize(
    ("content", "message"),
    [("a,a\n1,2\n", "two columns 'a'"), ("a,\n1,2\n", "must name every column"), ("\n1\n", "must name every column")],
)
def test_headers_that_name_no_columns_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(inputs.Invalid, match=message):
        inputs.look(str(tmp_path / "rows.csv"), None, ",")
