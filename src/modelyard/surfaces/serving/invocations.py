"""Predictions: the rows; `surfaces.invoke` takes the bytes to a model and back."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.endpoints import Predict
from modelyard.domain import endpoints as rules
from modelyard.domain.privileges import Kind
from modelyard.surfaces.serving.blame import blame
from modelyard.surfaces.wire import AnyAction, Prediction, Row


class Invoking(msgspec.Struct, frozen=True):
    """An endpoint, and a served entity of it, if one is asked by its name."""

    name: str = ""
    served: str = ""


def _predict(said: Invoking) -> AnyAction:
    return Predict(Ref(Kind.ENDPOINT, rules.path(said.name)))


_AT: Final = "/serving-endpoints/{name}"

ROWS: Final[tuple[Row, ...]] = (
    Prediction("POST", f"{_AT}/invocations", Invoking, _predict, blame=blame),
    Prediction("POST", f"{_AT}/served-models/{{served}}/invocations", Invoking, _predict, blame=blame),
)
