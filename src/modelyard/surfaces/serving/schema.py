"""The OpenAPI document of one endpoint, made of MLflow's signatures (protocol notes §1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from modelyard.actions.schemas import Shape
from modelyard.domain.endpoints import Endpoint

Json = dict[str, Any]

_TYPES: Final[dict[str, Json]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
}


def document(endpoint: Endpoint, shapes: Iterable[Shape], base_url: str) -> Json:
    """The document: a path for each served entity."""
    number = endpoint.active.number if endpoint.active else 0
    return {
        "openapi": "3.1.0",
        "info": {"title": endpoint.name, "version": str(number)},
        "servers": [{"url": f"{base_url}/serving-endpoints/{endpoint.name}"}],
        "paths": {f"/served-models/{shape.entity}/invocations": {"post": _operation(shape)} for shape in shapes},
    }


def _operation(shape: Shape) -> Json:
    inputs, outputs, params = (_columns(shape, part) for part in ("inputs", "outputs", "params"))
    answer = {"type": "object", "properties": {"predictions": _outputs(outputs)}}
    return {
        "requestBody": {"content": {"application/json": {"schema": {"oneOf": list(_requests(inputs, params))}}}},
        "responses": {"200": {"description": "Predictions", "content": {"application/json": {"schema": answer}}}},
    }


def _columns(shape: Shape, part: str) -> list[Json]:
    return shape.signature.get(part) or []


def _requests(inputs: list[Json], params: list[Json]) -> Iterable[Json]:
    more = {"params": _params(params)} if params else {}
    if not inputs or any(each.get("type") == "tensor" for each in inputs):
        yield from ({"type": "object", "properties": {key: {}, **more}, "required": [key]} for key in _TENSORS)
        return
    record = _record(inputs)
    split = {
        "type": "object",
        "properties": {
            "index": {"type": "array", "items": {"type": "integer"}},
            "columns": {"type": "array", "items": {"type": "string", "enum": [each.get("name") for each in inputs]}},
            "data": {"type": "array", "items": {"type": "array", "prefixItems": [_type(each) for each in inputs]}},
        },
        "required": ["columns", "data"],
    }
    records = {"type": "array", "items": record}
    for key, schema in (("dataframe_split", split), ("dataframe_records", records)):
        yield {"type": "object", "properties": {key: schema, **more}, "required": [key]}


_TENSORS: Final = ("inputs", "instances")


def _record(columns: list[Json]) -> Json:
    required = [str(each.get("name")) for each in columns if each.get("required", True)]
    return {
        "type": "object",
        "properties": {str(each.get("name")): _type(each) for each in columns},
        "required": required,
    }


def _type(column: Json) -> Json:
    kind = column.get("type")
    if kind == "array":
        return {"type": "array", "items": _type(column.get("items") or {})}
    if kind == "object":
        properties: Json = column.get("properties") or {}
        return {"type": "object", "properties": {name: _type(each) for name, each in properties.items()}}
    return _TYPES.get(str(kind), {})


def _outputs(outputs: list[Json]) -> Json:
    if len(outputs) == 1 and not outputs[0].get("name"):
        return {"type": "array", "items": _type(outputs[0])}
    named = bool(outputs) and all(each.get("name") for each in outputs)
    return {"type": "array", "items": _record(outputs) if named else {}}


def _params(params: list[Json]) -> Json:
    properties = {str(each.get("name")): {**_type(each), "default": each.get("default")} for each in params}
    return {"type": "object", "properties": properties}
