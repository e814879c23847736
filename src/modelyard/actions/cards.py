"""Model cards: what is known of a version's files as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Need, Query, Ref
from modelyard.domain.cards import Card
from modelyard.domain.models import Version
from modelyard.domain.privileges import Privilege
from modelyard.store import cards, files, models
from modelyard.store.tx import Look


@dataclass(frozen=True)
class Sheet:
    """A version, the number of its files, their bytes together, and what an examination found in them."""

    version: Version
    files: int
    size: int
    card: Card


@dataclass(frozen=True)
class GetCard(Query[Look, Sheet]):
    """Show how large a version is, how its files were judged, and what its `MLmodel` says."""

    model: Ref
    number: int

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> Sheet:
        """Show it; a version that is not frozen yet has no files to speak of."""
        version = models.version(tx, tx.at(self.model), self.number)
        count, size = files.measure(tx, version.manifest_id)
        return Sheet(version, count, size, cards.get(tx, version.manifest_id))
