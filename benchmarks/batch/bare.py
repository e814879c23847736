"""A bare loop of `predict` over the batches of a Parquet file: one process of several, each with some row groups.

It does what nobody could do without: reads, predicts, and writes the predictions. There is no model version, no
journal, no check, and no promise.
"""

# MLflow and pyarrow come without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 131_072
"""As in the parts of batch jobs, so that both write the same."""


def main(model: str, source: str, output: str, number: int, of: int, batch_rows: int) -> None:
    """Score every row group whose number leaves the rest `number` when divided by `of`."""
    pa.set_cpu_count(1)
    loaded: Any = mlflow.pyfunc.load_model(model)
    reader = pq.ParquetFile(source)
    names: list[str] = loaded.metadata.get_input_schema().input_names()
    groups = list(range(number, reader.num_row_groups, of))
    first = next(reader.iter_batches(batch_rows, row_groups=groups[:1], use_threads=False))
    loaded.predict(first.select(names).to_pandas())  # the first call is the slowest, and is not what is measured
    print("ready", flush=True)
    sys.stdin.readline()
    waiting: list[pa.RecordBatch] = []
    writer = None
    for batch in reader.iter_batches(batch_rows, row_groups=groups, use_threads=False):
        predictions = loaded.predict(batch.select(names).to_pandas())
        columns = [*batch.columns, pa.array(predictions)]
        scored = pa.RecordBatch.from_arrays(columns, [*batch.schema.names, "prediction"])
        writer = writer or pq.ParquetWriter(
            Path(output) / f"{number}.parquet", scored.schema, compression="zstd", compression_level=1
        )
        waiting.append(scored)
        if sum(each.num_rows for each in waiting) >= ROW_GROUP:
            writer.write_table(pa.Table.from_batches(waiting))
            waiting = []
    if writer and waiting:
        writer.write_table(pa.Table.from_batches(waiting))
    if writer:
        writer.close()


if __name__ == "__main__":
    told = sys.argv
    main(told[1], told[2], told[3], int(told[4]), int(told[5]), int(told[6]))
