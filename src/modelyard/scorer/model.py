"""One model version, loaded: how it is called, and what is known of its kind."""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
import platform
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from modelyard.scorer.arrays import takes_arrays
from modelyard.scorer.memory import USED_UP, is_used_up
from modelyard.scorer.notes import note
from modelyard.scorer.plan import plan_of
from modelyard.scorer.spare import libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelyard.scorer.plan import Given, Plan

T = TypeVar("T")

ROW_WISE: Final = frozenset({"mlflow.sklearn", "mlflow.xgboost", "mlflow.lightgbm", "mlflow.catboost", "mlflow.onnx"})
"""Loaders whose models answer each row for itself and have no side effects. What stands between MLflow's check of the
schema and them hands the frame on as it is: read in `_SklearnModelWrapper`, `_XGBModelWrapper`, `_LGBModelWrapper`,
`_CatboostModelWrapper` and `_OnnxModelWrapper` of MLflow 3.17, and the same since 2.9."""

_OF_ROWS: Final = frozenset({"predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"})
_MICROSECOND: Final = 1000


class Ended(Exception):
    """The model's code wanted to end the process, which is no answer."""


class Model:
    """A model and MLflow's scoring server (the module), with the plan of its questions.

    `row_wise` is "yes", "no" or "auto": whether the rows of several questions may be joined in one call. By itself that
    is done only for flavors that are known for it.
    """

    def __init__(self, pyfunc: Any, server: Any, row_wise: str = "auto") -> None:  # noqa: ANN401  MLflow has no types
        self.pyfunc = pyfunc
        self.server = server
        self.schema: Any = pyfunc.metadata.get_input_schema()
        self.plan = plan_of(pyfunc.metadata, import_module("pandas"))
        self.settings: dict[str, Any] = pyfunc.metadata.flavors["python_function"]
        known = self.settings.get("loader_module") in ROW_WISE
        self.pure = known
        """Whether it may be asked the same thing twice without anybody noticing."""
        of_rows = known and self.settings.get("predict_fn", "predict") in _OF_ROWS
        self.row_wise = row_wise == "yes" or (row_wise == "auto" and of_rows)
        self.streams = bool(self.settings.get("streamable")) and hasattr(pyfunc, "predict_stream")
        self._unchecked = _unchecked(pyfunc) if self.plan else pyfunc
        self._direct = _direct(pyfunc) if known else None
        self._takes_arrays = self._direct is not None and self._looks_plain()
        self.forked = False
        """Whether this process is a child that the model's code has forked: its parent is who answers."""
        self.microseconds = 0
        """How long the last call took."""

    def about(self) -> dict[str, object]:
        """What a scorer says of itself when somebody connects."""
        return {
            "flavors": list(self.pyfunc.metadata.flavors),
            "row_wise": self.row_wise and self.plan is not None and self.plan.joinable,
            "pure": self.pure,
            "mlflow": import_module("mlflow.version").VERSION,
            "python": platform.python_version(),
            "pid": os.getpid(),
            "streams": self.streams,
            "libraries": libraries(),
        }

    def warm_up(self, folder: Path) -> None:
        """Ask a model that only computes once, with the example that it was logged with: the first call is the slowest.

        Whatever is wrong with the example is of no consequence.
        """
        if self.pure:
            with contextlib.suppress(Exception):
                example = self.pyfunc.metadata.load_input_example(str(folder))
                if example is not None:
                    self.predict(example)

    def predict(self, data: object, params: object = None) -> object:
        """Ask the model as MLflow does: it checks the schema first."""
        return self.call(partial(self.pyfunc.predict, data, params=params))

    def predict_checked(self, data: object, params: object) -> object:
        """Ask the model something whose schema is right already."""
        if self._direct is None or params is not None:
            return self.call(partial(self._unchecked.predict, data, params=params))
        return self.call(partial(self._direct, data))

    def predict_given(self, several: Sequence[Given], params: object) -> object:
        """Ask the model what a plan has read: one question, or several at once."""
        plan = cast("Plan", self.plan)
        if self._takes_arrays and params is None and self._direct:
            with contextlib.suppress(Exception):  # asked in the usual way, it says what is wrong in the usual words
                return self.call(partial(self._direct, plan.array(several)))
        data = plan.argument(several[0]) if len(several) == 1 else plan.joined(several)
        return self.predict_checked(data, params)

    def _looks_plain(self) -> bool:
        """Whether it is a model of scikit-learn's to which a frame is as good as an array."""
        if not self.plan or not self.plan.columns or self.settings.get("loader_module") != "mlflow.sklearn":
            return False
        try:
            return takes_arrays(self.pyfunc.get_raw_model(), self.plan.columns)
        except Exception:  # noqa: BLE001  whatever an author has made of it, it is none then
            return False

    def call(self, ask: Callable[[], T]) -> T:
        """Run code of the model: what it raises to end the process becomes an `Ended`, its children end here."""
        start = perf_counter_ns()
        try:
            return ask()
        except MemoryError as problem:
            if is_used_up(problem):
                note("The model has used up its memory: its process ends, and another one takes its place.")
                os._exit(USED_UP)
            raise
        except Exception:
            raise
        except BaseException as end:
            raise Ended(f"The model's code raised {type(end).__name__}.") from end
        finally:
            self.microseconds = (perf_counter_ns() - start) // _MICROSECOND
            if self.forked:
                os._exit(0)


def load(folder: Path, row_wise: str = "auto") -> Model:
    """Load a model from its folder. Raises whatever MLflow or the model's code raises."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    _import_first(folder)
    server: Any = import_module("mlflow.pyfunc.scoring_server")
    pyfunc = server.load_model_with_mlflow_config(str(folder.absolute()))
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"  # as MLflow's server tells a model's code
    model = Model(pyfunc, server, row_wise)
    model.warm_up(folder)
    return model


def _import_first(folder: Path) -> None:
    """Import skops before MLflow where it is needed: 800 times it looks through all modules that are there."""
    with contextlib.suppress(OSError, ImportError):
        if b"serialization_format: skops" in (folder / "MLmodel").read_bytes():
            import_module("skops.io")


def _unchecked(pyfunc: Any) -> Any:  # noqa: ANN401  MLflow's `PyFuncModel`, twice
    """The same model, whose signature knows no inputs, so that MLflow checks the params only."""
    signature, metadata, twin = copy.copy(pyfunc.metadata.signature), copy.copy(pyfunc.metadata), copy.copy(pyfunc)
    signature.inputs = None
    metadata.signature = signature
    twin._model_meta = metadata  # noqa: SLF001  what MLflow's `metadata` returns
    return twin


def _direct(pyfunc: Any) -> Callable[[object], object] | None:  # noqa: ANN401  MLflow's `PyFuncModel`
    """What MLflow calls behind its check of the schema when there are no params (`PyFuncModel._predict`)."""
    if pyfunc.metadata.get_params_schema() is not None:
        return None  # its defaults are handed on
    function = pyfunc._predict_fn  # noqa: SLF001  what MLflow itself calls has no public name
    try:
        params = inspect.signature(function).parameters.get("params")
    except (TypeError, ValueError):
        return None
    if params is None or params.kind is inspect.Parameter.VAR_KEYWORD:
        return function
    return partial(function, params=None)
