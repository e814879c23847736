"""Clones of jobs, on a path of ours: the Jobs API has none."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions.jobs import clones
from modelyard.actions.jobs.clones import Clone
from modelyard.surfaces.jobs.said import job_ref
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation


class Cloning(msgspec.Struct, frozen=True):
    """A clone that is asked for; `model_names` are new names of models by their old ones.

    Its code comes from a branch, is copied to a folder of the workspace, or stays where it is.
    """

    job_id: int = 0
    name: str = ""
    git_branch: str | None = None
    copy_notebooks: str | None = None
    model_names: dict[str, str] | None = None


def _clone(said: Cloning) -> AnyAction:
    names = tuple((said.model_names or {}).items())
    return clones.CloneJob(
        job_ref(said.job_id), said.name or "Untitled", said.git_branch or "", said.copy_notebooks or "", names
    )


def _told(found: Clone, _here: Here) -> object:
    report: dict[str, Any] = msgspec.to_builtins(
        {
            "models": found.models,
            "missing_privileges": found.missing,
            "findings": found.findings,
            "models_without_signature": found.unsigned,
            "sources": found.sources,
            "notes": found.notes,
        }
    )
    return {"job_id": found.job.number, "run_as_user_name": found.job.run_as, "report": report}


ROWS: Final[tuple[Row, ...]] = (Translation("POST", "/api/2.0/modelyard/jobs/{job_id}/clone", Cloning, _clone, _told),)
