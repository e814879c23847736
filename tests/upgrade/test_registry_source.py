"""A registry that answers slowly, wrongly or with malice, over HTTP; and what MLflow's access control says."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from modelyard.cli.moving.rest import RestSource
from modelyard.cli.moving.sources import opened
from modelyard.errors import Failure, Invalid
from modelyard.upgrade.moving.inventory import Wish, contents, document, inventory
from modelyard.upgrade.moving.registry import Permission

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
ONE = {"name": "fraud", "version": "1", "current_stage": "Production"}


class Registry(BaseHTTPRequestHandler):
    """Answers what the test says: JSON, bytes, a status, or a list of those, one after the other."""

    answers: dict[str, Any]
    heard: list[tuple[str, str | None]]
    counts: Counter[str]

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        self.heard.append((self.path, self.headers.get("authorization")))
        key = f"{path}?path={query['path']}" if "path" in query else path
        said = self.answers.get(key, 404)
        if isinstance(said, list):
            said = said[min(self.counts[key], len(said) - 1)]
            self.counts[key] += 1
        said = said(self.headers["host"]) if callable(said) else said
        body = said if isinstance(said, bytes) else json.dumps(said if isinstance(said, dict) else {}).encode()
        self.send_response(said if isinstance(said, int) else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _path(key: str) -> str:
    if key.startswith("/"):
        return key
    return key.replace("FILES", FILES) if key.startswith("FILES") else f"{API}/{key}"


@contextmanager
def registry(**answers: Any) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:  # noqa: ANN401  JSON values
    heard: list[tuple[str, str | None]] = []
    said = {_path(key): value for key, value in answers.items()}
    kind = type("Answering", (Registry,), {"answers": said, "heard": heard, "counts": Counter[str]()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def found(**more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON values
    return {
        "registered-models/search": {"registered_models": [{"name": "fraud"}]},
        "registered-models/get": {"registered_model": {"name": "fraud"}},
        "model-versions/search": {"model_versions": [ONE]},
        "model-versions/get-download-uri": {"artifact_uri": "mlflow-artifacts:/a"},
        "FILES?path=a": {"files": [{"path": "MLmodel", "file_size": 4}]},
        "FILES/a/MLmodel": b"x: 1",
        **more,
    }


def problem(uri: str) -> str:
    told = document(inventory(opened(uri), Wish()))
    return str(told["models"][0]["versions"][0]["problem"])


def test_a_server_that_is_busy_is_asked_again() -> None:
    search = [503, 429, {"registered_models": [{"name": "fraud"}]}]
    with registry(**found(**{"registered-models/search": search, "FILES/a/MLmodel": [502, b"x: 1"]})) as (uri, _):
        told = document(inventory(opened(uri), Wish()))
    assert (told["summary"]["versions"], told["summary"]["bytes"], told["summary"]["refused"]) == (1, 4, 0)


def test_pages_are_followed_and_end_also_where_a_server_repeats_itself() -> None:
    page = {"registered_models": [{"name": "fraud"}], "next_page_token": "again"}
    with registry(**found(**{"registered-models/search": page})) as (uri, _):
        assert list(opened(uri).names()) == ["fraud", "fraud"]


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("file:///etc", "does not hand out"),
        ("/etc", "does not hand out"),
        ("http://169.254.169.254/latest", "does not hand out"),
        ("mlflow-artifacts://elsewhere:80/a", "another server"),
        ("mlflow-artifacts:/../../etc", "cannot hold empty levels"),
    ],
)
def test_a_place_that_the_registry_says_is_not_opened(location: str, says: str) -> None:
    with registry(**found(**{"model-versions/get-download-uri": {"artifact_uri": location}})) as (uri, heard):
        assert says in problem(uri)
    assert not any("artifacts" in path for path, _ in heard)


@pytest.mark.parametrize("name", ["..", "a\\b", "x" * 300, ""])
def test_a_file_whose_name_leads_out_is_refused(name: str) -> None:
    with registry(**found(**{"FILES?path=a": {"files": [{"path": name, "file_size": 4}]}})) as (uri, _):
        assert "path" in problem(uri)


def test_folders_without_an_end_do_not_hold_it_up() -> None:
    again = {"files": [{"path": "a", "is_dir": True}]}
    deep = {f"FILES?path={'/'.join(['a'] * depth)}": again for depth in range(1, 70)}
    with registry(**found(**deep)) as (uri, _):
        assert "64 levels" in problem(uri)


def test_a_file_that_is_gone_and_answers_that_are_no_json_are_lines() -> None:
    with registry(**found(**{"FILES/a/MLmodel": 404})) as (uri, _):
        assert "404" in problem(uri)
    with registry(**found(**{"model-versions/get-download-uri": b"<html>"})) as (uri, _):
        assert "no JSON" in problem(uri)


def test_credentials_come_from_the_environment_and_are_not_part_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    with registry(**found()) as (uri, heard):
        source = RestSource(uri)
        assert contents(source, "fraud", 1).has_model
        assert {shown for _, shown in heard} == {"Bearer sesame"}
        assert (source.uri, source.id) == (uri, uri.removeprefix("http://"))
    with pytest.raises(Invalid, match="MLFLOW_TRACKING_TOKEN"):
        opened("http://user:sesame@old:5000")
    with pytest.raises(Failure, match="begins with"):
        opened("postgresql://old/mlflow")


def test_levels_of_users_are_read_as_mlflow_tells_them() -> None:
    """The answers are those of MLflow 3.17.2 with `--app-name basic-auth`, recorded and shortened."""
    users = [{"id": 1, "is_admin": True, "username": "boss"}, {"id": 3, "is_admin": False, "username": "bob"}]
    held = [{"permission": "EDIT", "resource_pattern": "fraud", "resource_type": "registered_model", "role_id": 2}]
    other = [{"permission": "READ", "resource_pattern": "0", "resource_type": "experiment", "role_id": 2}]
    listed = [{"is_admin": True, "permissions": []}, {"is_admin": False, "permissions": held + other}]
    listing, permissions = f"{API}/users/list", "/api/3.0/mlflow/users/permissions/list"
    with registry(**{listing: {"users": users}, permissions: listed}) as (uri, _):
        told = RestSource(uri).permissions()
    assert told == {"*": [Permission("boss", "ADMIN")], "fraud": [Permission("bob", "EDIT")]}


def test_halves_of_characters_and_nests_without_an_end_are_lines() -> None:
    half = b'{"registered_models": [{"name": "fr\\ud800ud"}, {"name": "fraud"}]}'
    with registry(**found(**{"registered-models/search": half})) as (uri, _):
        told = document(inventory(opened(uri), Wish()))
    assert {each["name"] for each in told["models"]} == {"fr?ud", "fraud"}
    json.dumps(told, ensure_ascii=False).encode()
    with registry(**found(**{"registered-models/get": b'{"a":' * 100_000})) as (uri, _):
        told = document(inventory(opened(uri), Wish()))
    assert "no JSON" in told["models"][0]["problem"]


def test_who_is_not_known_there_is_told_what_to_set() -> None:
    with (
        registry(**{"registered-models/search": 401}) as (uri, _),
        pytest.raises(Failure, match="MLFLOW_TRACKING_TOKEN"),
    ):
        list(opened(uri).names())


def test_a_registry_without_access_control_tells_nothing() -> None:
    with registry(**found()) as (uri, _):
        assert RestSource(uri).permissions() is None


# A workspace


LISTING, SIGNED = "model-versions/list-artifacts", "model-versions/get-signed-download-uri"


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], str]:
    """Writes a profile with a host; the registry's address by it."""
    file = tmp_path / "profiles"
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(file))

    def write(host: str) -> str:
        file.write_text(f"[old]\nhost = {host}\ntoken = dapi1\n\n[bare]\nhost = {host}\n")
        return "databricks://old"

    return write


def of_workspace(**more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON values
    listed = {"files": [{"path": "MLmodel", "is_dir": False, "file_size": 4}]}
    return found(**{LISTING: listed, **more})


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "file:///etc/passwd", "", "https://[", "ftp://cloud/a"]
)
def test_a_place_that_a_workspace_signs_is_asked_over_https_and_without_its_token(
    profile: Callable[[str], str], url: str
) -> None:
    with registry(**of_workspace(**{f"{SIGNED}?path=MLmodel": {"signed_uri": url}})) as (host, heard):
        assert problem(profile(host)) == "the workspace gave no https address for a file."
    assert {token for _, token in heard} == {"Bearer dapi1"}


def test_a_file_is_fetched_again_where_the_cloud_of_a_workspace_is_busy(profile: Callable[[str], str]) -> None:
    signed = {f"{SIGNED}?path=MLmodel": lambda host: {"signed_uri": f"http://{host}/cloud/MLmodel?s=1"}}
    with registry(**of_workspace(**{"/cloud/MLmodel": [503, b"x: 1"], **signed})) as (host, heard):
        assert problem(profile(host)) == "None"
    assert [token for path, token in heard if path.startswith("/cloud/")] == [None, None]


@pytest.mark.parametrize("kind", [{"is_dir": False, "file_size": 4}, {"is_dir": True}], ids=["file", "folder"])
@pytest.mark.parametrize("path", ["../MLmodel", "/etc/passwd", "a/../../b", ""])
def test_a_path_that_a_workspace_lists_stays_inside(
    profile: Callable[[str], str], path: str, kind: dict[str, Any]
) -> None:
    says = "cannot hold" if path else "has no name"
    listed = {"files": [{"path": "MLmodel", "file_size": 4}, {"path": path, **kind}]}
    with registry(**of_workspace(**{LISTING: listed})) as (host, heard):
        assert says in problem(profile(host))
    assert sum("list-artifacts" in asked for asked, _ in heard) == 1


def test_what_a_workspace_does_not_tell_is_a_line(profile: Callable[[str], str]) -> None:
    with registry(**of_workspace(**{"/api/2.0/permissions/registered-models/None": 403})) as (host, _):
        told = document(inventory(opened(profile(host)), Wish()))
    assert (told["permissions_told"], told["webhooks"]) == (False, None)
    assert [line.partition(":")[0] for line in told["problems"]] == [
        "permissions could not be read", "webhooks could not be read",
    ]  # fmt: skip


def test_a_profile_that_is_not_there_or_not_whole_is_told(profile: Callable[[str], str]) -> None:
    profile("https://old.example.com")
    with pytest.raises(Failure, match="has no profile DEFAULT"):
        opened("databricks")
    with pytest.raises(Failure, match="needs a host and a token"):
        opened("databricks://bare")
    with registry(**{"registered-models/search": 401}) as (host, _), pytest.raises(Failure, match="into its profile"):
        list(opened(profile(host)).names())
