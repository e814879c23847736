"""What clients say of endpoints: the shapes of the wire (protocol notes §1.1), read into the rules' own words.

Both generations are understood: `served_entities` and, from before them, `served_models`. `shadow_routes`,
`header_routes`, `sticky_by`, `alias_rollout`, `follow_alias` and `row_wise` are ours; a client that does not know them
leaves them as they are.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.domain import endpoints as rules
from modelyard.domain import names
from modelyard.domain.endpoints import UNIT, Capture, Elsewhere, Entity, HeaderRoute, RateLimit, Shadow, Share
from modelyard.domain.plans import Plan
from modelyard.domain.privileges import Kind
from modelyard.domain.updates import ConfigChange
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Pair

_SECRET: Final = re.compile(r"\s*\{\{\s*secrets/[^/{}]+/[^/{}]+\s*\}\}\s*\Z")
_PLAIN: Final = (
    "a key of another server is not taken in plain text: keep it as a secret, and name it as {{secrets/scope/key}}."
)


class Named(msgspec.Struct, frozen=True):
    """An endpoint by its name."""

    name: str = ""

    @property
    def endpoint(self) -> Ref:
        """The endpoint."""
        return Ref(Kind.ENDPOINT, rules.path(self.name))


class Token(msgspec.Struct, frozen=True):
    """A token for another server."""

    token: str | None = None
    token_plaintext: str | None = None


class Key(msgspec.Struct, frozen=True):
    """A header with a key for another server."""

    key: str = ""
    value: str | None = None
    value_plaintext: str | None = None


class CustomProvider(msgspec.Struct, frozen=True):
    """Another server's scoring URL."""

    custom_provider_url: str = ""
    bearer_token_auth: Token | None = None
    api_key_auth: Key | None = None


class External(msgspec.Struct, frozen=True):
    """What is served by another server."""

    provider: str = ""
    name: str = ""
    task: str = ""
    custom_provider_config: CustomProvider | None = None

    def read(self) -> Elsewhere:
        """The URL, and what proves who asks."""
        custom = self.custom_provider_config
        if self.provider.lower() != "custom" or custom is None:
            raise Invalid("external_model: the provider is custom, with a custom_provider_config; no other is known.")
        token, key = custom.bearer_token_auth, custom.api_key_auth
        if token:
            return Elsewhere(custom.custom_provider_url, "authorization", _secret(token.token, token.token_plaintext))
        if key:
            return Elsewhere(custom.custom_provider_url, key.key, _secret(key.value, key.value_plaintext))
        return Elsewhere(custom.custom_provider_url)


def _secret(reference: str | None, plain: str | None) -> str:
    if plain or not reference or not _SECRET.match(reference):
        raise Invalid(_PLAIN)
    return reference.strip()


class EntityIn(msgspec.Struct, frozen=True):
    """A served entity, in either generation's words."""

    name: str | None = None
    entity_name: str | None = None
    entity_version: str | int | None = None
    model_name: str | None = None
    model_version: str | int | None = None
    workload_size: str | None = None
    workload_type: str | None = None
    min_provisioned_concurrency: int | None = None
    max_provisioned_concurrency: int | None = None
    scale_to_zero_enabled: bool | None = None
    environment_vars: dict[str, str] | None = None
    external_model: External | None = None
    entity_alias: str | None = None
    """As answers tell it beside a number, so that what was read can be sent back."""
    follow_alias: bool | None = None
    row_wise: bool | None = None

    def read(self) -> Entity:
        """The entity, with an alias where that was said instead of a version."""
        least, most = self._concurrency()
        shared = Entity(
            name="",
            size=self.workload_size or "",
            least=least,
            most=most,
            may_sleep=bool(self.scale_to_zero_enabled),
            workload=(self.workload_type or "CPU").removeprefix("ServingModelWorkloadType."),
            variables=tuple(sorted((self.environment_vars or {}).items())),
            row_wise=self.row_wise,
        )
        if self.external_model:
            name = self.name or self.external_model.name
            return replace(shared, name=name, elsewhere=self.external_model.read())
        return self._model(shared)

    def _model(self, shared: Entity) -> Entity:
        model = names.model(self.entity_name or self.model_name or "")
        told = self.entity_version if self.entity_version is not None else self.model_version
        if told is None or told == "":
            raise Invalid(f"entity_version of {model} is missing: say a number, or an alias as @champion.")
        if str(told).startswith("@"):
            alias = names.alias(str(told)[1:])
            return replace(
                shared,
                name=self.name or rules.default_name(model, alias),
                model=model,
                alias=alias,
                follows=bool(self.follow_alias),
            )
        version = names.version(told)
        named = self.name or rules.default_name(model, version)
        alias = names.alias(self.entity_alias) if self.entity_alias else ""
        follows = bool(alias and self.follow_alias)
        return replace(shared, name=named, model=model, version=version, alias=alias, follows=follows)

    def _concurrency(self) -> tuple[int, int]:
        low, high = self.min_provisioned_concurrency, self.max_provisioned_concurrency
        if low is None and high is None:
            return rules.concurrency(self.workload_size or "Small")
        if self.workload_size:
            raise Invalid("say either workload_size or the provisioned concurrency, not both.")
        return (low or min(UNIT, high or UNIT)), (high or low or UNIT)


class RouteIn(msgspec.Struct, frozen=True):
    """An entity's share."""

    traffic_percentage: int
    served_entity_name: str | None = None
    served_model_name: str | None = None


class Traffic(msgspec.Struct, frozen=True):
    """How requests are shared."""

    routes: list[RouteIn] = []


class ShadowIn(msgspec.Struct, frozen=True):
    """An entity that gets copies of some requests."""

    served_entity_name: str
    fraction: float


class HeaderIn(msgspec.Struct, frozen=True):
    """A header that leads to an entity."""

    header: str
    value: str
    served_entity_name: str


class CaptureIn(msgspec.Struct, frozen=True):
    """Where requests are logged, in either generation's words; `sampling_fraction` is ours, in per cent."""

    catalog_name: str = ""
    schema_name: str = ""
    table_name_prefix: str | None = None
    enabled: bool | None = None
    sampling_fraction: float = 100.0

    def read(self, endpoint: str) -> Capture:
        """The table."""
        prefix = names.simple(self.table_name_prefix or endpoint)
        catalog, schema = names.simple(self.catalog_name), names.simple(self.schema_name)
        return Capture(catalog, schema, prefix, self.enabled is not False, self.sampling_fraction)


_PLAN: Final = Plan("")


class PlanIn(msgspec.Struct, frozen=True):
    """How an entity takes over step by step."""

    steps: tuple[int, ...] = _PLAN.steps
    bake_seconds: int = _PLAN.bake_seconds
    max_error_rate: float = _PLAN.max_error_rate
    max_latency_ratio: float = _PLAN.max_latency_ratio
    min_requests: int = _PLAN.min_requests

    def read(self, entity: str = "") -> Plan:
        """The plan."""
        guards = (self.max_error_rate, self.max_latency_ratio, self.min_requests)
        return Plan(entity, self.steps, self.bake_seconds, *guards)


class ConfigIn(msgspec.Struct, frozen=True):
    """What an endpoint is to serve."""

    name: str = ""
    served_entities: list[EntityIn] | None = None
    served_models: list[EntityIn] | None = None
    traffic_config: Traffic | None = None
    auto_capture_config: CaptureIn | None = None
    shadow_routes: list[ShadowIn] | None = None
    header_routes: list[HeaderIn] | None = None
    sticky_by: str | None = None
    alias_rollout: PlanIn | None = None

    @property
    def endpoint(self) -> Ref:
        """The endpoint, by the name in the path."""
        return Ref(Kind.ENDPOINT, rules.path(self.name))

    def read(self, endpoint: str) -> ConfigChange:
        """The change that it means."""
        if self.served_entities and self.served_models:
            raise Invalid("say either served_entities or served_models, not both.")
        entities = self.served_models if self.served_entities is None else self.served_entities
        routes = self.traffic_config.routes if self.traffic_config else None
        return ConfigChange(
            entities=None if entities is None else tuple(each.read() for each in entities),
            shares=None if not routes else tuple(_share(each) for each in routes),
            shadows=None
            if self.shadow_routes is None
            else tuple(Shadow(each.served_entity_name, each.fraction) for each in self.shadow_routes),
            headers=None
            if self.header_routes is None
            else tuple(
                HeaderRoute(each.header.lower(), each.value, each.served_entity_name) for each in self.header_routes
            ),
            sticky=None if self.sticky_by is None else rules.sticky(self.sticky_by),
            capture=self.auto_capture_config.read(endpoint) if self.auto_capture_config else None,
            takeover=self.alias_rollout.read() if self.alias_rollout else None,
        )


def _share(route: RouteIn) -> Share:
    entity = route.served_entity_name or route.served_model_name
    if not entity:
        raise Invalid("a route of traffic_config names its served entity.")
    return Share(entity, route.traffic_percentage)


class LimitIn(msgspec.Struct, frozen=True):
    """A rate limit."""

    calls: int | None = None
    tokens: int | None = None
    key: str | None = None
    principal: str | None = None
    renewal_period: str | None = None

    def read(self) -> RateLimit:
        """The limit: requests a minute."""
        if self.calls is None:
            raise Invalid("a rate limit counts calls; tokens are not counted here.")
        if (self.renewal_period or "minute").lower() != "minute":
            raise Invalid("the renewal_period of a rate limit is minute.")
        return RateLimit(self.calls, (self.key or "endpoint").lower(), self.principal or "")


class Limits(Named, frozen=True):
    """Rate limits of an endpoint."""

    rate_limits: list[LimitIn] = []


class TagsIn(Named, frozen=True):
    """Tags to set and keys to remove."""

    add_tags: list[Pair] | None = None
    delete_tags: list[str] | None = None


def limits(said: list[LimitIn] | None) -> tuple[RateLimit, ...]:
    """Rate limits, checked."""
    return rules.rate_limits(tuple(each.read() for each in said or ()))
