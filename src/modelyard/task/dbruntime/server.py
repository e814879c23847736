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
_NOT_FOUND = 404
_ENDS = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


class ServerSaysNo(Exception):
    """The server refused, in its own words."""


class NotThere(ServerSaysNo, FileNotFoundError):
    """There is nothing of this name, or not for this principal."""


def secret(scope: str, key: str) -> bytes:
    """The value of a secret."""
    return base64.b64decode(asked("GET", "/api/2.0/secrets/get", scope=scope, key=key)["value"])


def secrets(scope: str) -> List[Dict[str, Any]]:
    """The secrets of a scope."""
    return asked("GET", "/api/2.0/secrets/list", scope=scope).get("secrets", [])


def scopes() -> List[Dict[str, Any]]:
    """The scopes that can be read."""
    return asked("GET", "/api/2.0/secrets/scopes/list").get("scopes", [])


def run_notebook(path: str, seconds: int, parameters: Dict[str, str]) -> str:
    """Run a notebook as a run of its own, and wait for it; what it exits with."""
    task = {"task_key": "notebook", "notebook_task": {"notebook_path": path, "base_parameters": parameters}}
    said = {
        "run_name": path.rpartition("/")[2],
        "tasks": [task],
        "timeout_seconds": seconds,
        "idempotency_token": uuid.uuid4().hex,
    }
    run_id = asked("POST", "/api/2.1/jobs/runs/submit", **said)["run_id"]
    while True:
        run = asked("GET", "/api/2.1/jobs/runs/get", run_id=run_id)
        if run["state"]["life_cycle_state"] in _ENDS:
            break
        time.sleep(_PAUSE)
    found = asked("GET", "/api/2.1/jobs/runs/get-output", run_id=run["tasks"][0]["run_id"])
    if run["state"].get("result_state") != "SUCCESS":
        raise ServerSaysNo(f"the notebook {path} failed: {found.get('error') or run['state'].get('state_message')}")
    return found.get("notebook_output", {}).get("result", "")


def quoted(path: str) -> str:
    """A path as addresses have it."""
    return urllib.parse.quote(path)


def asked(method: str, path: str, **said: Any) -> Dict[str, Any]:
    """The answer to a request: GET says it in the query, POST as JSON."""
    body = None
    if method != "GET":
        body = json.dumps(said).encode()
    elif said:
        path += "?" + urllib.parse.urlencode(said)
    with sent(method, path, body, "application/json") as answer:
        return json.load(answer)


def sent(method: str, path: str, body: Any = None, kind: str = "application/octet-stream") -> Any:
    """An answer that is to be read and closed; what is sent are bytes, or a file."""
    url = os.environ["DATABRICKS_HOST"].rstrip("/") + path
    headers = {"Authorization": "Bearer " + os.environ["DATABRICKS_TOKEN"], "Content-Type": kind}
    if hasattr(body, "fileno"):
        headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  the address of the server itself
    try:
        return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310  as above
    except urllib.error.HTTPError as error:
        raise (NotThere if error.code == _NOT_FOUND else ServerSaysNo)(_words(error)) from None


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError):
        return str(error)
