"""Small models of the kinds that a scorer meets, saved by MLflow itself."""

# ruff: noqa: ANN001, ANN201, ARG002  MLflow makes signatures of the annotations of `predict`, and gives what it gives

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

DOUBLES = ["a", "b", "c"]
MIXED = {"d": "double", "f": "float", "l": "long", "i": "integer", "s": "string", "o": "boolean"}
_rng = np.random.default_rng(7)


class Mirror(PythonModel):
    """Says what it was given, to the last detail."""

    def predict(self, context, model_input, params=None):
        if not isinstance(model_input, pd.DataFrame):
            return [str(type(model_input)), repr(model_input), repr(params)]
        blocks: Any = model_input._mgr.blocks  # noqa: SLF001  the layout in memory, which arithmetic depends on
        flags: Any = [block.values.flags for block in blocks if hasattr(block.values, "flags")]  # noqa: PD011
        layout = [repr((each.c_contiguous, each.f_contiguous, each.writeable, each.aligned)) for each in flags]
        described = [str(model_input.dtypes), repr(model_input.columns), repr(model_input.index), *layout]
        return [*described, repr(model_input.to_dict("split")), repr(params)]


class Weighted(PythonModel):
    """Has params, and answers a DataFrame."""

    def predict(self, context, model_input, params=None):
        given: Any = params
        if given["raise"] == "mlflow":
            raise mlflow.MlflowException("as asked")
        if given["raise"]:
            raise ValueError(given["raise"])
        return pd.DataFrame({"sum": model_input.sum(axis=1) * given["factor"], "rows": len(model_input)})


class Naughty(PythonModel):
    """Does what its question says: the single value of a list of strings."""

    def predict(self, context, model_input):
        return getattr(self, str(model_input[0]))()

    def hang(self) -> None:
        time.sleep(1000)

    def sleep(self) -> str:
        time.sleep(0.3)
        return "slept"

    def leave(self) -> None:
        os._exit(7)

    def system_exit(self) -> None:
        raise SystemExit("enough")

    def interrupt(self) -> None:
        raise KeyboardInterrupt

    def shout(self) -> str:
        print("x" * 100_000, flush=True)  # noqa: T201  what models do
        os.write(1, b"\x00" * 100_000)
        sys.stderr.write("quite\n")
        return "shouted"

    def fork(self) -> str:
        if os.fork() == 0:
            return "child"
        return "parent"

    def start(self) -> str:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        subprocess.Popen(["sleep", "5"], close_fds=False)
        return "started"

    def unwritable(self) -> object:
        return object()

    def deep(self) -> object:
        return self.deep()


class Speaker(PythonModel):
    """Streams."""

    def predict(self, context, model_input, params=None):
        return ["whole"]

    def predict_stream(self, context, model_input, params=None):
        said = dict(model_input)
        for number in range(int(said["count"])):
            time.sleep(float(said.get("pause", 0)))
            if str(said["fail"]) == str(number):
                raise ValueError("lost the thread")
            yield {"n": number, "text": "é"}


class Rows(PythonModel):
    """A model of its own kind whose answers belong to rows, unless a row says otherwise."""

    def predict(self, context, model_input):
        if (model_input["a"] < 0).any():
            raise ValueError("negative")
        if (model_input["a"] > 1000).any():
            return {"rows": len(model_input)}
        return [[value, len(model_input)] for value in model_input["a"].tolist()]


def _columns(kinds: dict[str, str], optional: tuple[str, ...] = ()) -> Schema:
    return Schema([ColSpec(kind, name, required=name not in optional) for name, kind in kinds.items()])


def _table(rows: int) -> pd.DataFrame:
    frame = pd.DataFrame({name: _rng.normal(size=rows) for name in "df"} | {"l": range(rows), "i": range(rows)})
    frame["s"] = ["x", "y"] * (rows // 2)
    frame["o"] = [True, False] * (rows // 2)
    return frame.astype({"f": "float32", "i": "int32"})


def _sklearn() -> dict[str, tuple[Any, Any, str]]:
    frame = pd.DataFrame(_rng.normal(size=(60, 3)), columns=DOUBLES)
    signed = (frame.sum(axis=1) > 0).astype(int)
    linear = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, frame.sum(axis=1))
    logistic = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, signed)
    table = _table(60)
    encoding = make_column_transformer((OneHotEncoder(), ["s"]), remainder="passthrough")
    mixed = make_pipeline(encoding, LogisticRegression(max_iter=1000)).fit(table, np.where(table["d"] > 0, "yes", "no"))
    doubles = ModelSignature(_columns(dict.fromkeys(DOUBLES, "double")))
    tensor = LinearRegression().fit(frame.to_numpy(), signed)
    return {
        "linear": (linear, doubles, "predict"),
        "proba": (logistic, doubles, "predict_proba"),
        "mixed": (mixed, ModelSignature(_columns(MIXED, optional=("l",))), "predict"),
        "tensor": (tensor, infer_signature(frame.to_numpy()), "predict"),
        "unsigned": (linear, None, "predict"),
    }


def _pyfunc() -> dict[str, tuple[PythonModel, Any]]:
    params = ParamSchema([ParamSpec("factor", "double", 2.0), ParamSpec("raise", "string", "")])
    doubles = _columns(dict.fromkeys(DOUBLES, "double"))
    speaking = _columns({"count": "long", "fail": "string", "pause": "double"}, optional=("pause",))
    return {
        "weighted": (Weighted(), ModelSignature(doubles, params=params)),
        "mirror": (Mirror(), ModelSignature(_columns(MIXED, optional=("l",)))),
        "mirror-floats": (Mirror(), ModelSignature(_columns(dict.fromkeys("ab", "float")))),
        "mirror-strings": (Mirror(), ModelSignature(_columns({"a": "string"}))),
        "mirror-integers": (Mirror(), ModelSignature(Schema([TensorSpec(np.dtype("int32"), (-1, 2))]))),
        "mirror-any": (Mirror(), None),
        "naughty": (Naughty(), None),
        "speaker": (Speaker(), ModelSignature(speaking)),
        "rows": (Rows(), ModelSignature(_columns({"a": "double"}))),
    }


def save(folder: Path) -> None:
    """Save all of them below a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow recommends this and that
        for name, (estimator, signature, function) in _sklearn().items():
            mlflow.sklearn.save_model(
                estimator,
                folder / name,
                signature=signature,
                pyfunc_predict_fn=function,
                serialization_format="cloudpickle",
                pip_requirements=[],
            )
        for name, (model, signature) in _pyfunc().items():
            mlflow.pyfunc.save_model(folder / name, python_model=model, signature=signature, pip_requirements=[])
