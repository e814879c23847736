"""A schema refuses what MLflow's client brings: the client hears why, and somebody else lets it go."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.scan.test_pickles import Calling
from tests.support import Server

MODEL, SCHEMA = "prod.s.churn", "prod.s"
OURS = "/api/2.0/modelyard"


def hostile(folder: Path) -> Path:
    """A model that MLflow can load, with a pickle beside it that calls a shell."""
    import mlflow  # noqa: PLC0415  only stories need MLflow
    from mlflow.models import ModelSignature  # noqa: PLC0415  as above
    from mlflow.types import ColSpec, Schema  # noqa: PLC0415  as above

    class Doubling(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):  # noqa: ANN001, ANN202, ARG002  MLflow reads type hints
            return model_input["x"] * 2

    columns = Schema([ColSpec("double", "x")])
    mlflow.pyfunc.save_model(
        folder, python_model=Doubling(), signature=ModelSignature(columns, Schema([ColSpec("double")]))
    )
    (folder / "extra.pkl").write_bytes(pickle.dumps(Calling(os.system, "true")))
    return folder


def as_person(monkeypatch: pytest.MonkeyPatch, server: Server, token: str) -> Any:  # noqa: ANN401  an MLflow client
    import mlflow  # noqa: PLC0415  only stories need MLflow

    for name, value in server.environment(token).items():
        monkeypatch.setenv(name, value)
    mlflow.set_registry_uri("databricks-uc")
    return mlflow.MlflowClient(registry_uri="databricks-uc")


@pytest.mark.filterwarnings("ignore")  # MLflow warns of models without type hints and input examples
def test_what_a_schema_refuses_is_told_to_mlflow_and_let_go_by_somebody_else(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import mlflow  # noqa: PLC0415  only stories need MLflow
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    monkeypatch.chdir(tmp_path)
    server.make_containers(SCHEMA)
    author, manager = server.make_user("author@example.com"), server.make_user("manager@example.com")
    server.grant("catalog", "prod", "author@example.com", "USE_CATALOG", "USE_SCHEMA", "CREATE_MODEL")
    server.grant("catalog", "prod", "manager@example.com", "USE_CATALOG", "USE_SCHEMA", "EXECUTE", "MANAGE")
    with server.client() as admin:
        admin.put(f"{OURS}/schemas/{SCHEMA}/admission", json={"clean_scan": True}).raise_for_status()

    client = as_person(monkeypatch, server, author)
    with pytest.raises(MlflowException, match=r"posix\.system"):
        mlflow.register_model(str(hostile(tmp_path / "model")), MODEL)
    version = client.get_model_version(MODEL, "1")
    assert version.status == "FAILED_REGISTRATION"
    assert "posix.system" in version.status_message

    client = as_person(monkeypatch, server, manager)
    with server.client(manager) as somebody_else:
        released = somebody_else.post(f"{OURS}/models/{MODEL}/versions/1/release", json={"comment": "looked at it"})
        released.raise_for_status()
    assert client.get_model_version(MODEL, "1").status == "READY"
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL}/1")
    assert list(loaded.predict({"x": [1.5]})) == [3.0]
