"""Roll-outs, which are our own: no other server has them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions import endpoints, rollouts
from modelyard.domain.endpoints import Config
from modelyard.domain.rollouts import Phase, Rollout
from modelyard.surfaces.serving.blame import blame
from modelyard.surfaces.serving.said import Named, PlanIn
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_AT: Final = "/api/2.0/modelyard/serving-endpoints/{name}"


class Starting(PlanIn, frozen=True):
    """How an entity takes over."""

    name: str = ""
    served_entity_name: str = ""


class Ending(Named, frozen=True):
    """Whether the shares return to what they were before."""

    rollback: bool = False


def _start(said: Starting) -> AnyAction:
    return rollouts.StartRollout(Named(said.name).endpoint, said.read(said.served_entity_name))


def _told(rollout: Rollout, _here: Here) -> object:
    said: dict[str, Any] = msgspec.to_builtins(rollout.plan)
    return {
        **{name: value for name, value in said.items() if name != "entity"},
        "served_entity_name": rollout.plan.entity,
        "state": rollout.phase.value,
        "percentage": rollout.percentage if rollout.phase in {Phase.RUNNING, Phase.COMPLETED} else None,
        "step": rollout.step,
        "started_at": rollout.started_at,
        "started_by": rollout.started_by,
        "step_at": rollout.step_at,
        "reason": rollout.reason,
    }


def _configs(found: list[Config], _here: Here) -> object:
    return {
        "configs": [
            {
                "config_version": config.number,
                "created_at": config.created_at,
                "created_by": config.created_by,
                "served_entities": [
                    {"name": each.name, "entity_name": each.model, "entity_version": str(each.version)}
                    for each in config.entities
                ],
                "traffic": {share.entity: share.percentage for share in config.shares},
            }
            for config in found
        ]
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", f"{_AT}/rollout", Starting, _start, _told, blame=blame, settles=True),
    Translation("GET", f"{_AT}/rollout", Named, lambda said: rollouts.GetRollout(said.endpoint), _told, blame=blame),
    Translation(
        "DELETE",
        f"{_AT}/rollout",
        Ending,
        lambda said: rollouts.EndRollout(said.endpoint, said.rollback),
        _told,
        blame=blame,
        settles=True,
    ),
    Translation(
        "GET", f"{_AT}/configs", Named, lambda said: endpoints.ListConfigs(said.endpoint), _configs, blame=blame
    ),
)
