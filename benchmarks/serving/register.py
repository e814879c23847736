"""Registers a saved model by MLflow's real client, in a process of its own, as a user would.

Run with DATABRICKS_HOST, DATABRICKS_TOKEN and MLFLOW_TRACKING_URI: `python -m benchmarks.serving.register PATH NAME`.
"""

# MLflow comes without (whole) types:
# pyright: reportUnknownMemberType=false, reportPrivateImportUsage=false

import sys

import mlflow


def main() -> None:
    """Make a version of the model NAME from the folder PATH, and print its number."""
    path, name = sys.argv[1:]
    mlflow.set_registry_uri("databricks-uc")
    print(mlflow.register_model(path, name).version)


if __name__ == "__main__":
    main()
