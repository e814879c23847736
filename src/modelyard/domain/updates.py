"""How an endpoint goes from one config to the next: what a change means, when it serves, and what becomes of it.

Nothing here asks or tells anybody: actions keep what these functions give, the runner brings them news.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelyard.domain.endpoints import Config, Deployment, Update

if TYPE_CHECKING:
    from modelyard.domain.endpoints import Capture, Endpoint, Entity, HeaderRoute, Shadow, Share
    from modelyard.domain.plans import Plan


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What shall be different in the next config; None leaves a part as it is, as far as it still fits."""

    entities: tuple[Entity, ...] | None = None
    shares: tuple[Share, ...] | None = None
    shadows: tuple[Shadow, ...] | None = None
    headers: tuple[HeaderRoute, ...] | None = None
    sticky: str | None = None
    capture: Capture | None = None
    takeover: Plan | None = None

    def applied(self, before: Config | None) -> Config:
        """The next config, before its versions are resolved; shares that no longer fit have to be said anew."""
        old = before or Config()
        entities = old.entities if self.entities is None else self.entities
        shares = self.shares
        if shares is None:
            fits = {share.entity for share in old.shares} <= {entity.name for entity in entities}
            shares = old.shares if fits else ()
        merged = replace(
            old,
            entities=entities,
            shares=shares,
            shadows=old.shadows if self.shadows is None else self.shadows,
            headers=old.headers if self.headers is None else self.headers,
            sticky=old.sticky if self.sticky is None else self.sticky,
            capture=self.capture or old.capture,
            takeover=self.takeover or old.takeover,
        )
        return merged if self.shadows or self.headers else merged.without_strangers()


def begun(endpoint: Endpoint, config: Config, now: int) -> Endpoint:
    """The endpoint once a config was accepted: it serves at once if nothing has to be started, else it comes up.

    So a change of shares alone takes effect at once, also where one of them is down: that may be why they change.
    """
    numbered = replace(config, number=endpoint.last_number + 1)
    told = replace(endpoint, last_number=numbered.number, message="")
    if endpoint.is_serving and all(_is_here(endpoint, each) for each in numbered.entities):
        return replace(told, active=numbered, pending=None, pending_since=0, update=Update.NOT_UPDATING)
    shown = endpoint.active if endpoint.is_serving else numbered
    return replace(told, active=shown, pending=numbered, update=Update.IN_PROGRESS, pending_since=now)


def _is_here(endpoint: Endpoint, entity: Entity) -> bool:
    """Whether an entity need not be started: it is ready, or serves already."""
    serving = {each.served_id(endpoint.id) for each in endpoint.active.entities} if endpoint.active else set[str]()
    return endpoint.standing(entity).state is Deployment.READY or entity.served_id(endpoint.id) in serving


def settled(endpoint: Endpoint) -> Endpoint:
    """The endpoint once its standings are known: what comes up serves when all is ready, or is given up."""
    pending = endpoint.pending
    if pending is None:
        return endpoint
    standings = [(each, endpoint.standing(each)) for each in pending.entities]
    failed = next(((each, held) for each, held in standings if held.state is Deployment.FAILED), None)
    over = replace(endpoint, pending=None, pending_since=0)
    if failed:
        why = f'served entity "{failed[0].name}" cannot be served: {failed[1].message}'
        return replace(over, update=Update.UPDATE_FAILED, message=why)
    if all(held.state is Deployment.READY for _, held in standings):
        return replace(over, active=pending, is_serving=True, update=Update.NOT_UPDATING, message="")
    return endpoint


def stopped(endpoint: Endpoint) -> Endpoint:
    """The endpoint when it serves nothing any more, until it is started."""
    update = Update.UPDATE_CANCELED if endpoint.pending else Update.NOT_UPDATING
    return replace(endpoint, stopped=True, pending=None, pending_since=0, update=update, message="")


# Versions that follow an alias
