"""One upload or download of one file by MLflow's real client, in a process of its own.

Run by `benchmarks.bytes` with the environment a user would set (MLFLOW_TRACKING_URI, or DATABRICKS_HOST and
DATABRICKS_TOKEN). Imports and set-up come before the clock starts; the seconds are printed as JSON.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Protocol, cast

from mlflow.store.artifact.databricks_sdk_models_artifact_repo import DatabricksSDKModelsArtifactRepository
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository


class Repository(Protocol):
    """What both of MLflow's artifact repositories offer."""

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Upload a file; `artifact_path` is a folder for one of them and a file for the other."""
        ...

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Download a file into a folder; return its local path."""
        ...


def main() -> None:
    """Do what the arguments say and print `{"seconds": …}`."""
    said = _arguments()
    file = Path(said.file)
    if said.version:
        # What the client's registry store makes for `databricks-uc`, when the server offers the Files API.
        repository = cast(
            "Repository",
            DatabricksSDKModelsArtifactRepository(said.place, said.version, registry_uri="databricks-uc"),
        )
        folder = file.name
    else:
        repository = cast("Repository", MlflowArtifactsRepository(f"mlflow-artifacts:/{said.place}"))
        folder = None
    began = time.perf_counter()
    if said.direction == "upload":
        repository.log_artifact(str(file), folder)
    else:
        repository.download_artifacts(file.name, str(file.parent))
    print(json.dumps({"seconds": time.perf_counter() - began}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("direction", choices=["upload", "download"])
    parser.add_argument("file", help="the local file to upload, or to make by downloading")
    parser.add_argument(
        "--place", required=True, help="a model's full name, or a path below mlflow-artifacts:/"
    )
    parser.add_argument("--version", help="the model version; without it, MLflow's own proxied artifacts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
