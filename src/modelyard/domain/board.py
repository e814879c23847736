"""The routing table of predictions: for each endpoint who may be asked, and how requests are shared.

It is made anew whenever something changes, and replaced as a whole by one assignment; nothing in it is ever changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.domain.endpoints import Capture, Deployment, Elsewhere, RateLimit


@dataclass(frozen=True, slots=True)
class Target:
    """A served entity as requests meet it: where its processes listen, or its URL elsewhere."""

    name: str
    served_id: str
    model: str = ""
    version: int = 0
    state: Deployment = Deployment.CREATING
    message: str = ""
    addresses: tuple[str, ...] = ()
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """How an endpoint's requests go.

    `shares` are names and percentages, `headers` are header (lower case), value and name, `shadows` name and fraction.
    `sticky` names what keeps somebody on one version, as in a `Config`.
    """

    endpoint_id: str
    name: str
    targets: Mapping[str, Target]
    shares: tuple[tuple[str, int], ...]
    shadows: tuple[tuple[str, float], ...] = ()
    headers: tuple[tuple[str, str, str], ...] = ()
    sticky: str = ""
    limits: tuple[RateLimit, ...] = ()
    capture: Capture | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """All routes, by the names of endpoints."""

    routes: Mapping[str, Route] = field(default_factory=dict[str, Route])


@dataclass(frozen=True, slots=True)
class Question:
    """A request for predictions: bytes as the client sent them, and of what type they are."""

    body: bytes
    content_type: bytes = b""
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question: a status of HTTP, bytes, and where the time went, in microseconds."""

    status: int
    body: bytes
    content_type: str = "application/json"
    model_us: int = 0
    queue_us: int = 0
