"""Code that was written for MLflow's flat registry, and does not know better, works against the catalog."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from tests.serving import SCHEMA, register, save_linear
from tests.support import Server, clean_environment

OURS = "/api/2.0/modelyard"
FLAT = "/api/2.0/mlflow"
OLDEST = {
    "2.13.1": Path(sys.prefix) / "mlflow-oldest" / "bin" / "python",
    "2.8.1": Path(sys.prefix) / "mlflow-2.8" / "bin" / "python",
}
STORY = Path(__file__).with_name("flat_mlflow.py")
ASKED = pd.DataFrame({"x": [1.0]})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for factor in (1, 2, 3):
        save_linear(folder / str(factor), factor)
    return folder


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Iterator[Server]:
    """A server with three versions of `fraud`, which multiply by their number."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres").make()
    made = Server(tmp_path_factory.mktemp("flat") / "data", database).start()
    made.make_containers(SCHEMA)
    for number in (1, 2, 3):
        assert register(made, "fraud", folders / str(number)) == number
    add(made, "fraud", f"{SCHEMA}.fraud")
    yield made
    made.stop()


SQLITE = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


def add(server: Server, name: str, full_name: str, **more: Any) -> None:  # noqa: ANN401  JSON values
    with server.client() as admin:
        said = {"name": name, "full_name": full_name, **more}
        admin.post(f"{OURS}/legacy-names", json=said).raise_for_status()


@pytest.fixture
def mlflow_client(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:  # noqa: ANN401
    """MLflow's client, whose registry is the server, and whose runs are its own."""
    import mlflow  # noqa: PLC0415  only stories need MLflow

    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_registry_uri(server.url)
    return mlflow.MlflowClient()


def alias(server: Server, name: str) -> str | None:
    """The version that an alias of `fraud` points at."""
    with server.client() as admin:
        told = {"name": f"{SCHEMA}.fraud", "alias": name}
        answer = admin.get(f"{FLAT}/unity-catalog/registered-models/alias", params=told)
    return answer.json()["model_version"]["version"] if answer.is_success else None


@pytest.mark.filterwarnings("ignore::FutureWarning")  # that stages are deprecated
@pytest.mark.client("MLflow 3.17.2, flat registry", "aliases", "load", "search", "tags")
def test_old_code_loads_by_stage_promotes_and_searches(server: Server, mlflow_client: Any) -> None:  # noqa: ANN401
    import mlflow  # noqa: PLC0415  as above

    client = mlflow_client
    moved = client.transition_model_version_stage("fraud", "2", "production")
    assert (moved.name, moved.version, moved.current_stage) == ("fraud", "2", "Production")
    assert alias(server, "champion") == "2"
    assert mlflow.pyfunc.load_model("models:/fraud/Production").predict(ASKED) == [2.0]
    client.transition_model_version_stage("fraud", "1", "Production")
    assert [each.version for each in client.get_latest_versions("fraud", ["PRODUCTION"])] == ["2"]
    assert alias(server, "champion") == "2", "the highest number wins"
    client.transition_model_version_stage("fraud", "3", "Production", archive_existing_versions=True)
    latest = {each.current_stage: each.version for each in client.get_latest_versions("fraud")}
    assert latest == {"Archived": "2", "Production": "3"}
    assert alias(server, "champion") == "3"
    assert mlflow.pyfunc.load_model("models:/fraud@champion").predict(ASKED) == [3.0]
    assert mlflow.pyfunc.load_model("models:/fraud/1").predict(ASKED) == [1.0]
    assert mlflow.pyfunc.load_model("models:/fraud/latest").predict(ASKED) == [3.0]
    assert mlflow.pyfunc.load_model(f"models:/{SCHEMA}.fraud/Production").predict(ASKED) == [3.0]
    client.set_model_version_tag("fraud", "3", "validation.status", "passed")
    found = client.search_model_versions("name = 'fraud' AND tags.`validation.status` = 'passed'")
    assert [(each.name, each.version, each.tags) for each in found] == [("fraud", "3", {"validation.status": "passed"})]
    assert {each.name for each in client.search_registered_models("name LIKE 'fr%'")} == {"fraud"}
    assert len(client.search_model_versions("name = 'fraud'", max_results=2).to_list()) == 2


@SQLITE
@pytest.mark.usefixtures("server", "mlflow_client")
def test_files_come_one_by_one_and_as_folders(tmp_path: Path) -> None:
    import mlflow  # noqa: PLC0415  as above

    one = mlflow.artifacts.download_artifacts("models:/fraud/1/MLmodel", dst_path=str(tmp_path / "one"))
    assert Path(one).read_text().startswith("flavors")
    whole = mlflow.artifacts.download_artifacts("models:/fraud/1", dst_path=str(tmp_path / "whole"))
    assert (Path(whole) / "MLmodel").exists()


@pytest.fixture
def home(server: Server) -> Iterator[None]:
    """A schema for models of flat names that nobody has mapped."""
    add(server, "*", SCHEMA)
    yield
    with server.client() as admin:
        admin.delete(f"{OURS}/legacy-names/*").raise_for_status()


@SQLITE
@pytest.mark.client("MLflow 3.17.2, flat registry", "register", "promote")
@pytest.mark.usefixtures("home")
@pytest.mark.filterwarnings("ignore:.*Add type hints:UserWarning", "ignore::FutureWarning")
def test_runs_that_this_server_tracks_become_versions_without_a_byte_moved(
    server: Server,
    mlflow_client: Any,  # noqa: ANN401
    folders: Path,
) -> None:
    import mlflow  # noqa: PLC0415  as above

    mlflow.set_tracking_uri(server.url)
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folders / "3"), "old")
        mlflow.pyfunc.log_model(
            name="model",
            python_model=lambda model_input: 2 * model_input,
            input_example=ASKED,
            registered_model_name="churn",
            pip_requirements=["mlflow"],
        )
    made = mlflow_client.get_model_version("churn", "1")
    assert (made.name, made.status, made.current_stage) == ("churn", "READY", "None")
    assert mlflow.pyfunc.load_model("models:/churn/1").predict(ASKED)["x"].tolist() == [2.0]
    copied = mlflow_client.copy_model_version("models:/churn/1", "fraud")
    assert (copied.name, copied.status) == ("fraud", "READY")
    mlflow_client.delete_model_version("fraud", copied.version)
    with server.client() as admin:
        where = admin.get(f"{OURS}/legacy-names/churn").raise_for_status().json()
    assert where["full_name"] == f"{SCHEMA}.churn"
    made = mlflow.register_model(f"runs:/{run.info.run_id}/old", "churn")
    assert (made.version, made.run_id) == ("2", run.info.run_id)
    assert mlflow.pyfunc.load_model("models:/churn/2").predict(ASKED) == [3.0]


@SQLITE
@pytest.mark.parametrize("version", OLDEST)
@pytest.mark.client("MLflow 2.8.1 and 2.13.1, flat registry", "load", "search")
def test_an_old_mlflow_does_it_too(server: Server, version: str, tmp_path: Path) -> None:
    assert OLDEST[version].exists(), "`make test` makes this environment"
    environment = clean_environment(
        MLFLOW_REGISTRY_URI=server.url, MLFLOW_TRACKING_USERNAME="token", MLFLOW_TRACKING_PASSWORD=server.token
    )
    environment.pop("PYTHONPATH", None)
    command = [OLDEST[version], "-W", "ignore", STORY]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "version": version,
        "latest": ["2"],
        "stage": "Production",
        "files": True,
        "found": ["1", "2", "3"],
    }


# Who may


@pytest.fixture
def person(server: Server) -> Iterator[Callable[..., httpx.Client]]:
    """Makes somebody who may use the schema, and holds some privileges on `fraud`."""
    made: list[httpx.Client] = []

    def begin(name: str, *privileges: str, uses: bool = True) -> httpx.Client:
        token = server.make_user(f"{name}@example.com")
        if uses:
            server.grant("catalog", SCHEMA.split(".")[0], f"{name}@example.com", "USE_CATALOG", "USE_SCHEMA")
        if privileges:
            server.grant("function", f"{SCHEMA}.fraud", f"{name}@example.com", *privileges)
        made.append(server.client(token))
        return made[-1]

    yield begin
    for client in made:
        client.close()


def transition(client: httpx.Client, version: int, stage: str, name: str = "fraud") -> httpx.Response:
    told = {"name": name, "version": str(version), "stage": stage}
    return client.post(f"{FLAT}/model-versions/transition-stage", json=told)


@SQLITE
@pytest.mark.usefixtures("server")
def test_who_may_not_does_not(person: Callable[..., httpx.Client]) -> None:
    stranger = person("stranger", uses=False)
    told = {"name": "fraud"}
    answer = stranger.get(f"{FLAT}/registered-models/get", params=told)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert stranger.get(f"{FLAT}/model-versions/search", params={"filter": "name='fraud'"}).json() == {
        "model_versions": [],
        "next_page_token": "",
    }
    assert stranger.get(f"{FLAT}/registered-models/search").json()["registered_models"] == []
    assert stranger.get(f"{OURS}/legacy-names").json()["legacy_names"] == []
    user = person("user")
    assert "EXECUTE" in user.get(f"{FLAT}/registered-models/get", params=told).json()["message"]
    reader = person("reader", "EXECUTE")
    assert reader.get(f"{FLAT}/registered-models/get", params=told).is_success
    assert "MANAGE" in transition(reader, 1, "Staging").json()["message"]
    assert reader.get(f"{OURS}/legacy-names/fraud").json()["full_name"] == f"{SCHEMA}.fraud"
    assert reader.get(f"{OURS}/legacy-names/fraud/witnesses").status_code == 403
    manager = person("manager", "MANAGE", "EXECUTE")
    assert transition(manager, 1, "Staging").is_success
    added = manager.post(f"{OURS}/legacy-names", json={"name": "mine", "full_name": f"{SCHEMA}.fraud"})
    assert added.status_code == 403
    unknown = reader.get(f"{FLAT}/registered-models/get", params={"name": "no such"})
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@SQLITE
def test_a_protected_alias_protects_its_stage(server: Server, person: Callable[..., httpx.Client]) -> None:
    manager = person("keeper", "MANAGE", "EXECUTE")
    mover = person("mover", "MANAGE", "EXECUTE")
    path = f"{OURS}/schemas/{SCHEMA}/protected-aliases"
    with server.client() as admin:
        said = {"pattern": "champion", "principals": ["mover@example.com"]}
        admin.put(path, json=said).raise_for_status()
        assert "protected" in transition(admin, 1, "Production").json()["message"]
        assert transition(manager, 1, "Production").status_code == 403
        assert transition(manager, 1, "Staging").is_success
        mapped = manager.patch(f"{OURS}/legacy-names/fraud", json={"aliases": {"Production": "other"}})
        assert mapped.status_code == 403, "mapping the stage elsewhere would go around the protection"
        assert transition(mover, 1, "Production").is_success
        told = {"name": "fraud", "version": "1"}
        gone = manager.request("DELETE", f"{FLAT}/model-versions/delete", json=told)
        assert gone.status_code == 403, "deleting the version would change what the stage serves"
        admin.request("DELETE", path, params={"pattern": "champion"})
        mover.request("DELETE", path, json={"pattern": "champion"})


# What is told besides


@SQLITE
def test_old_names_are_deprecated_in_headers_and_their_callers_are_remembered(
    server: Server, person: Callable[..., httpx.Client]
) -> None:
    reader = person("watched", "EXECUTE")
    with server.client() as admin:  # an answer without versions would name the old name's own page
        assert transition(admin, 1, "Staging").is_success
    headers = {"user-agent": "nightly-job/7"}
    told = {"name": "fraud", "stages": ["Production", "Staging"]}
    for _ in range(3):
        answer = reader.get(f"{FLAT}/registered-models/get-latest-versions", params=told, headers=headers)
        assert answer.is_success
        assert answer.headers["deprecation"].startswith("@")
        assert answer.headers["link"].endswith(
            f'/api/2.1/unity-catalog/models/{SCHEMA}.fraud>; rel="successor-version"'
        )
    by_new_name = reader.get(f"{FLAT}/registered-models/get", params={"name": f"{SCHEMA}.fraud"})
    assert "deprecation" not in by_new_name.headers
    assert transition(reader, 1, "Staging").status_code == 403
    seen = {each["call"]: each for each in witnessed(server, "watched@example.com", 2)}
    assert {call: (each["times"], each["refused"]) for call, each in seen.items()} == {
        "listLatestVersions": (3, 0),
        "transitionVersion": (1, 1),
    }
    assert (seen["listLatestVersions"]["client"], seen["listLatestVersions"]["stage"]) == (
        "nightly-job/7",
        "Production, Staging",
    )


def witnessed(server: Server, principal: str, kinds: int) -> list[dict[str, Any]]:
    """What is known of a principal's calls, once it is so much."""
    until = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    with server.client() as admin:
        while len(found) < kinds and time.monotonic() < until:
            told = admin.get(f"{OURS}/legacy-names/fraud/witnesses", params={"max_results": 1000}).json()
            found = [each for each in told["witnesses"] if each["principal"] == principal]
            time.sleep(0.2)
    return found


@SQLITE
def test_an_old_name_is_refused_for_a_while_and_then_for_good(server: Server) -> None:
    add(server, "short-lived", f"{SCHEMA}.fraud", aliases={})
    path, told = f"{OURS}/legacy-names/short-lived", {"name": "short-lived"}

    def asked() -> httpx.Response:
        return admin.get(f"{FLAT}/registered-models/get", params=told)

    with server.client() as admin:
        assert asked().is_success
        admin.patch(path, json={"refused_from": "2020-01-01", "refused_until": "2100-01-01"}).raise_for_status()
        answer = asked()
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_STATE")
        assert f"{SCHEMA}.fraud" in answer.json()["message"]
        assert admin.get(path).json()["state"] == "brown-out"
        admin.patch(path, json={"refused_from": "", "refused_until": ""}).raise_for_status()
        assert asked().is_success
        admin.patch(path, json={"retired": True}).raise_for_status()
        assert "is retired" in asked().json()["message"]
        searched = admin.get(f"{FLAT}/model-versions/search", params={"filter": "name = 'short-lived'"})
        assert "is retired" in searched.json()["message"]
        admin.delete(path).raise_for_status()
        assert asked().status_code == 404


@SQLITE
def test_what_the_door_does_not_do_is_refused_in_words_that_help(server: Server) -> None:
    with server.client() as admin:
        renamed = admin.post(f"{FLAT}/registered-models/rename", json={"name": "fraud", "new_name": "other"})
        assert (renamed.status_code, "not renamed" in renamed.text) == (400, True)
        new = admin.post(f"{FLAT}/registered-models/create", json={"name": "brand-new"})
        assert (new.status_code, "specify all three levels" in new.text) == (400, True)
        there = admin.post(f"{FLAT}/registered-models/create", json={"name": "fraud"})
        assert there.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
        for source in ("s3://bucket/model", "/etc", "mlflow-artifacts://elsewhere/1/m", "file:///tmp", "runs:/x/../y"):
            made = admin.post(f"{FLAT}/model-versions/create", json={"name": "fraud", "source": source})
            assert made.status_code in {400, 404}, source
        archived = admin.post(
            f"{FLAT}/model-versions/transition-stage",
            json={"name": "fraud", "version": "1", "stage": "None", "archive_existing_versions": True},
        )
        assert (archived.status_code, "not an Active stage" in archived.text) == (400, True)
        for stage in ("Shadow", "", "0"):
            assert "Invalid Model Version stage" in transition(admin, 1, stage).text
        for name in ("a/b", "../x", "a:b", "", "x" * 300, "a\nb"):
            assert admin.get(f"{FLAT}/registered-models/get", params={"name": name}).status_code == 400
            added = admin.post(f"{OURS}/legacy-names", json={"name": name, "full_name": f"{SCHEMA}.fraud"})
            assert added.status_code == 400
        levels = {"name": "other.ml.fraud", "full_name": f"{SCHEMA}.fraud"}
        assert "three levels" in admin.post(f"{OURS}/legacy-names", json=levels).text
