"""Sets a fresh Modelyard up: a catalog, and a caller who is nobody special.

The caller is a service principal that holds only grants, made on the catalog, so that every measured request
walks the whole way: authentication, decision over inherited privileges, journal. An administrator might take
a short cut.
"""

from __future__ import annotations

from typing import Any

import httpx

from benchmarks import names

GRANTS = ("USE_CATALOG", "USE_SCHEMA", "EXECUTE", "CREATE_MODEL_VERSION")
UNITY = "/api/2.1/unity-catalog"
SERVICE_PRINCIPAL = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"


class PrepareError(Exception):
    """Modelyard refused a call that prepares the benchmark."""


class Caller:
    """Plain REST calls with one token; the first three methods need the administrator's."""

    def __init__(self, address: str, token: str) -> None:
        """Speak to the server at `address`."""
        self._client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def call(self, method: str, path: str, said: object = None) -> dict[str, Any]:
        """Return what the server answered; raise `PrepareError` unless it is a success."""
        return self._success(self._client.request(method, path, json=said))

    def put_bytes(self, path: str, content: bytes) -> None:
        """Upload a small file."""
        self._success(self._client.put(path, content=content))

    def _success(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            request = answer.request
            said = f"{answer.status_code}: {answer.text[:300]}"
            raise PrepareError(f"{request.method} {request.url.path} answered {said}")
        return answer.json() if answer.content else {}

    def open_catalog(self) -> None:
        """Make the catalog and schema of the benchmark."""
        self.call("POST", f"{UNITY}/catalogs", {"name": names.CATALOG})
        self.call("POST", f"{UNITY}/schemas", {"name": names.SCHEMA, "catalog_name": names.CATALOG})

    def caller_token(self) -> str:
        """Make the service principal, grant it what the measured calls need, and return a token of it."""
        principal = self.call(
            "POST",
            "/api/2.0/preview/scim/v2/ServicePrincipals",
            {"schemas": [SERVICE_PRINCIPAL], "displayName": "benchmark", "active": True},
        )
        identity = str(principal["applicationId"])
        self.call(
            "PATCH",
            f"{UNITY}/permissions/catalog/{names.CATALOG}",
            {"changes": [{"principal": identity, "add": list(GRANTS), "remove": []}]},
        )
        made = self.call(
            "POST",
            "/api/2.0/token-management/on-behalf-of/tokens",
            {"application_id": identity, "comment": "benchmark", "lifetime_seconds": 86_400},
        )
        return str(made["token_value"])

    def pending_version(self, name: str) -> str:
        """Make a version of the model `name` with an MLmodel file, not finalized; return its number."""
        answer = self.call(
            "POST",
            "/api/2.0/mlflow/unity-catalog/model-versions/create",
            {"name": name, "source": names.SOURCE, "run_id": "", "feature_deps": ""},
        )
        version = str(answer["model_version"]["version"])
        self.put_bytes(names.file_path(name, version, "MLmodel"), names.MLMODEL)
        return version
