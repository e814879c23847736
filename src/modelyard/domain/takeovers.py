"""Takeovers: a version to which an alias has moved is served beside the one before, until it has all requests."""

from __future__ import annotations

from dataclasses import replace

from modelyard.domain.endpoints import MOST_ENTITIES, Config, Entity, Share, default_name


def beside(config: Config, moved: tuple[Entity, ...]) -> Config:
    """The config with the versions to which aliases moved beside those that they take over from, and no share yet."""
    entities, shares = list(config.entities), list(config.shares)
    for place, (old, new) in enumerate(zip(config.entities, moved, strict=True)):
        if new == old:
            continue
        entities[place] = replace(old, follows=False)
        name = default_name(new.model, new.version)
        entities = [each for each in entities if each.name != name]
        entities.append(replace(new, name=name))
        shares = [share for share in shares if share.entity != name] + [Share(name, 0)]
    return replace(config, entities=tuple(entities), shares=tuple(shares)).without_idle(MOST_ENTITIES)


def successor(config: Config) -> str:
    """The entity that follows an alias and has no share yet, if there is one: it is to take over."""
    idle = {share.entity for share in config.shares if share.percentage == 0}
    return next((entity.name for entity in config.entities if entity.follows and entity.name in idle), "")


def succeeded(config: Config) -> Config:
    """The config without those that were taken over from: entities without a share that follow nothing."""
    return config.without_idle(0)
