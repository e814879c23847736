"""MLflow's `spark_udf` on local Spark over the same file; run by a Python that has pyspark and MLflow."""

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false, reportMissingTypeStubs=false

from __future__ import annotations

import os
import sys
import time

import mlflow
import psutil
from pyspark.sql import SparkSession
from pyspark.sql.functions import struct


def main(model: str, source: str, output: str) -> None:
    """Score it once on a few rows, so that everything is warm, and then whole."""
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    cores = len(os.sched_getaffinity(0))
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "4g")
        .getOrCreate()
    )
    features = [f"f{number:02}" for number in range(20)]
    predict = mlflow.pyfunc.spark_udf(spark, model_uri=model, result_type="double", env_manager="local")
    rows = spark.read.parquet(source)
    rows.limit(20_000).withColumn("prediction", predict(struct(*features))).collect()
    begun, before = time.perf_counter(), _used()
    rows.withColumn("prediction", predict(struct(*features))).write.parquet(output)
    print(time.perf_counter() - begun, _used() - before)


def _used() -> float:
    """Seconds of the processor that this process, the Java machine and their workers have used."""
    me = psutil.Process()
    times = [each.cpu_times() for each in (me, *me.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


if __name__ == "__main__":
    main(*sys.argv[1:])
