"""Old and new on the same inputs: what is counted, and what the verdict says."""

from __future__ import annotations

import gzip
import html.parser
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import stats

from modelyard.errors import Invalid
from modelyard.upgrade.comparing import pairing, run, statistics
from modelyard.upgrade.comparing.answers import Answer, requests
from modelyard.upgrade.comparing.limits import Limits, Match, Tolerance
from modelyard.upgrade.comparing.page import html as page
from modelyard.upgrade.comparing.run import Order
from modelyard.upgrade.comparing.sources import look
from modelyard.upgrade.comparing.verdict import Comparison, document

HOSTILE = '"><script>alert(1)</script>'


def write(place: Path, **columns: Any) -> str:  # noqa: ANN401  whatever Arrow takes
    """A Parquet file."""
    parquet.write_table(pa.table(columns), place)
    return str(place)


def compare(old: str, new: str, *columns: str, key: str = "id", **more: Any) -> Comparison:  # noqa: ANN401  as above
    order = Order(old, new, (key,), tuple(map(Match.read, columns)), **more)
    return run.files(order, lambda _bytes: None)


def said(found: Comparison, **limits: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    told = document(found, Limits(**limits))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    return told


def test_numbers_are_compared_as_scipy_and_pandas_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    ids, values = np.arange(5_000), random.normal(size=5_000)
    others = values + np.where(random.random(5_000) < 0.3, random.normal(scale=0.05, size=5_000), 1e-12)
    order = random.permutation(5_000)
    old = write(tmp_path / "old.parquet", id=ids, prediction=values)
    new = write(tmp_path / "new.parquet", id=[str(each) for each in ids[order]], prediction=others[order])
    whole = said(compare(old, new))["columns"]
    [column] = whole
    assert column["within"] == int(np.isclose(others, values, rtol=1e-6, atol=1e-9).sum())
    near = np.where(np.isclose(others, values, rtol=1e-6, atol=1e-9), values, others)
    assert column["spearman"] == pytest.approx(stats.spearmanr(values, near)[0])
    assert column["ks"] == pytest.approx(stats.ks_2samp(values, near, method="asymp")[0])
    assert 0 <= column["psi"] < 0.01
    assert column["largest_difference"] == pytest.approx(np.abs(others - values).max())
    monkeypatch.setattr(pairing, "_PART_BYTES", 8_000)
    assert said(compare(old, new))["columns"] == [
        {**column, "mean_difference": pytest.approx(column["mean_difference"])}
    ]


def test_keys_that_are_missing_repeated_or_empty_are_told(tmp_path: Path) -> None:
    old = write(tmp_path / "old.parquet", id=[1, 2, 3, 3, None], prediction=[1.0, 2.0, 3.0, 9.0, 5.0])
    new = write(tmp_path / "new.parquet", id=[2.0, 3.0, 4.0], prediction=[2.0, 3.0, 4.0])
    told = said(compare(old, new))
    assert told["verdict"] == "differs"
    keys = told["keys"]
    assert (keys["both"], keys["alone"], keys["repeated"]["old"], keys["empty"]["old"]) == (
        2,
        {"old": 1, "new": 1},
        1,
        1,
    )
    assert keys["examples_alone"] == {"old": ["1"], "new": ["4"]}
    assert {each["name"] for each in told["checks"] if not each["passed"]} == {"missing keys", "unique keys"}
    assert said(compare(old, old))["verdict"] == "identical"


def test_nothing_that_is_missing_or_infinite_counts_as_near(tmp_path: Path) -> None:
    ones = [float("nan"), None, 1.0, float("inf"), float("inf"), 1e308, 0.0]
    others = [None, 2.0, float("nan"), float("inf"), 1e300, -1e308, 1e-10]
    old = write(tmp_path / "old.parquet", id=range(7), prediction=ones)
    new = write(tmp_path / "new.parquet", id=range(7), prediction=others)
    [column] = said(compare(old, new))["columns"]
    assert (column["exact"], column["within"]) == (2, 3)
    assert column["missing"] == {"old": 1, "new": 1, "both": 1}


def test_types_that_differ_in_kind_differ_and_those_that_differ_in_width_do_not(tmp_path: Path) -> None:
    old = write(tmp_path / "old.parquet", id=[1, 2], a=pa.array([1, 2], pa.int32()), b=[1, 0], c=[[1.0, 2.0], [3.0]])
    new = write(tmp_path / "new.parquet", id=[1, 2], a=[1.0, 2.0], b=["1", "0"], c=[[1.0, 2.0], [3.0, 4.0]])
    told = said(compare(old, new))
    assert {each["old"]: (each["kind"], each["agreement"]) for each in told["columns"]} == {
        "a": ("numbers", 1.0), "b": ("mixed", 1.0), "c": ("vectors", 0.5),
    }  # fmt: skip
    assert [each["subject"] for each in told["checks"] if each["name"] == "types"] == ["b"]
    assert {each["column"] for each in told["schema"]["types"]} == {"a", "b"}


def test_classes_have_a_confusion_and_the_page_escapes_what_data_says(tmp_path: Path) -> None:
    old = write(tmp_path / "old.parquet", id=range(4), label=["a", "a", HOSTILE, None], score=[0, 1, 1, 0])
    new = write(
        tmp_path / f"{HOSTILE[-9:-8]}new.parquet", id=range(4), label=["a", HOSTILE, "a", "a"], score=[0, 1, 0, 0]
    )
    found = compare(old, new, "label", "score")
    told = said(found)
    labels, numbers = told["columns"]
    assert {(each["old"], each["new"]): each["count"] for each in labels["confusion"]} == {
        ("a", "a"): 1, ("a", HOSTILE): 1, (HOSTILE, "a"): 1, ("(missing)", "a"): 1,
    }  # fmt: skip
    assert {(each["old"], each["new"]): each["count"] for each in numbers["confusion"]} == {
        ("0", "0"): 2, ("1", "1"): 1, ("1", "0"): 1,
    }  # fmt: skip
    tags = Tags()
    tags.feed(page(found, told))
    assert "svg" in tags.seen
    assert not {"script", "img", "link", "iframe"} & tags.seen
    assert not tags.addresses


class Tags(html.parser.HTMLParser):
    """The tags of a page, and the addresses that it would ask."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [f"{name}={value}" for name, value in attrs if name in {"src", "href", "onload", "onclick"}]


def test_csv_keeps_keys_as_they_stand_and_other_columns_may_be_called_differently(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.csv").write_text("id,score\n007,1\n" + "".join(f"{row},1\n" for row in range(100_000)))
    (tmp_path / "old" / "b.csv.gz").write_bytes(gzip.compress(b"id,score\n00x,1.5\n"))
    (tmp_path / "old" / "_manifest.json").write_text("{}")
    ids = ["007", "00x", *map(str, range(100_000))]
    new = write(tmp_path / "new.parquet", id=ids, prediction=[1.0, 1.5] + [1.0] * 100_000)
    told = said(compare(str(tmp_path / "old"), new, "score=prediction"))
    assert (told["agrees"], told["keys"]["both"]) == (True, 100_002)
    assert [each["path"] for each in told["old"]["files"]] == ["_manifest.json", "a.csv", "b.csv.gz"]


def test_what_cannot_be_compared_is_said_in_words(tmp_path: Path) -> None:
    old = write(tmp_path / "old.parquet", id=[1], prediction=[1.0])
    empty = write(tmp_path / "empty.parquet", id=pa.array([], pa.int64()), prediction=pa.array([], pa.float64()))
    assert not said(compare(old, empty), missing=1.0)["agrees"]
    (tmp_path / "table" / "_delta_log").mkdir(parents=True)
    (tmp_path / "bad.csv").write_text("id,prediction\n1,2,3\n")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    for place, words in (
        ("table", "Delta"),
        ("bad.csv", "cannot be read"),
        ("bad.parquet", "cannot be read"),
        ("no", "nothing"),
    ):
        with pytest.raises(Invalid, match=words):
            compare(old, str(tmp_path / place))
    with pytest.raises(Invalid, match="no column 'nothing'; it has id, prediction"):
        compare(old, old.replace("old", "empty"), "nothing")
    with pytest.raises(Invalid, match="no column 'customer'"):
        compare(old, old, key="customer")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "_PART_BYTES", 300_000)
    rows = 400_000
    random = np.random.default_rng(3)
    for name in ("old", "new"):
        frame = pd.DataFrame({"id": random.permutation(rows), "prediction": 1.0, "text": "x" * 40})
        frame.to_parquet(tmp_path / f"{name}.parquet", row_group_size=20_000)
    sides = tuple(look(str(tmp_path / f"{name}.parquet"), ["id"], ",", lambda _: None) for name in ("old", "new"))
    before = pa.total_allocated_bytes()
    counted, most, largest = pairing.Keys(), 0, 0
    wanted = (["prediction", "text"], ["prediction", "text"])
    for pairs in pairing.paired((sides[0], sides[1]), ["id"], wanted, counted):
        most, largest = max(most, pa.total_allocated_bytes() - before), max(largest, len(pairs.hashes))
    assert counted.both == rows
    assert largest < rows / 5
    assert most < rows * 60 / 2, "of 400,000 rows with some 120 bytes on both sides, a small part is held"


def test_a_sample_is_the_same_whatever_the_order() -> None:
    hashes = np.random.default_rng(5).integers(0, 2**63, 1_000).astype(np.uint64)
    values = np.arange(1_000.0)
    found: list[set[float]] = []
    for order in (np.arange(1_000), np.arange(1_000)[::-1]):
        sample = statistics.Sample(most=100)
        for some in np.array_split(order, 9):
            sample.add(hashes[some], values[some], values[some])
        found.append(set(sample.pairs[0].tolist()))
        assert not sample.is_whole
    assert found[0] == found[1] == set(values[np.argsort(hashes)[:100]].tolist())


def test_rounding_alone_moves_no_distribution(tmp_path: Path) -> None:
    scores = np.array([0.25, 0.5, 0.75] * 100)
    old = write(tmp_path / "old.parquet", id=range(300), prediction=scores)
    new = write(tmp_path / "new.parquet", id=range(300), prediction=np.nextafter(scores, 1))
    told = said(compare(old, new))
    assert (told["verdict"], told["columns"][0]["exact"], told["columns"][0]["ks"]) == ("agrees", 0, 0)


def test_distances_know_the_same_from_the_other() -> None:
    normal = np.random.default_rng(1).normal(size=10_000)
    assert statistics.stability(normal, normal) == 0
    assert (statistics.stability(normal, normal + 1) or 0) > 0.5
    assert (statistics.stability(np.zeros(100), np.ones(100)) or 0) > 1
    assert statistics.stability(np.zeros(100), np.zeros(50)) == 0
    assert statistics.ranks(np.zeros(3), normal[:3]) is None


def _answers(*pairs: tuple[object, object, int]) -> list[Any]:
    lines = [json.dumps({"request": {"n": number}}).encode() for number in range(len(pairs))]
    return [
        (request, Answer(200, json.dumps(old).encode(), 10.0), Answer(status, json.dumps(new).encode(), 20.0))
        for request, (old, new, status) in zip(requests(lines), pairs, strict=True)
    ]


def test_answers_are_rows_and_failures_of_the_new_side_count() -> None:
    pairs = _answers(
        ({"predictions": [1, 2.0]}, {"predictions": [1.0, 2]}, 200),
        ({"predictions": [1, 2]}, {"predictions": [1]}, 200),
        ({"predictions": [1]}, {"error": "no"}, 500),
    )
    found = run.answers(({"location": "a"}, {"location": "b"}), pairs, Tolerance())
    told = said(found, latency_ratio=1.5)
    assert {each["name"] for each in told["checks"] if not each["passed"]} == {"missing keys", "errors", "latency"}
    assert (told["columns"][0]["pairs"], told["columns"][0]["agreement"]) == (3, 1.0)
    assert told["latency"]["p95_ratio"] == pytest.approx(2.0)
    assert "svg" in page(found, told)
    tables = _answers(({"predictions": [{"a": "x", "b": [1, 2]}]}, {"predictions": [{"a": "x", "b": [1, 3]}]}, 200))
    columns = said(run.answers(({}, {}), tables, Tolerance()))["columns"]
    assert {each["old"]: (each["kind"], each["agreement"]) for each in columns} == {
        "a": ("labels", 1),
        "b": ("vectors", 0),
    }


def test_requests_are_bodies_or_rows_of_an_inference_table() -> None:
    row = {"databricks_request_id": "r1", "request": '{"inputs": [1]}'}
    listed = json.dumps([row, {"inputs": [1]}], indent=1).encode().splitlines(keepends=True)
    assert [each.key for each in requests(listed)] == ["r1", "2"]
    found = list(requests([b'{"inputs": [1]}\n', b"\n", json.dumps(row).encode()]))
    assert [(each.key, each.body) for each in found] == [("1", b'{"inputs": [1]}'), ("r1", b'{"inputs": [1]}')]
    for line, words in ((b"{", "not JSON"), (b"[1]", "no JSON object"), (b'{"request": null}', "too large to be kept")):
        with pytest.raises(Invalid, match=words):
            list(requests([line]))
