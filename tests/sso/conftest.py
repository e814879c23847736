"""A provider, a server for each database whose people sign in there, and browsers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import create_engine, text

from modelyard.config import Settings
from tests.sso import provider as provider_script
from tests.support import Server, clean_environment

CLIENT_ID, CLIENT_SECRET = provider_script.CLIENT_ID, provider_script.CLIENT_SECRET


@dataclass
class Idp:
    """The provider as tests see it."""

    url: str

    def say(self, **how: Any) -> None:  # noqa: ANN401  JSON
        httpx.post(f"{self.url}/control", json=how, trust_env=False).raise_for_status()

    def is_to_vouch_for(self, subject: str, **claims: Any) -> None:  # noqa: ANN401  JSON
        self.say(claims={"sub": subject, "email": f"{subject}@example.com", **claims})

    def asked(self, path: str) -> int:
        return httpx.get(f"{self.url}/control", trust_env=False).json()["asked"].get(path, 0)

    def settings(self, data: Path, **others: Any) -> Settings:  # noqa: ANN401  any setting
        return Settings(
            data=data,
            oidc_issuer=self.url,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
            outbound_allowed=("127.0.0.1",),
            **others,
        )


@pytest.fixture(scope="session")
def provider_process() -> Iterator[Idp]:
    command = [sys.executable, provider_script.__file__ or ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment()) as process:
        assert process.stdout is not None
        yield Idp(f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.terminate()


@pytest.fixture
def idp(provider_process: Idp) -> Idp:
    """The provider, well behaved."""
    provider_process.say()
    return provider_process


@dataclass
class Site:
    """A server whose people sign in at the provider."""

    server: Server
    idp: Idp
    browsers: list[Browser] = field(default_factory=list)

    def browser(self) -> Browser:
        self.browsers.append(Browser(self.server.url))
        return self.browsers[-1]

    def rows(self, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401  any column
        """What the database holds, past the server."""
        url = self.server.database or f"sqlite:///{self.server.data / 'modelyard.db'}"
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.begin() as connection:
                done = connection.execute(text(statement), values)
                return list(done.all()) if done.returns_rows else []
        finally:
            engine.dispose()

    def refusals(self) -> list[str]:
        """Why sign-ins were refused, by the audit."""
        told = "SELECT message FROM audit WHERE action_name = 'signIn' AND result = 'refused' AND error <> ''"
        return [message for (message,) in self.rows(told)]


class Browser:
    """What a browser does: it keeps cookies, and is sent from one place to the next."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def begin(self, **query: str) -> str:
        """Ask to sign in; returns where the browser is sent."""
        sent = self.http.get("/login", params=query)
        assert sent.status_code == 303, sent.text
        return sent.headers["location"]

    def authorize(self, url: str) -> str:
        """Sign in at the provider; returns where the browser is sent back to."""
        sent = httpx.get(url, trust_env=False)
        assert sent.status_code == 302, sent.text
        return sent.headers["location"]

    def sign_in(self, **query: str) -> httpx.Response:
        """The whole way there and back; returns the answer to coming back."""
        return self.http.get(self.authorize(self.begin(**query)))

    @property
    def session(self) -> str:
        """The secret in the cookie."""
        return self.http.cookies.get("modelyard-loopback") or ""

    def me(self) -> dict[str, Any]:
        return self.http.get("/session").raise_for_status().json()

    def page(self) -> dict[str, str]:
        """The headers that a page of the server sends with what it asks."""
        return {"origin": self.url, "x-modelyard-csrf": self.me()["csrf_token"]}


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider_process: Idp
) -> Iterator[Site]:
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres").make()
    settings = {
        "oidc_issuer": provider_process.url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_create_users": "true",
        "outbound_allowed": "127.0.0.1",
        "allowed_hosts": "models.example.com",
    }
    server = Server(tmp_path_factory.mktemp("sso") / "data", database, settings).start()
    yield Site(server, provider_process)
    server.stop()


@pytest.fixture
def site(shared_site: Site, idp: Idp) -> Iterator[Site]:
    """A server on each database; tests keep apart by signing in as somebody else each."""
    assert shared_site.idp is idp
    yield shared_site
    while shared_site.browsers:
        shared_site.browsers.pop().http.close()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
