"""The peer: MLflow's own clients bring each version of a model, one after the other; prints the seconds it took."""

from __future__ import annotations

import sys
import tempfile
import time
from typing import Any, cast

import mlflow.artifacts
from mlflow import MlflowClient


def main(old: str, name: str, full_name: str) -> None:
    """Download each version, and register the folder, as `copy_model_version` does between registries."""
    mlflow.set_tracking_uri(old)
    source, target = MlflowClient(old, old), MlflowClient(old, "databricks-uc")
    began = time.perf_counter()
    target.create_registered_model(full_name)
    found = cast("list[Any]", list(source.search_model_versions(f"name='{name}'")))
    for version in sorted(found, key=lambda each: int(each.version)):
        with tempfile.TemporaryDirectory() as folder:
            mlflow.set_registry_uri(old)
            local = mlflow.artifacts.download_artifacts(f"models:/{name}/{version.version}", dst_path=folder)
            target.create_model_version(full_name, local, run_id=version.run_id)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
