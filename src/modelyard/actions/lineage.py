"""Lineage: noted by clients that read a version or made it, and shown in both directions."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain.lineage import READER, Direction, Edge, End
from modelyard.domain.privileges import Privilege
from modelyard.store import lineage, models
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class NoteLineage(Command[Write, None]):
    """Take a client's note of what it read a version for, or what it made it from; whoever may read it may say so.

    A note without an end says who read it: the caller.
    """

    model: Ref
    number: int
    direction: Direction = Direction.DOWNSTREAM
    ends: tuple[End, ...] = ()

    needs = (Need(Privilege.EXECUTE, on="model"),)

    def run(self, tx: Write) -> None:
        """Keep it."""
        version = models.version(tx, tx.at(self.model), self.number)
        lineage.note(tx, version.id, self.direction, self.ends or [End(READER, tx.actor)])


@dataclass(frozen=True)
class GetLineage(Query[Look, tuple[Edge, ...]]):
    """Show what is upstream and downstream of a version, `depth` steps far; of versions those that the caller sees."""

    model: Ref
    number: int
    directions: tuple[Direction, ...] = tuple(Direction)
    depth: int = 1

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    @property
    def is_brief(self) -> bool:
        """A walk over several versions is not."""
        return False

    def run(self, tx: Look) -> tuple[Edge, ...]:
        """Walk there."""
        start = models.version(tx, tx.at(self.model), self.number)
        return tuple(edge for each in self.directions for edge in lineage.edges(tx, start.id, each, self.depth))
