"""Serving endpoints: made, shown, changed, stopped and deleted; and who may use them.

Serving a model runs its code. So who makes an endpoint, and whoever changes what it serves, must be entitled to run
code; and the one who made it must hold EXECUTE on every model that it serves, then and whenever a process loads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelyard.action import METASTORE, Command, Invocation, Need, Query, Ref
from modelyard.actions.creators import creator_of, doubted, entitled, loadable
from modelyard.actions.interruptions import interrupt
from modelyard.actions.secrets import resolved
from modelyard.actions.tables import prepared
from modelyard.domain import endpoints as rules
from modelyard.domain import updates
from modelyard.domain.access import Caller
from modelyard.domain.endpoints import Capture, Config, Endpoint, Entity, RateLimit, Update
from modelyard.domain.journal import Event
from modelyard.domain.models import Tag, TagChange, ready
from modelyard.domain.names import MAX_TAGS
from modelyard.domain.privileges import LEVELS, Kind, Node, Privilege
from modelyard.domain.updates import ConfigChange
from modelyard.errors import NotFound, Updating, WrongState
from modelyard.store import access, catalogs, endpoints, models
from modelyard.store.catalogs import SECURABLE_TAGS
from modelyard.store.tx import Look, Write

_RUN_CODE = Need(Privilege.ALLOW_CLUSTER_CREATE, on="metastore")


@dataclass(frozen=True)
class CreateEndpoint(Command[Write, Endpoint]):
    """Make a serving endpoint, which begins to serve what its config says, if it has one.

    `path` is its full name as a securable. Whoever makes it is its creator for good.
    """

    path: str
    change: ConfigChange | None = None
    description: str = ""
    tags: tuple[Tag, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    gateway: str = ""
    extras: str = ""
    metastore: Ref = METASTORE

    needs = (Need(Privilege.ALLOW_CLUSTER_CREATE, on="metastore", naming="path"),)

    def run(self, tx: Write) -> Endpoint:
        """Make it; its first config comes up meanwhile."""
        id_ = catalogs.add(tx, Kind.ENDPOINT, tx.at(self.metastore), self.path, self.description, {})
        endpoints.add(tx, id_)
        node = Node(Kind.ENDPOINT, id_, self.path, owned=True)
        for tag in self.tags:
            SECURABLE_TAGS.set(tx, id_, tag, MAX_TAGS)
        made = replace(
            endpoints.get(tx, node),
            rate_limits=rules.rate_limits(self.rate_limits),
            gateway=self.gateway,
            extras=self.extras,
        )
        endpoints.set_settings(tx, made)
        if self.change:
            begin(tx, made, _resolved(tx, made, tx.caller, self.change.applied(None)))
        tx.announce(Event.ENDPOINT_CREATED, self.path)
        return endpoints.get(tx, node)


@dataclass(frozen=True)
class GetEndpoint(Query[Look, Endpoint]):
    """Show an endpoint."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_VIEW, on="endpoint"),)

    def run(self, tx: Look) -> Endpoint:
        """Show it, with a word on what serves and could not be started again."""
        return doubted(tx, rules.discreet(endpoints.get(tx, tx.at(self.endpoint))))


@dataclass(frozen=True)
class ListEndpoints(Query[Look, list[Endpoint]]):
    """List the endpoints that the caller may see, by name."""

    open_to = "every principal: rows are filtered by its permissions in the database"

    def run(self, tx: Look) -> list[Endpoint]:
        """List them."""
        return [rules.discreet(each) for each in endpoints.visible(tx)]


@dataclass(frozen=True)
class ListConfigs(Query[Look, list[Config]]):
    """List the latest configs of an endpoint, the newest first."""

    endpoint: Ref
    most: int = 100

    needs = (Need(Privilege.CAN_VIEW, on="endpoint"),)

    def run(self, tx: Look) -> list[Config]:
        """List them."""
        return endpoints.history(tx, tx.at(self.endpoint).id, self.most)


@dataclass(frozen=True)
class UpdateConfig(Command[Write, Endpoint]):
    """Change what an endpoint serves, and how requests are shared.

    A change of shares alone takes effect at once. Otherwise the config that serves goes on until all of the new one is
    ready; if that fails, it stays.
    """

    endpoint: Ref
    change: ConfigChange
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"), _RUN_CODE)

    def run(self, tx: Write) -> Endpoint:
        """Accept it; `Updating` while another update is under way."""
        found = _changeable(tx, self.endpoint)
        if found.stopped:
            raise WrongState(f"Endpoint '{found.name}' is stopped; start it first.")
        config = _resolved(tx, found, creator_of(tx, found), self.change.applied(found.active))
        interrupt(tx, found, f"{tx.actor} updated the endpoint.")
        begin(tx, found, config)
        tx.announce(Event.ENDPOINT_UPDATED, tx.at(self.endpoint).full_name, config=found.last_number + 1)
        return endpoints.get(tx, tx.at(self.endpoint))


@dataclass(frozen=True)
class ChangeEndpointTags(Command[Write, tuple[Tag, ...]]):
    """Set and remove tags of an endpoint."""

    endpoint: Ref
    change: TagChange

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> tuple[Tag, ...]:
        """All its tags afterwards."""
        id_ = tx.at(self.endpoint).id
        SECURABLE_TAGS.change(tx, id_, self.change, MAX_TAGS)
        catalogs.touch(tx, id_)
        return SECURABLE_TAGS.all(tx, id_)


@dataclass(frozen=True)
class SetRateLimits(Command[Write, Endpoint]):
    """Say how many requests a minute an endpoint takes."""

    endpoint: Ref
    limits: tuple[RateLimit, ...]

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> Endpoint:
        """The endpoint afterwards."""
        found = endpoints.locked(tx, tx.at(self.endpoint))
        return _kept(tx, replace(found, rate_limits=rules.rate_limits(self.limits)))


@dataclass(frozen=True)
class SetGateway(Command[Write, Endpoint]):
    """Replace the gateway's configuration of an endpoint: a JSON object as it came, and what of it is acted on.

    Those are rate limits and the inference table; a table that was named before and is not any more takes no more.
    """

    endpoint: Ref
    gateway: str
    limits: tuple[RateLimit, ...]
    capture: Capture | None = None

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> Endpoint:
        """The endpoint afterwards."""
        found = endpoints.locked(tx, tx.at(self.endpoint))
        if found.active and (self.capture or "inference_table_config" in found.gateway):
            found = _capturing(tx, _changeable(tx, self.endpoint), found.active, self.capture)
        return _kept(tx, replace(found, gateway=self.gateway, rate_limits=rules.rate_limits(self.limits)))


@dataclass(frozen=True)
class SetExtras(Command[Write, Endpoint]):
    """Keep what else a client says of an endpoint, such as whom to notify: a JSON object."""

    endpoint: Ref
    extras: str

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> Endpoint:
        """The endpoint afterwards."""
        found = endpoints.locked(tx, tx.at(self.endpoint))
        return _kept(tx, replace(found, extras=self.extras))


@dataclass(frozen=True)
class StopEndpoint(Command[Write, Endpoint]):
    """End every process of an endpoint; it refuses requests until it is started again."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> Endpoint:
        """The endpoint afterwards; nothing happens to one that is stopped, and one without a config cannot be."""
        found = endpoints.locked(tx, tx.at(self.endpoint))
        if found.active is None:
            raise WrongState(f"Endpoint '{found.name}' has nothing to serve yet; give it a config.")
        interrupt(tx, found, f"{tx.actor} stopped the endpoint.")
        endpoints.move(tx, updates.stopped(found))
        tx.announce(Event.ENDPOINT_STOPPED, tx.at(self.endpoint).full_name)
        return endpoints.get(tx, tx.at(self.endpoint))


@dataclass(frozen=True)
class StartEndpoint(Command[Write, Endpoint]):
    """Start an endpoint that was stopped, with the same config under a new number."""

    endpoint: Ref
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"), _RUN_CODE)

    def run(self, tx: Write) -> Endpoint:
        """The endpoint, coming up; `WrongState` for one that is not stopped."""
        found = _changeable(tx, self.endpoint)
        if not found.stopped or found.active is None:
            raise WrongState(f"Endpoint '{found.name}' is not stopped.")
        config = _resolved(tx, found, creator_of(tx, found), found.active)
        begin(tx, replace(found, stopped=False, is_serving=False), config)
        tx.announce(Event.ENDPOINT_STARTED, tx.at(self.endpoint).full_name)
        return endpoints.get(tx, tx.at(self.endpoint))


@dataclass(frozen=True)
class DeleteEndpoint(Command[Write, None]):
    """Delete an endpoint, whatever it serves."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Write) -> None:
        """Delete it; its processes end once nothing is under way."""
        catalogs.remove(tx, tx.at(self.endpoint).id)
        tx.announce(Event.ENDPOINT_DELETED, tx.at(self.endpoint).full_name)


# Permissions


@dataclass(frozen=True)
class ListLevels(Query[Look, tuple[Privilege, ...]]):
    """List the levels that may be permitted on an endpoint."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_VIEW, on="endpoint"),)

    def run(self, tx: Look) -> tuple[Privilege, ...]:  # noqa: ARG002  the same for every endpoint that is there
        """List them."""
        return LEVELS[Kind.ENDPOINT]


# Use


@dataclass(frozen=True)
class Permit:
    """What lets somebody ask an endpoint: which one, and who asks, with the names of its groups."""

    endpoint_id: str
    principal_id: str
    principal: str
    groups: frozenset[str]


@dataclass(frozen=True)
class Predict(Invocation[Look, Permit]):
    """Ask an endpoint for predictions."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_QUERY, on="endpoint"),)

    def run(self, tx: Look) -> Permit:
        """Who may ask it."""
        who = tx.caller.principal
        return Permit(tx.at(self.endpoint).id, who.id, who.name, access.names(tx, tx.caller.identities))


@dataclass(frozen=True)
class WatchEndpoint(Query[Look, Endpoint]):
    """Look at an endpoint's metrics."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_VIEW, on="endpoint"),)

    def run(self, tx: Look) -> Endpoint:
        """The endpoint."""
        return endpoints.get(tx, tx.at(self.endpoint))


@dataclass(frozen=True)
class ReadServingLogs(Query[Look, tuple[Endpoint, Entity]]):
    """Read what the processes of a served entity print, which may be what people asked them."""

    endpoint: Ref
    entity: str

    needs = (Need(Privilege.CAN_MANAGE, on="endpoint"),)

    def run(self, tx: Look) -> tuple[Endpoint, Entity]:
        """The endpoint and the entity; `NotFound` if it serves none of this name."""
        found = endpoints.get(tx, tx.at(self.endpoint))
        for config in (found.pending, found.active):
            if config and (entity := config.entity(self.entity)):
                return found, entity
        raise NotFound(f"Endpoint '{found.name}' has no served entity '{self.entity[:60]}'.")


@dataclass(frozen=True)
class WatchServer(Query[Look, list[Endpoint]]):
    """Look at the metrics of all endpoints at once, for whoever watches the server."""

    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    @property
    def is_brief(self) -> bool:
        """There may be many endpoints."""
        return False

    def run(self, tx: Look) -> list[Endpoint]:
        """All of them."""
        return endpoints.visible(tx)


# Parts of these


def begin(tx: Write, endpoint: Endpoint, config: Config) -> Endpoint:
    """Keep a config as the endpoint's next one, and let it serve, or come up."""
    after = updates.begun(endpoint, config, tx.now)
    newest = after.pending or after.active
    if newest:
        endpoints.add_config(tx, endpoint.id, newest)
    endpoints.move(tx, after)
    catalogs.touch(tx, endpoint.id)
    return after


def _changeable(tx: Write, endpoint: Ref) -> Endpoint:
    found = endpoints.locked(tx, tx.at(endpoint))
    if found.update is Update.IN_PROGRESS:
        raise Updating(f"Endpoint '{found.name}' is being updated; wait until that has ended.")
    return found


def _kept(tx: Write, changed: Endpoint) -> Endpoint:
    endpoints.set_settings(tx, changed)
    catalogs.touch(tx, changed.id)
    tx.announce(Event.ENDPOINT_UPDATED, rules.path(changed.name))
    return changed


def _capturing(tx: Write, endpoint: Endpoint, config: Config, capture: Capture | None) -> Endpoint:
    """The endpoint with a config that logs into another inference table, or into none."""
    if capture and capture.enabled:
        capture = prepared(tx, creator_of(tx, endpoint), capture)
    elif capture is None and config.capture:
        capture = replace(config.capture, enabled=False)
    return begin(tx, endpoint, replace(config, capture=capture))


def _resolved(tx: Write, endpoint: Endpoint, creator: Caller, config: Config) -> Config:
    """The config with numbers for aliases and its inference table, once the creator was found to hold what it takes."""
    entitled(tx, creator)
    checked = config.checked()
    before = endpoint.active.entities if endpoint.active else ()
    entities = tuple(_entity(tx, creator, before, each) for each in checked.entities)
    capture = checked.capture
    logs = prepared(tx, creator, capture) if capture and capture.enabled else capture
    return replace(checked, entities=entities, capture=logs)


def _entity(tx: Look, creator: Caller, before: Iterable[Entity], asked: Entity) -> Entity:
    """An entity with a version's number, and who added it when, if it was not there before."""
    resolved(tx, creator, dict(asked.variables))
    if asked.elsewhere and asked.elsewhere.secret:
        resolved(tx, creator, {"custom_provider_config": asked.elsewhere.secret})
    found = asked
    if asked.model:
        model = loadable(tx, creator, asked.model)
        by_alias = asked.alias and not asked.version
        version = (
            models.version_by_alias(tx, model, asked.alias) if by_alias else models.version(tx, model, asked.version)
        )
        served = ready(version, "be served")
        found = replace(asked, version=served.number, digest=served.digest)
    for old in before:
        if replace(found, creator=old.creator, created_at=old.created_at) == old:
            return old
    return replace(found, creator=tx.actor, created_at=tx.now)
