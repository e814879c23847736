"""What a task asks its server for, as the principal that it runs as."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any, Dict, List

_PAUSE = 1.0
_SECONDS = 60
_ENDS = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


class ServerSaysNo(Exception):
    """The server refused, in its own words."""


def secret(scope: str, key: str) -> bytes:
    """The value of a secret."""
    return base64.b64decode(_ask("GET", "/api/2.0/secrets/get", scope=scope, key=key)["value"])


def secrets(scope: str) -> List[Dict[str, Any]]:
    """The secrets of a scope."""
    return _ask("GET", "/api/2.0/secrets/list", scope=scope).get("secrets", [])


def scopes() -> List[Dict[str, Any]]:
    """The scopes that can be read."""
    return _ask("GET", "/api/2.0/secrets/scopes/list").get("scopes", [])


def run_notebook(path: str, seconds: int, parameters: Dict[str, str]) -> str:
    """Run a notebook as a run of its own, and wait for it; what it exits with."""
    task = {"task_key": "notebook", "notebook_task": {"notebook_path": path, "base_parameters": parameters}}
    said = {
        "run_name": path.rpartition("/")[2],
        "tasks": [task],
        "timeout_seconds": seconds,
        "idempotency_token": uuid.uuid4().hex,
    }
    run_id = _ask("POST", "/api/2.1/jobs/runs/submit", **said)["run_id"]
    while True:
        run = _ask("GET", "/api/2.1/jobs/runs/get", run_id=run_id)
        if run["state"]["life_cycle_state"] in _ENDS:
            break
        time.sleep(_PAUSE)
    found = _ask("GET", "/api/2.1/jobs/runs/get-output", run_id=run["tasks"][0]["run_id"])
    if run["state"].get("result_state") != "SUCCESS":
        raise ServerSaysNo(f"the notebook {path} failed: {found.get('error') or run['state'].get('state_message')}")
    return found.get("notebook_output", {}).get("result", "")


def _ask(method: str, path: str, **said: Any) -> Dict[str, Any]:
    url = os.environ["DATABRICKS_HOST"].rstrip("/") + path
    body = None
    if method == "GET":
        url += "?" + urllib.parse.urlencode(said)
    else:
        body = json.dumps(said).encode()
    headers = {"Authorization": "Bearer " + os.environ["DATABRICKS_TOKEN"], "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  the address of the server itself
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  as above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ServerSaysNo(_words(error)) from None


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError):
        return str(error)
