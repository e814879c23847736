"""How endpoints are told: the shapes of the wire, with both generations' words side by side."""

from __future__ import annotations

from typing import Any

import msgspec

from modelyard.domain.endpoints import Config, Elsewhere, Endpoint, Entity, RateLimit
from modelyard.surfaces.wire import Here

Json = dict[str, Any]


def detailed(endpoint: Endpoint, here: Here) -> Json:
    """An endpoint with everything about it."""
    extras: Json = msgspec.json.decode(endpoint.extras) if endpoint.extras else {}
    told = {
        **_common(endpoint),
        **extras,
        "endpoint_url": f"{here.base_url}/serving-endpoints/{endpoint.name}/invocations",
        "permission_level": endpoint.level.value if endpoint.level else None,
        "route_optimized": bool(extras.get("route_optimized")),
    }
    if endpoint.active and endpoint.active is not endpoint.pending:
        told["config"] = _config(endpoint, endpoint.active)
    if endpoint.pending:
        told["pending_config"] = {**_config(endpoint, endpoint.pending), "start_time": endpoint.pending_since}
    if endpoint.gateway:
        told["ai_gateway"] = msgspec.Raw(endpoint.gateway.encode())
    return told


def summary(endpoint: Endpoint) -> Json:
    """An endpoint as lists show it."""
    told = _common(endpoint)
    if endpoint.active:
        told["config"] = {
            "served_entities": [_spec(each) for each in endpoint.active.entities],
            "served_models": [_old_spec(each) for each in endpoint.active.entities if each.model],
        }
    return told


def _common(endpoint: Endpoint) -> Json:
    state: Json = {
        "ready": "READY" if endpoint.is_ready else "NOT_READY",
        "config_update": endpoint.update.value,
    }
    if endpoint.message:
        state["message"] = endpoint.message
    if endpoint.stopped:
        state["suspend"] = "SUSPENDED"
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_at,
        "last_updated_timestamp": endpoint.updated_at,
        "description": endpoint.description,
        "state": state,
        "tags": [{"key": key, "value": value} for key, value in endpoint.tags],
    }


def _config(endpoint: Endpoint, config: Config) -> Json:
    told: Json = {
        "served_entities": [_entity(endpoint, each) for each in config.entities],
        "served_models": [_old_entity(endpoint, each) for each in config.entities if each.model],
        "traffic_config": {
            "routes": [
                {
                    "served_model_name": share.entity,
                    "served_entity_name": share.entity,
                    "traffic_percentage": share.percentage,
                }
                for share in config.shares
            ]
        },
        "config_version": config.number,
    }
    if config.capture:
        told["auto_capture_config"] = _capture(config)
    return {**told, **_extensions(config)}


def _extensions(config: Config) -> Json:
    told: Json = {}
    if config.shadows:
        told["shadow_routes"] = [
            {"served_entity_name": each.entity, "fraction": each.fraction} for each in config.shadows
        ]
    if config.headers:
        told["header_routes"] = [
            {"header": each.header, "value": each.value, "served_entity_name": each.entity} for each in config.headers
        ]
    if config.sticky:
        told["sticky_by"] = config.sticky
    if config.takeover:
        plan: Json = msgspec.to_builtins(config.takeover)
        told["alias_rollout"] = {name: value for name, value in plan.items() if name != "entity"}
    return told


def _capture(config: Config) -> Json:
    capture = config.capture
    if capture is None:
        return {}
    return {
        "catalog_name": capture.catalog,
        "schema_name": capture.schema,
        "table_name_prefix": capture.prefix,
        "enabled": capture.enabled,
        "sampling_fraction": capture.fraction,
        "state": {"payload_table": {"name": capture.table, "status": "OK", "status_message": ""}},
    }


def _spec(entity: Entity) -> Json:
    if entity.elsewhere:
        return {"name": entity.name, "external_model": _external(entity, entity.elsewhere)}
    return {"name": entity.name, "entity_name": entity.model, "entity_version": str(entity.version)}


def _old_spec(entity: Entity) -> Json:
    return {"name": entity.name, "model_name": entity.model, "model_version": str(entity.version)}


def _entity(endpoint: Endpoint, entity: Entity) -> Json:
    told = {**_spec(entity), **_deployed(endpoint, entity)}
    if entity.alias:
        told |= {"entity_alias": entity.alias, "follow_alias": entity.follows}
    if entity.row_wise is not None:
        told["row_wise"] = entity.row_wise
    return told


def _old_entity(endpoint: Endpoint, entity: Entity) -> Json:
    return {**_old_spec(entity), **_deployed(endpoint, entity)}


def _deployed(endpoint: Endpoint, entity: Entity) -> Json:
    standing = endpoint.standing(entity)
    told: Json = {
        "state": {"deployment": standing.state.value, "deployment_state_message": standing.message},
        "creator": entity.creator,
        "creation_timestamp": entity.created_at,
    }
    if entity.elsewhere:
        return told
    size = (
        {"workload_size": entity.size}
        if entity.size
        else {"min_provisioned_concurrency": entity.least, "max_provisioned_concurrency": entity.most}
    )
    variables = {"environment_vars": dict(entity.variables)} if entity.variables else {}
    return {
        **told,
        **size,
        **variables,
        "workload_type": entity.workload,
        "scale_to_zero_enabled": entity.may_sleep,
    }


def _external(entity: Entity, elsewhere: Elsewhere) -> Json:
    custom: Json = {"custom_provider_url": elsewhere.url}
    if elsewhere.header == "authorization":
        custom["bearer_token_auth"] = {"token": elsewhere.secret}
    elif elsewhere.header:
        custom["api_key_auth"] = {"key": elsewhere.header, "value": elsewhere.secret}
    return {"provider": "custom", "name": entity.name, "task": "llm/v1/chat", "custom_provider_config": custom}


def limit(each: RateLimit) -> Json:
    """A rate limit."""
    told: Json = {"calls": each.calls, "key": each.key, "renewal_period": "minute"}
    return {**told, "principal": each.principal} if each.principal else told
