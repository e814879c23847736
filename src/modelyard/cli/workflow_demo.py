"""The third part of the demo: a job trains, CI is told, a person approves, the alias moves, a batch job follows."""

# MLflow and pandas come without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportPrivateImportUsage=false, reportUnknownArgumentType=false

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape

from modelyard.cli import workflow_code as code
from modelyard.cli.client import FILES, OURS, SCIM, UNITY
from modelyard.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

REVIEWER: Final = "rita@example.com"
_SCORES: Final = "fraud_scores"
"""The volume in which the batch job publishes."""
_JOBS: Final = "/api/2.2/jobs"
_WAIT_SECONDS: Final = 180
_SHOWN_ROWS: Final = 3


class WorkflowStory:
    """The steps, each of which returns a plain sentence; `model` is the full name of the model in production.

    `sign_in` makes a client of whoever has a token, `admin` is the admin's, `robot` names the principal that owns the
    model and runs the jobs, with its token; `rows` gives the rows that are to be scored.
    """

    def __init__(
        self,
        model: str,
        rows: Callable[[], Any],
        sign_in: Callable[[str], httpx.Client],
        admin: Callable[[], httpx.Client],
        robot: Callable[[], tuple[str, str]],
        stack: ExitStack,
    ) -> None:
        self._model = model
        self._schema = model.rpartition(".")[0]
        self._rows = rows
        self._sign_in = sign_in
        self._as_admin = admin
        self._who = robot
        self._stack = stack
        self._ci = _Receiver()
        self._secret = ""
        self._jobs: dict[str, int] = {}
        self._run = 0
        self._asked: dict[str, Any] = {}

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """What is done, in order."""
        return [
            ("Bring a team's code and jobs", self.bring),
            ("Train a new version by a job", self.train),
            ("Tell CI by a signed webhook", self.tell),
            ("Let the wrong person approve the version", self.be_refused),
            ("Let the right one approve it", self.approve),
            ("Score by the new champion", self.score),
        ]

    def _robot(self) -> httpx.Client:
        return self._sign_in(self._who()[1])

    # Bringing

    def bring(self) -> str:
        """Bring a script, notebooks, rows and jobs, as the principal that the jobs run as."""
        self._ci.start()
        self._stack.callback(self._ci.close)
        destination = self._connect_ci()
        with self._as_admin() as admin:
            change = {"changes": [{"principal": self._who()[0], "add": ["CREATE_VOLUME"]}]}
            admin.patch(f"{UNITY}/permissions/schema/{self._schema}", json=change).raise_for_status()
        folder = f"/Users/{self._who()[0]}/fraud"
        with self._robot() as client:
            self._upload(client, folder)
            rows = self._upload_rows(client)
            for settings in (
                code.training(self._model, folder, destination),
                code.deployment(self._model, folder),
                code.batch(self._model, rows, f"{self._schema}.{_SCORES}"),
            ):
                made = client.post(f"{_JOBS}/create", json=settings).raise_for_status().json()
                self._jobs[settings["name"].removeprefix("fraud-")] = made["job_id"]
        self._connect_model()
        return (
            "`deployer` has jobs for training, deployment and batch inference in the workspace. The deployment job is\n"
            f"   connected to {self._model}: it runs for each new version."
        )

    def _connect_ci(self) -> str:
        """A destination for webhooks, whose signing secret only the receiver knows; its id."""
        told = {"display_name": "CI", "config": {"generic_webhook": {"url": self._ci.url}}}
        with self._as_admin() as admin:
            made = admin.post("/api/2.0/notification-destinations", json=told).raise_for_status().json()
            secret = f"{OURS}/notification-destinations/{made['id']}/signing-secret"
            self._secret = admin.post(secret, json={"keep_hours": 0}).raise_for_status().json()["secret"]
        return made["id"]

    def _upload(self, client: httpx.Client, folder: str) -> None:
        client.post("/api/2.0/workspace/mkdirs", json={"path": folder}).raise_for_status()
        for name, text in (("train.py", code.TRAIN), ("approval", code.APPROVAL), ("deploy", code.DEPLOY)):
            kind = {"format": "AUTO"} if name.endswith(".py") else {"format": "SOURCE", "language": "PYTHON"}
            content = base64.b64encode(text.encode()).decode()
            told = {"path": f"{folder}/{name}", "content": content, **kind}
            client.post("/api/2.0/workspace/import", json=told).raise_for_status()

    def _upload_rows(self, client: httpx.Client) -> str:
        """Put the rows that are to be scored into a volume; their path."""
        catalog, schema = self._schema.split(".")
        volume = {"catalog_name": catalog, "schema_name": schema, "name": "cases", "volume_type": "MANAGED"}
        client.post(f"{UNITY}/volumes", json=volume).raise_for_status()
        path = f"/Volumes/{catalog}/{schema}/cases/cases.parquet"
        client.put(f"{FILES}/files{path}", content=self._rows().to_parquet(index=False)).raise_for_status()
        return path

    def _connect_model(self) -> None:
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  the demo's own extra

        job = str(self._jobs["deployment"])
        MlflowClient(registry_uri="databricks-uc").update_registered_model(self._model, deployment_job_id=job)

    # Training

    def train(self) -> str:
        """Run the training job, and look at what its run left."""
        with self._robot() as client:
            told = {"job_id": self._jobs["training"], "idempotency_token": "demo"}
            self._run = client.post(f"{_JOBS}/run-now", json=told).raise_for_status().json()["run_id"]
            began = time.monotonic()
            self._ended(client, self._run)
            took = time.monotonic() - began
            self._asked = _awaited(lambda: self._request(client), "nobody was asked to approve the new version")
            tracked = self._tracked(client)
        accuracy = next(each["value"] for each in tracked["data"]["metrics"] if each["key"] == "accuracy")
        return (
            f"Its run took {took:.1f} s, as `deployer`, and registered version {self._asked['version']}. "
            f"The server tracked it as\n   run {tracked['info']['run_id'][:8]}…: accuracy {accuracy:.1%}."
        )

    def _request(self, client: httpx.Client) -> dict[str, Any] | None:
        """The request for approval of the new version, once there is one."""
        found = client.get(f"{OURS}/approvals", params={"full_name": self._model}).raise_for_status().json()
        return next(iter(found["approvals"]), None)

    def _tracked(self, client: httpx.Client) -> dict[str, Any]:
        """The run of MLflow's that the new version comes from."""
        version = {"name": self._model, "version": self._asked["version"]}
        there = "/api/2.0/mlflow/unity-catalog/model-versions/get"
        run_id = client.get(there, params=version).raise_for_status().json()["model_version"]["run_id"]
        return client.get("/api/2.0/mlflow/runs/get", params={"run_id": run_id}).raise_for_status().json()["run"]

    def tell(self) -> str:
        """Hear of it as CI does, and check by whom it was said."""
        headers, body = self._ci.heard(_WAIT_SECONDS)
        if not _is_signed(headers, body, self._secret):
            raise Failure("a webhook came with a wrong signature")
        told = json.loads(body)
        if (told["event_type"], told["run"]["run_id"]) != ("jobs.on_success", self._run):
            raise Failure(f"another webhook was expected than {told}")
        return f"It heard [bold]{escape(body.decode())}[/],\n   and its Standard Webhooks signature is right."

    # Deploying

    def be_refused(self) -> str:
        """Let the principal approve that has made the version."""
        with self._robot() as client:
            answer = self._decide(client)
        if answer.is_success:
            raise Failure("a version was approved by whoever has made it")
        return f"`deployer` has made it, and is refused: [yellow]{escape(answer.json()['message'])}[/]"

    def approve(self) -> str:
        """Let somebody else approve it, who may; and wait for the alias."""
        with self._sign_in(self._reviewer()) as rita:
            self._decide(rita).raise_for_status()
            self._ended(rita, int(self._asked["run_id"]))
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  as above

        champion = MlflowClient(registry_uri="databricks-uc").get_model_version_by_alias(self._model, "Champion")
        if str(champion.version) != str(self._asked["version"]):
            raise Failure("the alias has not moved to the version that was approved")
        return f"{REVIEWER} approves it; the job goes on, and Champion is version {champion.version} now."

    def _decide(self, client: httpx.Client) -> httpx.Response:
        where = {"full_name": self._model, "run_id": self._asked["run_id"]}
        told = {**where, "decision": "approve", "reason": "accurate enough"}
        return client.post(f"{OURS}/approvals/{self._asked['id']}/decide", json=told)

    def _reviewer(self) -> str:
        """Somebody who may approve: she may tag the model, and run the deployment job; her token."""
        catalog = self._schema.split(".")[0]
        needed = (
            ("catalog", catalog, ["USE_CATALOG", "USE_SCHEMA"]),
            ("function", self._model, ["EXECUTE", "APPLY_TAG"]),
        )
        entry = {"user_name": REVIEWER, "permission_level": "CAN_MANAGE_RUN"}
        with self._as_admin() as admin:
            admin.post(f"{SCIM}/Users", json={"userName": REVIEWER}).raise_for_status()
            for kind, name, privileges in needed:
                change = {"changes": [{"principal": REVIEWER, "add": privileges}]}
                admin.patch(f"{UNITY}/permissions/{kind}/{name}", json=change).raise_for_status()
            job = f"/api/2.0/permissions/jobs/{self._jobs['deployment']}"
            admin.patch(job, json={"access_control_list": [entry]}).raise_for_status()
            made = admin.post("/api/2.0/token-management/on-behalf-of/tokens", json={"principal": REVIEWER})
            return str(made.raise_for_status().json()["token_value"])

    def score(self) -> str:
        """See that the alias has started the batch job, and read what it has published."""
        with self._robot() as client:
            run = _awaited(lambda: self._started(client), "the alias did not start the batch job")
            self._ended(client, run["run_id"])
            scores = self._scores(client)
        versions = {str(each) for each in scores["model_version"]}
        if versions != {str(self._asked["version"])} or len(scores) != len(self._rows()):
            raise Failure("the output was not made by the new champion, or not of all rows")
        return (
            f"The alias started job {run['job_id']} (trigger {run['trigger']}). It published {len(scores)} rows at\n"
            f"   /Volumes/{self._schema.replace('.', '/')}/{_SCORES}/current:\n{_table(scores)}"
        )

    def _started(self, client: httpx.Client) -> dict[str, Any] | None:
        found = client.get(f"{_JOBS}/runs/list", params={"job_id": self._jobs["batch"]}).raise_for_status().json()
        return next(iter(found.get("runs", ())), None)

    def _scores(self, client: httpx.Client) -> Any:  # noqa: ANN401  a table of pandas, which comes without types
        """What consumers read: the current output."""
        import pandas as pd  # noqa: PLC0415  the demo's own extra

        place = f"/Volumes/{self._schema.replace('.', '/')}/{_SCORES}/current"
        found = client.get(f"{FILES}/directories{place}").raise_for_status().json()["contents"]
        paths = [each["path"] for each in found if each["path"].endswith(".parquet")]
        files = (client.get(f"{FILES}/files{path}").raise_for_status().content for path in paths)
        return pd.concat([pd.read_parquet(io.BytesIO(content)) for content in files], ignore_index=True)

    def _ended(self, client: httpx.Client, run_id: int) -> None:
        """Wait until a run has ended; it must end well."""

        def look() -> dict[str, Any] | None:
            found = client.get(f"{_JOBS}/runs/get", params={"run_id": run_id}).raise_for_status().json()
            return found if found["end_time"] else None

        run = _awaited(look, f"run {run_id} did not end in time")
        if run["state"].get("result_state") != "SUCCESS":
            raise Failure(f"run {run_id} failed: {run['state']['state_message']}")


def _awaited(look: Callable[[], dict[str, Any] | None], otherwise: str) -> dict[str, Any]:
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.2)
    raise Failure(otherwise)


def _table(scores: Any) -> str:  # noqa: ANN401  as above
    """The first rows, with a feature or two, the prediction, and what made it."""
    columns = [scores.columns[0], scores.columns[1], "prediction", "model_name", "model_version"]
    text = scores[columns].head(_SHOWN_ROWS).to_string(index=False)
    return "\n".join(f"     [dim]{escape(line)}[/]" for line in text.splitlines())


# A receiver as CI has one


class _Receiver:
    """Hears webhooks on a free port of this machine."""

    def __init__(self) -> None:
        self._heard: SimpleQueue[tuple[dict[str, str], bytes]] = SimpleQueue()
        heard = self._heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                heard.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's word
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def heard(self, seconds: float) -> tuple[dict[str, str], bytes]:
        """The next request: its headers, and its body."""
        try:
            return self._heard.get(timeout=seconds)
        except Empty:
            raise Failure("no webhook came in time") from None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether a request is signed by a secret: Standard Webhooks, of which receivers have libraries."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(wanted, each) for each in headers["webhook-signature"].split())
