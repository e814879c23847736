"""What questions an endpoint understands: the signatures of what it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelyard.action import Need, Query, Ref
from modelyard.domain.endpoints import Endpoint
from modelyard.domain.privileges import Privilege
from modelyard.errors import WrongState
from modelyard.store import cards, endpoints
from modelyard.store.tx import Look


@dataclass(frozen=True)
class Shape:
    """A served entity, and the signature that its `MLmodel` file has, as JSON values."""

    entity: str
    signature: dict[str, Any]


@dataclass(frozen=True)
class ShowSchema(Query[Look, tuple[Endpoint, tuple[Shape, ...]]]):
    """Show what an endpoint takes and gives, by the signatures of its versions."""

    endpoint: Ref

    needs = (Need(Privilege.CAN_VIEW, on="endpoint"),)

    def run(self, tx: Look) -> tuple[Endpoint, tuple[Shape, ...]]:
        """Show it; `WrongState` before the endpoint is ready, or where no version has a signature."""
        found = endpoints.get(tx, tx.at(self.endpoint))
        if found.active is None or not found.is_ready:
            raise WrongState(f"Endpoint '{found.name}' is not ready yet; ask again when it is.")
        shapes: list[Shape] = []
        for entity in found.active.entities:
            manifest = endpoints.manifest(tx, entity.model, entity.version)
            signature = cards.get(tx, manifest).facts.get("signature") if manifest else None
            if signature:
                shapes.append(Shape(entity.name, signature))
        if not shapes:
            raise WrongState("none of the served versions was logged with a signature; log one to have a schema.")
        return found, tuple(shapes)
