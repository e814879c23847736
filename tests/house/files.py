"""Files of the workspace for the examples: in the home folder of the owner."""

from __future__ import annotations

from modelyard.actions import workspace
from modelyard.domain.workspace import Draft, Level, Object, ObjectType
from tests.house.world import World


def draft(world: World) -> Draft:
    """A file that is not there yet."""
    return Draft(f"/Users/{world.owner.name}/{world.new_name('file')}", ObjectType.FILE)


def written(world: World) -> Object:
    """A file of the owner's."""
    return world.do(workspace.KeepObject(draft(world), world.blob(b"some bytes")), world.owner)


def shared(world: World) -> tuple[tuple[str, Level], ...]:
    """Somebody who is let read."""
    return ((world.person().name, Level.CAN_READ),)
