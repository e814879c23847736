"""Where the traffic of a model stands: aliases, endpoints with their shares, and outputs that consumers read."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from modelyard.cli.client import OURS, TOKENS, UNITY, Client, Told
from modelyard.cli.endpoints import at, entities_of, ours, part

_HIDDEN: Final = frozenset({"RESOURCE_DOES_NOT_EXIST", "PERMISSION_DENIED"})


class Standing:
    """What a server tells whoever asks; what they may not see is left out. Each thing is asked for once."""

    def __init__(self, server: Client) -> None:
        self._server = server
        self._endpoints: list[dict[str, Any]] | None = None
        self._outputs: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {}

    def of(self, model: str) -> list[dict[str, Any]]:
        """Where the traffic of a model stands, as lines with `kind`, `where`, `said` and what machines read."""
        if not model:
            return []
        return [*self._aliases(model), *self._shares(model), *self._pointers(model)]

    def _aliases(self, model: str) -> list[dict[str, Any]]:
        found = self._seen(f"{UNITY}/models/{quote(model, safe='')}", include_aliases=True) or {}
        aliases: list[dict[str, Any]] = found.get("aliases", [])
        return [
            {
                "kind": "alias",
                "where": each["alias_name"],
                "said": f"version {each['version_num']}",
                "version": each["version_num"],
            }
            for each in aliases
        ]

    def _shares(self, model: str) -> list[dict[str, Any]]:
        known = self._endpoints
        if known is None:
            known = self._endpoints = (self._seen(f"{TOKENS}/serving-endpoints") or {}).get("endpoints", [])
        lines: list[dict[str, Any]] = []
        for listed in known:
            if any(each.get("entity_name") == model for each in entities_of(part(listed, "config"))):
                lines += self._endpoint(listed["name"], model)
        return lines

    def _endpoint(self, name: str, model: str) -> list[dict[str, Any]]:
        config = part(self._seen(at(name)) or {}, "config")
        shares = {
            each["served_entity_name"]: each["traffic_percentage"]
            for each in part(config, "traffic_config").get("routes", [])
        }
        rollout = self._seen(ours(name, "/rollout"))
        return [
            {
                "kind": "endpoint",
                "where": f"{name}/{each['name']}",
                "said": _share(shares.get(each["name"], 0), each, model) + _rollout(rollout, each),
                "percentage": shares.get(each["name"], 0),
            }
            for each in entities_of(config)
        ]

    def _pointers(self, model: str) -> list[dict[str, Any]]:
        schema = model.rpartition(".")[0]
        if schema not in self._outputs:
            self._outputs[schema] = [(name, self._published(name)) for name in self._volumes(schema)]
        lines: list[dict[str, Any]] = []
        for volume, outputs in self._outputs[schema]:
            if any(_scorer(each) == model for each in outputs):
                lines.append(_pointer(volume, outputs, model))
        return lines

    def _volumes(self, schema: str) -> list[str]:
        catalog, _, name = schema.partition(".")
        try:
            found = self._server.all(f"{UNITY}/volumes", "volumes", catalog_name=catalog, schema_name=name)
        except Told as told:
            return _nothing(told)
        return [each["full_name"] for each in found]

    def _published(self, volume: str) -> list[dict[str, Any]]:
        found = self._seen(f"{OURS}/volumes/{quote(volume, safe='')}/outputs")
        return (found or {}).get("outputs", [])

    def _seen(self, path: str, **said: object) -> dict[str, Any] | None:
        try:
            return self._server.ask("GET", path, **said)
        except Told as told:
            _nothing(told)
            return None


def _nothing(told: Told) -> list[str]:
    if told.code not in _HIDDEN:
        raise told
    return []


def _scorer(output: dict[str, Any]) -> str:
    return str(part(output, "about").get("model") or "")


def _rollout(found: dict[str, Any] | None, entity: dict[str, Any]) -> str:
    if not found or found["served_entity_name"] != entity["name"]:
        return ""
    why = f": {found['reason']}" if found["reason"] else ""
    return f"; roll-out {found['state'].lower()}{why}"


def _share(percentage: int, entity: dict[str, Any], model: str) -> str:
    return f"{percentage} % of requests, {_served(entity, model)}"


def _served(entity: dict[str, Any], model: str) -> str:
    if entity.get("external_model"):
        custom = part(part(entity, "external_model"), "custom_provider_config")
        return f"elsewhere: {custom.get('custom_provider_url', '')}"
    name = entity.get("entity_name")
    return f"version {entity.get('entity_version')}{'' if name == model else f' of {name}'}"


def _pointer(volume: str, outputs: list[dict[str, Any]], model: str) -> dict[str, Any]:
    current = next((each for each in outputs if each.get("is_current")), None)
    if current is None:
        said = "consumers see nothing yet"
    elif _scorer(current) == model:
        said = f"consumers see {current['name']}, of version {current['about'].get('version')}"
    else:
        said = f"consumers see {current['name']}, which this model did not make"
    return {"kind": "output", "where": volume, "said": said, "output": current and current["name"]}
