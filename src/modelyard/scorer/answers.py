"""Predictions as answers: the JSON that MLflow writes of them, and each question's share of a joined prediction."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from modelyard.scorer import documents
from modelyard.scorer.frames import CONTENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

JSON: Final = CONTENT_TYPES.index("application/json")
TEXT: Final = CONTENT_TYPES.index("text/plain")

_PLAIN: Final = frozenset({str, int, bool})
_WIDEST: Final = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question gets: a status of HTTP, an index of `CONTENT_TYPES` and a body."""

    status: int
    content_type: int
    body: bytes


def success(predictions: object, server: Any) -> Answer:  # noqa: ANN401  MLflow's `scoring_server`
    """The answer that holds predictions. Raises whatever MLflow raises where they cannot be written as JSON."""
    body = _array(cast("np.ndarray[Any, Any]", predictions)) if type(predictions) is np.ndarray else None
    if body is None:
        written = io.StringIO()
        server.predictions_to_json(predictions, written)
        body = written.getvalue().encode()
    return Answer(200, JSON, body)


def _array(predictions: np.ndarray[Any, Any]) -> bytes | None:
    """An array's JSON, None where MLflow writes something that other libraries would not: NaN, dates, objects."""
    kind, values = predictions.dtype.kind, cast("object", predictions.tolist())
    if kind == "O":
        certain = set(map(type, predictions.flat)) <= _PLAIN
    elif kind == "f":
        certain = predictions.dtype.itemsize <= _WIDEST and bool(np.isfinite(predictions).all())
    else:
        certain = kind in "iubU"
    if not certain:
        return None
    try:
        return documents.dump({"predictions": values})
    except (TypeError, ValueError, OverflowError):  # half of a surrogate pair, or an integer beyond 64 bits
        return None


def shares(predictions: object, rows: Sequence[int]) -> list[object] | None:
    """What belongs to each question of a joined prediction, by numbers of rows; None where that cannot be told."""
    whole: Any = predictions
    several = getattr(whole, "iloc", whole)  # the rows of a DataFrame or Series, by place
    if several is whole and type(whole) not in {np.ndarray, list}:
        return None
    if getattr(whole, "ndim", 1) == 0 or len(whole) != sum(rows):
        return None
    return [several[start:end] for start, end in pairwise(accumulate(rows, initial=0))]
