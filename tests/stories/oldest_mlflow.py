"""The main job, in the words of an MLflow of 2024; run by its own Python, with DATABRICKS_HOST and DATABRICKS_TOKEN."""

from __future__ import annotations

import json

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature

SOURCE, TARGET = "staging.ml_team.half", "prod.ml_team.half"


class Half(mlflow.pyfunc.PythonModel):
    """A model of one division."""

    def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> object:  # noqa: ARG002  MLflow's own names
        return model_input["x"] / 2


mlflow.set_tracking_uri("file:./mlruns")
mlflow.set_registry_uri("databricks-uc")
data = pd.DataFrame({"x": [1.0, 2.0]})
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        "model",
        python_model=Half(),
        signature=infer_signature(data, data["x"] / 2),
        registered_model_name=SOURCE,
        pip_requirements=["mlflow-skinny"],
    )
client = MlflowClient(registry_uri="databricks-uc")
copied = client.copy_model_version(f"models:/{SOURCE}/1", TARGET)
client.set_registered_model_alias(TARGET, "Champion", copied.version)
client.set_model_version_tag(TARGET, copied.version, "stage", "checked")
champion = mlflow.pyfunc.load_model(f"models:/{TARGET}@Champion")
told = {
    "version": mlflow.__version__,
    "predicted": list(champion.predict(data)),
    "tags": client.get_model_version(TARGET, copied.version).tags,
    "listed": sorted(model.name for model in client.search_registered_models()),
}
print(json.dumps(told))  # noqa: T201  what the test reads
