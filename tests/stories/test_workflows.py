"""The whole story of a team's workflows, from training to a new champion's scores, with nothing but the real clients.

The ready-made workflows are deployed as their page says; the training job registers a version and tells CI, whose
webhook is signed; the deployment job validates the version and waits; the wrong person is refused, the right one
approves; the alias moves, and with it the batch job publishes what the new champion says.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from databricks.sdk.service.jobs import (
    JobAccessControlRequest,
    JobPermissionLevel,
    JobSettings,
    Webhook,
    WebhookNotifications,
)

from tests.jobs import SETTINGS, Client, ended, results, sdk, wait_for
from tests.receivers import Receiver, receiving
from tests.stories.test_webhooks import OURS, command, hook
from tests.support import HOST_VARIABLES, Server, clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
SCHEMA = "prod.ml_team"
MODEL = f"{SCHEMA}.fraud_detection"
REVIEWER = "rita@example.com"
LONG = 300
"""Seconds in which a job ends, however busy this machine is."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("workflows") / "data", settings={**SETTINGS, "outbound_allowed": "127.0.0.1"})
    made.start()
    made.make_containers(SCHEMA)
    yield made
    made.stop()


def deployed(server: Server, folder: Path) -> dict[str, int]:
    """The workflows, deployed by their script; the jobs by name."""
    _run(server, folder, "deploy.py", "--model", MODEL)
    _run(server, folder, "fraud/payments_to_score.py", "--volume", f"{SCHEMA}.fraud_payments", "--rows", "500")
    return {job.settings.name: job.job_id for job in sdk(server).jobs.list()}


def _run(server: Server, folder: Path, script: str, *words: str) -> None:
    variables = clean_environment(**server.environment(), PYTHONWARNINGS="ignore")
    line = [sys.executable, str(EXAMPLES / script), *words]
    done = subprocess.run(line, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def told_on_success(client: Client, job: int, destination: str) -> None:
    to = WebhookNotifications(on_success=[Webhook(id=destination)])
    client.jobs.update(job, new_settings=JobSettings(webhook_notifications=to))


def reviewed_by(server: Server, client: Client, job: int) -> str:
    """Somebody who may approve: she may tag the model, and run the deployment job; her token."""
    token = server.make_user(REVIEWER)
    server.grant("catalog", "prod", REVIEWER, "USE_CATALOG", "USE_SCHEMA")
    server.grant("function", MODEL, REVIEWER, "EXECUTE", "APPLY_TAG")
    entry = JobAccessControlRequest(user_name=REVIEWER, permission_level=JobPermissionLevel.CAN_MANAGE_RUN)
    client.permissions.update("jobs", str(job), access_control_list=[entry])
    return token


def asked_of(server: Server, path: str) -> dict[str, Any]:
    with server.client() as admin:
        return admin.get(path).raise_for_status().json()


def asked(server: Server) -> dict[str, Any] | None:
    """The approval that is waited for, if any is."""
    found = asked_of(server, f"{OURS}/approvals?full_name={MODEL}")["approvals"]
    return found[0] if found else None


def heard(receiver: Receiver, secret: str, job: int, run_id: int) -> None:
    """CI was told of a run, in Databricks' words, by somebody who has the secret."""
    for each in receiver.await_(1, LONG):
        each.verify(secret)
    told = json.loads(receiver.heard[0].body)
    assert told["event_type"] == "jobs.on_success"
    assert (told["job"]["job_id"], told["run"]["run_id"]) == (job, run_id)


def printed(client: Client, run: Any) -> str:  # noqa: ANN401  the SDK's run
    """What the tasks of a run have said, for whoever looks for the reason of a failure."""
    outputs = [client.jobs.get_run_output(each.run_id) for each in run.tasks]
    return "\n".join(f"{each.error}\n{each.error_trace}\n{each.logs}" for each in outputs)


def scores(client: Client) -> pd.DataFrame:
    """What consumers read: the current output."""
    at = f"/Volumes/{SCHEMA.replace('.', '/')}/fraud_scores/current"
    files = [each.path for each in client.files.list_directory_contents(at) if each.path.endswith(".parquet")]
    parts = [pd.read_parquet(io.BytesIO(client.files.download(path).contents.read())) for path in files]
    return pd.concat(parts).sort_values("payment_id", ignore_index=True)


@pytest.mark.timeout(1_200)
def test_from_training_to_the_scores_of_a_new_champion(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, jobs = sdk(server), deployed(server, tmp_path)
    assert jobs.keys() == {"fraud-training", "fraud-deployment", "fraud-batch"}
    reviewer = reviewed_by(server, client, jobs["fraud-deployment"])
    with receiving() as receiver, server.client() as admin:
        destination, secret = hook(admin, receiver.url)
        told_on_success(client, jobs["fraud-training"], destination)
        trained = ended(client, client.jobs.run_now(jobs["fraud-training"]).run_id, LONG)
        assert results(trained) == {"train": "SUCCESS"}, printed(client, trained)
        heard(receiver, secret, jobs["fraud-training"], trained.run_id or 0)

    approval = wait_for(lambda: asked(server), LONG)
    stranger = server.make_user("sam@example.com")
    refused = command(server, "approvals", "approve", approval["id"], token=stranger)
    assert refused.returncode == 1
    himself = command(server, "approvals", "approve", approval["id"])
    assert (himself.returncode, "four eyes" in himself.stderr) == (1, True)
    done = command(server, "approvals", "approve", approval["id"], "--reason", "fine", token=reviewer)
    assert done.returncode == 0, done.stderr
    deployment = ended(client, int(approval["run_id"]), LONG)
    assert set(results(deployment).values()) == {"SUCCESS"}, printed(client, deployment)

    batch = wait_for(lambda: next(iter(client.jobs.list_runs(job_id=jobs["fraud-batch"])), None), LONG)
    assert asked_of(server, f"/api/2.2/jobs/runs/get?run_id={batch.run_id}")["trigger"] == "MODEL"
    scored = ended(client, batch.run_id, LONG)
    assert results(scored) == {"score": "SUCCESS"}, printed(client, scored)

    for name, value in zip(HOST_VARIABLES, server.environment().values(), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)  # MLflow makes a file for runs where it is
    mlflow.set_registry_uri("databricks-uc")
    champion = mlflow.MlflowClient().get_model_version_by_alias(MODEL, "Champion")
    lineage = champion.run_id
    assert lineage, "the version knows the run that it comes from"
    found = scores(client)
    features = found[["amount", "hour", "country_risk", "account_age_days"]]
    assert list(found["prediction"]) == list(mlflow.pyfunc.load_model(f"models:/{MODEL}@Champion").predict(features))
    assert len(found) == 500
