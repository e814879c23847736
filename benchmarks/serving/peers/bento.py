"""BentoML: the model through pyfunc in one service with two workers, one for each core.

For batching (`Front`) the model is a service of its own whose method is batchable, behind the one that reads requests.
"""

import os
from typing import Any

import bentoml
import mlflow.pyfunc
import numpy as np
import pandas as pd

MOST_ROWS, MOST_MILLISECONDS = 6_400, 10_000
QUIET = {"access": {"enabled": False}}
"""In its favour: no line per request."""


def load() -> mlflow.pyfunc.PyFuncModel:
    """The saved model."""
    return mlflow.pyfunc.load_model(os.environ["MODEL"])


@bentoml.service(workers=1, logging=QUIET)
class Batched:
    """Predicts for the rows of several requests at once."""

    def __init__(self) -> None:
        self.model = load()

        self.columns = self.model.metadata.get_input_schema().input_names()

    # An array: this BentoML does not count the rows of data frames right, and then answers nothing.
    @bentoml.api(batchable=True, max_batch_size=MOST_ROWS, max_latency_ms=MOST_MILLISECONDS)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """One prediction per row."""
        return self.model.predict(pd.DataFrame(rows, columns=self.columns))


@bentoml.service(logging=QUIET)
class Front:
    """Reads a request, and lets the model's service predict."""

    batched = bentoml.depends(Batched)

    @bentoml.api(route="/invocations")
    async def invocations(self, dataframe_split: dict[str, Any]) -> dict[str, Any]:
        """Answer as MLflow does."""
        frame = pd.DataFrame(**dataframe_split)
        predictions = await self.batched.to_async.predict(frame.to_numpy())
        return {"predictions": predictions.tolist()}


@bentoml.service(workers=2, logging=QUIET)
class Plain:
    """Reads a request and predicts."""

    def __init__(self) -> None:
        self.model = load()

    @bentoml.api(route="/invocations")
    def invocations(self, dataframe_split: dict[str, Any]) -> dict[str, Any]:
        """Answer as MLflow does."""
        return {"predictions": self.model.predict(pd.DataFrame(**dataframe_split)).tolist()}
