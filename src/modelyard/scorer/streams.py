"""Answers that come in pieces: server-sent events, as MLflow's `genai.agent_server` writes them.

Each piece is one event `data: <JSON>`, and the last one says `[DONE]`. What fails before the first piece is an ordinary
answer; what fails later is an event with an `error`, followed by `[DONE]` too.
"""

from __future__ import annotations

import contextlib
import json
import traceback
from contextvars import copy_context
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from modelyard.scorer import scoring
from modelyard.scorer.notes import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelyard.scorer.answers import Answer
    from modelyard.scorer.model import Model

DONE: Final = b"data: [DONE]\n\n"
_END: Final = object()


class Stream:
    """One answer under way. Its generator runs in a context of its own, so that several can take turns."""

    def __init__(self, model: Model, number: int) -> None:
        self._model = model
        self._number = number
        self._context = copy_context()
        self._pieces: Iterator[object] = iter(())
        self._first: object = _END
        self._fresh = True
        self.ended = False
        self.failed = False
        self.microseconds = 0

    def open(self, content_type: str, body: bytes) -> Answer | None:
        """Begin, up to the first piece; the answer is why that is not possible."""
        if not self._model.streams:
            return scoring.invalid("This model does not stream: it was logged without predict_stream.")
        answer = scoring.answer(self._model, self._number, content_type, body, self._begin)
        return None if answer.status == 200 else answer  # noqa: PLR2004  HTTP's OK

    def advance(self) -> bytes:
        """The next event. With the last one `ended` is set, and `failed` if the model did not come to its end."""
        try:
            piece = self._first if self._fresh else self._next()
            self._fresh = False
            self.ended = piece is _END
            return DONE if self.ended else _event(piece)
        except Exception as problem:  # noqa: BLE001  whatever it is, it is told
            note(f"question {self._number}, in the middle of its stream:\n{traceback.format_exc()}")
            self.ended = self.failed = True
            return _event({"error": str(problem)}) + DONE

    def close(self) -> None:
        """Let the model know that nobody listens any more."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            with contextlib.suppress(Exception):
                self._model.call(lambda: self._context.run(close))

    def _begin(self, data: object, params: object) -> list[object]:
        self._pieces = iter(self._model.pyfunc.predict_stream(data, params=params))
        self._first = self._next()
        return []

    def _next(self) -> object:
        try:
            return self._model.call(lambda: self._context.run(next, self._pieces, _END))
        finally:
            self.microseconds += self._model.microseconds


def _event(piece: object) -> bytes:
    encoder: Any = import_module("mlflow.utils.proto_json_utils").NumpyEncoder
    return b"data: " + json.dumps(piece, cls=encoder).encode() + b"\n\n"
