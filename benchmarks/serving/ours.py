"""Modelyard, set up as a user would: models registered by MLflow, endpoints made over the wire, and one who may ask.

Everything is on: a token that is checked, CAN_QUERY on the endpoint, metrics, and an inference table that takes every
request. The one who asks is a service principal that may do nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks import names, prepare, servers
from benchmarks.serving import processes, side
from benchmarks.serving.models import Flavor
from benchmarks.serving.side import Side
from benchmarks.serving.wrk import Address

ENDPOINTS = "/api/2.0/serving-endpoints"
READY_SECONDS = 180.0
IDLE_SECONDS = 5
"""After so long without a request the endpoint that may sleep does."""
ASLEEP_SECONDS = 60.0
CALM_SECONDS = 1.0
CALM = 0.15
"""How much of a processor a server takes at most of which nobody wants anything."""
SETTINGS = {
    "MODELYARD_SERVING_ENV": "local",
    "MODELYARD_SERVING_IDLE_SECONDS": str(IDLE_SECONDS),
}
"""Models run in the environment that MLflow's own server runs in too."""
SLEEPER = "sleeper"


class NotServedError(Exception):
    """An endpoint was refused, failed, or did not become ready."""


@dataclass
class Ours:
    """A running Modelyard with models in it."""

    server: servers.Server
    administrator: prepare.Caller
    token: str
    """Of the service principal that asks."""

    def address(self, endpoint: str) -> Address:
        """Where predictions of an endpoint are asked."""
        url = f"{self.server.address}/serving-endpoints/{endpoint}/invocations"
        return Address(url, {"Authorization": f"Bearer {self.token}"})

    def sides(self, flavor: Flavor) -> list[Side]:
        """The endpoints that are measured: one version, and two that share the requests."""
        if flavor is Flavor.CUSTOM:
            return [Side(side.MODELYARD, self.address("custom"), self.server)]
        return [
            Side(side.MODELYARD, self.address("single"), self.server, batching=True),
            Side(side.SPLIT, self.address("split"), self.server, batching=True),
        ]

    def open(self, name: str, model: str, shares: dict[str, int], *, may_sleep: bool = False) -> None:
        """Make an endpoint over versions of a model by their shares of requests; return when it is ready."""
        said = {"name": name, "config": _config(model, shares, may_sleep=may_sleep), "ai_gateway": _gateway(name)}
        made = self.administrator.call("POST", ENDPOINTS, said)
        allowed = {"service_principal_name": self._asker(), "permission_level": "CAN_QUERY"}
        permissions = f"/api/2.0/permissions/serving-endpoints/{made['id']}"
        self.administrator.call("PATCH", permissions, {"access_control_list": [allowed]})
        self._await_ready(name)

    def wake(self, body: bytes) -> float:
        """Wait until the endpoint that may sleep has done so for a while; the seconds of the request that wakes it."""
        self._ask(SLEEPER, body)
        awake = processes.used(self.server.process.pid)
        self._await_sleep(lambda before, now: not awake.keys() <= now.keys() and _is_calm(before, now))
        return self._ask(SLEEPER, body)

    def _await_sleep(self, is_so: Callable[[dict[int, float], dict[int, float]], bool]) -> None:
        until, before = time.monotonic() + ASLEEP_SECONDS, processes.used(self.server.process.pid)
        while time.monotonic() < until:
            time.sleep(CALM_SECONDS)
            now = processes.used(self.server.process.pid)
            if is_so(before, now):
                return
            before = now
        raise NotServedError(f"the endpoint {SLEEPER} did not go to sleep in {ASLEEP_SECONDS:.0f} s")

    def _ask(self, endpoint: str, body: bytes) -> float:
        address = self.address(endpoint)
        headers = {"Content-Type": "application/json", **address.headers}
        began = time.perf_counter()
        httpx.post(address.url, content=body, headers=headers, timeout=60).raise_for_status()
        return time.perf_counter() - began

    def _asker(self) -> str:
        found = self.administrator.call("GET", "/api/2.0/preview/scim/v2/ServicePrincipals")
        return str(found["Resources"][0]["applicationId"])

    def _await_ready(self, name: str) -> None:
        until, state = time.monotonic() + READY_SECONDS, dict[str, Any]()
        while time.monotonic() < until:
            state = self.administrator.call("GET", f"{ENDPOINTS}/{name}")["state"]
            if state["ready"] == "READY" and state["config_update"] == "NOT_UPDATING":
                return
            if state["config_update"] == "UPDATE_FAILED":
                break
            time.sleep(0.2)
        raise NotServedError(f"the endpoint {name} is not ready: {state}")


@contextmanager
def serve(folder: Path, saved: dict[Flavor, Path], tell: Callable[[str], None]) -> Generator[Ours]:
    """Run a server with the models in it and every endpoint ready, until the end."""
    data = folder / "data"
    with servers.modelyard_server(data, SETTINGS) as server, processes.ended(server):
        token = servers.admin_token(data)
        administrator = prepare.Caller(server.address, token)
        administrator.open_catalog()
        ours = Ours(server, administrator, administrator.caller_token())
        for flavor, versions in ((Flavor.SKLEARN, 2), (Flavor.CUSTOM, 1)):
            for _ in range(versions):
                tell(f"registering the {flavor} model")
                _register(folder, saved[flavor], _model(flavor), server.address, token)
        for name, flavor, shares in _endpoints():
            tell(f"opening the endpoint {name}")
            ours.open(name, _model(flavor), shares, may_sleep=name == SLEEPER)
        yield ours


def _is_calm(before: dict[int, float], now: dict[int, float]) -> bool:
    """Whether nobody prepares for anything any more."""
    return processes.between(before, now) < CALM_SECONDS * CALM


def _endpoints() -> tuple[tuple[str, Flavor, dict[str, int]], ...]:
    return (
        ("single", Flavor.SKLEARN, {"1": 100}),
        ("split", Flavor.SKLEARN, {"1": 90, "2": 10}),
        ("custom", Flavor.CUSTOM, {"1": 100}),
        (SLEEPER, Flavor.SKLEARN, {"1": 100}),
    )


def _model(flavor: Flavor) -> str:
    return f"{names.CATALOG}.{names.SCHEMA}.{flavor.name.lower()}"


def _config(model: str, shares: dict[str, int], *, may_sleep: bool) -> dict[str, Any]:
    entity = {"entity_name": model, "workload_size": "Small", "scale_to_zero_enabled": may_sleep}
    return {
        "served_entities": [{**entity, "name": f"v{version}", "entity_version": version} for version in shares],
        "traffic_config": {
            "routes": [
                {"served_model_name": f"v{version}", "traffic_percentage": share} for version, share in shares.items()
            ]
        },
    }


def _gateway(name: str) -> dict[str, Any]:
    table = {"catalog_name": names.CATALOG, "schema_name": names.SCHEMA, "table_name_prefix": name, "enabled": True}
    return {"inference_table_config": table, "usage_tracking_config": {"enabled": True}}


def _register(folder: Path, saved: Path, model: str, address: str, token: str) -> None:
    command = [sys.executable, "-m", "benchmarks.serving.register", str(saved), model]
    told = {
        "DATABRICKS_HOST": address,
        "DATABRICKS_TOKEN": token,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'tracking.db'}",
    }
    there = Path(__file__).parents[2]
    environment = {**os.environ, **told}
    done = subprocess.run(command, env=environment, cwd=there, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotServedError(f"MLflow could not register {model}:\n{done.stderr[-2000:]}")
