"""Plans of roll-outs: the steps of an entity that takes over, and what it must hold to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.errors import Invalid

WHOLE: Final = 100
"""Per cent."""
MOST_STEPS: Final = 50
_LONGEST_BAKE: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Plan:
    """How an entity takes over: its share at each step, in per cent and rising, and what it must hold to.

    `bake_seconds` is how long each step lasts at least. `max_error_rate` is a fraction of the entity's answers,
    `max_latency_ratio` that of its 95th percentile to the baseline's, `min_requests` how many of its answers a
    judgement takes.
    """

    entity: str
    steps: tuple[int, ...] = (5, 25, 50, 100)
    bake_seconds: int = 300
    max_error_rate: float = 0.05
    max_latency_ratio: float = 2.0
    min_requests: int = 50

    def checked(self) -> Plan:
        """The same, or `Invalid` with what to change."""
        rising = all(0 < low < high for low, high in zip(self.steps, self.steps[1:], strict=False))
        if not 0 < len(self.steps) <= MOST_STEPS or not rising or not 0 < self.steps[0] <= self.steps[-1] <= WHOLE:
            raise Invalid(f"steps are 1 to {MOST_STEPS} rising percentages, the last at most {WHOLE}.")
        if not 0 <= self.bake_seconds <= _LONGEST_BAKE:
            raise Invalid(f"bake_seconds goes from 0 to {_LONGEST_BAKE}.")
        if not (0 <= self.max_error_rate <= 1 and self.max_latency_ratio > 0 and self.min_requests > 0):
            raise Invalid("max_error_rate goes from 0 to 1; max_latency_ratio and min_requests are positive.")
        return self
