"""MLflow's own tracking server, as far as the tables of the protocols see it."""

from __future__ import annotations

from typing import Protocol

from modelyard.domain.relays import Asked, Heard


class Tracking(Protocol):
    """What asks that server; the composition root brings the real one. It is called in the event loop."""

    @property
    def is_ours(self) -> bool:
        """Whether what it keeps is governed here."""
        ...

    async def ask(self, asked: Asked) -> Heard:
        """Its answer; a `Failure` if there is none."""
        ...
