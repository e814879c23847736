# Databricks notebook source
# MAGIC %md
# MAGIC # Has somebody approved this version?
# MAGIC The task is named `approval…`; who approves sets the tag of that name on the version to `Approved`,
# MAGIC and repairs the run.

# COMMAND ----------

import mlflow
from mlflow import MlflowClient

dbutils.widgets.text("model_name", "")
dbutils.widgets.text("model_version", "")
dbutils.widgets.text("approval_tag_name", "approval")
name, version = dbutils.widgets.get("model_name"), dbutils.widgets.get("model_version")
tag = dbutils.widgets.get("approval_tag_name")

# COMMAND ----------

mlflow.set_registry_uri("databricks-uc")
tags = MlflowClient().get_model_version(name, version).tags
if tags.get(tag, "").lower() != "approved":
    raise PermissionError(f"version {version} of {name} is not approved yet: the tag {tag} is {tags.get(tag)!r}")
dbutils.notebook.exit("approved")
