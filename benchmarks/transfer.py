"""One upload or download of one file by MLflow's real client, in a process of its own.

Run by `benchmarks.bytes` with the environment a user would set (MLFLOW_TRACKING_URI, or DATABRICKS_HOST and
DATABRICKS_TOKEN). Imports and set-up come before the clock starts; the seconds are printed as JSON.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, Protocol, cast

from mlflow.protos.databricks_uc_registry_messages_pb2 import ModelVersion
from mlflow.store._unity_catalog.registry.rest_store import UcModelRegistryStore
from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.store.artifact.unity_catalog_models_artifact_repo import UnityCatalogModelsArtifactRepository

UC = "databricks-uc"


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
    repository = _repository(said)
    began = time.perf_counter()
    if said.direction == "upload":
        repository.log_artifact(str(file), file.name if said.version else None)
    else:
        repository.download_artifacts(file.name, str(file.parent))
    print(json.dumps({"seconds": time.perf_counter() - began}))


def _repository(said: argparse.Namespace) -> Repository:
    if not said.version:
        return _proxied(said.place)
    if said.direction == "upload":
        return _registered(said.place, said.version)
    return cast("Repository", UnityCatalogModelsArtifactRepository(f"models:/{said.place}/{said.version}", UC))


def _registered(name: str, version: str) -> Repository:
    """Return the repository that the registry store of `databricks-uc` itself picks, asking the server which.

    With the Files API its `log_artifact` takes the remote path of the file as second argument, not a folder.
    """
    store = cast("Any", UcModelRegistryStore)(UC, os.environ["MLFLOW_TRACKING_URI"])
    made = ModelVersion(name=name, version=version)
    chosen = store._get_artifact_repo(made, name)  # noqa: SLF001  what its create_model_version calls
    return cast("Repository", chosen)


def _proxied(path: str) -> Repository:
    return cast("Repository", MlflowArtifactsRepository(f"mlflow-artifacts:/{path}"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("direction", choices=["upload", "download"])
    parser.add_argument("file", help="the local file to upload, or to make by downloading")
    parser.add_argument("--place", required=True, help="a model's full name, or a path below mlflow-artifacts:/")
    parser.add_argument("--version", help="the model version; without it, MLflow's own proxied artifacts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
