"""What a served model answers is what MLflow's own scoring server answers, from the request to the last digit."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from sklearn.linear_model import LinearRegression, LogisticRegression

from modelyard.scorer.model import Model, load
from tests.scorer import oracle
from tests.scorer.models import Weighted
from tests.serving import SCHEMA, ask, entity, make, register, save_python
from tests.support import Server

pytestmark = pytest.mark.filterwarnings("ignore")  # what models and MLflow warn of is not what is tested here

COLUMNS = ["a", "b"]
KINDS = ("proba", "weighted", "tensor", "unsigned")
CELL = st.one_of(st.floats(-9, 9), st.integers(-9, 9), st.sampled_from([None, "x", True, 1e300]))
ROWS = st.lists(st.lists(st.floats(-9, 9), min_size=2, max_size=2), min_size=1, max_size=3)
ODD_ROWS = st.lists(st.lists(CELL, min_size=1, max_size=3), max_size=3)


def _save(folder: Path) -> None:
    table = pd.DataFrame(np.arange(12.0).reshape(6, 2) % 5, columns=COLUMNS)
    classes = [0, 1, 0, 1, 1, 0]
    schema = Schema([ColSpec("double", name) for name in COLUMNS])
    params = ParamSchema([ParamSpec("factor", "double", 2.0), ParamSpec("raise", "string", "")])
    estimators: dict[str, tuple[Any, Any, str]] = {
        "proba": (LogisticRegression().fit(table, classes), ModelSignature(schema), "predict_proba"),
        "tensor": (LinearRegression().fit(table.to_numpy(), classes), infer_signature(table.to_numpy()), "predict"),
        "unsigned": (LinearRegression().fit(table, classes), None, "predict"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow recommends this and that
        for name, (estimator, signature, function) in estimators.items():
            mlflow.sklearn.save_model(
                estimator,
                folder / name,
                signature=signature,
                pyfunc_predict_fn=function,
                serialization_format="cloudpickle",
                pip_requirements=[],
            )
    save_python(folder / "weighted", Weighted(), ModelSignature(schema, params=params))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of four kinds."""
    folder = tmp_path_factory.mktemp("kinds")
    _save(folder)
    return folder


@pytest.fixture(scope="module")
def models(folder: Path) -> dict[str, Model]:
    """The same, loaded here, for MLflow's server."""
    before = dict(os.environ)
    found = {kind: load(folder / kind) for kind in KINDS}
    os.environ.clear()
    os.environ.update(before)
    return found


def _questions(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    rows = st.one_of(ROWS, ROWS, ODD_ROWS)
    split = rows.map(lambda data: {"dataframe_split": {"columns": COLUMNS, "data": data}})
    records = rows.map(lambda data: {"dataframe_records": [dict(zip(COLUMNS, row, strict=False)) for row in data]})
    if kind == "tensor":
        return st.one_of(rows.map(lambda data: {"inputs": data}), rows.map(lambda data: {"instances": data}), split)
    if kind == "weighted":
        params = st.sampled_from([{}, {"factor": 3}, {"factor": "x"}, {"raise": "no"}, {"raise": "mlflow"}, {"q": 1}])
        return st.one_of(split, st.builds(lambda said, told: {**said, "params": told}, split, params))
    return st.one_of(split, records)


def test_every_kind_answers_as_mlflow_does(
    start_server: Callable[..., Server], folder: Path, models: dict[str, Model]
) -> None:
    server = start_server(serving_env="local")
    server.make_containers(SCHEMA)
    entities = [entity(kind, register(server, kind, folder / kind), kind) for kind in KINDS]
    whole = {"routes": [{"served_entity_name": "proba", "traffic_percentage": 100}]}
    made = make(server, "kinds", *entities, traffic_config=whole)
    assert made["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    for kind in KINDS:
        statuses = _compare(server, kind, models[kind])
        assert statuses >= {200, 400}


def _compare(server: Server, kind: str, model: Model) -> set[int]:
    """Ask both whatever hypothesis thinks of; the statuses that came up."""
    seen: set[int] = set()

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
    @given(question=_questions(kind))
    def compare(question: dict[str, Any]) -> None:
        expected = oracle.theirs(model, json.dumps(question).encode())
        with server.client() as client:
            got = ask(client, "kinds", question, kind)
        if expected.status_code == 500 and expected.text == "Internal Server Error":
            assert got.status_code == 400  # it broke down; we say what is wrong with the question
            return
        assert got.status_code == expected.status_code
        wanted = expected.json()
        wanted.pop("stack_trace", None)
        assert _told(got.json()) == _told(wanted)
        seen.add(got.status_code)

    compare()
    return seen


def _told(document: Any) -> str:  # noqa: ANN401  any JSON
    """In one spelling; of several wrong columns MLflow names the first of a set, which differs between processes."""
    return re.sub(r"column \w", "column ?", oracle.text(document))
