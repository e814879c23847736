"""The HTTP client of the commands: they see the server as any other client does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from modelyard.errors import Failure, Invalid, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from modelyard.config import Settings

MLFLOW: Final = "/api/2.0/mlflow/unity-catalog"
UNITY: Final = "/api/2.1/unity-catalog"
SCIM: Final = "/api/2.0/preview/scim/v2"
_TIMEOUT_SECONDS: Final = 60


class Told(Failure):
    """The server has refused, in its own words."""


def read(file: Path) -> str:
    """The line in a file, or the empty string."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""


class Client:
    """One server, reached with one token: from DATABRICKS_HOST and DATABRICKS_TOKEN, else from the data folder."""

    def __init__(self, settings: Settings) -> None:
        folder = settings.folder
        host = os.environ.get("DATABRICKS_HOST") or read(folder / "address")
        token = os.environ.get("DATABRICKS_TOKEN") or read(folder / "admin-token")
        if not host or not token:
            raise Invalid(
                "no server is known. Start one with `modelyard serve`, name its --data, "
                "or set DATABRICKS_HOST and DATABRICKS_TOKEN.",
            )
        self.host = host.rstrip("/")
        self._http = httpx.Client(
            base_url=self.host,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
            trust_env=self.host.startswith("https"),
        )

    def ask(self, method: str, path: str, **said: object) -> dict[str, Any]:
        """Send a request: GET and DELETE say it in the query, others as JSON. Failures are told by the server."""
        told = {key: value for key, value in said.items() if value is not None}
        in_query = method in {"GET", "DELETE"}
        try:
            answer = self._http.request(
                method, path,
                params=cast("dict[str, str]", {key: _text(value) for key, value in told.items()}) if in_query else None,
                json=None if in_query else told,
            )  # fmt: skip
        except httpx.HTTPError:
            raise Unavailable(f"{self.host} does not answer. Is the server running? `modelyard doctor` looks.") from None
        return _read(answer)

    def all(self, path: str, key: str, **said: object) -> list[dict[str, Any]]:
        """Every item of a paged list."""
        found: list[dict[str, Any]] = []
        token = None
        while True:
            page = self.ask("GET", path, page_token=token, **said)
            found += page.get(key, [])
            token = page.get("next_page_token")
            if not token:
                return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = cast("dict[str, Any]", answer.json()) if answer.content else {}
    except ValueError:
        raise Told(f"the server answered {answer.status_code}, and no JSON; is it Modelyard?") from None
    if answer.is_success:
        return body
    raise Told(str(body.get("message") or body.get("detail") or f"the server answered {answer.status_code}"))
