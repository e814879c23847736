"""Endpoints: made, listed, shown, updated, tagged, limited, stopped, started and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import msgspec

from modelyard.actions import endpoints
from modelyard.domain import endpoints as rules
from modelyard.domain.endpoints import Endpoint
from modelyard.domain.models import Tag, TagChange
from modelyard.domain.names import MAX_COMMENT
from modelyard.errors import Invalid
from modelyard.surfaces.serving import told
from modelyard.surfaces.serving.blame import blame
from modelyard.surfaces.serving.said import CaptureIn, ConfigIn, LimitIn, Limits, Named, TagsIn, limits
from modelyard.surfaces.wire import AnyAction, Here, Nothing, Pair, Row, Translation, encode, tag_dicts, tags, text

PREFIX: Final = "/api/2.0/serving-endpoints"


class Gateway(msgspec.Struct, frozen=True):
    """The gateway's configuration; what this server does not act on is kept and shown."""

    rate_limits: list[LimitIn] | None = None
    inference_table_config: CaptureIn | None = None
    usage_tracking_config: dict[str, Any] | None = None
    fallback_config: dict[str, Any] | None = None
    guardrails: dict[str, Any] | None = None


class GatewayOf(Gateway, frozen=True):
    """The same, of an endpoint."""

    name: str = ""


class Creating(msgspec.Struct, frozen=True):
    """A new endpoint."""

    name: str = ""
    config: ConfigIn | None = None
    tags: list[Pair] | None = None
    description: str | None = None
    rate_limits: list[LimitIn] | None = None
    ai_gateway: Gateway | None = None
    route_optimized: bool | None = None
    email_notifications: dict[str, Any] | None = None
    budget_policy_id: str | None = None
    telemetry_config: dict[str, Any] | None = None


class Notifying(Named, frozen=True):
    """Whom to tell of updates, and where telemetry goes: kept and shown."""

    email_notifications: dict[str, Any] | None = None
    telemetry_config: dict[str, Any] | None = None


_EXTRAS: Final = ("route_optimized", "email_notifications", "budget_policy_id", "telemetry_config")


def _create(said: Creating) -> AnyAction:
    gateway = said.ai_gateway
    limited = limits((gateway.rate_limits if gateway else None) or said.rate_limits)
    change = said.config.read(said.name) if said.config else None
    if change and gateway and gateway.inference_table_config:
        change = replace(change, capture=gateway.inference_table_config.read(said.name))
    return endpoints.CreateEndpoint(
        rules.path(said.name),
        change,
        description=text(said.description),
        tags=tags(said.tags),
        rate_limits=limited,
        gateway=_written(gateway) if gateway else "",
        extras=_extras(said, _EXTRAS),
    )


def _written(gateway: Gateway) -> str:
    said: dict[str, Any] = msgspec.to_builtins(gateway)
    kept = {name: value for name, value in said.items() if value is not None and name != "name"}
    return _bounded(encode(kept).decode()) if kept else ""


def _extras(said: Creating | Notifying, names: tuple[str, ...]) -> str:
    kept = {name: getattr(said, name) for name in names if getattr(said, name) is not None}
    return _bounded(encode(kept).decode()) if kept else ""


def _bounded(kept: str) -> str:
    if len(kept) > MAX_COMMENT:
        raise Invalid(f"what is kept of an endpoint has at most {MAX_COMMENT} characters.")
    return kept


def _tags(said: TagsIn) -> AnyAction:
    return endpoints.ChangeEndpointTags(said.endpoint, TagChange(tags(said.add_tags), tuple(said.delete_tags or ())))


def _gateway(said: GatewayOf) -> AnyAction:
    endpoint = Named(said.name).endpoint
    table = said.inference_table_config
    capture = table.read(said.name) if table else None
    return endpoints.SetGateway(endpoint, _written(said), limits(said.rate_limits), capture)


def _update(said: ConfigIn) -> AnyAction:
    return endpoints.UpdateConfig(said.endpoint, said.read(said.name))


def _one(endpoint: Endpoint, here: Here) -> object:
    return told.detailed(endpoint, here)


def _all(found: list[Endpoint], _here: Here) -> object:
    return {"endpoints": [told.summary(each) for each in found]}


def _tagged(found: tuple[Tag, ...], _here: Here) -> object:
    return {"tags": tag_dicts(found)}


def _limited(endpoint: Endpoint, _here: Here) -> object:
    return {"rate_limits": [told.limit(each) for each in endpoint.rate_limits]}


def _kept(endpoint: Endpoint, _here: Here) -> object:
    return msgspec.Raw((endpoint.gateway or "{}").encode())


def _notified(endpoint: Endpoint, _here: Here) -> object:
    return msgspec.Raw((endpoint.extras or "{}").encode())


def _get(said: Named) -> AnyAction:
    return endpoints.GetEndpoint(said.endpoint)


def _list(_said: Nothing) -> AnyAction:
    return endpoints.ListEndpoints()


def _delete(said: Named) -> AnyAction:
    return endpoints.DeleteEndpoint(said.endpoint)


def _limits(said: Limits) -> AnyAction:
    return endpoints.SetRateLimits(said.endpoint, limits(said.rate_limits))


def _notify(said: Notifying) -> AnyAction:
    return endpoints.SetExtras(said.endpoint, _extras(said, ("email_notifications", "telemetry_config")))


def _stop(said: Named) -> AnyAction:
    return endpoints.StopEndpoint(said.endpoint)


def _start(said: Named) -> AnyAction:
    return endpoints.StartEndpoint(said.endpoint)


def _gone(_done: None, _here: Here) -> object:
    return {}


def _row(
    method: str,
    path: str,
    said: type[msgspec.Struct],
    read: Callable[[Any], AnyAction],
    write: Callable[[Any, Here], object],
) -> Translation:
    return Translation(method, PREFIX + path, said, read, write, blame=blame, settles=method != "GET")


ROWS: Final[tuple[Row, ...]] = (
    # MLflow's client asks for the collection with a slash at its end (protocol notes §1).
    *(_row("POST", slash, Creating, _create, _one) for slash in ("", "/")),
    *(_row("GET", slash, Nothing, _list, _all) for slash in ("", "/")),
    _row("GET", "/{name}", Named, _get, _one),
    _row("DELETE", "/{name}", Named, _delete, _gone),
    _row("PUT", "/{name}/config", ConfigIn, _update, _one),
    _row("PATCH", "/{name}/tags", TagsIn, _tags, _tagged),
    _row("PUT", "/{name}/rate-limits", Limits, _limits, _limited),
    _row("PUT", "/{name}/ai-gateway", GatewayOf, _gateway, _kept),
    _row("PATCH", "/{name}/notifications", Notifying, _notify, _notified),
    _row("PATCH", "/{name}/telemetry-config", Notifying, _notify, _notified),
    _row("POST", "/{name}/stop", Named, _stop, _one),
    _row("POST", "/{name}/start", Named, _start, _one),
)
