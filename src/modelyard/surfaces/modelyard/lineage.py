"""The lineage of a version: what it was made from, and what uses it."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.lineage import GetLineage
from modelyard.domain import names
from modelyard.domain.lineage import Direction, Edge, depth
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation


class Asked(msgspec.Struct, frozen=True):
    """Which version, in which direction, how far."""

    full_name: str = ""
    version: str | int = ""
    direction: str = ""
    depth: int | None = None


def _get(said: Asked) -> AnyAction:
    if said.direction and said.direction not in set(Direction):
        raise Invalid(f"direction must be one of {', '.join(Direction)}, or left out for both.")
    directions = (Direction(said.direction),) if said.direction else tuple(Direction)
    return GetLineage(
        Ref(Kind.MODEL, names.model(said.full_name)),
        names.version(said.version),
        directions,
        depth(said.depth),
    )


def _edge(edge: Edge) -> dict[str, object]:
    there = {"model_name": edge.model, "version": edge.version} if edge.model else {}
    return {
        "kind": edge.end.kind,
        "name": edge.end.name,
        **there,
        "details": edge.end.details,
        "depth": edge.depth,
        "first_at": edge.first_at,
        "last_at": edge.last_at,
        "times": edge.times,
        "noted_by": edge.noted_by,
    }


def _edges(found: tuple[Edge, ...], _here: Here) -> object:
    return {side.value: [_edge(edge) for edge in found if edge.direction is side] for side in Direction}


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("models/{full_name}/versions/{version}/lineage"), Asked, _get, _edges),
)
