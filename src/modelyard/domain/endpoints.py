"""Serving endpoints: which model versions they serve, how requests are shared among them, and the life of a config.

Limits and words are Databricks' (protocol notes of serving, §1 and §2.4); what is ours beyond them says so.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from modelyard.domain.names import text
from modelyard.domain.plans import WHOLE, Plan
from modelyard.errors import Invalid

PREFIX: Final = "serving-endpoints/"
"""What the full name of an endpoint as a securable begins with; no catalog's name can."""

MOST_ENTITIES: Final = 10
MOST_VARIABLES: Final = 30
MOST_RATE_LIMITS: Final = 20
UNIT: Final = 4
"""Requests at once that one process stands for."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,62}\Z", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9\-_]{1,100}\Z", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}\Z", re.ASCII)
_SIZES: Final = {"small": (4, 4), "medium": (8, 16), "large": (16, 64)}
_MOST_CONCURRENCY: Final = 1024
_RESERVED: Final = ("LD_", "PYTHON", "MLFLOW_", "PATH", "HOME", "TMPDIR", "BASH_ENV", "ENV")
"""Variables that change what a process is; models are given others."""


class Level(StrEnum):
    """What may be permitted on an endpoint; each includes those before it."""

    CAN_VIEW = "CAN_VIEW"
    CAN_QUERY = "CAN_QUERY"
    CAN_MANAGE = "CAN_MANAGE"


class Update(StrEnum):
    """What becomes of the newest config."""

    NOT_UPDATING = "NOT_UPDATING"
    IN_PROGRESS = "IN_PROGRESS"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_CANCELED = "UPDATE_CANCELED"


class Deployment(StrEnum):
    """How it stands with a served entity (the values of the wire)."""

    CREATING = "DEPLOYMENT_CREATING"
    """It has not answered yet: its files are brought, its environment is built, or it starts."""
    RECOVERING = "DEPLOYMENT_RECOVERING"
    """It has answered, and its processes ended; others are being started."""
    READY = "DEPLOYMENT_READY"
    """It answers, or would at once be woken to answer."""
    FAILED = "DEPLOYMENT_FAILED"
    """It cannot be served, and nothing is tried any more."""
    ABORTED = "DEPLOYMENT_ABORTED"
    """Somebody took it back before it answered."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A scoring URL on another server, and the header that proves there who asks (`secret` is a reference)."""

    url: str
    header: str = ""
    secret: str = ""

    def checked(self) -> Elsewhere:
        """The same, if it is one that can be asked; whether it may be is the operator's to say."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise Invalid("custom_provider_url must be an http:// or https:// URL without a user.")
        if self.header and not _HEADER.match(self.header):
            raise Invalid("the name of the header with the key has only letters, digits, dashes and underscores.")
        return self


@dataclass(frozen=True, slots=True)
class Entity:
    """A served entity: a version of a registered model, or a URL elsewhere.

    `alias` is by what the version was asked for, `follows` whether it is to move with it. `digest` is its manifest's,
    kept as a version may be deleted. `size` is the word that the client used, if it used one; `least` and `most` are
    requests at once. Values of `variables` may be references to secrets. `row_wise` says whether rows of several
    requests may be given to the model together (None: if its flavor is known for it).
    """

    name: str
    model: str = ""
    version: int = 0
    digest: str = ""
    alias: str = ""
    follows: bool = False
    size: str = ""
    least: int = UNIT
    most: int = UNIT
    may_sleep: bool = False
    workload: str = "CPU"
    variables: tuple[tuple[str, str], ...] = ()
    row_wise: bool | None = None
    elsewhere: Elsewhere | None = None
    creator: str = ""
    created_at: int = 0

    def checked(self) -> Entity:
        """The same, or `Invalid` with what to change."""
        entity_name(self.name)
        if bool(self.model) == bool(self.elsewhere):
            raise Invalid(f'served entity "{self.name}" names either a model (entity_name) or an external_model.')
        if self.workload != "CPU":
            raise Invalid("workload_type must be CPU: this server has no other machines to place a model on.")
        if not 0 < self.least <= self.most <= _MOST_CONCURRENCY:
            raise Invalid(f"provisioned concurrency goes from 1 to {_MOST_CONCURRENCY}, the minimum first.")
        if self.elsewhere:
            self.elsewhere.checked()
        _check_variables(self.variables)
        return self

    @property
    def processes(self) -> tuple[int, int]:
        """How many processes it takes at least and at most, each for some requests at once."""
        return -(-self.least // UNIT), -(-self.most // UNIT)

    def served_id(self, endpoint_id: str) -> str:
        """What names it for those who run it: anything that would make another process gives another id."""
        told = {**asdict(self), "endpoint": endpoint_id}
        for word in ("alias", "follows", "creator", "created_at"):
            del told[word]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a hundred requests an entity gets."""

    entity: str
    percentage: int


@dataclass(frozen=True, slots=True)
class Shadow:
    """An entity that gets copies of a fraction of the requests, in per cent; its answers are recorded, not returned."""

    entity: str
    fraction: float


@dataclass(frozen=True, slots=True)
class HeaderRoute:
    """Requests with this value of a header go to an entity, whatever its share."""

    header: str
    value: str
    entity: str


@dataclass(frozen=True, slots=True)
class Capture:
    """The inference table: `<catalog>.<schema>.<prefix>_payload` has a sample of the requests, in per cent."""

    catalog: str
    schema: str
    prefix: str
    enabled: bool = True
    fraction: float = 100.0
    id: str = ""
    """Of the table, once it is there."""

    @property
    def table(self) -> str:
        """The full name of the table."""
        return f"{self.catalog}.{self.schema}.{self.prefix}_payload"


@dataclass(frozen=True, slots=True)
class Config:
    """What an endpoint serves, and how; `number` counts up with every change.

    `sticky` is what keeps somebody on one version: `header:<name>`, `client_request_id`, `user`, or nothing. Where an
    alias that an entity follows moves, the new version takes over by the plan in `takeover`, or else at once.
    """

    entities: tuple[Entity, ...] = ()
    shares: tuple[Share, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    headers: tuple[HeaderRoute, ...] = ()
    sticky: str = ""
    capture: Capture | None = None
    takeover: Plan | None = None
    number: int = 0
    created_at: int = 0
    created_by: str = ""

    def checked(self) -> Config:
        """The same with a complete split, or `Invalid` with what to change."""
        _check_entities(self.entities)
        known = {entity.name for entity in self.entities}
        shares = self.shares
        if not shares and len(self.entities) == 1:
            shares = (Share(self.entities[0].name, WHOLE),)
        _check_shares(shares, known)
        _check_routes(self, known)
        if self.takeover:
            self.takeover.checked()
        return replace(self, shares=shares)

    def without_strangers(self) -> Config:
        """The same without shadows and header routes to entities that are not served any more."""
        known = {entity.name for entity in self.entities}
        return replace(
            self,
            shadows=tuple(each for each in self.shadows if each.entity in known),
            headers=tuple(each for each in self.headers if each.entity in known),
        )

    def without_idle(self, most: int) -> Config:
        """The same without entities that have no share and follow nothing, if there are more than so many in all."""
        if len(self.entities) <= most:
            return self
        busy = {share.entity for share in self.shares if share.percentage}
        kept = tuple(each for each in self.entities if each.follows or each.name in busy)
        names = {each.name for each in kept}
        shares = tuple(share for share in self.shares if share.entity in names)
        return replace(self, entities=kept, shares=shares).without_strangers()

    def entity(self, name: str) -> Entity | None:
        """The entity of a name."""
        return next((entity for entity in self.entities if entity.name == name), None)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests a minute the endpoint takes: in all, of each user, or of one principal."""

    calls: int
    key: str = "endpoint"
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a served entity, as it was last noted."""

    state: Deployment
    message: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A serving endpoint; times are epoch milliseconds.

    `active` is the config that serves, `pending` the one that is being brought up. Before anything has served, `active`
    is the newest config, and `is_serving` false.
    """

    id: str
    name: str
    creator: str
    creator_id: str
    created_at: int
    updated_at: int
    description: str = ""
    active: Config | None = None
    pending: Config | None = None
    is_serving: bool = False
    stopped: bool = False
    update: Update = Update.NOT_UPDATING
    message: str = ""
    pending_since: int = 0
    last_number: int = 0
    tags: tuple[tuple[str, str], ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    gateway: str = ""
    """The gateway's configuration as the client wrote it: a JSON object, or nothing."""
    extras: str = ""
    """What else the client said of the endpoint, such as whom to notify: a JSON object, or nothing."""
    standings: dict[str, Standing] | None = None
    """By served id."""
    level: Level | None = None
    """What the caller is permitted."""

    def standing(self, entity: Entity) -> Standing:
        """How it stands with one of its entities."""
        if entity.elsewhere:
            return Standing(Deployment.READY)
        return (self.standings or {}).get(entity.served_id(self.id), Standing(Deployment.CREATING))

    @property
    def is_ready(self) -> bool:
        """Whether every entity of the config that serves is ready."""
        if self.active is None or not self.is_serving or self.stopped:
            return False
        return all(self.standing(each).state is Deployment.READY for each in self.active.entities)


def endpoint_name(name: str) -> str:
    """A valid name of an endpoint, as written."""
    if not _NAME.match(name):
        raise Invalid("the name of an endpoint has 1 to 63 letters, digits, dashes and underscores.")
    return name


def path(name: str) -> str:
    """The full name of an endpoint as a securable."""
    return PREFIX + endpoint_name(name)


def entity_name(name: str) -> str:
    """A valid name of a served entity, as written."""
    if not _NAME.match(name):
        raise Invalid("the name of a served entity has 1 to 63 letters, digits, dashes and underscores.")
    return name


def default_name(model: str, version: int | str) -> str:
    """What an entity is called that was given no name: the last level of its model's name, and version or alias."""
    told = re.sub(r"[^A-Za-z0-9_\-]", "_", f"{model.rpartition('.')[2]}-{version}")[-63:]
    return told if _NAME.match(told) else f"m{told}"[:63]


def concurrency(size: str) -> tuple[int, int]:
    """The requests at once, at least and at most, of a workload size."""
    found = _SIZES.get(size.lower())
    if found is None:
        raise Invalid(f'workload_size "{size[:40]}" is none; use Small, Medium or Large.')
    return found


def sticky(key: str) -> str:
    """What keeps somebody on one version, checked."""
    kind, _, header = key.partition(":")
    fits = key in {"", "user", "client_request_id"} or (kind == "header" and bool(_HEADER.match(header)))
    if not fits:
        raise Invalid("sticky_by is user, client_request_id, or header:<name>.")
    return key.lower()


def rate_limits(limits: tuple[RateLimit, ...]) -> tuple[RateLimit, ...]:
    """Rate limits, checked."""
    if len(limits) > MOST_RATE_LIMITS:
        raise Invalid(f"an endpoint has at most {MOST_RATE_LIMITS} rate limits.")
    for limit in limits:
        if limit.calls < 0:
            raise Invalid("calls must not be negative.")
        if limit.key not in {"user", "endpoint", "user_group", "service_principal"}:
            raise Invalid("the key of a rate limit is endpoint, user, user_group or service_principal.")
    return limits


def _check_variables(variables: tuple[tuple[str, str], ...]) -> None:
    if len(variables) > MOST_VARIABLES:
        raise Invalid(f"a served entity has at most {MOST_VARIABLES} environment variables.")
    for name, value in variables:
        if not _VARIABLE.match(name) or name.upper().startswith(_RESERVED):
            raise Invalid(f'"{name[:60]}" cannot be the name of an environment variable of a model; choose another.')
        if len(value) > 32_768:  # noqa: PLR2004  said in the message
            raise Invalid("the value of an environment variable has at most 32768 characters.")
        text(value, "environment variable")


def _check_entities(entities: tuple[Entity, ...]) -> None:
    if not 0 < len(entities) <= MOST_ENTITIES:
        raise Invalid(f"an endpoint serves 1 to {MOST_ENTITIES} entities, not {len(entities)}.")
    for entity in entities:
        entity.checked()
    names = [entity.name for entity in entities]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f'two served entities are called "{twice[0]}"; give each a name of its own.')


def _check_shares(shares: tuple[Share, ...], known: set[str]) -> None:
    if not shares:
        raise Invalid("traffic_config is missing: with several served entities, say what share each gets.")
    named = [share.entity for share in shares]
    if len(set(named)) < len(named):
        raise Invalid("traffic_config names a served entity twice.")
    if unknown := sorted(set(named) - known):
        raise Invalid(f'traffic_config names "{unknown[0][:60]}", which is no served entity of this config.')
    if any(not 0 <= share.percentage <= WHOLE for share in shares):
        raise Invalid("traffic_percentage goes from 0 to 100.")
    if (total := sum(share.percentage for share in shares)) != WHOLE:
        raise Invalid(f"the percentages of traffic_config must add up to 100, not {total}.")


def _check_routes(config: Config, known: set[str]) -> None:
    for shadow in config.shadows:
        if shadow.entity not in known or not 0 <= shadow.fraction <= WHOLE:
            raise Invalid("a shadow route names a served entity of this config, and a fraction from 0 to 100.")
    for route in config.headers:
        if route.entity not in known or not _HEADER.match(route.header) or len(route.value) > 255:  # noqa: PLR2004
            raise Invalid("a header route names a header, a value of at most 255 characters, and a served entity.")
    sticky(config.sticky)
    if config.capture and not 0 <= config.capture.fraction <= WHOLE:
        raise Invalid("sampling_fraction goes from 0 to 100 per cent.")


def discreet(endpoint: Endpoint) -> Endpoint:
    """What somebody may see who may not read logs: why something failed, and not what was printed before."""
    if endpoint.level is Level.CAN_MANAGE:
        return endpoint
    standings = {
        served_id: replace(each, message=_said_first(each.message))
        for served_id, each in (endpoint.standings or {}).items()
    }
    return replace(endpoint, message=_said_first(endpoint.message), standings=standings)


def _said_first(message: str) -> str:
    """The first sentence: what a process has printed follows behind it."""
    first, _, rest = message.partition("\n")[0].partition(". ")
    return f"{first}." if rest else first
