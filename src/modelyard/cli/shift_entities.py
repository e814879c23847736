"""What a shift begins with: an endpoint that serves the old scorer, here or elsewhere, and the new version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from modelyard.cli.client import TOKENS, Client, Told
from modelyard.cli.endpoints import at, entities_of, ours, part, plain, settled
from modelyard.cli.output import say
from modelyard.domain.endpoints import default_name
from modelyard.domain.rollouts import Phase
from modelyard.errors import Invalid, NotFound, WrongState

OLD: Final = "old"
"""What a scorer elsewhere is called that a shift begins with."""
_MISSING: Final = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True, slots=True)
class Origin:
    """The old scorer's URL, and the secret (`scope/key`) with its token; nothing where it is served here already."""

    url: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        if self.secret and (not self.url or self.secret.count("/") != 1):
            raise Invalid("--from-secret is SCOPE/KEY, with the token for --from-url.")

    @property
    def entity(self) -> dict[str, Any]:
        """The served entity that it is."""
        custom: dict[str, Any] = {"custom_provider_url": self.url}
        if self.secret:
            custom["bearer_token_auth"] = {"token": "{{secrets/" + self.secret + "}}"}
        external = {"provider": "custom", "name": OLD, "task": "llm/v1/chat", "custom_provider_config": custom}
        return {"name": OLD, "external_model": external}


@dataclass(frozen=True, slots=True)
class Beginning:
    """An endpoint, and how long it may take to come up."""

    server: Client
    endpoint: str
    seconds: int

    def begun(self, to: str, origin: Origin, record: str) -> str:
        """The served entity that is to take over, once it serves beside the old one."""
        found = self._endpoint(origin)
        entity, added = _named(found, to)
        said: dict[str, Any] = {}
        if added:
            said["served_entities"] = [*map(plain, entities_of(part(found, "config"))), added]
        if record and not part(part(found, "config"), "auto_capture_config"):
            said["auto_capture_config"] = _table(record)
        if said:
            self._check_idle()
            say(f"{self.endpoint}: {entity} comes up beside what serves.")
            self.change(**said)
        return entity

    def _check_idle(self) -> None:
        """`WrongState` while a roll-out runs, which any other change of the endpoint would end."""
        try:
            found = self.server.ask("GET", ours(self.endpoint, "/rollout"))
        except Told as told:
            if told.code != _MISSING:
                raise
            return
        if found["state"] == Phase.RUNNING:
            raise WrongState(
                f"{self.endpoint} is being rolled out to {found['served_entity_name']}: wait for it, or end it with "
                f"`modelyard endpoints rollout {self.endpoint} --cancel`."
            )

    def change(self, **said: object) -> dict[str, Any]:
        """Change its config, and wait until that serves."""
        self.server.ask("PUT", at(self.endpoint, "/config"), **said)
        return settled(self.server, self.endpoint, self.seconds)

    def _endpoint(self, origin: Origin) -> dict[str, Any]:
        """The endpoint; made of the old scorer, if it is not there."""
        try:
            found = self.server.ask("GET", at(self.endpoint))
        except Told as told:
            if told.code != _MISSING or not origin.url:
                raise
            say(f"{self.endpoint} is made, with all requests going to {origin.url}.")
            config = {"served_entities": [origin.entity]}
            self.server.ask("POST", f"{TOKENS}/serving-endpoints", name=self.endpoint, config=config)
            return settled(self.server, self.endpoint, self.seconds)
        if origin.url and origin.url not in map(_url, entities_of(part(found, "config"))):
            raise Invalid(f"{self.endpoint} is there already and does not ask {origin.url}; leave --from-url out.")
        return settled(self.server, self.endpoint, self.seconds)


def _named(found: dict[str, Any], to: str) -> tuple[str, dict[str, Any] | None]:
    """The entity that `to` names, and what it is if it is not served yet."""
    served = entities_of(part(found, "config"))
    if to in {each["name"] for each in served}:
        return to, None
    model, at_sign, version = to.rpartition("@")
    if not at_sign or not model or not version:
        known = ", ".join(each["name"] for each in served)
        raise NotFound(f"{found['name']} serves nothing called {to!r} (but {known}); write MODEL@VERSION to add it.")
    wanted = version if version.isdecimal() else f"@{version}"
    for each in served:
        if each.get("entity_name") == model and wanted in {each.get("entity_version"), f"@{each.get('entity_alias')}"}:
            return each["name"], None
    name = default_name(model, version)
    return name, {"name": name, "entity_name": model, "entity_version": wanted, "workload_size": "Small"}


def _url(entity: dict[str, Any]) -> str:
    return str(part(part(entity, "external_model"), "custom_provider_config").get("custom_provider_url") or "")


def _table(record: str) -> dict[str, str]:
    levels = record.split(".")
    if len(levels) != 3:  # noqa: PLR2004  a table's levels
        raise Invalid("--record is CATALOG.SCHEMA.PREFIX, of the inference table that keeps the answers.")
    return {"catalog_name": levels[0], "schema_name": levels[1], "table_name_prefix": levels[2]}
