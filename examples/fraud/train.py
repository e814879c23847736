"""Train the fraud model and register it as a new version; a plain script that runs as it is here and on Databricks.

Its run is logged where MLFLOW_TRACKING_URI points, the version goes to the registry `databricks-uc`.
"""

from __future__ import annotations

import argparse

import mlflow
from data import FEATURES, payments
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    """Train, evaluate, log, register."""
    options = _options()
    mlflow.set_registry_uri("databricks-uc")
    train, test = payments(options.rows, seed=1), payments(options.rows // 4, seed=2)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=options.c))
    model.fit(train[FEATURES], train["is_fraud"])
    score = roc_auc_score(test["is_fraud"], model.predict_proba(test[FEATURES])[:, 1])
    with mlflow.start_run(run_name="fraud-training"):
        mlflow.log_params({"rows": options.rows, "C": options.c})
        mlflow.log_metric("roc_auc", score)
        signature = infer_signature(train[FEATURES], model.predict(train[FEATURES]))
        logged = mlflow.sklearn.log_model(
            model, name="model", signature=signature, input_example=train[FEATURES].head(3),
            registered_model_name=options.model, serialization_format="skops",
            skops_trusted_types=["numpy.dtype"],
        )  # fmt: skip
    print(f"{options.model} version {logged.registered_model_version}: ROC AUC {score:.3f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="the registered model, catalog.schema.model")
    parser.add_argument("--rows", type=int, default=4_000, help="how many payments to train on")
    parser.add_argument("--c", type=float, default=1.0, help="the inverse of the regularization")
    return parser.parse_args()


if __name__ == "__main__":
    main()
