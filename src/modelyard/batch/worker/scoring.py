"""A loaded model, and its answers as columns of Arrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, cast

from modelyard.batch.worker.arrow import compute, pa
from modelyard.batch.worker.reading import arrow_type

np: Final[Any] = import_module("numpy")
pd: Final[Any] = import_module("pandas")
_TABLE = 2
"""Dimensions of an answer with several numbers for each row."""


class Wrong(Exception):
    """What the model answered cannot be written beside its rows."""


class Scorer:
    """A model, asked as a plain loop of `predict` over the same batches would."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._model: Any = import_module("mlflow.pyfunc").load_model(plan["model"])
        self._plan = plan
        self._types: dict[str, str] = plan["csv"]["types"] if plan["bad_rows"] == "skip" else {}

    def columns(self, batch: Any) -> dict[str, Any]:  # noqa: ANN401  pyarrow has no types
        """The columns of predictions for a batch."""
        frame = batch.select(self._plan["features"]).to_pandas()
        said = {"params": self._plan["params"]} if self._plan["params"] else {}
        answer = self._model.predict(frame, **said)
        return answered(answer, batch.num_rows, self._plan["prediction"])

    def of_good_rows(self, batch: Any, rejected: Callable[[Any, str], None]) -> list[tuple[Any, dict[str, Any]]]:  # noqa: ANN401  as above
        """Batches with their predictions, while rows that cannot be scored are told, each with the reason.

        Where a batch fails it is halved until single rows are left that fail by themselves.
        """
        try:
            typed = self._typed(batch)
            return [(typed, self.columns(typed))]
        except Exception as problem:  # noqa: BLE001  it is the model's code, which can raise anything
            if batch.num_rows == 1:
                rejected(batch, f"{type(problem).__name__}: {problem}")
                return []
        half = batch.num_rows // 2
        return self.of_good_rows(batch.slice(0, half), rejected) + self.of_good_rows(batch.slice(half), rejected)

    def _typed(self, batch: Any) -> Any:  # noqa: ANN401  as above
        """A batch of texts with the types that the model needs."""
        if not self._types:
            return batch
        arrays: list[Any] = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            kind = arrow_type(self._types.get(name, ""))
            arrays.append(column if column.type == kind else compute.cast(column, kind))
        return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def answered(answer: Any, rows: int, name: str) -> dict[str, Any]:  # noqa: ANN401  as above
    """An answer as columns: one under the name, or several under `<name>_<column>`; `Wrong` unless each row has one."""
    if isinstance(answer, dict):
        answer = pd.DataFrame(answer)
    if isinstance(answer, pd.DataFrame):
        labels = [name] if answer.shape[1] == 1 else [f"{name}_{column}" for column in answer.columns]
        found = {label: _of_series(answer.iloc[:, at]) for at, label in enumerate(labels)}
    else:
        found = {name: _array(answer)}
    for column in found.values():
        if len(column) != rows:
            raise Wrong(f"the model gave {len(column)} answers to {rows} rows; batch inference needs one for each row.")
    return found


def _array(answer: Any) -> Any:  # noqa: ANN401  as above
    if isinstance(answer, pd.Series):
        return _of_series(answer)
    if isinstance(answer, np.ndarray):
        return _of_numbers(answer)
    if isinstance(answer, str | bytes) or not isinstance(answer, Sequence):
        raise Wrong(f"the model answers with {type(answer).__name__}, of which no column can be made.")
    rows = cast("Sequence[Any]", answer)
    return pa.array([each.tolist() if isinstance(each, np.ndarray | np.generic) else each for each in rows])


def _of_series(series: Any) -> Any:  # noqa: ANN401  as above
    """Missing values are null, but for numbers that are not a number: those the model gave."""
    values = series.to_numpy()
    return _of_numbers(values) if values.dtype.kind in "biuf" else pa.Array.from_pandas(series)


def _of_numbers(values: Any) -> Any:  # noqa: ANN401  as above
    if values.ndim == 1 or math.prod(values.shape[1:]) == 1:
        flat = values.reshape(len(values))
        return pa.array(flat, from_pandas=flat.dtype.kind == "O")
    if values.ndim == _TABLE and values.dtype.kind in "biuf":
        width = values.shape[1]
        offsets = np.arange(0, (len(values) + 1) * width, width, dtype=np.int32)
        return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values).reshape(-1)))
    return pa.array(values.tolist())
