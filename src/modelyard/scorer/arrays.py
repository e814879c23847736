"""Which scikit-learn models may be given an array where MLflow gives them a frame: most of a call goes to the frame.

Scikit-learn makes an array of the frame first, compares the names of its columns with those that it was fitted with,
and computes. So where all columns have one type and the names are those, an array of the same layout gives the very
same bits. That is said here of some of its own estimators only, and of pipelines of them: others may look at the frame.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEPS: Final = frozenset(
    "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer PolynomialFeatures PCA".split()  # noqa: SIM905  a list
)
ENDS: Final = frozenset(
    f"{name}{kind}"
    for name in ("DecisionTree", "ExtraTrees", "GradientBoosting", "KNeighbors", "MLP", "RandomForest", "SGD")
    for kind in ("Classifier", "Regressor")
) | {
    *("LinearRegression", "LogisticRegression", "Ridge", "RidgeClassifier", "Lasso", "ElasticNet"),
    *("SVC", "SVR", "LinearSVC", "LinearSVR", "GaussianNB"),
}
_CHANGED: Final = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "transform", "decision_function", "_sklearn_output_config"}
)
"""What an instance has of its own only where somebody has changed how it answers."""
_WARNING: Final = "X does not have valid feature names"


def takes_arrays(estimator: object, names: Sequence[str]) -> bool:
    """Whether a fitted estimator may be given an array with these columns, in their order."""
    steps = list(_steps(estimator))
    if not steps or not all(_is_plain(step, names) for step in steps):
        return False
    *before, last = steps
    if not (_names(before) <= STEPS and _names([last]) <= ENDS and _gives_arrays()):
        return False
    warnings.filterwarnings("ignore", message=_WARNING)  # which are right, as was looked at above
    return True


def _steps(estimator: Any) -> Iterator[Any]:  # noqa: ANN401  anything that a model's author made
    if f"{type(estimator).__module__}.{type(estimator).__name__}" == "sklearn.pipeline.Pipeline":
        yield from (step for _, step in estimator.steps)
    else:
        yield estimator


def _names(steps: Sequence[object]) -> set[str]:
    return {type(step).__name__ for step in steps}


def _is_plain(step: object, names: Sequence[str]) -> bool:
    """Whether it is as scikit-learn made it, gives arrays, and was fitted with these columns, or without names."""
    own = set(vars(step))
    if type(step).__module__.partition(".")[0] != "sklearn" or own & _CHANGED:
        return False
    fitted = getattr(step, "feature_names_in_", None)
    return fitted is None or list(fitted) == list(names)


def _gives_arrays() -> bool:
    return import_module("sklearn").get_config().get("transform_output", "default") == "default"
