"""Versions whose files stopped coming are given up, so that their bytes can be collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelyard.action import Chore
from modelyard.domain.journal import Event
from modelyard.domain.models import Status
from modelyard.store import models, stalled, uploads
from modelyard.store.tx import Write

if TYPE_CHECKING:
    from modelyard.domain.privileges import Node

_HOUR: Final = 3_600_000
_VERSIONS: Final = 20
"""How many one transaction gives up at most: each may have many files."""


@dataclass(frozen=True)
class GiveUpStalled(Chore[Write, bool]):
    """Fail the versions to which nobody has brought anything for so many hours; whether there may be more of them.

    They stay, without files, so that whoever began them can see why; an import begins such a one again.
    """

    hours: int

    def run(self, tx: Write) -> bool:
        """Fail some."""
        before = tx.now - self.hours * _HOUR
        found = stalled.oldest(tx, before, _VERSIONS)
        for model, number in found:
            self._give_up(tx, model, number, before)
        return len(found) == _VERSIONS

    def _give_up(self, tx: Write, model: Node, number: int, before: int) -> None:
        version = models.locked_version(tx, model, number)
        if not stalled.is_stalled(tx, version.id, before):
            return  # a file came while we waited for it
        stalled.empty(tx, version.manifest_id)
        uploads.remove_all(tx, version.id)
        reason = f"No file came for {self.hours} hours, so this version was given up; register a new one."
        models.settle(tx, version.id, Status.FAILED_REGISTRATION, reason, model_id=version.model_id, digest="")
        tx.announce(Event.MODEL_VERSION_FAILED, model.full_name, version=number, reason=reason)
