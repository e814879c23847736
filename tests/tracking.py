"""What tests of tracking share: somebody with a client, and what they log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.support import Server

API = "/api/2.0/mlflow"
LONG = 300.0
"""The first request starts MLflow's own server, which imports much."""


@dataclass
class Somebody:
    """A principal with an HTTP client."""

    name: str
    token: str
    client: httpx.Client

    def ask(self, method: str, path: str, /, **said: Any) -> httpx.Response:  # noqa: ANN401  JSON values
        """Ask by query or body, as MLflow's client does."""
        if method == "GET":
            return self.client.request(method, path, params=said, timeout=LONG)
        return self.client.request(method, path, json=said, timeout=LONG)

    def post(self, path: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401  as above
        """The answer to what must go well."""
        return self.ask("POST", f"{API}/{path}", **said).raise_for_status().json()

    def get(self, path: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401  as above
        """Likewise."""
        return self.ask("GET", f"{API}/{path}", **said).raise_for_status().json()

    def experiment(self, name: str) -> str:
        """Make an experiment; its number."""
        return self.post("experiments/create", name=name)["experiment_id"]

    def run(self, experiment: str) -> str:
        """Begin a run."""
        return self.post("runs/create", experiment_id=experiment, start_time=1)["run"]["info"]["run_id"]

    def model(self, experiment: str, **more: Any) -> str:  # noqa: ANN401  as above
        """A logged model."""
        said = {"experiment_id": experiment, "name": "m", **more}
        return self.post("logged-models", **said)["model"]["info"]["model_id"]

    def trace(self, experiment: str, id_: str) -> httpx.Response:
        """Begin a trace, whose id the client makes."""
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        info = {"trace_id": id_, "trace_location": place, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
        return self.ask("POST", "/api/3.0/mlflow/traces", trace={"trace_info": info})


def somebody(server: Server, name: str) -> Somebody:
    """A new user."""
    token = server.make_user(name)
    return Somebody(name, token, server.client(token))


def admin(server: Server) -> Somebody:
    """The admin."""
    return Somebody("admin", server.token, server.client())


def permit(server: Server, experiment: str, **levels: str) -> None:
    """Permit an experiment to users by their names before the `@`."""
    items = [{"user_name": f"{name}@example.com", "permission_level": level} for name, level in levels.items()]
    with server.client() as client:
        path = f"/api/2.0/permissions/experiments/{experiment}"
        client.put(path, json={"access_control_list": items}).raise_for_status()
