"""A real model of MLflow behind the real scorer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.engines.base import State
from modelyard.scorer.bundle import bundle
from tests.engines.support import House, Model, all_children, eventually, predict

ROWS = json.dumps({"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}}).encode()


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Model:
    import mlflow.sklearn  # noqa: PLC0415  slow to import, and needed here only
    import pandas as pd  # noqa: PLC0415  likewise
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415  likewise

    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 5.0]})
    folder = tmp_path_factory.mktemp("linear") / "model"
    fitted = LinearRegression().fit(frame, frame["a"] + 2 * frame["b"])
    needs = ["mlflow==3.17.2", "scikit-learn", "pandas"]
    mlflow.sklearn.save_model(
        fitted,
        folder,
        signature=mlflow.models.infer_signature(frame, fitted.predict(frame)),
        pip_requirements=needs,
        serialization_format="cloudpickle",
    )
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def _answers(house: House) -> None:
    [address] = house.standing().addresses
    status, body = predict(address, ROWS)
    assert (status, [round(each) for each in json.loads(body)["predictions"]]) == (200, [5, 11])


def _pids(folder: Path) -> set[int]:
    return {each.pid for each in all_children(folder)}


def test_a_real_model_answers_sleeps_and_is_woken(make: Callable[..., House], linear: Model, folder: Path) -> None:
    house = make(write_scorer=bundle, serving_idle_seconds=2, serving_spares=1)
    house.keep(house.served(linear, may_sleep=True))
    [before] = house.ready(seconds=60).pids
    _answers(house)
    house.wait(lambda standing: standing.is_asleep)
    eventually(lambda: before not in _pids(folder))
    spares = _pids(folder)
    house.engine.wake("one")
    [woken] = house.ready(seconds=60).pids
    _answers(house)
    assert woken in spares
    assert "starts (model one)" in house.engine.logs("one")


def test_what_needs_variables_is_woken_without_the_spare(
    make: Callable[..., House], linear: Model, folder: Path
) -> None:
    house = make(write_scorer=bundle, serving_idle_seconds=2, serving_spares=1)
    house.shelf.variables = {"KEY": "secret"}
    house.keep(house.served(linear, may_sleep=True))
    [before] = house.ready(seconds=60).pids
    house.wait(lambda standing: standing.is_asleep)
    eventually(lambda: before not in _pids(folder))
    spares = _pids(folder)
    assert spares
    house.engine.wake("one")
    [woken] = house.ready(seconds=60).pids
    assert woken not in spares
    eventually(lambda: not _pids(folder) & spares)  # nothing sleeps any more


def test_a_real_model_that_cannot_be_loaded_says_why(make: Callable[..., House], linear: Model) -> None:
    house = make(write_scorer=bundle)
    house.keep(house.served({**linear, "model.pkl": b"no pickle"}))
    standing = house.failed(seconds=60)
    assert "The model cannot be loaded: UnpicklingError" in standing.message
    assert standing.state is State.FAILED


@pytest.mark.full
def test_a_real_model_in_an_environment_of_its_own(make: Callable[..., House], linear: Model) -> None:
    house = make(write_scorer=bundle, serving_env="isolated")
    house.keep(house.served(linear))
    house.ready(seconds=280)
    _answers(house)
