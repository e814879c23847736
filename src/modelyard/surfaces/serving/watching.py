"""What is known of what serves: metrics, logs, and the shape of questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from modelyard.actions import endpoints, schemas
from modelyard.actions.schemas import Shape
from modelyard.domain.endpoints import Config, Endpoint, Entity
from modelyard.domain.metrics import BOUNDS, Histogram, Meter, Tally
from modelyard.surfaces.served import Serving
from modelyard.surfaces.serving.blame import blame
from modelyard.surfaces.serving.said import Named
from modelyard.surfaces.serving.schema import document
from modelyard.surfaces.wire import AnyAction, Consult, Here, Reply, Row, Translation

_AT: Final = "/api/2.0/serving-endpoints/{name}"
_SERVED: Final = f"{_AT}/served-models/{{served}}"
_MILLISECONDS: Final = 1_000.0
_TEXT: Final = "text/plain"
_WORDS: Final = {
    "request_latency_ms": "How long requests took, in milliseconds.",
    "model_prediction_latency_ms": "How long the model took, in milliseconds.",
    "model_queue_time_ms": "How long requests waited for the model, in milliseconds.",
}


class OneServed(Named, frozen=True):
    """A served entity of an endpoint."""

    served: str = ""
    config_version: int | None = None


def _logs_of(said: OneServed) -> AnyAction:
    return endpoints.ReadServingLogs(said.endpoint, said.served)


def _logs(serving: Serving, found: tuple[Endpoint, Entity]) -> object:
    endpoint, entity = found
    return {"logs": serving.logs(entity.served_id(endpoint.id))}


def _build_logs(serving: Serving, found: tuple[Endpoint, Entity]) -> object:
    endpoint, entity = found
    return {"logs": serving.build_logs(entity.served_id(endpoint.id))}


# Metrics in Databricks' words: requests are gauges of the last minute, each line with its time (protocol notes §2.5).


def _databricks(serving: Serving, endpoint: Endpoint) -> Reply:
    now = time.time()
    lines: list[str] = []
    meters = serving.meters.of_endpoint(endpoint.id)
    entities = {each.name: each for each in endpoint.active.entities} if endpoint.active else {}
    for name, values in _gauges(serving, endpoint, entities, meters, now).items():
        lines.append(f"# TYPE {name} gauge")
        lines += [f"{name}{{{_labels(endpoint, entity)}}} {value:g} {int(now * 1000)}" for entity, value in values]
    for name, of in _HISTOGRAMS.items():
        lines += [f"# HELP {name} {_WORDS[name]}", f"# TYPE {name} histogram"]
        for entity in entities:
            lines += _histogram(name, _labels(endpoint, entity), of(meters.get(entity) or Meter()), now)
    body = "\n".join(lines) + "\n"
    return Reply(200, body.encode(), (("content-type", "text/plain; version=0.0.4; charset=utf-8"),))


_HISTOGRAMS: Final[dict[str, Callable[[Meter], Histogram]]] = {
    "request_latency_ms": lambda meter: meter.whole.latency,
    "model_prediction_latency_ms": lambda meter: meter.model,
    "model_queue_time_ms": lambda meter: meter.queue,
}


def _gauges(
    serving: Serving, endpoint: Endpoint, entities: Mapping[str, Entity], meters: Mapping[str, Meter], now: float
) -> dict[str, list[tuple[str, float]]]:
    minute = {name: meters[name].last_minute(now) if name in meters else Tally() for name in entities}
    usage = {name: serving.usage(each.served_id(endpoint.id)) for name, each in entities.items()}
    busy = {name: float(meters[name].under_way) if name in meters else 0.0 for name in entities}
    return {
        "cpu_usage_percentage": [(name, usage[name][0]) for name in entities],
        "mem_usage_percentage": [(name, usage[name][1]) for name in entities],
        "provisioned_concurrent_requests_total": [(name, busy[name]) for name in entities],
        "request_count_total": [(name, float(each.requests)) for name, each in minute.items()],
        "request_4xx_count_total": [(name, float(each.client_errors)) for name, each in minute.items()],
        "request_5xx_count_total": [(name, float(each.server_errors)) for name, each in minute.items()],
    }


def _labels(endpoint: Endpoint, entity: str) -> str:
    return f'endpoint_name="{endpoint.name}",served_model_name="{entity}"'


def _histogram(name: str, labels: str, histogram: Histogram, now: float) -> Iterator[str]:
    at, reached = int(now * 1000), 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), histogram.counts, strict=True):
        reached += count
        yield f'{name}_bucket{{{labels},le="{bound}"}} {reached} {at}'
    yield f"{name}_sum{{{labels}}} {histogram.total:g} {at}"
    yield f"{name}_count{{{labels}}} {reached} {at}"


# Metrics in Prometheus' own sense: counters that only go up, and histograms in seconds.


class _Everything(Collector):
    """The meters of all endpoints at once."""

    def __init__(self, serving: Serving, found: list[Endpoint]) -> None:
        self._serving = serving
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Every counter and histogram."""
        labels = ("endpoint", "served_entity")
        requests = CounterMetricFamily(
            "modelyard_serving_requests", "Requests that were answered.", labels=(*labels, "status")
        )
        busy = GaugeMetricFamily("modelyard_serving_requests_under_way", "Requests under way.", labels=labels)
        histograms = {
            name: HistogramMetricFamily(f"modelyard_serving_{name}_seconds", words, labels=labels)
            for name, words in (
                ("latency", "How long requests took."),
                ("model_latency", "How long the model took."),
                ("queue_time", "How long requests waited for the model."),
            )
        }
        for endpoint in self._found:
            for entity, meter in self._serving.meters.of_endpoint(endpoint.id).items():
                where = (endpoint.name, entity)
                whole = meter.whole
                fine = whole.requests - whole.client_errors - whole.server_errors
                for status, count in (("2xx", fine), ("4xx", whole.client_errors), ("5xx", whole.server_errors)):
                    requests.add_metric((*where, status), count)
                busy.add_metric(where, meter.under_way)
                for name, held in zip(histograms, (whole.latency, meter.model, meter.queue), strict=True):
                    histograms[name].add_metric(where, _buckets(held), held.total / _MILLISECONDS)
        yield requests
        yield busy
        yield from histograms.values()


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    reached, found = 0, list[tuple[str, float]]()
    for bound, count in zip((*(f"{each / _MILLISECONDS:g}" for each in BOUNDS), "+Inf"), histogram.counts, strict=True):
        reached += count
        found.append((bound, float(reached)))
    return found


def _prometheus(serving: Serving, found: list[Endpoint]) -> Reply:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(serving, found))
    return Reply(200, generate_latest(registry), (("content-type", CONTENT_TYPE_LATEST),))


# The last hour, for pages


def _statistics(serving: Serving, endpoint: Endpoint) -> object:
    now = time.time()
    meters = serving.meters.of_endpoint(endpoint.id)
    whole = {name: meter.last_hour(now) for name, meter in meters.items()}
    requests = sum(tally.requests for tally in whole.values())
    return {
        "served_entities": [
            {
                "name": name,
                "version": _version(endpoint.active, name),
                "share": tally.requests / requests if requests else 0.0,
                **_tallied(tally),
                "minutes": [{"at": at * 1000, **_tallied(each)} for at, each in meters[name].by_minute(now).items()],
            }
            for name, tally in sorted(whole.items())
        ]
    }


def _version(config: Config | None, name: str) -> str:
    entity = config.entity(name) if config else None
    return f"{entity.model}/{entity.version}" if entity and entity.model else ""


def _tallied(tally: Tally) -> dict[str, Any]:
    latency = {f"p{int(each * 100)}_ms": round(tally.latency.percentile(each), 3) for each in (0.5, 0.95, 0.99)}
    errors = tally.client_errors + tally.server_errors
    return {
        "requests": tally.requests,
        "errors_4xx": tally.client_errors,
        "errors_5xx": tally.server_errors,
        "error_rate": errors / tally.requests if tally.requests else 0.0,
        **latency,
    }


def _schema(found: tuple[Endpoint, tuple[Shape, ...]], here: Here) -> object:
    return document(found[0], found[1], here.base_url)


ROWS: Final[tuple[Row, ...]] = (
    Consult("GET", f"{_SERVED}/logs", OneServed, _logs_of, _logs, blame=blame),
    Consult("GET", f"{_SERVED}/build-logs", OneServed, _logs_of, _build_logs, blame=blame),
    Consult(
        "GET",
        f"{_AT}/metrics",
        Named,
        lambda said: endpoints.WatchEndpoint(said.endpoint),
        _databricks,
        blame=blame,
        media=_TEXT,
    ),
    Consult(
        "GET",
        "/api/2.0/modelyard/serving-endpoints/{name}/statistics",
        Named,
        lambda said: endpoints.WatchEndpoint(said.endpoint),
        _statistics,
        blame=blame,
    ),
    Consult("GET", "/metrics", Named, lambda _said: endpoints.WatchServer(), _prometheus, blame=blame, media=_TEXT),
    Translation("GET", f"{_AT}/openapi", Named, lambda said: schemas.ShowSchema(said.endpoint), _schema, blame=blame),
)
