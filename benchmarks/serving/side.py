"""A running server that is measured, and whether it answers as MLflow does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.servers import Server
from benchmarks.serving.wrk import Address

MODELYARD = "Modelyard"
SPLIT = "Modelyard, 90/10"


class DifferentAnswerError(Exception):
    """A server does not answer as MLflow does, so that its speed says nothing."""


@dataclass(frozen=True)
class Side:
    """Where one way of serving is asked, and whose processes do the work."""

    title: str
    address: Address
    server: Server
    batching: bool = False
    """Whether rows of several requests may be predicted together."""

    @property
    def is_ours(self) -> bool:
        """Whether it is Modelyard."""
        return self.title.startswith(MODELYARD)

    @property
    def root(self) -> int:
        """The process that all others of the server descend from."""
        return self.server.process.pid

    def check(self, body: bytes, expected: list[Any]) -> None:
        """Ask once, and compare with what MLflow predicts."""
        headers = {"Content-Type": "application/json", **self.address.headers}
        answer = httpx.post(self.address.url, content=body, headers=headers, timeout=30)
        if not answer.is_success or answer.json() != {"predictions": expected}:
            said = f"{answer.status_code}: {answer.text[:300]}"
            raise DifferentAnswerError(f"{self.title} answers otherwise than MLflow: {said}")
