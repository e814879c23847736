"""Ray Serve: the model through pyfunc in one replica behind its HTTP proxy; with BATCHING, by `serve.batch`.

One replica, as is its default: in one short try on two cores a second one lost a quarter on one connection, gained as
much on 32, and nothing with batching.
"""

import os
import signal
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import ray
from ray import serve
from starlette.requests import Request

MOST_REQUESTS, WAIT_SECONDS = 64, 0.001
LOOPBACK = "127.0.0.1"


@serve.deployment(max_ongoing_requests=256)
class Plain:
    """One request at a time."""

    def __init__(self, path: str) -> None:
        self.model = mlflow.pyfunc.load_model(path)

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Answer as MLflow does."""
        frame = pd.DataFrame(**(await request.json())["dataframe_split"])
        return {"predictions": self.model.predict(frame).tolist()}


@serve.deployment(max_ongoing_requests=256)
class Batched:
    """The rows of several requests at once."""

    def __init__(self, path: str) -> None:
        self.model = mlflow.pyfunc.load_model(path)

    @serve.batch(max_batch_size=MOST_REQUESTS, batch_wait_timeout_s=WAIT_SECONDS)
    async def predict(self, frames: list[pd.DataFrame]) -> list[np.ndarray]:
        """One prediction per row, each request with its own."""
        ends = np.cumsum([len(frame) for frame in frames])
        return np.split(self.model.predict(pd.concat(frames, ignore_index=True)), ends[:-1])

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Answer as MLflow does."""
        frame = pd.DataFrame(**(await request.json())["dataframe_split"])
        return {"predictions": (await self.predict(frame)).tolist()}


def main() -> None:
    """Serve until told to stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        configure_logging=False,
        log_to_driver=False,
        _node_ip_address=LOOPBACK,
    )
    serve.start(
        http_options={"host": LOOPBACK, "port": int(os.environ["PORT"])}, logging_config={"enable_access_log": False}
    )
    chosen = Batched if os.environ.get("BATCHING") else Plain
    serve.run(chosen.bind(os.environ["MODEL"]), route_prefix="/invocations", blocking=True)


if __name__ == "__main__":
    main()
