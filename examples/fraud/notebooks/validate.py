# Databricks notebook source
# MAGIC %md
# MAGIC # Is this version fit to be deployed?
# MAGIC It must have a signature, be good enough on payments that it has not seen, and no worse than the champion.

# COMMAND ----------

import sys

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.metrics import balanced_accuracy_score

dbutils.widgets.text("model_name", "")
dbutils.widgets.text("model_version", "")
dbutils.widgets.text("code", "..")
dbutils.widgets.text("threshold", "0.7")
name = dbutils.widgets.get("model_name")
version = dbutils.widgets.get("model_version")
threshold = float(dbutils.widgets.get("threshold"))

# COMMAND ----------

sys.path.insert(0, dbutils.widgets.get("code"))
from data import FEATURES, payments

mlflow.set_registry_uri("databricks-uc")
client = MlflowClient()
test = payments(2_000, seed=4)


def accuracy(uri):
    model = mlflow.pyfunc.load_model(uri)
    assert model.metadata.signature, f"{uri} has no signature"
    return balanced_accuracy_score(test["is_fraud"], model.predict(test[FEATURES]))


# COMMAND ----------

found = accuracy(f"models:/{name}/{version}")
try:
    champion = accuracy(f"models:/{name}@Champion")
except MlflowException:
    champion = 0.0
print(f"version {version}: {found:.3f}, champion: {champion:.3f}, threshold: {threshold}")

# COMMAND ----------

is_fit = found >= threshold and found >= champion - 0.01
client.set_model_version_tag(name, version, "validation", "passed" if is_fit else "failed")
client.set_model_version_tag(name, version, "balanced_accuracy", f"{found:.3f}")
if not is_fit:
    raise ValueError(f"version {version} reaches {found:.3f}: it stays where it is")
dbutils.notebook.exit(f"{found:.3f}")
