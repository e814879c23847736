"""Tracking, told by unmodified MLflow with nothing but a host and a token, or with the address of any MLflow server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import Server
from tests.tracking import permit

CATALOGS = ("staging.ml_team", "prod.ml_team")
SOURCE = "staging.ml_team.churn"


SQLITE = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
"""For stories in which the database does not matter."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on each database, with users."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres").make()
    made = Server(tmp_path_factory.mktemp("tracking") / "data", database).start()
    made.make_containers(*CATALOGS)
    yield made
    made.stop()


TOKENS: dict[str, dict[str, str]] = {}
"""Those of users, by their names, on each server."""


class Person:
    """Somebody at a terminal, who becomes one user after the other."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = server
        self._monkeypatch = monkeypatch
        self.tokens = TOKENS.setdefault(server.url, {})

    def becomes(self, name: str = "") -> None:
        """The admin, or a user, with the two variables of Databricks' clients."""
        for variable, value in self._server.environment(self._token(name)).items():
            self._monkeypatch.setenv(variable, value)
        self._tracks("databricks")

    def becomes_plain(self, name: str) -> None:
        """A user of any MLflow server."""
        for variable in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
            self._monkeypatch.delenv(variable, raising=False)
        self._monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", self._token(name) or self._server.token)
        self._tracks(self._server.url)

    def _tracks(self, uri: str) -> None:
        import mlflow  # noqa: PLC0415  only stories need MLflow

        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri("")  # what somebody who never sets it has

    def _token(self, name: str) -> str | None:
        if name and name not in self.tokens:
            self.tokens[name] = self._server.make_user(f"{name}@example.com")
        return self.tokens.get(name)


@pytest.fixture
def person(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Person]:
    import mlflow  # noqa: PLC0415  as above

    monkeypatch.chdir(tmp_path)
    yield Person(server, monkeypatch)
    while mlflow.active_run():
        mlflow.end_run()


def fitted() -> tuple[Any, Any]:
    """A small model, and what it was fitted on."""
    import numpy as np  # noqa: PLC0415  as above
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415  as above

    features = np.array([[1.0], [2.0], [3.0]])
    return LinearRegression().fit(features, [2.0, 4.0, 6.0]), features


@pytest.mark.client("MLflow 3.17.2, tracking `databricks`", "track", "autolog", "log models", "register", "promote")
def test_training_needs_nothing_but_host_and_token(server: Server, person: Person) -> None:
    import mlflow  # noqa: PLC0415  as above
    from mlflow import MlflowClient  # noqa: PLC0415  as above

    person.becomes()
    experiment = mlflow.set_experiment("/Shared/churn")
    model, features = fitted()
    Path("notes.txt").write_text("hello")
    with mlflow.start_run(run_name="outer") as outer:
        mlflow.log_params({"depth": 3, "long": "x" * 6_000})
        mlflow.log_metrics({"auc": 0.5, "loss": float("nan")}, step=1)
        mlflow.log_metric("auc", 0.75, step=2)
        mlflow.log_input(mlflow.data.from_numpy(features), context="training")  # pyright: ignore[reportAttributeAccessIssue]
        mlflow.log_artifact("notes.txt", "docs")
        with mlflow.start_run(nested=True) as inner:
            mlflow.log_metric("auc", 0.25)
        info = mlflow.sklearn.log_model(
            model, name="model", input_example=features, serialization_format="skops", registered_model_name=SOURCE
        )
    client = MlflowClient()
    assert [each.value for each in client.get_metric_history(outer.info.run_id, "auc")] == [0.5, 0.75]
    found = client.search_runs([experiment.experiment_id], "metrics.auc > 0.3")
    assert [run.info.run_id for run in found] == [outer.info.run_id]
    assert found[0].inputs
    assert found[0].inputs.dataset_inputs[0].dataset.source_type
    parents = client.search_runs([experiment.experiment_id], f"tags.`mlflow.parentRunId` = '{outer.info.run_id}'")
    assert [run.info.run_id for run in parents] == [inner.info.run_id]
    notes = mlflow.artifacts.download_artifacts(run_id=outer.info.run_id, artifact_path="docs/notes.txt")
    assert Path(notes).read_text() == "hello"
    assert [each.path for each in client.list_artifacts(outer.info.run_id)] == ["docs"]

    for uri in (info.model_uri, f"runs:/{outer.info.run_id}/model", f"models:/{SOURCE}/1"):
        assert mlflow.pyfunc.load_model(uri).predict(features)[0] == pytest.approx(2.0)
    [logged] = mlflow.search_logged_models(output_format="list")
    assert (logged.model_id, logged.source_run_id) == (info.model_id, outer.info.run_id)

    again = mlflow.register_model(f"runs:/{outer.info.run_id}/model", SOURCE)
    third = mlflow.register_model(info.model_uri, SOURCE)
    assert (int(again.version), int(third.version)) == (2, 3)
    copied = client.copy_model_version(f"models:/{SOURCE}/3", "prod.ml_team.churn")
    assert copied.run_id == outer.info.run_id
    assert lineage(server, SOURCE, 3) >= {
        ("run", outer.info.run_id),
        ("experiment", experiment.experiment_id),
        ("logged_model", info.model_id),
    }


def lineage(server: Server, model: str, version: int) -> set[tuple[str, str]]:
    """What a version was made from."""
    with server.client() as client:
        path = f"/api/2.0/modelyard/models/{model}/versions/{version}/lineage"
        told = client.get(path, params={"direction": "upstream"}).raise_for_status().json()
    return {(edge["kind"], edge["name"]) for edge in told["upstream"]}


@SQLITE
def test_autologging_of_scikit_learn(server: Server, person: Person) -> None:
    import mlflow  # noqa: PLC0415  as above
    import numpy as np  # noqa: PLC0415  as above
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  as above

    assert server
    person.becomes("alice")
    mlflow.set_experiment("/Users/alice/auto")
    mlflow.sklearn.autolog(log_datasets=True, serialization_format="skops", silent=True)
    try:
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit(np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1])
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = mlflow.get_run(run.info.run_id)
    assert found.data.params["C"] == "0.5"
    assert found.data.metrics["training_accuracy_score"] == 1.0
    [logged] = mlflow.search_logged_models(output_format="list")
    assert mlflow.pyfunc.load_model(logged.model_uri).predict(np.array([[3.0]])) == [1]


@SQLITE
def test_without_an_experiment_everybody_has_one_of_its_own(server: Server, person: Person) -> None:
    import mlflow  # noqa: PLC0415  as above
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    assert server
    person.becomes("alice")
    with mlflow.start_run(experiment_id="0") as run:
        mlflow.log_metric("m", 1.0)
    assert run.info.experiment_id != "0"
    person.becomes("bob")
    with pytest.raises(MlflowException, match="does not exist"):
        mlflow.get_run(run.info.run_id)


def test_two_people_share_an_experiment_as_far_as_one_lets_the_other(server: Server, person: Person) -> None:
    import mlflow  # noqa: PLC0415  as above
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    person.becomes("alice")
    experiment = mlflow.set_experiment("/Users/alice/shared")
    model, _ = fitted()
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="model", serialization_format="skops")
        mlflow.log_text("secret", "notes.txt")
    person.becomes("bob")
    for look in (
        lambda: mlflow.get_run(run.info.run_id),
        lambda: mlflow.get_experiment(experiment.experiment_id),
        lambda: mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes.txt"),
        lambda: mlflow.pyfunc.load_model(info.model_uri),
        lambda: mlflow.get_logged_model(info.model_id),
    ):
        with pytest.raises(MlflowException):
            look()
    assert mlflow.search_experiments(filter_string="name = '/Users/alice/shared'") == []
    assert len(mlflow.search_runs([experiment.experiment_id])) == 0

    permit(server, experiment.experiment_id, bob="CAN_READ")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes.txt") == "secret"
    with pytest.raises(MlflowException, match="CAN EDIT"):
        mlflow.start_run(run_id=run.info.run_id)
    permit(server, experiment.experiment_id, bob="CAN_EDIT")
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_text("changed", "notes.txt")
    person.becomes("alice")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes.txt") == "changed"


@SQLITE
def test_nobody_registers_a_model_from_a_run_that_it_may_not_read(server: Server, person: Person) -> None:
    import mlflow  # noqa: PLC0415  as above
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    person.becomes("alice")
    mlflow.set_experiment("/Users/alice/private")
    model, _ = fitted()
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="model", serialization_format="skops")
    person.becomes("bob")
    for source in (f"runs:/{run.info.run_id}/model", info.model_uri):
        with pytest.raises(MlflowException):
            mlflow.register_model(source, "staging.ml_team.stolen")
    for said in (
        {"source": "here", "run_id": run.info.run_id},
        {"source": "here", "model_id": info.model_id},
        {"source": info.model_uri},
        {"source": f"runs:/{run.info.run_id}/model"},
    ):
        with server.client(person.tokens["bob"]) as client:
            for kind, name, privilege in (("catalog", "staging", "USE_CATALOG"), ("schema", CATALOGS[0], "USE_SCHEMA")):
                server.grant(kind, name, "bob@example.com", privilege)
            server.grant("schema", CATALOGS[0], "bob@example.com", "CREATE_MODEL", "CREATE_MODEL_VERSION")
            client.post("/api/2.0/mlflow/unity-catalog/registered-models/create", json={"name": f"{CATALOGS[0]}.mine"})
            path = "/api/2.0/mlflow/unity-catalog/model-versions/create"
            answer = client.post(path, json={"name": f"{CATALOGS[0]}.mine", **said})
            assert (answer.status_code, "does not exist" in answer.text) == (404, True), answer.text


@SQLITE
@pytest.mark.client("MLflow 3.17.2, tracking over http", "track", "artifacts", "log models", "traces")
def test_any_client_of_an_mlflow_server_works_over_plain_http(server: Server, person: Person) -> None:
    import mlflow  # noqa: PLC0415  as above
    from mlflow import MlflowClient  # noqa: PLC0415  as above

    person.becomes_plain("carol")
    experiment = mlflow.set_experiment("carol's")
    model, features = fitted()
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "a/b.txt")
        mlflow.log_text("gone", "old/c.txt")
        info = mlflow.sklearn.log_model(model, name="model", serialization_format="skops")
    assert run.info.artifact_uri == f"mlflow-artifacts:/{experiment.experiment_id}/{run.info.run_id}/artifacts"
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/a/b.txt") == "hello"
    assert [(each.path, each.is_dir) for each in MlflowClient().list_artifacts(run.info.run_id, "a")] == [
        ("a/b.txt", False)
    ]
    assert mlflow.pyfunc.load_model(info.model_uri).predict(features)[1] == pytest.approx(4.0)
    assert mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(features)[1] == pytest.approx(4.0)

    person.becomes("carol")  # the same, seen by Databricks' clients
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/a/b.txt") == "hello"
    assert server


@SQLITE
@pytest.mark.parametrize("kind", ["becomes", "becomes_plain"])
def test_traces_are_kept_with_their_spans(server: Server, person: Person, kind: str) -> None:
    import mlflow  # noqa: PLC0415  as above

    assert server
    getattr(person, kind)("dave")
    mlflow.set_experiment(f"dave's traces, {kind}")

    def answer(question: str) -> str:
        return question.upper()

    mlflow.trace(answer)("why")
    mlflow.flush_trace_async_logging()
    [trace] = mlflow.search_traces(return_type="list")
    assert [span.name for span in trace.data.spans] == ["answer"]
    mlflow.set_trace_tag(trace.info.trace_id, "kind", "test")
    again = mlflow.get_trace(trace.info.trace_id)
    assert again
    assert again.info.tags["kind"] == "test"


def test_it_is_started_by_the_first_question_only(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        assert client.get("/api/2.0/preview/scim/v2/Me").is_success
    assert not (server.data / "tracking").exists()
