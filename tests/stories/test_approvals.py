"""The story of a deployment: a version becomes READY, its job asks for approval, the right person gives it, it goes on.

Through the real clients: MLflow connects the job and sees how far it is, databricks-sdk makes it, the commands approve,
a receiver is told of everything, and CI decides with a token for one decision.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import (
    JobAccessControlRequest,
    JobParameterDefinition,
    JobPermissionLevel,
    JobSettings,
    Webhook,
    WebhookNotifications,
)
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.jobs import SETTINGS, ended, results, sdk, task, wait_for
from tests.receivers import Receiver, receiving, until
from tests.stories.test_webhooks import OURS, command, hook, subscribe
from tests.support import HOST_VARIABLES, LEGACY, Server
from tests.surfaces.world import World

NAMES = ("{{job.parameters.model_name}}", "{{job.parameters.model_version}}")
HEADERS = "{'Authorization': 'Bearer ' + os.environ['DATABRICKS_TOKEN'], 'Content-Type': 'application/json'}"
ASK = (
    "import json, os, sys, urllib.request as u; name, version = sys.argv[-2:]; "
    f"at = os.environ['DATABRICKS_HOST'] + '{LEGACY}/'; "
    f"ask = lambda path, body=None: json.load(u.urlopen(u.Request(at + path, body, {HEADERS})))"
)
TAGS = "ask(f'model-versions/get?name={name}&version={version}')['model_version']['tags']"
APPROVAL = f"{ASK}; assert {{'key': 'approval', 'value': 'Approved'}} in {TAGS}, 'not approved'"
MOVE = "json.dumps({'name': name, 'alias': 'Champion', 'version': version}).encode()"
DEPLOY = f"{ASK}; ask('registered-models/alias', {MOVE})"
"""What the tasks do, without anything that takes long to import."""


@dataclass
class Deployment:
    """A model with its deployment job, whoever may review it, and who hears of it."""

    server: Server
    world: World
    model: str
    job: int
    reviewer: str
    receiver: Receiver
    secret: str
    client: WorkspaceClient

    def moved(self) -> None:
        """The server was started again, and listens elsewhere."""
        self.client = sdk(self.server)
        self.world.admin.base_url = self.server.url

    def told(self, kind: str, version: int) -> dict[str, Any] | None:
        """What the receiver was told of a kind about a version."""
        for heard in list(self.receiver.heard):
            heard.verify(self.secret)
            told = json.loads(heard.body)
            if told.get("type") == kind and told["data"]["version"] == version:
                return told["data"]
        return None

    def run_events(self) -> list[str]:
        """What the job itself has told, in order."""
        bodies = [json.loads(heard.body) for heard in self.receiver.heard]
        return [told["event_type"] for told in bodies if told.get("event_type") and "task" not in told]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Deployment]:
    settings = {**SETTINGS, "outbound_allowed": "127.0.0.1"}
    server = Server(tmp_path / "data", settings=settings).start()
    world = World(server)
    model = world.model()
    with receiving() as receiver:
        destination, secret = hook(world.admin, receiver.url)
        subscribe(world.admin, model, destination)
        reviewer = server.make_user("rita@example.com")
        for kind, name, privileges in (
            ("catalog", model.split(".")[0], ("USE_CATALOG", "USE_SCHEMA")),
            ("function", model, ("EXECUTE", "APPLY_TAG")),
        ):
            server.grant(kind, name, "rita@example.com", *privileges)
        client = sdk(server)
        job = make_job(client, destination)
        yield Deployment(server, world, model, job, reviewer, receiver, secret, client)
    world.close()
    server.stop()


def make_job(client: WorkspaceClient, destination: str) -> int:
    """The deployment job, which the reviewer may run."""
    gate, deploy = task("approval", APPROVAL), task("deploy", DEPLOY, "approval")
    for each in (gate, deploy):
        assert each.python_wheel_task
        assert each.python_wheel_task.parameters
        each.python_wheel_task.parameters += NAMES
    to = [Webhook(id=destination)]
    made = client.jobs.create(
        name="deploy",
        tasks=[gate, deploy],
        parameters=[JobParameterDefinition(name, "") for name in ("model_name", "model_version")],
        webhook_notifications=WebhookNotifications(on_start=to, on_success=to, on_failure=to),
        access_control_list=[
            JobAccessControlRequest(user_name="rita@example.com", permission_level=JobPermissionLevel.CAN_MANAGE_RUN)
        ],
    )
    assert made.job_id
    return made.job_id


@pytest.fixture
def registry(there: Deployment, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """MLflow's own client, as the admin."""
    for name, value in zip(HOST_VARIABLES, there.server.environment().values(), strict=True):
        monkeypatch.setenv(name, value)
    return MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")


def test_a_deployment_fails_is_approved_and_repaired(there: Deployment, registry: MlflowClient) -> None:
    server, model = there.server, there.model
    with pytest.raises(MlflowException, match="no job 7 that you may run"):
        registry.update_registered_model(model, deployment_job_id="7")
    connected = registry.update_registered_model(model, deployment_job_id=str(there.job))
    assert (connected.deployment_job_id, connected.deployment_job_state) == (str(there.job), "CONNECTED")
    number = there.world.ready(model)
    asked = wait_for(lambda: there.told("approval.requested", number))
    state = registry.get_model_version(model, str(number)).deployment_job_state
    assert state is not None
    assert (state.job_id, state.run_id, state.current_task_name) == (str(there.job), str(asked["run_id"]), "approval")
    assert str(state.run_state) == "APPROVAL"
    assert results(ended(there.client, asked["run_id"])) == {"approval": "FAILED", "deploy": "UPSTREAM_FAILED"}
    with pytest.raises(MlflowException, match="four eyes"):
        registry.set_model_version_tag(model, str(number), "approval", "Approved")
    refused = command(server, "approvals", "approve", asked["approval_id"])
    assert (refused.returncode, "four eyes" in refused.stderr) == (1, True)
    listed = command(server, "approvals", "list", "--model", model, token=there.reviewer)
    assert "OPEN" in listed.stdout
    done = command(
        server, "approvals", "approve", asked["approval_id"][:8], "--reason", "looked at it", token=there.reviewer
    )
    assert f"Approved version {number} of {model}" in done.stderr
    until(lambda: there.told("alias.set", number), 90)
    decided = there.told("approval.decided", number)
    assert decided is not None
    assert decided.items() >= {"decision": "APPROVED", "by": "rita@example.com", "reason": "looked at it"}.items()
    run = wait_for(lambda: _succeeded(there, asked["run_id"]))
    assert results(run) == {"approval": "SUCCESS", "deploy": "SUCCESS"}
    assert str(registry.get_model_version_by_alias(model, "Champion").version) == str(number)
    until(lambda: len(there.run_events()) == 4)
    assert there.run_events() == ["jobs.on_start", "jobs.on_failure", "jobs.on_start", "jobs.on_success"]
    trail = there.world.admin.get(f"{OURS}/audit", params={"action": "decideApproval"}).json()["events"]
    assert len(trail) == 2, "the refusal and the decision"


def _succeeded(there: Deployment, run_id: int) -> Any:  # noqa: ANN401  a Run of the SDK
    run = there.client.jobs.get_run(run_id)
    return run if run.state and run.state.result_state and run.state.result_state.value == "SUCCESS" else None


def test_a_waiting_gate_outlives_a_killed_server_and_ci_opens_it_with_a_token(
    there: Deployment, registry: MlflowClient
) -> None:
    server, model = there.server, there.model
    registry.update_registered_model(model, deployment_job_id=str(there.job))
    there.client.jobs.update(there.job, new_settings=JobSettings(tags={"approval.mode": "wait"}))
    number = there.world.ready(model)
    asked = wait_for(lambda: there.told("approval.requested", number))
    run = there.client.jobs.get_run(asked["run_id"]).as_dict()
    told = ("RUNNING", "Waiting for approval: approval")
    assert (run["state"]["life_cycle_state"], run["state"]["state_message"]) == told
    assert run["tasks"][0]["state"]["life_cycle_state"] == "BLOCKED"
    server.kill()
    server.start()
    there.moved()
    minted = command(server, "approvals", "token", asked["approval_id"], "--json", token=there.reviewer)
    secret = json.loads(minted.stdout)["token"]
    form = {"token": secret, "decision": "approve", "on_behalf": "alice, in the environment prod"}
    mailbox = f"{server.url}{OURS}/decisions"
    answer = httpx.post(mailbox, data=form, trust_env=False)
    assert answer.json()["decision"]["on_behalf"] == form["on_behalf"]
    again = httpx.post(mailbox, data=form, trust_env=False)
    assert (again.status_code, again.json()["error_code"]) == (401, "UNAUTHENTICATED")
    wait_for(lambda: _succeeded(there, asked["run_id"]))
    assert str(_alias(server, model)) == str(number)
    assert secret not in (server.data / "log").read_text()


def _alias(server: Server, model: str) -> str:
    with server.client() as admin:
        asked = {"name": model, "alias": "champion"}
        found = admin.get("/api/2.0/mlflow/unity-catalog/registered-models/alias", params=asked)
        return found.raise_for_status().json()["model_version"]["version"]
