"""A piece of the input becomes a part of the output."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from modelyard.batch.worker import places, reading, writing
from modelyard.batch.worker.arrow import pa
from modelyard.batch.worker.scoring import Scorer, Wrong

Tell = Callable[[dict[str, Any]], None]


class Orphaned(Exception):
    """Whoever started this process is gone."""


class Work:
    """Everything that one process needs to score pieces."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self._parent = os.getppid()
        self._input, _ = places.opened(plan["input"])
        self._output, self._staging = places.opened(plan["staging"])
        _, self._notes = places.opened(plan["notes"])
        self._scorer = Scorer(plan)
        self._schema: Any = None

    def probe(self, piece: dict[str, Any]) -> str:
        """The schema of the output by the first rows of a piece; the empty string where it has none."""
        for batch in reading.batches(self._input, self.plan, piece):
            for scored in self._scored(batch, lambda _row, _reason: None):
                return base64.b64encode(_settled(scored.schema).serialize().to_pybytes()).decode()
        return ""

    def use(self, schema: str) -> None:
        """Write this schema from now on."""
        self._schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(schema)))

    def score(self, piece: dict[str, Any], tell: Tell) -> dict[str, Any]:
        """Score a piece, and note it in the journal; what the journal says of it."""
        name = piece["part"]
        part = writing.Part(self._output, f"{self._staging}/{name}", self._schema, self.plan["form"])
        rejects = writing.Rejects(self._output, f"{self._notes}/_rejected/{name.partition('.')[0]}.jsonl")
        try:
            for batch in reading.batches(self._input, self.plan, piece):
                if os.getppid() != self._parent:
                    raise Orphaned
                for scored in self._scored(batch, rejects.add):
                    part.write(self._cast(scored))
                tell({"rows": batch.num_rows})
            size = part.finish()
        finally:
            part.give_up()
        rejects.finish()
        noted = {"part": name, "rows": part.rows, "rejected": rejects.count, "size": size}
        writing.put(self._output, f"{self._notes}/_journal/{name}.json", json.dumps(noted).encode())
        return noted

    def _scored(self, batch: Any, reject: Callable[[Any, str], None]) -> Iterator[Any]:  # noqa: ANN401  pyarrow has no types
        if self.plan["bad_rows"] == "skip":
            found = self._scorer.of_good_rows(batch, reject)
        else:
            found = [(batch, self._scorer.columns(batch))]
        for rows, predictions in found:
            yield self._beside(rows, predictions)

    def _beside(self, batch: Any, predictions: dict[str, Any]) -> Any:  # noqa: ANN401  as above
        """The rows with their predictions and with what made them."""
        kept = {name: batch.column(name) for name in self.plan["keep"]}
        if taken := sorted({*predictions, *self.plan["stamps"]} & kept.keys()):
            raise Wrong(
                f"the input has a column {taken[0]} already; name another --prediction or --prefix, or --keep fewer."
            )
        stamps = {name: _stamp(value, batch.num_rows) for name, value in self.plan["stamps"].items()}
        whole = {**kept, **predictions, **stamps}
        return pa.RecordBatch.from_arrays(list(whole.values()), names=list(whole))

    def _cast(self, batch: Any) -> Any:  # noqa: ANN401  as above
        if batch.schema.equals(self._schema):
            return batch
        if batch.schema.names != self._schema.names:
            raise Wrong(f"the model answers with other columns than before: {', '.join(batch.schema.names)}.")
        try:
            arrays = [column.cast(kind) for column, kind in zip(batch.columns, self._schema.types, strict=True)]
        except pa.ArrowInvalid as problem:
            raise Wrong(f"the rows do not have the types of the first ones: {problem}") from None
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _stamp(value: Any, rows: int) -> Any:  # noqa: ANN401  as above
    """A column of one value; whole numbers are versions, pairs with `at` times in microseconds."""
    if isinstance(value, dict):
        return pa.repeat(pa.scalar(value["at"], pa.timestamp("us", tz="UTC")), rows)
    return pa.repeat(pa.scalar(value), rows)


def _settled(schema: Any) -> Any:  # noqa: ANN401  as above
    """A schema in which what was empty in the first rows is text, and in which pandas left no notes."""
    fields = [pa.field(each.name, pa.string() if pa.types.is_null(each.type) else each.type) for each in schema]
    return pa.schema(fields)
