"""LitServe: the model through pyfunc, behind its own HTTP process; with BATCHING, several requests at once.

Two workers for two cores, but one with batching, which then has more to join: each was the faster choice.
"""

import os
from typing import Any

import litserve
import mlflow.pyfunc
import numpy as np
import pandas as pd

MOST_REQUESTS, WAIT_SECONDS = 64, 0.001


class Plain(litserve.LitAPI):
    """One request at a time."""

    def setup(self, device: str) -> None:
        """Load the saved model."""
        self.model = mlflow.pyfunc.load_model(os.environ["MODEL"])

    def decode_request(self, request: dict[str, Any]) -> pd.DataFrame:
        """Read a body."""
        return pd.DataFrame(**request["dataframe_split"])

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """One prediction per row."""
        return self.model.predict(frame)

    def encode_response(self, predictions: np.ndarray) -> dict[str, Any]:
        """Answer as MLflow does."""
        return {"predictions": predictions.tolist()}


class Batched(Plain):
    """The rows of several requests at once."""

    def batch(self, frames: list[pd.DataFrame]) -> tuple[pd.DataFrame, list[int]]:
        """Join requests, and remember where each of them ends."""
        ends = np.cumsum([len(frame) for frame in frames])
        return pd.concat(frames, ignore_index=True), ends.tolist()

    def predict(self, joined: tuple[pd.DataFrame, list[int]]) -> tuple[np.ndarray, list[int]]:
        """One prediction per row."""
        frame, ends = joined
        return self.model.predict(frame), ends

    def unbatch(self, output: tuple[np.ndarray, list[int]]) -> list[np.ndarray]:
        """Give each request its own rows."""
        predictions, ends = output
        return np.split(predictions, ends[:-1])


def main() -> None:
    """Serve until told to stop."""
    if os.environ.get("BATCHING"):
        workers, chosen = 1, Batched(max_batch_size=MOST_REQUESTS, batch_timeout=WAIT_SECONDS, api_path="/invocations")
    else:
        workers, chosen = 2, Plain(api_path="/invocations")
    server = litserve.LitServer(chosen, accelerator="cpu", workers_per_device=workers)
    port = int(os.environ["PORT"])
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
