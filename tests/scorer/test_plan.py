"""What is usually asked takes the short way, and only what is certain does."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelyard.scorer import documents, scoring
from modelyard.scorer.answers import success
from modelyard.scorer.model import Model
from tests.scorer.client import split
from tests.scorer.models import DOUBLES, MIXED
from tests.scorer.oracle import JSON, ours, same, text, theirs

GOOD = {"d": 1.5, "f": 2, "l": 2**60, "i": -(2**31), "s": "x", "o": True}
TABLE = [1.0, 2, -3.5]


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The questions that MLflow's own function is asked."""
    asked: list[int] = []
    answer = scoring.answer

    def counted(model: Model, number: int, *rest: JSON) -> object:
        asked.append(number)
        return answer(model, number, *rest)

    monkeypatch.setattr(scoring, "answer", counted)
    return asked


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What MLflow compares with a signature."""
    seen: list[object] = []
    enforce: Any = mlflow.pyfunc._enforce_schema  # noqa: SLF001  it has no public name

    def counted(data: object, *rest: object) -> object:
        seen.append(data)
        return enforce(data, *rest)

    monkeypatch.setattr(mlflow.pyfunc, "_enforce_schema", counted)
    return seen


USUAL = [
    ("linear", split(DOUBLES, TABLE, TABLE)),
    ("linear", split(DOUBLES[::-1], TABLE)),
    ("linear", {"dataframe_split": {"columns": DOUBLES, "data": [TABLE, TABLE], "index": [7, 7]}}),
    ("linear", {"dataframe_split": {"columns": DOUBLES, "data": [TABLE], "index": None}}),
    ("linear", {"dataframe_records": [dict(zip(DOUBLES, TABLE, strict=True))]}),
    ("linear", split(DOUBLES, TABLE) | {"client_request_id": "7", "params": None}),
    ("proba", split(DOUBLES, TABLE)),
    ("mixed", {"dataframe_records": [GOOD]}),
    ("mixed", split([*MIXED], [GOOD[name] for name in MIXED])),
    ("mirror", {"dataframe_records": [GOOD, GOOD]}),
    ("mirror-strings", split(["a"], ["é"], [""])),
    ("mirror-floats", split(["a", "b"], [1, 2], [3.5, 1e-30])),
    ("mirror-integers", {"inputs": [[1, 2], [3, 4]]}),
    ("tensor", {"inputs": [TABLE]}),
    ("tensor", {"instances": [TABLE, TABLE]}),
    ("weighted", split(DOUBLES, TABLE) | {"params": {"factor": 3}}),
]


@pytest.mark.parametrize(("name", "document"), USUAL)
def test_usual_questions_take_the_short_way(
    loaded: Callable[..., Model], long_way: list[int], checks: list[object], name: str, document: JSON
) -> None:
    body = json.dumps(document).encode()
    (said,) = ours(loaded(name), body)
    assert said.status == 200
    assert not (long_way or checks) or (name == "mirror-integers" and not documents.EXACT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow warns of is not what is tested here
        assert text(said.json) == text(theirs(loaded(name), body).json())


UNSURE = [
    split(DOUBLES, [1.0, 2.0, None]),
    split(DOUBLES, [1.0, 2.0, True]),
    split(DOUBLES, [1.0, 2.0, "3"]),
    split(DOUBLES, [1.0, 2.0, 2**53]),
    split(DOUBLES, [1.0, 2.0, float("nan")]),
    split(DOUBLES, [1.0, 2.0, float("inf")]),
    split(DOUBLES, [1.0, 2.0]),
    split([*DOUBLES, "d"], [1.0, 2.0, 3.0, 4.0]),
    split(["a", "b", "b"], TABLE),
    split(DOUBLES),
    split(DOUBLES, TABLE) | {"something": 1},
    split(DOUBLES, TABLE) | {"messages": []},
    {"dataframe_split": {"data": [TABLE]}},
    {"dataframe_split": {"columns": DOUBLES, "data": [TABLE], "index": ["x"]}},
    {"dataframe_records": [{"a": 1, "b": 2, "d": 3}]},
    {"dataframe_records": [{"a": 1, "b": 2}]},
    {"inputs": [TABLE]},
]


@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.parametrize("document", UNSURE)
def test_the_others_are_for_mlflow(loaded: Callable[..., Model], long_way: list[int], document: JSON) -> None:
    same(loaded("linear"), json.dumps(document).encode())
    assert long_way == [0]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
@example([2**63, 2**64, -(2**70), 10**25])
@example("\ud800")
def test_what_is_read_fast_is_read_as_json_reads_it(document: JSON) -> None:
    written = json.dumps(document).encode()
    try:
        found = documents.load(written)
    except ValueError:
        return
    assert text(found) == text(json.loads(written))


@given(st.binary(max_size=12))
@example(b"-0")
@example(b"01")
@example(b"[1,]")
@example(b"1e5")
@example(b"\xef\xbb\xbf1")
@example(b'"\x01"')
def test_what_is_read_fast_is_json(written: bytes) -> None:
    try:
        found = documents.load(written)
    except ValueError:
        return
    assert text(found) == text(json.loads(written))


@pytest.mark.parametrize(
    "predictions",
    [
        np.array([1.5, -0.0, 1e300]),
        np.array([1.1], np.float32),
        np.array([[1, 2], [3, 4]], np.uint8),
        np.array([2**63], np.uint64),
        np.array([True]),
        np.array(["x", "é"]),
        np.array(["x", 1, True], object),
        np.array(["x", None], object),
        np.array([1.0, np.nan, np.inf]),
        np.array([10**30], object),
        np.array(["\ud800"]),
        np.array(["2020-01-01"], "M8[s]").astype("M8[ms]").astype(object),
        np.array(3.5),
        np.array([]),
        np.float64(2.5),
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pd.Series([1.5, 2.5], name="y"),
        [1, "x", None, {"a": np.int64(3)}],
        {"a": np.array([1.5])},
        "text",
        None,
    ],
    ids=repr,
)
def test_predictions_are_written_as_mlflow_writes_them(loaded: Callable[..., Model], predictions: object) -> None:
    server, written = loaded("linear").server, io.StringIO()
    server.predictions_to_json(predictions, written)
    assert text(json.loads(success(predictions, server).body)) == text(json.loads(written.getvalue()))


def _arrow(frame: pd.DataFrame, kind: str) -> bytes:
    table, sink = pa.Table.from_pandas(frame), io.BytesIO()
    opened = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with opened(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.parametrize("name", ["linear", "mixed", "mirror", "mirror-any"])
def test_arrow_is_answered_as_parquet_is(loaded: Callable[..., Model], name: str) -> None:
    model, frame = loaded(name), pd.DataFrame([GOOD | dict(zip(DOUBLES, TABLE, strict=True))] * 2, index=[4, 9])
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    expected = same(model, parquet.getvalue(), scoring.PARQUET)
    for kind in ("stream", "file"):
        (said,) = ours(model, _arrow(frame, kind), content_type=f"application/vnd.apache.arrow.{kind}")
        assert (said.status, text(said.json)) == (expected.status, text(expected.json))


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_damaged_arrow_is_a_bad_request(loaded: Callable[..., Model], kind: str) -> None:
    whole = _arrow(pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]}), kind)
    for body in (b"", b"ARROW1", whole[:40], whole[: len(whole) // 2]):
        (said,) = ours(loaded("linear"), body, content_type=f"application/vnd.apache.arrow.{kind}")
        assert said.status == 400
        assert said.json["error_code"] == "BAD_REQUEST"


@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.parametrize("document", [{"messages": [1], "stream": True}, {"prompt": "x"}, {"input": [1], "a": 2}])
def test_questions_of_chats_are_handed_on_without_what_is_for_the_server(
    loaded: Callable[..., Model], document: dict[str, JSON]
) -> None:
    plain = {key: value for key, value in document.items() if key != "stream"}
    expected = same(loaded("mirror-any"), json.dumps(plain).encode())
    (said,) = ours(loaded("mirror-any"), json.dumps(document | {"databricks_options": {}}).encode())
    assert said.status == 200
    assert said.body == expected.body
    assert isinstance(said.json, list)
