"""The runner: keeps what serves in step with what is wanted.

One thread of each server process. It looks every second, and at once when this process commits a change: what endpoints
want, how it stands with what runs; it notes what has become of that, takes roll-outs further, and publishes the routing
table. Where several processes share a host, one of them has the engine, and the others follow it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from modelyard.actions.deployments import (
    AdvanceRollout,
    FollowAliases,
    ListWanted,
    LoadServed,
    NoteStandings,
    RevealKey,
)
from modelyard.domain.access import Server
from modelyard.domain.board import Board, Route, Target
from modelyard.domain.endpoints import Config, Deployment, Endpoint, Entity, Standing
from modelyard.domain.journal import Origin
from modelyard.domain.rollouts import Rollout, judged
from modelyard.domain.secrets import Hidden
from modelyard.domain.updates import settled
from modelyard.engines.base import Load, Served
from modelyard.engines.base import Standing as Kept
from modelyard.errors import Failure, NotFound

if TYPE_CHECKING:
    from modelyard.action import Action, Chore
    from modelyard.domain.deployments import Wanted
    from modelyard.domain.metrics import Meters
    from modelyard.gate import Gate

log = logging.getLogger(__name__)

_EVERY: Final = 1.0
_PATIENCE: Final = 5.0
_CONCERNED: Final = frozenset(
    {
        "CreateEndpoint",
        "UpdateConfig",
        "StopEndpoint",
        "StartEndpoint",
        "DeleteEndpoint",
        "SetRateLimits",
        "SetGateway",
        "StartRollout",
        "EndRollout",
        "SetAlias",
        "PromoteVersion",
    }
)
"""The changes after which it looks at once."""


class Keeping(Protocol):
    """What keeps processes, as far as the runner sees it."""

    def keep(self, wanted: list[Served]) -> None:
        """Serve these, and nothing else."""
        ...

    def standings(self) -> Mapping[str, Kept]:
        """How it stands with each of them."""
        ...

    @property
    def leads(self) -> bool:
        """Whether it is this process that keeps them; only one of a host does."""
        ...


class Runner:
    """Works until it is closed; whatever fails is logged, and tried again a second later."""

    def __init__(self, gate: Gate, engine: Keeping, meters: Meters, publish: Callable[[Board], None]) -> None:
        self._gate = gate
        self._engine = engine
        self._meters = meters
        self._publish = publish
        self._owners: dict[str, str] = {}
        self._stretches: dict[str, tuple[int, int]] = {}
        """The step of each roll-out that is counted, by when it and the roll-out began."""
        self._board = Board()
        self._rung = threading.Event()
        self._closing = False
        self._turn = threading.Condition()
        self._begun = self._ended = 0
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._gate.committed.append(self._hear)
        self._thread.start()

    def close(self) -> None:
        """Finish what is under way, and look no more."""
        self._closing = True
        self._rung.set()
        if self._thread.is_alive():
            self._thread.join()

    def ring(self) -> None:
        """Look soon: something has changed."""
        self._rung.set()

    def catch_up(self) -> None:
        """Wait until everything that was committed before is on the board, for some seconds at most."""
        if not self._thread.is_alive():
            return  # nobody looks, so nothing would come
        with self._turn:
            wanted = self._begun + 1
            self._rung.set()
            self._turn.wait_for(lambda: self._ended >= wanted or self._closing, _PATIENCE)

    def load(self, served: Served) -> Load:
        """What a process is given, if the endpoint's creator may still load it; a `Failure` says why not."""
        endpoint_id = self._owners.get(served.id)
        if endpoint_id is None:
            raise NotFound("it is not to be served any more.")
        found = self._do(LoadServed(endpoint_id, served.id))
        return Load(found.files, found.variables)

    def key(self, served_id: str) -> Hidden | None:
        """What proves to another server who asks for a served entity that is there; a `Failure` says why not."""
        endpoint_id = self._owners.get(served_id)
        return self._do(RevealKey(endpoint_id, served_id)) if endpoint_id else None

    def _hear(self, action: Action[Any, Any]) -> None:
        if type(action).__name__ in _CONCERNED:
            self._rung.set()

    def _do(self, chore: Chore[Any, Any]) -> Any:  # noqa: ANN401  the chore's own result
        return self._gate.do(chore, Server(), Origin(uuid.uuid4().hex))

    def _run(self) -> None:
        while not self._closing:
            self._rung.clear()
            with self._turn:
                self._begun += 1
            try:
                self._look()
            except Failure as failure:
                log.warning("what serves could not be looked at: %s", failure.message)
            except Exception:
                log.exception("what serves could not be looked at")
            with self._turn:
                self._ended = self._begun
                self._turn.notify_all()
            self._rung.wait(_EVERY)

    def _look(self) -> None:
        wanted: Wanted = self._do(ListWanted())
        endpoints = [self._followed(each) for each in wanted.endpoints]
        self._owners = {entity.served_id(each.id): each.id for each in endpoints for _, entity in _running(each)}
        self._engine.keep(_served(endpoints))
        standings = self._engine.standings()
        after = [self._noted(each, standings) for each in endpoints]
        self._show(after, standings)
        self._meters.keep(frozenset(each.id for each in after))
        if self._engine.leads:
            for endpoint_id, rollout in wanted.rollouts.items():
                self._advance(endpoint_id, rollout)

    def _followed(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, with the versions at which the aliases point that it follows."""
        if self._engine.leads and endpoint.active and any(each.follows for each in endpoint.active.entities):
            return self._do(FollowAliases(endpoint.id)) or endpoint
        return endpoint

    def _noted(self, endpoint: Endpoint, standings: Mapping[str, Kept]) -> Endpoint:
        """The endpoint once it is noted how it stands with what it serves; what was coming up may serve now."""
        found: dict[str, Standing] = {}
        for _, entity in _running(endpoint):
            kept = standings.get(served_id := entity.served_id(endpoint.id))
            if kept and entity.model:
                found[served_id] = Standing(kept.state, kept.message)
        if found == endpoint.standings and settled(endpoint) == endpoint:
            return endpoint
        noted = self._do(NoteStandings(endpoint.id, tuple(found.items())))
        return noted or endpoint

    def _show(self, endpoints: list[Endpoint], standings: Mapping[str, Kept]) -> None:
        routes = {each.name: _route(each, each.active, standings) for each in endpoints if each.active}
        board = Board({name: route for name, route in routes.items() if route})
        if board != self._board:
            self._board = board
            self._publish(board)

    def _advance(self, endpoint_id: str, rollout: Rollout) -> None:
        """Judge a roll-out by what its entities did since its step began, or since this process has known of it."""
        stretch = (rollout.started_at, rollout.step_at)
        if self._stretches.get(endpoint_id) != stretch:
            self._stretches[endpoint_id] = stretch
            self._meters.begin_stretch(endpoint_id)
            return
        samples = {name: meter.stretch.sample for name, meter in self._meters.of_endpoint(endpoint_id).items()}
        after = judged(rollout, int(time.time() * 1000), samples)
        if after == rollout:
            return
        self._do(AdvanceRollout(endpoint_id, rollout, after))
        self._rung.set()


def _running(endpoint: Endpoint) -> list[tuple[Config, Entity]]:
    """What an endpoint serves, and what it is going to serve."""
    if endpoint.stopped:
        return []
    configs = [endpoint.active] if endpoint.is_serving else []
    configs += [endpoint.pending]
    return [(config, entity) for config in configs if config for entity in config.entities]


def _served(endpoints: list[Endpoint]) -> list[Served]:
    cores = os.cpu_count() or 1
    found: dict[str, Served] = {}
    for endpoint in endpoints:
        for _, entity in _running(endpoint):
            if entity.elsewhere:
                continue
            least, most = (min(each, cores) for each in entity.processes)
            served_id = entity.served_id(endpoint.id)
            label = f"{endpoint.name}/{entity.name}"
            found[served_id] = Served(
                served_id,
                label,
                entity.digest,
                least=least,
                most=most,
                may_sleep=entity.may_sleep,
                row_wise=entity.row_wise,
            )
    return list(found.values())


def _route(endpoint: Endpoint, config: Config | None, standings: Mapping[str, Kept]) -> Route | None:
    if config is None or not (endpoint.is_serving or endpoint.stopped):
        return None
    capture = config.capture
    return Route(
        endpoint_id=endpoint.id,
        name=endpoint.name,
        targets={each.name: _target(endpoint, each, standings) for each in config.entities},
        shares=tuple((share.entity, share.percentage) for share in config.shares if share.percentage),
        shadows=tuple((each.entity, each.fraction) for each in config.shadows),
        headers=tuple((each.header, each.value, each.entity) for each in config.headers),
        sticky=config.sticky,
        limits=endpoint.rate_limits,
        capture=capture,
        stopped=endpoint.stopped,
    )


def _target(endpoint: Endpoint, entity: Entity, standings: Mapping[str, Kept]) -> Target:
    served_id = entity.served_id(endpoint.id)
    target = Target(entity.name, served_id, entity.model, entity.version, elsewhere=entity.elsewhere)
    if entity.elsewhere:
        return replace(target, state=Deployment.READY)
    kept = standings.get(served_id)
    if kept is None:
        return target
    return replace(target, state=kept.state, message=kept.message, addresses=kept.addresses)
