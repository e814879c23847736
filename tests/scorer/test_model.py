"""How a model is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from modelyard.scorer.model import load

TABLE = pd.DataFrame({"width": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("example", [TABLE, None])
def test_a_model_that_only_computes_is_asked_its_example_before_anybody_else_asks(
    tmp_path: Path, example: pd.DataFrame | None
) -> None:
    model = LinearRegression().fit(TABLE, [1.0, 2.0, 3.0])
    told: dict[str, Any] = {} if example is None else {"input_example": example}
    mlflow.sklearn.save_model(
        model, tmp_path / "model", pip_requirements=[], serialization_format="cloudpickle", **told
    )
    assert (load(tmp_path / "model").microseconds > 0) == (example is not None)
