"""Which models are given arrays, and that it makes no difference to what they answer."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import all_estimators

from modelyard.scorer import arrays

NAMES = ["a", "b", "c"]
_rng = np.random.default_rng(5)
TABLE = pd.DataFrame(_rng.normal(size=(40, 3)), columns=NAMES)
KINDS = (TABLE["a"] > 0).astype(int)
KNOWN = {name: kind for name, kind in all_estimators() if name in arrays.ENDS | arrays.STEPS}


def fitted(name: str) -> Any:  # noqa: ANN401  scikit-learn has no types
    estimator = KNOWN[name]()
    if name in arrays.STEPS:
        estimator = make_pipeline(estimator, LinearRegression())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what was not fitted well
        return estimator.fit(TABLE, KINDS)


@pytest.mark.parametrize("name", sorted(arrays.ENDS | arrays.STEPS))
def test_every_estimator_answers_an_array_as_it_answers_a_frame(name: str) -> None:
    model, rows = fitted(name), TABLE.to_numpy()
    assert arrays.takes_arrays(model, NAMES)
    for dtype in (np.float64, np.float32):
        for some in (rows[:1], rows[5:12]):
            values = np.asfortranarray(some.astype(dtype))
            frame = pd.DataFrame(values, columns=NAMES, copy=False)
            for function in ("predict", "predict_proba"):
                if hasattr(model, function):
                    told, wanted = getattr(model, function)(values), getattr(model, function)(frame)
                    assert (told.dtype, told.tobytes()) == (wanted.dtype, wanted.tobytes())


class Own(BaseEstimator):
    """Not scikit-learn's."""

    def fit(self, *_: object) -> Own:
        return self


def replaced() -> Any:  # noqa: ANN401  as above
    model = fitted("LinearRegression")
    model.predict = len
    return model


@pytest.mark.parametrize(
    "model",
    [
        Own().fit(),
        make_pipeline(FunctionTransformer(), LinearRegression()).fit(TABLE, KINDS),
        make_pipeline(make_column_transformer((StandardScaler(), ["a"])), LinearRegression()).fit(TABLE, KINDS),
        make_pipeline(StandardScaler().set_output(transform="pandas"), LinearRegression()).fit(TABLE, KINDS),
        make_pipeline(StandardScaler(), Own()).fit(TABLE, KINDS),
        LinearRegression().fit(TABLE[["b", "a", "c"]], KINDS),
        StandardScaler().fit(TABLE),
        replaced(),
    ],
    ids=["own", "function", "columns", "pandas inside", "own at the end", "other order", "no predictor", "patched"],
)
def test_what_may_look_at_the_frame_gets_one(model: object) -> None:
    assert not arrays.takes_arrays(model, NAMES)
