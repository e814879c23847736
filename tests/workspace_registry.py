"""The model registry of a Databricks workspace, as far as MLflow's own client and the SDK know it.

None was at hand to record. So a real `mlflow server` answers what both have in common, and this front adds what only a
workspace has, in the shapes of MLflow's `DatabricksModelsArtifactRepository` and of the SDK: tests let both read it,
too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx

from tests.old_registry import OldRegistry

API = "/api/2.0/mlflow"
MAX_NAME = 500
TOKEN = "dapi-of-the-old-workspace"


@dataclass
class Workspace:
    """The front: who holds what on which model, and what was heard: paths with the Authorization that came along."""

    old: OldRegistry
    holders: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    webhooks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    heard: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    url: str = ""

    def answer(self, path: str, said: dict[str, str]) -> tuple[int, Any]:
        """What a workspace answers to somebody with its token."""
        match path.removeprefix(API):
            case "/model-versions/list-artifacts":
                return 200, self._listed(self._place(said), said.get("path", ""), said.get("page_token"))
            case "/model-versions/get-signed-download-uri":
                told = [{"name": "x-signed", "value": "yes"}]
                place = (self._place(said) / said["path"]).relative_to(self.old.artifacts)
                return 200, {"signed_uri": f"{self.url}/cloud/{quote(str(place))}?sig=s", "headers": told}
            case "/databricks/registered-models/get":
                return 200, {"registered_model_databricks": {"id": f"id-{said['name']}", "name": said["name"]}}
            case "/registry-webhooks/list":
                return 200, {"webhooks": self.webhooks}
            case _ if path.startswith("/api/2.0/permissions/registered-models/id-"):
                return 200, {"access_control_list": self.holders.get(path.rpartition("id-")[2], [])}
            case _:
                answer = httpx.get(f"{self.old.url}{path}", params=said, timeout=60, trust_env=False)
                return answer.status_code, self._taken(answer.json())

    @staticmethod
    def _taken(told: dict[str, Any]) -> dict[str, Any]:
        """Without models of names that no workspace takes."""
        models = told.get("registered_models", [])
        fine = [each for each in models if len(each["name"]) < MAX_NAME and "/" not in each["name"]]
        return {**told, "registered_models": fine} if models else told

    def _place(self, said: dict[str, str]) -> Path:
        asked = {"name": said["name"], "version": said["version"]}
        where = f"{self.old.url}{API}/model-versions/get-download-uri"
        told = httpx.get(where, params=asked, timeout=60, trust_env=False).raise_for_status().json()["artifact_uri"]
        return self.old.artifacts / told.removeprefix("mlflow-artifacts:/")

    @staticmethod
    def _listed(place: Path, inside: str, token: str | None) -> dict[str, Any]:
        """Two at a time, so that there are pages."""
        folder, start = place / inside, int(token or 0)
        found = [
            {"path": str(each.relative_to(place)), "is_dir": each.is_dir(), "file_size": each.stat().st_size}
            for each in sorted(folder.iterdir())
        ]
        more = {"next_page_token": str(start + 2)} if len(found) > start + 2 else {}
        return {"files": found[start : start + 2], **more}


@contextmanager
def workspace(old: OldRegistry) -> Iterator[Workspace]:
    """A workspace that is closed at the end."""
    made = Workspace(old)

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            made.heard.append((self.path, token := self.headers.get("authorization")))
            if parts.path.startswith("/cloud/"):  # clouds refuse whoever shows a token beside a signature
                signed = self.headers.get("x-signed") == "yes" and parts.query == "sig=s" and not token
                place = old.artifacts / unquote(parts.path.removeprefix("/cloud/"))
                self._send(200 if signed else 403, place.read_bytes() if signed else b"{}")
            elif parts.path == "/.well-known/databricks-config":
                self._send(404, b"{}")
            elif token != f"Bearer {TOKEN}":
                self._send(401, b'{"error_code": "UNAUTHENTICATED", "message": "who?"}')
            else:
                status, told = made.answer(parts.path, dict(parse_qsl(parts.query)))
                self._send(status, json.dumps(told).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Front) as front:
        made.url = f"http://127.0.0.1:{front.server_port}"
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield made
        front.shutdown()
