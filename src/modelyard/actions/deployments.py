"""What the server does by itself so that endpoints serve: it looks what is wanted, gives out files, notes what became.

Before each start of a process the endpoint's creator is looked at again: whoever has lost EXECUTE, or may not run code
any more, has nothing started. What runs already goes on, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import Chore, Ref
from modelyard.actions.creators import creator_of, entitled, loadable
from modelyard.actions.endpoints import begin
from modelyard.actions.interruptions import interrupt
from modelyard.actions.secrets import resolved
from modelyard.domain.deployments import Provision, Wanted
from modelyard.domain.endpoints import Endpoint, Entity, Standing, Update, path
from modelyard.domain.journal import Event
from modelyard.domain.models import Version, ready
from modelyard.domain.privileges import Kind, Node
from modelyard.domain.rollouts import Phase, Rollout, split
from modelyard.domain.secrets import Hidden
from modelyard.domain.takeovers import beside, succeeded, successor
from modelyard.domain.updates import settled
from modelyard.errors import Denied, NotFound, WrongState
from modelyard.store import access, endpoints, files, models
from modelyard.store.tx import Look, Write

_EVENTS: Final = {
    Phase.RUNNING: Event.ROLLOUT_ADVANCED,
    Phase.COMPLETED: Event.ROLLOUT_COMPLETED,
    Phase.ROLLED_BACK: Event.ROLLOUT_ROLLED_BACK,
    Phase.CANCELED: Event.ROLLOUT_CANCELED,
}


@dataclass(frozen=True)
class ListWanted(Chore[Look, Wanted]):
    """List everything that is to be served."""

    is_change = False  # it is asked each second

    def run(self, tx: Look) -> Wanted:
        """List it."""
        return Wanted(endpoints.everyone(tx), endpoints.running(tx))


@dataclass(frozen=True)
class LoadServed(Chore[Write, Provision]):
    """Give out what a process of a served entity needs, if the endpoint's creator may still load it."""

    endpoint_id: str
    served_id: str

    def run(self, tx: Write) -> Provision:
        """Files and variables; a `Failure` says why there are none."""
        endpoint, entity = _find(tx, self.endpoint_id, self.served_id)
        creator = creator_of(tx, endpoint)
        entitled(tx, creator)
        model = loadable(tx, creator, entity.model)
        version = ready(models.version(tx, model, entity.version), "be served")
        variables = {name: told.text() for name, told in resolved(tx, creator, dict(entity.variables)).items()}
        return Provision(files.all_files(tx, version.manifest_id), variables)


@dataclass(frozen=True)
class RevealKey(Chore[Write, Hidden | None]):
    """Give out what proves to another server who asks for a served entity that is there, if the creator may read it."""

    endpoint_id: str
    served_id: str

    def run(self, tx: Write) -> Hidden | None:
        """The secret; None if there is none, and a `Failure` if it may not be read."""
        endpoint = _endpoint(tx, self.endpoint_id)
        configs = (endpoint.active, endpoint.pending) if endpoint else ()
        for entity in (each for config in configs if config for each in config.entities):
            if endpoint and entity.elsewhere and entity.served_id(endpoint.id) == self.served_id:
                said = {"custom_provider_config": entity.elsewhere.secret}
                return resolved(tx, creator_of(tx, endpoint), said)["custom_provider_config"]
        return None


@dataclass(frozen=True)
class NoteStandings(Chore[Write, Endpoint | None]):
    """Note how it stands with what an endpoint serves, by served id; what came up serves once all of it is ready."""

    endpoint_id: str
    standings: tuple[tuple[str, Standing], ...]

    def run(self, tx: Write) -> Endpoint | None:
        """The endpoint afterwards; nothing if it is gone."""
        found = _endpoint(tx, self.endpoint_id)
        if found is None:
            return None
        endpoints.note_standings(tx, found.id, self.standings)
        after = settled(replace(found, standings=dict(self.standings)))
        if after.update is not found.update:
            endpoints.move(tx, after)
            failed = after.update is Update.UPDATE_FAILED
            tx.announce(
                Event.ENDPOINT_FAILED if failed else Event.ENDPOINT_READY,
                path(after.name),
                config=found.pending.number if found.pending else 0,
                message=after.message,
            )
        return _taking_over(tx, after) if after.update is Update.NOT_UPDATING else after


@dataclass(frozen=True)
class AdvanceRollout(Chore[Write, Endpoint | None]):
    """Take a roll-out to its next step, or to its end, with the config that this means.

    `before` is the roll-out as it was when it was judged: one that has moved since is left alone.
    """

    endpoint_id: str
    before: Rollout
    after: Rollout

    is_recorded = True

    def run(self, tx: Write) -> Endpoint | None:
        """The endpoint afterwards; nothing if it, or the roll-out, is not as it was."""
        found = _endpoint(tx, self.endpoint_id)
        if found is None or endpoints.rollout(tx, self.endpoint_id) != self.before:
            return None
        tx.subject = path(found.name)
        return move(tx, found, self.after)


def move(tx: Write, endpoint: Endpoint, rollout: Rollout) -> Endpoint:
    """Keep a roll-out as it is now, and let the endpoint serve the shares that this means."""
    endpoints.put_rollout(tx, endpoint.id, rollout)
    told = {"entity": rollout.plan.entity, "percentage": rollout.percentage, "reason": rollout.reason}
    tx.announce(_EVENTS[rollout.phase], path(endpoint.name), **told)
    if rollout.phase is Phase.COMPLETED and endpoint.active and endpoint.active.takeover:
        return begin(tx, endpoint, succeeded(endpoint.active))
    if rollout.phase in {Phase.COMPLETED, Phase.CANCELED} or endpoint.active is None:
        return endpoint
    shares = (
        rollout.before
        if rollout.phase is Phase.ROLLED_BACK
        else split(rollout.before, rollout.plan.entity, rollout.percentage)
    )
    return begin(tx, endpoint, replace(endpoint.active, shares=shares))


@dataclass(frozen=True)
class FollowAliases(Chore[Write, Endpoint | None]):
    """Let an endpoint's entities that follow aliases serve the versions at which those point now."""

    endpoint_id: str

    is_recorded = True

    def run(self, tx: Write) -> Endpoint | None:
        """The endpoint afterwards, coming up with the new versions; nothing if no alias has moved."""
        found = _endpoint(tx, self.endpoint_id)
        if found is None or found.active is None or found.update is Update.IN_PROGRESS or found.stopped:
            return None
        moved = tuple(_followed(tx, found, each) for each in found.active.entities)
        if moved == found.active.entities:
            return None
        tx.subject = path(found.name)
        interrupt(tx, found, "an alias that the endpoint follows was moved.")
        takes_time = found.active.takeover is not None
        return begin(tx, found, beside(found.active, moved) if takes_time else replace(found.active, entities=moved))


def _followed(tx: Write, endpoint: Endpoint, entity: Entity) -> Entity:
    if not entity.follows or not entity.alias:
        return entity
    version = _pointed_at(tx, endpoint, entity)
    if version is None or version.number == entity.version:
        return entity
    return replace(entity, version=version.number, digest=version.digest, creator=tx.actor, created_at=tx.now)


def _pointed_at(tx: Write, endpoint: Endpoint, entity: Entity) -> Version | None:
    try:
        model = loadable(tx, creator_of(tx, endpoint), entity.model)
        return ready(models.version_by_alias(tx, model, entity.alias), "be served")
    except (NotFound, Denied, WrongState):
        return None  # the alias, or the right to load it, was taken away: what serves goes on


def _taking_over(tx: Write, endpoint: Endpoint) -> Endpoint:
    """Begin the roll-out of a version that an alias has moved to, once it is up."""
    config = endpoint.active
    name = successor(config) if config else ""
    running = endpoints.rollout(tx, endpoint.id)
    if not name or config is None or config.takeover is None or (running and running.phase is Phase.RUNNING):
        return endpoint
    if running and running.plan.entity == name and running.phase is not Phase.COMPLETED:
        return endpoint  # it was tried, and taken back
    plan = replace(config.takeover, entity=name)
    begun = Rollout(plan, config.shares, started_at=tx.now, step_at=tx.now, started_by=tx.actor)
    tx.announce(Event.ROLLOUT_STARTED, path(endpoint.name), entity=name, steps=plan.steps)
    return move(tx, endpoint, begun)


def _served(endpoint: Endpoint) -> list[Entity]:
    configs = [config for config in (endpoint.active, endpoint.pending) if config]
    return [entity for config in configs for entity in config.entities if entity.model]


def _endpoint(tx: Write, endpoint_id: str) -> Endpoint | None:
    chain = access.chain(tx, tx.caller, Ref(Kind.ENDPOINT, endpoint_id))
    return None if chain.missing else endpoints.locked(tx, Node(Kind.ENDPOINT, endpoint_id, ""))


def _find(tx: Write, endpoint_id: str, served_id: str) -> tuple[Endpoint, Entity]:
    found = _endpoint(tx, endpoint_id)
    if found:
        for entity in _served(found):
            if entity.served_id(endpoint_id) == served_id:
                return found, entity
    raise NotFound("nothing of this id is to be served any more.")
