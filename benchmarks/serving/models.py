"""The model that every server serves, twice: as scikit-learn's flavor and as a custom Python model; and requests."""

# MLflow and scikit-learn come without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import mlflow
import sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CODE = Path(__file__).with_name("custom.py")
REQUIREMENTS = [f"mlflow=={mlflow.__version__}", f"scikit-learn=={sklearn.__version__}"]
"""Named here, since finding them out takes MLflow long."""


class Flavor(StrEnum):
    """How the model was saved."""

    SKLEARN = "scikit-learn"
    CUSTOM = "custom pyfunc"


def save(folder: Path) -> dict[Flavor, Path]:
    """Train a classifier of 30 double columns, and save it in both ways."""
    table, target = _cases()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table, target)
    signature = infer_signature(table, model.predict(table))
    saved = {flavor: folder / f"model-{flavor.name.lower()}" for flavor in Flavor}
    plain = str(saved[Flavor.SKLEARN])
    mlflow.sklearn.save_model(model, plain, signature=signature, pip_requirements=REQUIREMENTS)
    mlflow.pyfunc.save_model(
        saved[Flavor.CUSTOM],
        python_model=str(CODE),
        artifacts={"model": plain},
        signature=signature,
        pip_requirements=REQUIREMENTS,
    )
    return saved


def body(rows: int) -> bytes:
    """A request of so many rows, as `dataframe_split`."""
    return json.dumps({"dataframe_split": _rows(rows).to_dict("split", index=False)}).encode()


def expected(saved: Path, rows: int) -> list[Any]:
    """What MLflow itself predicts for `body(rows)`, in process."""
    return mlflow.pyfunc.load_model(str(saved)).predict(_rows(rows)).tolist()


def _rows(number: int) -> Any:  # noqa: ANN401  a data frame, of a library without types
    """The same cases each time, of both kinds."""
    return _cases()[0].sample(number, random_state=7)


def _cases() -> tuple[Any, Any]:
    found: Any = load_breast_cancer(return_X_y=True, as_frame=True)
    return found
