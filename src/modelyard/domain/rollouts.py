"""Roll-outs: an entity's share goes up step by step, as long as it does well beside the baseline, else back to 0.

Every step is an ordinary config of the endpoint. Guards compare what both entities did since the step began: the rate
of errors, and the 95th percentile of latency as a ratio. Before enough requests came nothing is concluded, neither good
nor bad, and the step goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from modelyard.domain.endpoints import Share
from modelyard.domain.plans import WHOLE, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Phase(StrEnum):
    """The life of a roll-out."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    ROLLED_BACK = "ROLLED_BACK"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A roll-out under way, or over: the step it is at (an index), since when, and why it ended.

    `before` are the shares to which a roll-back returns. Times are epoch milliseconds.
    """

    plan: Plan
    before: tuple[Share, ...]
    step: int = 0
    phase: Phase = Phase.RUNNING
    started_at: int = 0
    step_at: int = 0
    reason: str = ""
    started_by: str = ""

    @property
    def percentage(self) -> int:
        """The entity's share now."""
        return self.plan.steps[self.step]


@dataclass(frozen=True, slots=True)
class Sample:
    """What an entity did for a while: its answers, the errors among them, and their 95th percentile in milliseconds."""

    requests: int = 0
    errors: int = 0
    p95: float = 0.0

    @property
    def error_rate(self) -> float:
        """Errors as a fraction of the answers."""
        return self.errors / self.requests if self.requests else 0.0


NOTHING: Final = Sample()


def split(before: Sequence[Share], entity: str, percentage: int) -> tuple[Share, ...]:
    """The shares when an entity has this percentage and the others keep their proportions; they add up to 100.

    What the division leaves over goes to the entities with the largest remainders (Hamilton's method).
    """
    others = [share for share in before if share.entity != entity]
    rest, whole = WHOLE - percentage, sum(share.percentage for share in others)
    if not others or whole == 0:
        others = [replace(share, percentage=1) for share in others]
        whole = len(others)
    exact = [share.percentage * rest / whole for share in others] if whole else []
    floors = [int(value) for value in exact]
    left = rest - sum(floors)
    by_remainder = sorted(range(len(others)), key=lambda place: floors[place] - exact[place])
    for place in by_remainder[:left]:
        floors[place] += 1
    shares = [replace(share, percentage=value) for share, value in zip(others, floors, strict=True)]
    return (*shares, Share(entity, percentage if others else WHOLE))


def judged(rollout: Rollout, now: int, samples: Mapping[str, Sample]) -> Rollout:
    """The roll-out a moment later: at the same step, at the next one, completed, or rolled back with the reason."""
    plan = rollout.plan
    mine = samples.get(plan.entity, NOTHING)
    if mine.requests >= plan.min_requests and (reason := breach(plan, mine, _baseline(rollout, samples))):
        return replace(rollout, phase=Phase.ROLLED_BACK, reason=reason)
    baked = now - rollout.step_at >= plan.bake_seconds * 1000
    if not baked or mine.requests < plan.min_requests:
        return rollout
    if rollout.step + 1 < len(plan.steps):
        return replace(rollout, step=rollout.step + 1, step_at=now)
    return replace(rollout, phase=Phase.COMPLETED, reason="every step was passed.")


def breach(plan: Plan, mine: Sample, baseline: Sample) -> str:
    """Which guard an entity broke, in words; nothing if none. A baseline that was hardly asked excuses nothing."""
    telling = baseline.requests >= plan.min_requests
    usual = baseline.error_rate if telling else 0.0
    if mine.error_rate > max(plan.max_error_rate, usual):
        told = f"{mine.errors} of {mine.requests} answers were errors"
        return f"{told}, more than {plan.max_error_rate:.1%} of them and than the baseline's {usual:.1%}."
    if telling and mine.p95 > baseline.p95 * plan.max_latency_ratio:
        told = f"its 95th percentile is {mine.p95:.1f} ms"
        return f"{told}, more than {plan.max_latency_ratio:g} times the baseline's {baseline.p95:.1f} ms."
    return ""


def _baseline(rollout: Rollout, samples: Mapping[str, Sample]) -> Sample:
    """What the entity with the largest share before did; the others are too few to compare with."""
    others = [share for share in rollout.before if share.entity != rollout.plan.entity]
    largest = max(others, key=lambda share: share.percentage, default=None)
    return samples.get(largest.entity, NOTHING) if largest else NOTHING
