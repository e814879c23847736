"""The facts of the run that MLflow stamps onto what is logged, under the names that it looks for."""

from __future__ import annotations

import os
from typing import Optional

from . import task


class ReplContext:
    """They are None where they are not known.

    It does not say that it is in a notebook: MLflow would take the notebook's id for that of an experiment.
    """

    def __init__(self) -> None:
        self.isInNotebook = False
        self.isInJob = bool(task.context("jobId") or task.context("jobRunId"))
        self.jobId = _or_none("jobId")
        self.idInJob = _or_none("jobRunId")
        self.currentRunId = _or_none("taskRunId")
        self.rootRunId = _or_none("rootRunId")
        self.jobTaskType = _or_none("jobTaskType")
        self.jobType = _or_none("jobType") or "NORMAL"
        self.notebookId = _or_none("notebookId")
        self.notebookPath = _or_none("notebookPath")
        self.workspaceId = _or_none("workspaceId")
        self.userName = _or_none("userName")
        self.apiUrl = os.environ.get("DATABRICKS_HOST")
        self.apiToken = os.environ.get("DATABRICKS_TOKEN")
        self.workspaceUrl = None
        self.browserHostName = None
        self.sslTrustAll = False


def _or_none(name: str) -> Optional[str]:
    return task.context(name) or None


def get_context() -> Optional[ReplContext]:
    """The facts; None outside of a task."""
    return ReplContext() if task.FOLDER else None
