"""Batch inference beside a bare loop of `predict`, and beside MLflow's `spark_udf` where there is a Spark."""
