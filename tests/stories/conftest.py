"""What stories share: MLflow as it is when it starts, a server with models, and endpoints that are gone at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import SCHEMA, Speaker, Times, drop, make, register, save_linear, save_python
from tests.support import LEGACY, Server


@pytest.fixture(autouse=True)
def _mlflow_as_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow keeps its addresses and experiment in variables and in itself: no story leaves them to the next."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")  # so that it is taken off at the end, too
        monkeypatch.delenv(name)
    monkeypatch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", None)
    monkeypatch.setattr("mlflow.tracking._model_registry.utils._registry_uri", None)
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved models: three that multiply by their number, one that raises, a slow one, and one that streams."""
    folder = tmp_path_factory.mktemp("models")
    for factor in (1, 2, 3):
        save_linear(folder / str(factor), factor)
    save_python(folder / "broken", Times(4, raises=True))
    save_python(folder / "slow", Times(5, 0.4))
    save_python(folder / "speaker", Speaker())
    return folder


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Iterator[Server]:
    """A server with models: versions 1 to 3 of `price` multiply by their number."""
    settings = {"serving_env": "local", "serving_idle_seconds": "2"}
    server = Server(tmp_path_factory.mktemp("server") / "data", "", settings)
    server.start()
    stock(server, saved)
    yield server
    server.stop()


def stock(server: Server, folders: Path) -> None:
    """Register models; the first version of `price` is its champion."""
    server.make_containers(SCHEMA)
    for number in (1, 2, 3):
        assert register(server, "price", folders / str(number)) == number
    for name in ("broken", "slow", "speaker"):
        register(server, name, folders / name)
    point(server, "Champion", 1)


def point(server: Server, alias: str, number: int) -> None:
    said = {"name": f"{SCHEMA}.price", "alias": alias, "version": str(number)}
    with server.client() as client:
        client.post(f"{LEGACY}/registered-models/alias", json=said).raise_for_status()


@pytest.fixture
def endpoint(serving: Server) -> Iterator[Callable[..., dict[str, Any]]]:
    """Makes endpoints, which are deleted at the end."""
    made: list[str] = []

    def begin(name: str, *entities: dict[str, Any], **config: object) -> dict[str, Any]:
        made.append(name)
        return make(serving, name, *entities, **config)

    yield begin
    drop(serving, *made)
