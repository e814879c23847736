"""Batch jobs from an object store to an object store, with the credentials of the environment."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelyard.batch.order import Existing, Form, Report
from modelyard.batch.worker import places
from modelyard.errors import Invalid
from tests.batch.conftest import numbers
from tests.object_stores import KEY, SECRET, ObjectStore


@pytest.mark.full
def test_objects_are_read_and_an_output_is_complete_once_success_is_there(
    score: Callable[..., Report], object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": object_store.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    place = object_store.place()
    source, output, table = (f"{place.url}/{name}" for name in ("in", "out", "table"))
    files, folder = places.opened(source)
    with files.open_output_stream(f"{folder}/rows.parquet") as file:
        pq.write_table(numbers(100), file)

    score(source, output, keep=("id",))
    assert place.objects >= {"out/_SUCCESS", "out/_manifest.json", "out/part-00000.parquet"}
    assert not any("_journal" in each or "_plan" in each for each in place.objects)
    assert score(source, output, keep=("id",)).resumed == 1
    with pytest.raises(Invalid, match="is there already"):
        score(source, output)
    score(source, output, existing=Existing.REPLACE)
    with files.open_input_file(f"{places.opened(output)[1]}/part-00000.parquet") as file:
        found = pq.read_table(file)
    assert found["prediction"].to_pylist() == pytest.approx([each / 7 * 3 for each in range(100)])

    score(output, table, output_form=Form.DELTA, keep=("id",), prefix="again_", prediction="twice")
    deltalake = pytest.importorskip("deltalake")
    options = {"AWS_ENDPOINT_URL": object_store.endpoint, "AWS_ALLOW_HTTP": "true"}
    added = pa.table(deltalake.DeltaTable(table, storage_options=options).get_add_actions(flatten=True))
    assert added["num_records"].to_pylist() == [100]
    assert score(output, table, output_form=Form.DELTA, keep=("id",), prefix="again_", prediction="twice").resumed == 1
