"""Processes that have the libraries of an environment, and wait for a model: what sleeps wakes sooner with them.

A spare is confined as any process is. It sees a folder of its own that is empty until it is given a model, and knows
nothing of whose that will be, so it has no variables: what needs some starts from nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from modelyard.engines.base import Load, Served
from modelyard.engines.local.interpreters import Interpreter
from modelyard.engines.local.logs import Ring
from modelyard.engines.local.replicas import Kit, Replica
from modelyard.engines.local.trouble import Trouble

log = logging.getLogger(__name__)

_MOST_NAMES: Final = 2_000
_LONGEST: Final = 60_000
"""Letters of all names together: they are an argument of a command."""


@dataclass(slots=True)
class _Spare:
    """A process, and what is kept for it."""

    replica: Replica
    kept: ExitStack
    """Its environment."""

    def close(self) -> None:
        """End it."""
        self.replica.close()
        self.kept.close()


class Spares:
    """One spare for each of a few environments: those of what has gone to sleep last. Used in the engine's loop."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._sleepers: dict[str, tuple[Interpreter, tuple[str, ...]]] = {}
        self._there: dict[Interpreter, _Spare] = {}

    def sleeps(self, served: Served, python: Interpreter, libraries: Sequence[str]) -> None:
        """Something sleeps, whose process had these modules."""
        self.wakes(served)
        self._sleepers[served.id] = python, sensible(libraries)
        self._adjust()

    def wakes(self, served: Served) -> None:
        """It sleeps no more, or is not wanted any more."""
        if self._sleepers.pop(served.id, None):
            self._adjust()

    def take(self, served: Served, load: Load, python: Interpreter, ring: Ring) -> Replica | None:
        """The spare for something, if there is one that it can use; whoever takes it closes it."""
        if load.variables or served.row_wise is not None:
            return None
        spare = self._there.pop(python, None)
        if spare is None:
            return None
        if spare.replica.has_ended:
            spare.close()
            return None
        spare.kept.close()  # whoever takes it keeps the environment by itself
        spare.replica.belongs(ring)
        return spare.replica

    def close(self) -> None:
        """End all of them."""
        self._sleepers.clear()
        self._adjust()

    def _adjust(self) -> None:
        most = self._kit.settings.serving_spares
        wanted = dict(list(dict(self._sleepers.values()).items())[-most:] if most else ())
        for python in self._there.keys() - wanted.keys():
            self._there.pop(python).close()
        for python, names in wanted.items():
            if python not in self._there:
                self._begin(python, names)

    def _begin(self, python: Interpreter, names: Sequence[str]) -> None:
        with ExitStack() as failing:
            try:
                replica = Replica(self._kit, Ring(self._kit.places.spare_log))
                failing.callback(replica.close)
                replica.stand_by(python, names)
            except Trouble as trouble:
                log.info("no spare process could be started: %s", trouble)
                return
            failing.pop_all()
        kept = ExitStack()
        kept.enter_context(self._kit.environments.needed(python))
        self._there[python] = _Spare(replica, kept)


def sensible(names: Sequence[str]) -> tuple[str, ...]:
    """Names of modules, as far as they can be some: the process of a model said them, and it can say anything."""
    found = tuple(name for name in names[:_MOST_NAMES] if all(part.isidentifier() for part in name.split(".")))
    return found if sum(len(name) + 1 for name in found) <= _LONGEST else ()
