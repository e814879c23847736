"""What a scan found is on the model's card, whoever registered it and in whatever way."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from tests.cli.conftest import register
from tests.object_stores import ObjectStore
from tests.scan.test_examiner import MLMODEL
from tests.scan.test_pickles import Calling
from tests.support import Server

MODEL = "dev.s.churn"
HOSTILE = pickle.dumps(Calling(os.system, "true"))


def card(server: Server, model: str, number: int) -> dict[str, Any]:
    with server.client() as admin:
        return admin.get(f"/api/2.0/modelyard/models/{model}/versions/{number}/card").raise_for_status().json()


def make(server: Server) -> Server:
    server.make_containers("dev.s")
    with server.client() as admin:
        told = {"catalog_name": "dev", "schema_name": "s", "name": "churn"}
        admin.post("/api/2.1/unity-catalog/models", json=told).raise_for_status()
    return server


def told_of_hostile(server: Server) -> None:
    number = register(server, MODEL, **{"MLmodel": MLMODEL, "model.pkl": HOSTILE, "requirements.txt": b"numpy\n"})
    told = card(server, MODEL, number)
    assert (told["contents"], told["verdict"]) == ("code_bearing", "suspicious")
    assert told["findings"] == [{"path": "model.pkl", "problem": "Loading it would import posix.system."}]
    assert told["facts"]["dependencies"] == ["numpy"]
    assert sorted(told["facts"]["flavors"]) == ["python_function", "sklearn"]


def test_a_hostile_pickle_is_on_the_card(server: Server) -> None:
    told_of_hostile(make(server))
    assert card(server, MODEL, register(server, MODEL, **{"MLmodel": MLMODEL, "w.json": b"{}"}))["verdict"] == "clean"


def test_a_hostile_pickle_in_an_object_store_is_on_the_card(tmp_path: Path, object_store: ObjectStore) -> None:
    server = Server(tmp_path / "data", settings=object_store.place().settings).start()
    try:
        told_of_hostile(make(server))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("weights", bytes(3_000_000))
            archive.writestr("archive/data.pkl", HOSTILE)
        number = register(server, MODEL, **{"MLmodel": MLMODEL, "model.pth": packed.getvalue()})
        assert card(server, MODEL, number)["findings"][0]["path"] == "model.pth/archive/data.pkl"
    finally:
        server.stop()


@pytest.mark.parametrize("form", ["cloudpickle", "skops"])
def test_a_model_of_mlflow_is_clean(server: Server, tmp_path: Path, form: str) -> None:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import

    make(server)
    inputs, outputs = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    model = LogisticRegression().fit(inputs, outputs)
    signature = mlflow.models.infer_signature(inputs, outputs)
    mlflow.sklearn.save_model(model, tmp_path / "model", signature=signature, serialization_format=form)
    files = {str(path.relative_to(tmp_path / "model")): path.read_bytes() for path in (tmp_path / "model").rglob("*")}
    told = card(server, MODEL, register(server, MODEL, **files))
    assert (told["verdict"], told["findings"]) == ("clean", [])
    assert told["contents"] == ("code_bearing" if form == "cloudpickle" else "data_only")
    assert told["facts"]["signature"]["inputs"]
    assert any(line.startswith("scikit-learn") for line in told["facts"]["dependencies"])
