"""What the tests of the surfaces say often: catalogs of their own, users with grants, files of a version."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from tests.support import LEGACY, UNITY, Server

FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"
MLMODEL = b"artifact_path: model\nmodel_id: m-0123456789abcdef0123456789abcdef\n"
HERE = str(Path(__file__).parents[2])
LEAKS = ("Traceback", "sqlite3", "psycopg", "SELECT ", "INSERT ", "UPDATE ", "/tmp", "/root", HERE)  # noqa: S108
OUR_FILE = re.compile(r"\.py[cdo]?\b")

_numbers = itertools.count()


def refusal(response: httpx.Response, status: int, code: str) -> str:
    """The message of an answer that must be this refusal, in the common envelope and without a leak."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    told = response.json()
    assert told["error_code"] == code, told
    assert told["message"]
    check_no_leak(response.text)
    return told["message"]


def check_no_leak(text: str) -> None:
    text = text.replace("SELECT on ", "")  # a privilege, and no SQL
    assert not OUR_FILE.search(text), text[:500]
    for leak in LEAKS:
        assert leak not in text, f"{leak} in {text[:500]}"


@dataclass(frozen=True)
class Folder:
    """The files of a version, for one caller."""

    client: httpx.Client
    model: str
    number: int

    @property
    def root(self) -> str:
        return f"/Models/{self.model.replace('.', '/')}/{self.number}"

    def at(self, path: str = "") -> str:
        return f"{self.root}/{path}" if path else self.root

    def file(self, path: str) -> str:
        return FILES + quote(self.at(path))

    def directory(self, path: str = "") -> str:
        return DIRECTORIES + quote(self.at(path))

    def put(self, path: str, content: bytes, **query: str) -> httpx.Response:
        return self.client.put(self.file(path), content=content, params=query)

    def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(self.file(path), headers=named)

    def names(self, path: str = "") -> list[str]:
        return [entry["name"] for entry in self.client.get(self.directory(path)).raise_for_status().json()["contents"]]

    def seen_by(self, client: httpx.Client) -> Folder:
        return Folder(client, self.model, self.number)


class World:
    """A running server and its admin."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin = server.client()
        self._clients = [self.admin]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def schema(self) -> str:
        """A new schema in a new catalog."""
        name = f"cat{next(_numbers)}.sch"
        self.server.make_containers(name)
        return name

    def model(self) -> str:
        """A new registered model in a new catalog, owned by the admin."""
        name = self.schema() + ".model"
        self.legacy("POST", "registered-models/create", name=name).raise_for_status()
        return name

    def prompt(self, *templates: str) -> str:
        """A new prompt in a new catalog, owned by the admin, with a version for each template, or with one."""
        name = self.schema() + ".prompt"
        self.legacy("POST", "prompts", name=name).raise_for_status()
        for template in templates or ("Hello {{name}}",):
            version = {"template": json.dumps(template)}
            self.legacy("POST", f"prompts/{name}/versions", name=name, prompt_version=version).raise_for_status()
        return name

    def version(self, model: str, client: httpx.Client | None = None, **said: object) -> int:
        """A new version of a model, waiting for its files."""
        told = {"name": model, "source": "somewhere", **said}
        made = (client or self.admin).post(f"{LEGACY}/model-versions/create", json=told).raise_for_status()
        return int(made.json()["model_version"]["version"])

    def ready(self, model: str, files: dict[str, bytes] | None = None) -> int:
        """A new READY version of a model."""
        number = self.version(model)
        folder = Folder(self.admin, model, number)
        for path, content in {"MLmodel": MLMODEL, **(files or {})}.items():
            folder.put(path, content).raise_for_status()
        self.legacy("POST", "model-versions/finalize", name=model, version=str(number)).raise_for_status()
        return number

    def folder(self, model: str | None = None) -> Folder:
        """The files of a new version."""
        name = model or self.model()
        return Folder(self.admin, name, self.version(name))

    def legacy(self, method: str, path: str, **said: object) -> httpx.Response:
        return legacy(self.admin, method, path, **said)

    def user(self, *grants: tuple[str, str, tuple[str, ...]]) -> tuple[str, httpx.Client]:
        """A new user's name, and a client that speaks for it."""
        name = f"user{next(_numbers)}@example.com"
        client = self.server.client(self.server.make_user(name))
        self._clients.append(client)
        for kind, full_name, privileges in grants:
            self.server.grant(kind, full_name, name, *privileges)
        return name, client

    def user_of(self, model: str, *privileges: str) -> tuple[str, httpx.Client]:
        """A new user with passage to a model, and privileges on it."""
        catalog = model.partition(".")[0]
        passage = ("catalog", catalog, ("USE_CATALOG", "USE_SCHEMA"))
        return self.user(passage, *([("function", model, privileges)] if privileges else []))

    def take(self, kind: str, full_name: str, principal: str, *privileges: str) -> None:
        """Revoke privileges."""
        change = {"changes": [{"principal": principal, "remove": list(privileges)}]}
        self.admin.patch(f"{UNITY}/permissions/{kind}/{full_name}", json=change).raise_for_status()

    def raw(self, method: str, target: str, body: bytes = b"", token: str | None = None) -> httpx.Response:
        """A request whose target is sent as it is: clients would tidy up its dots."""
        address = urlsplit(self.server.url)
        with contextlib.closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)) as line:
            line.request(method, target, body, {"Authorization": f"Bearer {token or self.server.token}"})
            answer = line.getresponse()
            return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.read())

    @contextlib.contextmanager
    def line(self) -> Iterator[socket.socket]:
        """A bare connection."""
        address = urlsplit(self.server.url)
        with socket.create_connection((str(address.hostname), address.port or 80), timeout=30) as line:
            yield line


def legacy(client: httpx.Client, method: str, path: str, **said: object) -> httpx.Response:
    """A call as MLflow's client makes it: a query with GET, a JSON body with all others."""
    where = f"{LEGACY}/{path}"
    if method == "GET":
        return client.get(where, params={name: str(value) for name, value in said.items()})
    return client.request(method, where, json=said)
