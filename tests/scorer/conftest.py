from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from modelyard.scorer.model import Model, load
from tests.scorer import models
from tests.scorer.client import Running


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds a folder for each model."""
    folder = tmp_path_factory.mktemp("models")
    models.save(folder)
    return folder


@pytest.fixture(scope="session")
def loaded(folder: Path) -> Callable[..., Model]:
    """Loads a model by its name, once."""

    @cache
    def of(name: str, row_wise: str = "auto") -> Model:
        before = dict(os.environ)  # a scorer's process is its own: there nothing is put back
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow recommends this and that
            model = load(folder / name, row_wise)
        os.environ.clear()
        os.environ.update(before)
        return model

    return of


@pytest.fixture
def run(loaded: Callable[..., Model]) -> Iterator[Callable[..., Running]]:
    """Starts a scorer for a model: a child process on a socket, ended with the test."""
    started: list[Running] = []

    def start(name: str, row_wise: str = "auto", seconds: float | None = None) -> Running:
        started.append(Running(loaded(name, row_wise), seconds))
        return started[-1]

    yield start
    for each in started:
        each.close()
