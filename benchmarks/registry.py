"""Requests per second and latency of the registry's calls, Modelyard beside MLflow.

All servers run at once and are asked in turn (A B A B …), since a shared machine drifts; medians over the
rounds are quoted. Only the asked one works meanwhile.
"""

from __future__ import annotations

import json
import random
import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks import fill, load, names, prepare, servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

CONNECTIONS = (1, 8, 32)
ROTATION = 20_000
"""How many different models are asked for in turn, at most; in random order."""
FINALIZES = 100
"""How many versions are finalized per number of connections and round."""
WARMUP_SECONDS = 0.3


class Product(StrEnum):
    """Whose server it is."""

    MLFLOW = "MLflow"
    MODELYARD = "Modelyard"


class Kind(StrEnum):
    """What a call does, and so which goal it has."""

    READ = "read"
    WRITE = "write"
    OTHER = "other"


@dataclass(frozen=True)
class Call:
    """One measured call."""

    title: str
    kind: Kind
    method: str
    path: str
    deep: bool
    """Whether it asks about the models with many versions."""
    said: Callable[[str], dict[str, str]]
    """From a model's name to the parameters: query of a GET, body of a POST."""

    def request(self, target: load.Target, product: Product, name: str, token: str) -> bytes:
        """Return the bytes of this call about the model `name`."""
        middle = "unity-catalog/" if product is Product.MODELYARD else ""
        path = f"/api/2.0/mlflow/{middle}{self.path}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self.method == "GET":
            return load.request("GET", f"{path}?{urlencode(self.said(name))}", target, headers)
        headers["Content-Type"] = "application/json"
        return load.request(self.method, path, target, headers, json.dumps(self.said(name)).encode())


GET_VERSION = Call(
    "get version",
    Kind.READ,
    "GET",
    "model-versions/get",
    deep=False,
    said=lambda name: {"name": name, "version": "1"},
)
BY_ALIAS = Call(
    "get version by alias",
    Kind.READ,
    "GET",
    "registered-models/alias",
    deep=False,
    said=lambda name: {"name": name, "alias": names.ALIAS},
)
SEARCH_VERSIONS = Call(
    "search versions of one model",
    Kind.READ,
    "GET",
    "model-versions/search",
    deep=True,
    said=lambda name: {"filter": f"name='{name}'"},
)
FIRST_PAGE = Call(
    "first page of models",
    Kind.OTHER,
    "GET",
    "registered-models/search",
    deep=False,
    said=lambda _name: {"max_results": "100"},
)
CREATE_VERSION = Call(
    "create version",
    Kind.WRITE,
    "POST",
    "model-versions/create",
    deep=False,
    said=lambda name: {"name": name, "source": names.SOURCE},
)
CALLS = (GET_VERSION, BY_ALIAS, SEARCH_VERSIONS, FIRST_PAGE, CREATE_VERSION)
FINALIZE = "finalize version"


@dataclass(frozen=True)
class Plan:
    """What to measure and for how long."""

    models: tuple[int, ...]
    products: tuple[Product, ...]
    seconds: float
    rounds: int
    as_admin: bool
    """Ask Modelyard as its administrator and not as a caller with grants only."""


@dataclass(frozen=True)
class Measure:
    """Medians over the rounds of one call at one number of connections; times in milliseconds."""

    product: Product
    models: int
    call: str
    kind: Kind
    connections: int
    rate: float
    p50: float
    p99: float
    errors: int
    complaint: str
    own_share: float


@dataclass(frozen=True)
class Footprint:
    """A server's memory after all trials, in bytes."""

    product: Product
    models: int
    resident: int
    peak: int
    processes: int


@dataclass(frozen=True)
class Results:
    """Everything one run found."""

    measures: tuple[Measure, ...]
    footprints: tuple[Footprint, ...]


@dataclass(frozen=True)
class Side:
    """One running server, filled, with an endless rotation of requests per call."""

    product: Product
    models: int
    server: servers.Server
    token: str
    requests: dict[str, Iterator[bytes]]
    caller: prepare.Caller | None = None
    """Modelyard's only: who is measured, for what must be made ready before a trial."""


def measure(folder: Path, plan: Plan, tell: Callable[[str], None]) -> Results:
    """Fill and start every server, ask them in turn, and return the medians."""
    with ExitStack() as stack:
        sides: list[Side] = []
        for models in plan.models:
            for product in plan.products:
                tell(f"filling {product} with {models:,} models")
                place = folder / f"{product.lower()}-{models}"
                place.mkdir()
                opened = _open_mlflow if product is Product.MLFLOW else _open_modelyard
                sides.append(opened(place, models, plan, stack))
        measures = _measures(sides, plan, tell)
        footprints = tuple(_footprint(side) for side in sides)
    return Results(measures, footprints)


def _measures(sides: Sequence[Side], plan: Plan, tell: Callable[[str], None]) -> tuple[Measure, ...]:
    governed = [side for side in sides if side.caller]
    measures: list[Measure] = []
    for connections in CONNECTIONS:
        for call in CALLS:
            tell(f"{call.title}, {connections} connections")
            timed = partial(_timed, call=call, connections=connections, seconds=plan.seconds)
            measures += _in_turn(sides, plan.rounds, call, connections, timed)
        if governed:
            tell(f"{FINALIZE}, {connections} connections")
            finalized = partial(_finalized, connections=connections)
            measures += _in_turn(governed, plan.rounds, None, connections, finalized)
    return tuple(measures)


def _in_turn(
    sides: Sequence[Side],
    rounds: int,
    call: Call | None,
    connections: int,
    trial: Callable[[Side], load.Sample],
) -> list[Measure]:
    """Try each side once per round; return the medians of each."""
    seen: list[list[load.Sample]] = [[] for _ in sides]
    for _ in range(rounds):
        for samples, side in zip(seen, sides, strict=True):
            samples.append(trial(side))
    return [_median(side, call, connections, samples) for side, samples in zip(sides, seen, strict=True)]


def _timed(side: Side, call: Call, connections: int, seconds: float) -> load.Sample:
    requests = side.requests[call.title]
    return load.run(side.server.target, requests, connections, seconds, WARMUP_SECONDS)


def _finalized(side: Side, connections: int) -> load.Sample:
    """Make FINALIZES pending versions that hold their file, then measure only their finalizing, each once."""
    if side.caller is None:
        raise ValueError("only Modelyard has versions to finalize")
    headers = {"Authorization": f"Bearer {side.token}", "Content-Type": "application/json"}
    path = "/api/2.0/mlflow/unity-catalog/model-versions/finalize"
    bodies: list[bytes] = []
    for number in range(1, FINALIZES + 1):
        name = names.model(1 + number % side.models)
        version = side.caller.pending_version(name)
        bodies.append(json.dumps({"name": name, "version": version}).encode())
    target = side.server.target
    return load.run(target, (load.request("POST", path, target, headers, body) for body in bodies), connections)


def _median(side: Side, call: Call | None, connections: int, samples: Sequence[load.Sample]) -> Measure:
    return Measure(
        product=side.product,
        models=side.models,
        call=call.title if call else FINALIZE,
        kind=call.kind if call else Kind.OTHER,
        connections=connections,
        rate=statistics.median(sample.rate for sample in samples),
        p50=statistics.median(sample.percentile(0.50) for sample in samples) * 1000,
        p99=statistics.median(sample.percentile(0.99) for sample in samples) * 1000,
        errors=sum(sample.errors for sample in samples),
        complaint=next((sample.complaint for sample in samples if sample.complaint), ""),
        own_share=max(sample.own_share for sample in samples),
    )


def _footprint(side: Side) -> Footprint:
    memory = side.server.memory()
    return Footprint(side.product, side.models, memory.resident, memory.peak, memory.processes)


def _open_mlflow(place: Path, models: int, _plan: Plan, stack: ExitStack) -> Side:
    fill.fill_mlflow(place, models)
    server = stack.enter_context(servers.mlflow_server(place))
    return _side(Product.MLFLOW, models, server, "", None)


def _open_modelyard(place: Path, models: int, plan: Plan, stack: ExitStack) -> Side:
    data = place / "data"
    with servers.modelyard_server(data) as server:
        administrator = prepare.Caller(server.address, servers.admin_token(data))
        administrator.open_catalog()
    fill.fill_modelyard(data, models)
    server = stack.enter_context(servers.modelyard_server(data))
    token = servers.admin_token(data)
    administrator = prepare.Caller(server.address, token)
    asked_with = token if plan.as_admin else administrator.caller_token()
    caller = prepare.Caller(server.address, asked_with)
    return _side(Product.MODELYARD, models, server, asked_with, caller)


def _side(
    product: Product,
    models: int,
    server: servers.Server,
    token: str,
    caller: prepare.Caller | None,
) -> Side:
    shuffled = random.Random(models)
    plain = [names.model(number) for number in shuffled.sample(range(1, models + 1), min(models, ROTATION))]
    deep = [names.deep_model(number) for number in range(1, names.DEEP_MODELS + 1)]
    requests: dict[str, Iterator[bytes]] = {
        call.title: cycle(
            [call.request(server.target, product, name, token) for name in (deep if call.deep else plain)]
        )
        for call in CALLS
    }
    return Side(product, models, server, token, requests, caller)
