"""The main job by MLflow's native store (MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY), with the two variables set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import Server

SOURCE, TARGET = "staging.ml_team.double", "prod.ml_team.double"


@pytest.fixture
def mlflow_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Server], Any]:
    import mlflow  # noqa: PLC0415  only stories need MLflow

    def arrive(server: Server) -> Any:  # noqa: ANN401  the module
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY", "true")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/tracking.db")
        mlflow.set_registry_uri("databricks-uc")
        return mlflow

    return arrive


def register(mlflow: Any) -> None:  # noqa: ANN401  the module
    class Double(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[int]) -> list[int]:
            return [2 * number for number in model_input]

    mlflow.pyfunc.log_model(
        name="model",
        python_model=Double(),
        pip_requirements=["mlflow"],
        input_example=[1],
        registered_model_name=SOURCE,
    )


@pytest.mark.client("MLflow 3.17.2, native store", "register", "promote", "aliases", "load", "tags", "search", "change")
@pytest.mark.parametrize("presigned", ["false", "true"], ids=["sdk-files", "presigned"])
def test_the_native_store_does_the_main_job(
    start_server: Callable[..., Server], database: str, mlflow_at: Callable[[Server], Any], presigned: str
) -> None:
    server = start_server(database, presigned=presigned)
    server.make_containers("staging.ml_team", "prod.ml_team")
    mlflow = mlflow_at(server)
    register(mlflow)
    client = mlflow.MlflowClient()
    store = client._get_registry_client().store  # noqa: SLF001  MLflow shows in no other way which store it took
    assert type(store).__name__ == "UcNativeModelRegistryStore"
    copied = client.copy_model_version(f"models:/{SOURCE}/1", TARGET)
    assert (copied.name, copied.version, copied.status) == (TARGET, "1", "READY")
    assert copied.model_id == client.get_model_version(SOURCE, "1").model_id

    client.set_registered_model_alias(TARGET, "Champion", "1")
    assert mlflow.pyfunc.load_model(f"models:/{TARGET}@Champion").predict([21]) == [42]
    assert client.get_registered_model(TARGET).aliases == {"Champion": "1"}
    assert client.get_model_version(TARGET, "1").aliases == ["Champion"]
    assert client.get_model_version_by_alias(TARGET, "champion").version == "1"
    if presigned == "true":
        return  # the rest does not depend on how files travel

    client.set_registered_model_tag(TARGET, "team", "ml")
    client.set_registered_model_tag(TARGET, "draft", "yes")
    client.delete_registered_model_tag(TARGET, "draft")
    client.set_model_version_tag(TARGET, "1", "checked", "no")
    client.set_model_version_tag(TARGET, "1", "checked", "yes")
    client.delete_model_version_tag(TARGET, "1", "absent")
    assert client.get_registered_model(TARGET).tags == {"team": "ml"}
    assert client.get_model_version(TARGET, "1").tags == {"checked": "yes"}
    client.delete_model_version_tag(TARGET, "1", "checked")
    assert client.get_model_version(TARGET, "1").tags == {}

    assert [found.name for found in client.search_registered_models()] == [TARGET, SOURCE]
    assert [found.version for found in client.search_model_versions(f"name='{TARGET}'")] == ["1"]
    assert client.search_model_versions("name='prod.ml_team.absent'") == []

    assert client.update_registered_model(TARGET, "doubles").description == "doubles"
    assert client.update_model_version(TARGET, "1", "first").description == "first"
    renamed = "prod.ml_team.twice"
    client.rename_registered_model(TARGET, renamed)
    assert client.get_model_version(renamed, "1").description == "first"
    client.delete_registered_model_alias(renamed, "Champion")
    assert client.get_registered_model(renamed).aliases == {}
    client.delete_model_version(renamed, "1")
    client.delete_registered_model(renamed)
    assert [found.name for found in client.search_registered_models()] == [SOURCE]
