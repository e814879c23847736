"""MLflow's open-source client (`uc:`): it opens files by itself, so on the server's machine they go by the exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from tests.support import SCIM, UNITY, Server

SOURCE, TARGET = "staging.ml_team.shout", "prod.ml_team.shout"
UC_CLIENT = {"User-Agent": "mlflow-python-client/3.17.2"}
MLMODEL = b"flavors: {}\n"


@pytest.fixture
def mlflow_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Server], Any]:
    import mlflow  # noqa: PLC0415  only stories need MLflow

    def arrive(server: Server, token: str | None = None) -> Any:  # noqa: ANN401  the module
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLFLOW_UC_OSS_TOKEN", server.token if token is None else token)
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/tracking.db")
        mlflow.set_registry_uri(f"uc:{server.url}")
        return mlflow

    return arrive


def register(mlflow: Any) -> None:  # noqa: ANN401  the module
    class Shout(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[str]) -> list[str]:
            return [text.upper() for text in model_input]

    mlflow.pyfunc.log_model(
        name="model", python_model=Shout(), pip_requirements=["mlflow"], registered_model_name=SOURCE
    )


def files_of(server: Server, model: str) -> dict[str, bytes]:
    """Every file of version 1, by the Files API, which does not know the exchange."""
    root = f"/Models/{model.replace('.', '/')}/1"
    with server.client() as admin:
        listed = admin.get(f"/api/2.0/fs/directories{root}").raise_for_status().json()["contents"]
        return {each["name"]: admin.get(f"/api/2.0/fs/files{each['path']}").content for each in listed}


def local(url: str) -> Path:
    assert url.startswith("file:///"), url
    return Path(unquote(urlsplit(url).path))


@pytest.mark.client("MLflow 3.17.2, `uc:http://…` on the same machine", "register", "promote", "load")
def test_register_copy_and_load_and_the_files_of_the_source_are_still_there(
    start_server: Callable[..., Server], database: str, mlflow_at: Callable[..., Any]
) -> None:
    server = start_server(database)
    server.make_containers("staging.ml_team", "prod.ml_team")
    mlflow = mlflow_at(server)
    register(mlflow)
    before = files_of(server, SOURCE)
    assert "MLmodel" in before

    client = mlflow.MlflowClient()
    copied = client.copy_model_version(f"models:/{SOURCE}/1", TARGET)
    assert (copied.name, copied.version, copied.status) == (TARGET, 1, "READY")
    assert files_of(server, SOURCE) == before
    for model in (TARGET, SOURCE):
        assert mlflow.pyfunc.load_model(f"models:/{model}/1").predict(["help"]) == ["HELP"]
    assert files_of(server, SOURCE) == before
    copy = files_of(server, TARGET)
    assert {name: copy[name] for name in before} == before

    assert client.update_model_version(TARGET, "1", "louder").description == "louder"
    assert [found.name for found in client.search_registered_models()] == [TARGET, SOURCE]
    assert len(client.search_model_versions(f"name='{TARGET}'")) == 1
    client.delete_model_version(TARGET, "1")
    client.delete_registered_model(TARGET)
    assert files_of(server, SOURCE) == before


def test_without_a_token_nothing_is_told(sqlite_server: Server, mlflow_at: Callable[..., Any]) -> None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  only stories need MLflow

    mlflow = mlflow_at(sqlite_server, token="")
    for ask in (
        lambda client: client.get_model_version(SOURCE, "1"),
        lambda client: client.create_registered_model(SOURCE),
    ):
        with pytest.raises(MlflowException, match="UNAUTHENTICATED"):
            ask(mlflow.MlflowClient())


# On the wire: who gets a folder


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """The exchange is on the disk: one database will do."""
    return sqlite_server


@pytest.fixture
def uc(server: Server) -> Iterator[Callable[..., httpx.Client]]:
    """Makes clients that say they are MLflow's `uc:` client; the admin's, if no token is given."""
    server.make_containers("staging.ml_team", "prod.ml_team")
    opened: list[httpx.Client] = []

    def client(token: str | None = None, **headers: str) -> httpx.Client:
        made = server.client(token)
        made.headers.update(UC_CLIENT | {name.replace("_", "-"): value for name, value in headers.items()})
        opened.append(made)
        return made

    yield client
    for each in opened:
        each.close()


def create(client: httpx.Client, source: str = "here") -> dict[str, Any]:
    said = {"catalog_name": "staging", "schema_name": "ml_team", "model_name": "shout"}
    client.post(f"{UNITY}/models", json={**said, "name": "shout"})
    return client.post(f"{UNITY}/models/versions", json={**said, "source": source}).raise_for_status().json()


def version_url(number: int) -> str:
    return f"{UNITY}/models/{SOURCE}/versions/{number}"


def make_ready(client: httpx.Client) -> int:
    made = create(client)
    (local(made["storage_location"]) / "MLmodel").write_bytes(MLMODEL)
    client.patch(version_url(made["version"]) + "/finalize", json={"version": made["version"]}).raise_for_status()
    return made["version"]


def test_each_look_gives_a_copy_of_its_own_and_finalizing_again_answers_the_same(
    server: Server, uc: Callable[..., httpx.Client]
) -> None:
    client = uc()
    made = create(client)
    pending = local(made["storage_location"])
    assert pending.is_relative_to(server.data / "exchange")
    assert list(pending.iterdir()) == []
    assert client.get(version_url(1)).json()["storage_location"] == made["storage_location"]

    refused = client.patch(version_url(1) + "/finalize", json={})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_STATE")
    (pending / "notes").write_bytes(b"without a model")
    assert "MLmodel" in client.patch(version_url(1) + "/finalize", json={}).json()["message"]
    assert pending.exists(), "what was refused can be mended"
    (pending / "MLmodel").write_bytes(MLMODEL)
    finalized = client.patch(version_url(1) + "/finalize", json={}).json()
    assert finalized["status"] == "READY"
    assert not pending.exists()
    assert client.patch(version_url(1) + "/finalize", json={}).json() == finalized

    first, second = (local(client.get(version_url(1)).json()["storage_location"]) for _ in range(2))
    assert first != second
    for folder in (first, second):
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
            "MLmodel": MLMODEL,
            "notes": b"without a model",
        }


def test_a_link_that_was_brought_is_refused_and_the_version_stays_pending(
    server: Server, uc: Callable[..., httpx.Client]
) -> None:
    client = uc()
    folder = local(create(client)["storage_location"])
    (folder / "MLmodel").symlink_to(server.data / "admin-token")
    refused = client.patch(version_url(1) + "/finalize", json={})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert str(server.data) not in refused.text
    assert client.get(version_url(1)).json()["status"] == "PENDING_REGISTRATION"


def test_only_who_may_read_the_files_gets_a_copy_and_only_who_brings_them_a_place(
    server: Server, uc: Callable[..., httpx.Client]
) -> None:
    number = make_ready(uc())
    pending = create(uc())["version"]
    reader = uc(server.make_user("reader@example.com"))
    server.grant("catalog", "staging", "reader@example.com", "USE_CATALOG", "USE_SCHEMA")
    refused = reader.get(version_url(number))
    assert refused.status_code == 403
    assert "EXECUTE" in refused.json()["message"]
    assert reader.patch(version_url(pending) + "/finalize", json={}).status_code == 403
    assert uc("").get(version_url(number)).status_code == 401
    assert list((server.data / "exchange" / "lent").iterdir()) == []

    server.grant("function", SOURCE, "reader@example.com", "EXECUTE")
    assert local(reader.get(version_url(number)).json()["storage_location"]).is_dir()
    assert reader.get(version_url(pending)).json()["storage_location"] == f"/Models/{SOURCE.replace('.', '/')}/2"


def test_an_admin_who_only_sees_metadata_gets_no_folder(server: Server, uc: Callable[..., httpx.Client]) -> None:
    owner = server.make_user("owner@example.com")
    server.grant("catalog", "staging", "owner@example.com", "USE_CATALOG", "USE_SCHEMA", "CREATE_MODEL")
    number = make_ready(uc(owner))
    other = server.make_user("other@example.com")
    with server.client() as admin:
        found = admin.get(f"{SCIM}/Users", params={"filter": 'userName eq "other@example.com"'}).json()["Resources"]
        groups = admin.get(f"{SCIM}/Groups", params={"filter": 'displayName eq "admins"'}).json()["Resources"]
        joining = {"Operations": [{"op": "add", "path": "members", "value": [{"value": found[0]["id"]}]}]}
        admin.patch(f"{SCIM}/Groups/{groups[0]['id']}", json=joining).raise_for_status()
        for container in ("catalogs/staging", "schemas/staging.ml_team"):
            admin.patch(f"{UNITY}/{container}", json={"owner": "owner@example.com"}).raise_for_status()
    answer = uc(other).get(version_url(number))
    assert answer.status_code == 200
    assert answer.json()["storage_location"] == f"/Models/{SOURCE.replace('.', '/')}/1"


ELSEWHERE = [
    {"User_Agent": "OpenAPI-Generator/0.7.0/python"},
    {"User_Agent": "unknown/0.0.0 databricks-sdk-py/0.156.0 python/3.11.7 os/linux auth/pat"},
    {"X_Forwarded_For": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"X_Real_Ip": "127.0.0.1"},
]


def test_other_clients_and_those_behind_a_proxy_see_no_folder(server: Server, uc: Callable[..., httpx.Client]) -> None:
    number = make_ready(uc())
    for headers in ELSEWHERE:
        other = uc(**headers)
        assert create(other)["storage_location"].startswith("/Models/"), headers
        assert other.get(version_url(number)).json()["storage_location"].startswith("/Models/"), headers
    assert list((server.data / "exchange" / "lent").iterdir()) == []


def test_an_operator_may_close_the_exchange_and_the_client_is_told_what_to_use(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(exchange="false")
    server.make_containers("staging.ml_team")
    with server.client() as client:
        client.headers.update(UC_CLIENT)
        assert create(client)["storage_location"] == "/Models/staging/ml_team/shout/1"
        said = {"catalog_name": "staging", "schema_name": "ml_team", "model_name": "shout", "version": 1}
        asked = {**said, "operation": "READ_WRITE_MODEL_VERSION"}
        refused = client.post(f"{UNITY}/temporary-model-version-credentials", json=asked)
        assert refused.status_code == 400
        assert "databricks-uc" in refused.json()["message"]
