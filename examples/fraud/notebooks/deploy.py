# Databricks notebook source
# MAGIC %md
# MAGIC # Let everybody use this version
# MAGIC The alias `Champion` moves. Endpoints that follow it and jobs that it triggers do the rest.

# COMMAND ----------

import mlflow
from mlflow import MlflowClient

dbutils.widgets.text("model_name", "")
dbutils.widgets.text("model_version", "")
name, version = dbutils.widgets.get("model_name"), dbutils.widgets.get("model_version")

# COMMAND ----------

mlflow.set_registry_uri("databricks-uc")
MlflowClient().set_registered_model_alias(name, "Champion", version)
dbutils.notebook.exit(version)
