"""Bring the fraud workflows to a server, or bring them up to date: sources, jobs, and what connects them to the model.

It speaks to whatever DATABRICKS_HOST and DATABRICKS_TOKEN name, with the Databricks SDK and MLflow as they are:

    python examples/deploy.py --model prod.ml_team.fraud_detection

Jobs are found again by their names, so it may be run as often as one likes. `--dry-run` prints the jobs and asks
nobody anything.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

SOURCES = Path(__file__).parent / "fraud"
JOBS = ("train", "deployment", "batch")


def main() -> None:
    """Deploy, or show what would be."""
    options = _options()
    jobs = {name: settings(name, options.model, options.folder) for name in JOBS}
    if options.dry_run:
        print(json.dumps(jobs, indent=2))
        return
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415  a dry run does without it

    client = WorkspaceClient()
    upload(client, options.folder)
    ids = {name: put(client, told) for name, told in jobs.items()}
    connect(options.model, ids["deployment"])
    for name, id_ in ids.items():
        print(f"{jobs[name]['name']}: job {id_}")


def settings(name: str, model: str, folder: str) -> dict[str, Any]:
    """The settings of a job for a model, whose sources are in a folder of the workspace."""
    schema = model.rpartition(".")[0]
    told = {
        "model": model,
        "code": folder,
        "input_path": f"{schema.replace('.', '/')}/fraud_payments",
        "output": f"{schema}.fraud_scores",
    }
    return json.loads(Template((SOURCES / "jobs" / f"{name}.json").read_text()).substitute(told))


def upload(client: WorkspaceClient, folder: str) -> None:
    """Bring scripts as files, and notebooks as notebooks."""
    from databricks.sdk.service.workspace import ImportFormat  # noqa: PLC0415  as above

    place = folder.removeprefix("/Workspace")
    client.workspace.mkdirs(f"{place}/notebooks")
    for source in sorted(SOURCES.rglob("*.py")):
        inside = source.relative_to(SOURCES)
        is_notebook = inside.parts[0] == "notebooks"
        path = f"{place}/{inside.with_suffix('') if is_notebook else inside}"
        kind = {"language": _python(), "format": ImportFormat.SOURCE} if is_notebook else {"format": ImportFormat.AUTO}
        with source.open("rb") as content:
            client.workspace.upload(path, content, overwrite=True, **kind)


def _python() -> Any:  # noqa: ANN401  of an enum that is imported when it is needed
    from databricks.sdk.service.workspace import Language  # noqa: PLC0415  as above

    return Language.PYTHON


def put(client: WorkspaceClient, told: dict[str, Any]) -> int:
    """Make a job, or give the one of its name these settings; its id."""
    from databricks.sdk.service.jobs import JobSettings  # noqa: PLC0415  as above

    wanted = JobSettings.from_dict(told)
    there = next(iter(client.jobs.list(name=told["name"])), None)
    if there:
        client.jobs.reset(there.job_id, wanted)
        return there.job_id
    fields = {name: getattr(wanted, name) for name in told}
    return client.jobs.create(**fields).job_id


def connect(model: str, deployment_job: int) -> None:
    """Let the deployment job run for each new version of the model, which is made if it is not there."""
    import mlflow  # noqa: PLC0415  as above
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    mlflow.set_registry_uri("databricks-uc")
    client = mlflow.MlflowClient()
    try:
        client.create_registered_model(model, deployment_job_id=str(deployment_job))
    except MlflowException as problem:
        if problem.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        client.update_registered_model(model, deployment_job_id=str(deployment_job))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="prod.ml_team.fraud_detection", help="catalog.schema.model")
    parser.add_argument("--folder", default="/Workspace/Shared/fraud", help="where sources go in the workspace")
    parser.add_argument("--dry-run", action="store_true", help="print the jobs, and ask nobody anything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
