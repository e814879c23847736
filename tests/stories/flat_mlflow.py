"""What old code says to a flat registry, run by the Python of an old MLflow; its addresses are in the environment."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient

client = MlflowClient(tracking_uri="file:./mlruns", registry_uri=os.environ["MLFLOW_REGISTRY_URI"])
mlflow.set_tracking_uri("file:./mlruns")
mlflow.set_registry_uri(os.environ["MLFLOW_REGISTRY_URI"])
moved = client.transition_model_version_stage("fraud", "2", "Production", archive_existing_versions=True)
latest = client.get_latest_versions("fraud", stages=["Production"])
folder = mlflow.artifacts.download_artifacts("models:/fraud/Production", dst_path=tempfile.mkdtemp())
found = client.search_model_versions("name = 'fraud'")
told = {
    "version": mlflow.__version__,
    "latest": [each.version for each in latest],
    "stage": moved.current_stage,
    "files": (Path(folder) / "MLmodel").exists(),
    "found": sorted(each.version for each in found),
}
print(json.dumps(told))  # noqa: T201  what the test reads
