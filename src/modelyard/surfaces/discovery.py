"""What anybody may ask: where things are, and whether the server is well."""

from __future__ import annotations

from typing import Final

from modelyard.surfaces.wire import Here, Public, Row


def _databricks_config(here: Here) -> object:
    """Asked before every call of MLflow's client, so it is constant and cheap (protocol notes §1.d)."""
    return {"oidc_endpoint": f"{here.base_url}/oidc", "workspace_id": str(here.workspace_id), "cloud": "AWS"}


ROWS: Final[tuple[Row, ...]] = (
    Public("GET", "/.well-known/databricks-config", _databricks_config),
    Public("GET", "/health", lambda _here: {"status": "ok"}),
    Public("GET", "/ready", lambda _here: {"status": "ready"}, check=True),
)
