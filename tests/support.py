"""What tests are made of: real databases, a real server process, and a world of principals and securables."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

from modelyard import app
from modelyard.action import Action
from modelyard.config import Settings
from modelyard.domain.access import Bearer
from modelyard.domain.journal import Origin
from modelyard.gate import Gate
from tests.starting import begin

HOST_VARIABLES = ("DATABRICKS_HOST", "DATABRICKS_TOKEN")
LEGACY = "/api/2.0/mlflow/unity-catalog"
UNITY = "/api/2.1/unity-catalog"
SCIM = "/api/2.0/preview/scim/v2"


def stands_again(path: str) -> bool:
    """Whether a row of the table is another one once more, under another prefix: the long sweep asks it, too."""
    return path.startswith(("/api/2.0/preview/mlflow/", "/mlflow/ajax-api/"))


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment of a child process, without settings or tokens of whoever runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MODELYARD_", "DATABRICKS_", "MLFLOW_"))
    }
    return {**kept, **extra}


@dataclass
class Server:
    """A real `modelyard serve` process."""

    data: Path
    database: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    process: BaseProcess | None = None

    def start(self) -> Server:
        (self.data / "address").unlink(missing_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        arguments = ["serve", "--data", str(self.data), "--port", "0"]
        if self.database:
            arguments += ["--database", self.database]
        variables = {f"MODELYARD_{name.upper()}": value for name, value in self.settings.items()}
        self.process = begin(arguments, clean_environment(**variables), self.data / "log")
        self._await_health()
        return self

    def _await_health(self) -> None:
        until = time.monotonic() + 180
        while time.monotonic() < until:
            if self.process is None or not self.process.is_alive():
                break
            with contextlib.suppress(OSError, httpx.HTTPError):
                # The certificates of tests sign themselves; here it only matters whether somebody answers.
                if httpx.get(f"{self.url}/health", timeout=1, trust_env=False, verify=False).is_success:  # noqa: S501
                    return
            time.sleep(0.02)
        raise AssertionError("the server did not start:\n" + (self.data / "log").read_text())

    @property
    def url(self) -> str:
        return (self.data / "address").read_text().strip()

    @property
    def token(self) -> str:
        return (self.data / "admin-token").read_text().strip()

    @property
    def pid(self) -> int:
        assert self.process is not None
        assert self.process.pid is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL: the process has no chance to tidy up."""
        if self.process is not None:
            self.process.kill()
            self.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.is_alive():
            self.process.terminate()
            self.wait(20)

    def wait(self, seconds: float) -> int:
        """The exit status of a process that ends within some seconds, negative for a signal."""
        assert self.process is not None
        self.process.join(seconds)
        assert self.process.exitcode is not None, f"the server goes on after {seconds} s"
        return self.process.exitcode

    def client(self, token: str | None = None) -> httpx.Client:
        """An HTTP client that shows a token: the admin's, if none is given; none at all for the empty string."""
        shown = self.token if token is None else token
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def environment(self, token: str | None = None) -> dict[str, str]:
        """The two variables that clients need."""
        return {"DATABRICKS_HOST": self.url, "DATABRICKS_TOKEN": token or self.token}

    def make_user(self, name: str) -> str:
        """Make a user, and a token for it, which is returned."""
        with self.client() as admin:
            admin.post(f"{SCIM}/Users", json={"userName": name}).raise_for_status()
            made = admin.post("/api/2.0/token-management/on-behalf-of/tokens", json={"principal": name})
            return made.raise_for_status().json()["token_value"]

    def grant(self, kind: str, full_name: str, principal: str, *privileges: str) -> None:
        change = {"changes": [{"principal": principal, "add": list(privileges)}]}
        with self.client() as admin:
            admin.patch(f"{UNITY}/permissions/{kind}/{full_name}", json=change).raise_for_status()

    def make_containers(self, *schemas: str) -> None:
        """Make schemas, and the catalogs that they are in."""
        with self.client() as admin:
            for catalog in {schema.split(".")[0] for schema in schemas}:
                admin.post(f"{UNITY}/catalogs", json={"name": catalog}).raise_for_status()
            for schema in schemas:
                catalog, name = schema.split(".")
                said = {"name": name, "catalog_name": catalog}
                admin.post(f"{UNITY}/schemas", json=said).raise_for_status()


@dataclass
class InProcess:
    """The server's inside without HTTP: a gate on a real database and a real byte store."""

    built: app.App
    admin: Bearer

    @property
    def gate(self) -> Gate:
        return self.built.gate

    def do(self, action: Action[Any, Any], credential: Bearer | None = None) -> Any:  # noqa: ANN401
        """An action through the gate: as the admin, if nobody else is named."""
        return self.gate.do(action, credential or self.admin, Origin("test-request"))


@contextlib.contextmanager
def in_process(data: Path, database: str = "", **settings_: str) -> Iterator[InProcess]:
    settings = Settings(data=data, database=database, **settings_)  # pyright: ignore[reportArgumentType]  only texts are asked for
    if database.startswith("postgresql"):
        app.migrate_database(settings)
    built = app.build(settings)
    try:
        yield InProcess(built, Bearer((data / "admin-token").read_text().strip()))
    finally:
        built.close()
