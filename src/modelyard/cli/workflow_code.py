"""What the jobs of the demo run: a script and two notebooks, as a team would write them, and the jobs themselves.

`examples/` has the same at full length, with validation, environments and a script that deploys it.
"""

from __future__ import annotations

from typing import Any, Final

TRAIN: Final = '''\
"""Train a new version of the model, and register it."""

import sys

import mlflow
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model, experiment = sys.argv[1:]
table, target = load_breast_cancer(return_X_y=True, as_frame=True)
train, test, train_target, test_target = train_test_split(table, target, random_state=7)

mlflow.set_experiment(experiment)
with mlflow.start_run(run_name="training"):
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.05)).fit(train, train_target)
    mlflow.log_param("C", 0.05)
    mlflow.log_metric("accuracy", fitted.score(test, test_target))
    mlflow.sklearn.log_model(
        fitted,
        name="model",
        signature=mlflow.models.infer_signature(train, fitted.predict(train)),
        pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
        registered_model_name=model,
    )
'''

APPROVAL: Final = """\
# Databricks notebook source
from mlflow import MlflowClient

name, version = dbutils.widgets.get("model_name"), dbutils.widgets.get("model_version")
tags = MlflowClient().get_model_version(name, version).tags
assert tags.get("approval", "").lower() == "approved", f"version {version} is not approved yet"
"""

DEPLOY: Final = """\
# Databricks notebook source
from mlflow import MlflowClient

name, version = dbutils.widgets.get("model_name"), dbutils.widgets.get("model_version")

# COMMAND ----------

MlflowClient().set_registered_model_alias(name, "Champion", version)
dbutils.notebook.exit(version)
"""


def training(model: str, folder: str, destination: str) -> dict[str, Any]:
    """The training job, which tells a destination when it has succeeded."""
    script = {"python_file": f"{folder}/train.py", "parameters": [model, f"{folder}/training"]}
    return {
        "name": "fraud-training",
        "tasks": [{"task_key": "train", "spark_python_task": script}],
        "webhook_notifications": {"on_success": [{"id": destination}]},
    }


def deployment(model: str, folder: str) -> dict[str, Any]:
    """The deployment job: it waits for an approval, and then moves the alias."""
    approve = {"notebook_path": f"{folder}/approval"}
    deploy = {"notebook_path": f"{folder}/deploy"}
    return {
        "name": "fraud-deployment",
        "parameters": [{"name": "model_name", "default": model}, {"name": "model_version", "default": ""}],
        "tasks": [
            {"task_key": "approval", "notebook_task": approve},
            {"task_key": "deploy", "depends_on": [{"task_key": "approval"}], "notebook_task": deploy},
        ],
        "tags": {"approval.mode": "wait"},
    }


def batch(model: str, rows: str, output: str) -> dict[str, Any]:
    """The batch job, which is started by each new champion and publishes what that says of some rows."""
    words = ["--model", f"models:/{model}@Champion", "--input", rows, "--publish", output, "--reason", "a new champion"]
    return {
        "name": "fraud-batch",
        "trigger": {"model": {"securable_name": model, "condition": "MODEL_ALIAS_SET", "aliases": ["Champion"]}},
        "tasks": [
            {
                "task_key": "score",
                "python_wheel_task": {"package_name": "modelyard", "entry_point": "batch", "parameters": words},
            }
        ],
    }
