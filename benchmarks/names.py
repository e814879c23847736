"""What the benchmark's models are called, on both sides alike."""

from __future__ import annotations

CATALOG = "bench"
SCHEMA = "main"
ALIAS = "Champion"
SOURCE = "s3://bench/artifacts/model"
DEEP_MODELS = 20
"""Models with many versions, for `search versions of one model`."""
DEEP_VERSIONS = 20
MLMODEL = b"""\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "double", "required": true}]'
utc_time_created: '2026-01-01 00:00:00.000000'
"""
"""The least that a version must hold to be finalized."""


def model(number: int) -> str:
    """Return the name of the model `number`, counted from 1: one READY version with the alias."""
    return f"{CATALOG}.{SCHEMA}.model_{number:06d}"


def deep_model(number: int) -> str:
    """Return the name of the deep model `number`, counted from 1; the alias is on its last version."""
    return f"{CATALOG}.{SCHEMA}.deep_{number:02d}"


def all_models(models: int) -> list[tuple[str, int]]:
    """Return every model's name with the number of its versions."""
    plain = [(model(number), 1) for number in range(1, models + 1)]
    return plain + [(deep_model(number), DEEP_VERSIONS) for number in range(1, DEEP_MODELS + 1)]


def file_path(name: str, version: str, file: str) -> str:
    """Return the Files API path of one file of a version."""
    return f"/api/2.0/fs/files/Models/{name.replace('.', '/')}/{version}/{file}?overwrite=true"
