"""MLflow's own scoring server beside ours: both are asked the same, and must answer the same."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from modelyard.scorer.frames import Frame, Kind, Reading
from modelyard.scorer.model import Model
from modelyard.scorer.work import Work
from tests.scorer.client import Said

JSON = Any


@cache
def _server(model: Model) -> FastAPI:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # it sets this itself, and leaves it set
        return model.server.init(model.pyfunc)


async def _post(app: FastAPI, body: bytes, content_type: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
        return await client.post("/invocations", content=body, headers={"Content-Type": content_type})


def theirs(model: Model, body: bytes, content_type: str = "application/json") -> httpx.Response:
    """What MLflow's server answers."""
    return asyncio.run(_post(_server(model), body, content_type))


def ours(model: Model, *bodies: bytes, content_type: str = "") -> list[Said]:
    """What we answer to questions that wait together, in their order."""
    reading, answers = Reading(), dict[int, Said]()

    def send(_sender: int, data: bytes) -> None:
        for frame in reading.feed(data):
            assert frame.number not in answers
            answers[frame.number] = Said.of(frame)

    work = Work(model, send)
    for number, body in enumerate(bodies):
        work.add(1, Frame(Kind.PREDICT, number, content_type.encode(), body))
    while work.turn():
        pass
    return [answers[number] for number in range(len(bodies))]


def text(document: JSON) -> str:
    """JSON in one spelling: 1, 1.0 and true differ, NaN equals NaN."""
    return json.dumps(document, sort_keys=True)


def same(model: Model, body: bytes, content_type: str = "application/json") -> Said:
    """Ask both, and compare. The answer is ours."""
    expected = theirs(model, body, content_type)
    (said,) = ours(model, body, content_type=content_type)
    if expected.status_code == 500 and expected.text == "Internal Server Error":
        assert said.status == 400  # it broke down; we say what is wrong with the question
        assert said.json["error_code"] == "BAD_REQUEST"
        return said
    assert said.status == expected.status_code, (said, expected.text)
    assert said.content_type == expected.headers["content-type"].partition(";")[0]
    if said.content_type == "text/plain":
        assert said.body == expected.content
        return said
    wanted = expected.json()
    wanted.pop("stack_trace", None) if isinstance(wanted, dict) else None
    assert text(said.json) == text(wanted)
    return said
