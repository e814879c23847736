"""A fixture that gives commands to the command line, as a shell would, without starting a process for each."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from modelyard.cli import main
from tests.support import LEGACY, Server, clean_environment


@dataclass
class Answer:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever JSON holds
        return json.loads(self.out)


@dataclass
class CommandLine:
    """`modelyard`, for one server: as the admin, or as whoever a token belongs to."""

    server: Server
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, token: str = "", typed: bytes = b"") -> Answer:
        return self.alone(*words, "--data", str(self.server.data), token=token, typed=typed)

    def alone(self, *words: str, token: str = "", typed: bytes = b"") -> Answer:
        """A command that asks no server, and so has no option that names one."""
        out, err = io.StringIO(), io.StringIO()
        with self.monkeypatch.context() as patch:
            for name in os.environ.keys() - clean_environment().keys() | {"FORCE_COLOR"}:
                patch.delenv(name, raising=False)
            if token:
                patch.setenv("DATABRICKS_TOKEN", token)
            patch.setattr(sys, "argv", ["modelyard", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                return Answer(_status(), out.getvalue(), err.getvalue())

    def do(self, *words: str, token: str = "", typed: bytes = b"") -> Answer:
        """A command that must succeed."""
        answer = self(*words, token=token, typed=typed)
        assert answer.status == 0, answer.err
        return answer

    def ask(self, *words: str, token: str = "") -> Any:  # noqa: ANN401  whatever JSON holds
        """The JSON that a command prints."""
        return self.do(*words, "--json", token=token).json

    def refusal(self, *words: str, token: str = "", typed: bytes = b"") -> str:
        """The one sentence of a command that is refused."""
        answer = self(*words, token=token, typed=typed)
        assert (answer.status, answer.out) == (1, ""), answer
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1
        return answer.err.removeprefix("error: ").strip()

    def misuse(self, *words: str) -> str:
        """What is said to a command that was written wrong."""
        answer = self(*words)
        assert (answer.status, answer.out) == (2, ""), answer
        return answer.err


def _status() -> int:
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def modelyard(sqlite_server: Server, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a server of its own."""
    return CommandLine(sqlite_server, monkeypatch)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a server that does not run: for what is decided before it is asked."""
    (tmp_path / "address").write_text("http://127.0.0.1:9")
    (tmp_path / "admin-token").write_text("mypat_x")
    return CommandLine(Server(tmp_path), monkeypatch)


def register(server: Server, model: str, **files: bytes) -> int:
    """A READY version of a model, with files by their paths (`__` is a slash); its number."""
    number, answer = _finalized(server, model, files)
    assert answer.status_code == 200, answer.text
    return number


def register_refused(server: Server, model: str, **files: bytes) -> int:
    """A version that the model's schema keeps back; its number."""
    number, answer = _finalized(server, model, files)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_STATE"), answer.text
    return number


def _finalized(server: Server, model: str, files: dict[str, bytes]) -> tuple[int, httpx.Response]:
    with server.client() as admin:
        said = {"name": model, "source": "by hand"}
        made = admin.post(f"{LEGACY}/model-versions/create", json=said).raise_for_status().json()
        number = made["model_version"]["version"]
        place = f"/api/2.0/fs/files/Models/{model.replace('.', '/')}/{number}"
        for path, content in (files or {"MLmodel": b"flavors: {}"}).items():
            admin.put(f"{place}/{quote(path.replace('__', '/'))}", content=content).raise_for_status()
        ready = {"name": model, "version": number}
        return int(number), admin.post(f"{LEGACY}/model-versions/finalize", json=ready)
