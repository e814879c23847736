"""Questions answered by MLflow's own function: whatever is unusual, and all that fails.

`mlflow.pyfunc.scoring_server.invocations` reads the question, asks the model and writes the answer. It is asked with
something in the model's place, so that it also tells how MLflow would answer what the model has said already.
"""

from __future__ import annotations

import io
import json
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from modelyard.scorer.answers import JSON, TEXT, Answer
from modelyard.scorer.notes import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelyard.scorer.model import Model

    Predict = Callable[[object, object], object]

PARQUET: Final = "application/vnd.apache.parquet"
_ARROW: Final = {"application/vnd.apache.arrow.stream": "open_stream", "application/vnd.apache.arrow.file": "open_file"}
ASIDE: Final = frozenset({"client_request_id", "databricks_options", "usage_context", "extra_params", "stream"})
"""Keys of a question that are for the server, not for the model."""
_MENTIONS: Final = tuple(f'"{name}"'.encode() for name in sorted(ASIDE))


class _InPlace:
    """What MLflow's function takes for the model."""

    def __init__(self, pyfunc: object, predict: Predict) -> None:
        self._pyfunc = pyfunc
        self._predict = predict
        self.asked = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._pyfunc, name)

    def predict(self, data: object, params: object = None) -> object:
        """What the model answers; MLflow looks for `params` in the signature."""
        self.asked = True
        return self._predict(data, params)


class _Unreadable(Exception):
    """What arrives is not what its content type says."""


def answer(model: Model, number: int, content_type: str, body: bytes, predict: Predict) -> Answer:
    """MLflow's answer to a question, with `predict` in the model's place.

    Unlike MLflow's, no answer holds a traceback: it is noted under the question's number. Where MLflow's server would
    fail (500, "Internal Server Error") without a word, because JSON is nested too deeply, or a prediction cannot be
    written as JSON, the answer is 400 and says why: it is not the platform that failed.
    """
    stand = _InPlace(model.pyfunc, predict)
    failure: Any = import_module("mlflow.exceptions").MlflowException
    try:
        content_type, data = _understood(content_type, body, model)
        given = model.server.invocations(data, content_type, stand, model.schema)
    except failure as problem:
        return _told(number, problem)
    except Exception as problem:  # noqa: BLE001  whatever it is, it is told
        note(f"question {number}:\n{''.join(traceback.format_exception(problem))}")
        return invalid(_reason(problem, asked=stand.asked))
    kind = JSON if given.mimetype == "application/json" else TEXT
    return Answer(given.status, kind, given.response.encode())


def invalid(message: str) -> Answer:
    """400, in MLflow's words for it."""
    codes: Any = import_module("mlflow.protos.databricks_pb2")
    failure: Any = import_module("mlflow.exceptions").MlflowException(message, error_code=codes.BAD_REQUEST)
    return Answer(400, JSON, failure.serialize_as_json().encode())


def _told(number: int, problem: Any) -> Answer:  # noqa: ANN401  an MlflowException
    said: dict[str, object] = json.loads(problem.serialize_as_json())
    trace = said.pop("stack_trace", None) or "".join(traceback.format_exception(problem))
    note(f"question {number}: {said.get('error_code')}\n{trace}")
    return Answer(problem.get_http_status_code(), JSON, json.dumps(said).encode())


def _reason(problem: Exception, *, asked: bool) -> str:
    if isinstance(problem, _Unreadable):
        return str(problem)
    if asked:
        return f"The model's prediction cannot be written as JSON: {problem}"
    if isinstance(problem, RecursionError):
        return "Invalid input. The JSON is nested too deeply."
    return f"Invalid input. It cannot be read: {problem}"


def _understood(content_type: str, body: bytes, model: Model) -> tuple[str, bytes | str]:
    """A content type and data that MLflow's function understands."""
    mime = content_type.partition(";")[0].strip()
    if mime in _ARROW:
        return content_type.replace(mime, PARQUET, 1), _as_parquet(body, _ARROW[mime])
    data = body
    if mime == "application/json" and any(mention in body for mention in _MENTIONS):
        data = _stripped(body)
    # Before Parquet came, the function took text only.
    return content_type, data if hasattr(model.server, "CONTENT_TYPE_PARQUET") else _text(data)


def _stripped(body: bytes) -> bytes:
    """The question without what is for the server; anything that is no JSON object stays what it is."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(document, dict):
        return body
    asked = cast("dict[str, object]", document)
    kept = {key: each for key, each in asked.items() if key not in ASIDE}
    return body if len(kept) == len(asked) else json.dumps(kept).encode()


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        raise _Unreadable(f"Invalid input. It is not valid UTF-8: {problem}") from problem


def _as_parquet(body: bytes, opener: str) -> bytes:
    """Arrow's messages as a Parquet file, which is what MLflow reads."""
    try:
        ipc, parquet = import_module("pyarrow.ipc"), import_module("pyarrow.parquet")
        table = getattr(ipc, opener)(io.BytesIO(body)).read_all()
        table.validate(full=True)  # damaged bytes must not be followed to wherever they point
        written = io.BytesIO()
        parquet.write_table(table, written, compression="none")
    except Exception as problem:
        raise _Unreadable(f"Invalid input. It cannot be read as Arrow's IPC format: {problem}") from problem
    return written.getvalue()
