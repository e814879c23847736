"""Roll-outs: how shares are split, and when a step is passed, waited at, or taken back."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.endpoints import WHOLE, Share
from modelyard.domain.plans import MOST_STEPS, Plan
from modelyard.domain.rollouts import Phase, Rollout, Sample, judged, split
from modelyard.errors import Invalid

PLAN = Plan("new", steps=(10, 50, 100), bake_seconds=60, max_error_rate=0.1, max_latency_ratio=2.0, min_requests=20)
BEFORE = (Share("old", 100), Share("new", 0))
RUNNING = Rollout(PLAN, BEFORE, started_at=0, step_at=0)
MINUTE = 60_000
FINE = {"old": Sample(1_000, 10, 10.0), "new": Sample(20, 0, 12.0)}


@st.composite
def shares(draw: st.DrawFn) -> tuple[Share, ...]:
    count = draw(st.integers(1, 6))
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=count - 1, max_size=count - 1)))
    edges = [0, *cuts, WHOLE]
    widths = [high - low for low, high in itertools.pairwise(edges)]
    return tuple(Share(f"m{place}", width) for place, width in enumerate(widths))


@given(shares(), st.integers(0, 100), st.data())
def test_a_split_adds_up_and_gives_the_entity_its_percentage(
    before: tuple[Share, ...], percentage: int, data: st.DataObject
) -> None:
    entity = data.draw(st.sampled_from([*(share.entity for share in before), "new"]))
    after = {share.entity: share.percentage for share in split(before, entity, percentage)}
    assert after.keys() == {share.entity for share in before} | {entity}
    assert sum(after.values()) == WHOLE
    assert all(value >= 0 for value in after.values())
    if len(after) > 1:
        assert after[entity] == percentage


@given(shares(), st.integers(0, 100))
def test_a_split_keeps_the_proportions_of_the_others_within_one_per_cent(
    before: tuple[Share, ...], percentage: int
) -> None:
    after = {share.entity: share.percentage for share in split(before, "new", percentage)}
    for share in before:
        assert abs(after[share.entity] - share.percentage * (WHOLE - percentage) / WHOLE) < 1
        assert share.percentage or after[share.entity] == 0


def test_those_that_had_nothing_share_what_is_left_when_nobody_else_can_have_it() -> None:
    told = split((Share("new", 100), Share("a", 0), Share("b", 0)), "new", 50)
    assert told == (Share("a", 25), Share("b", 25), Share("new", 50))


class TestJudged:
    def test_a_step_is_passed_once_it_has_baked_and_was_asked_enough(self) -> None:
        after = judged(RUNNING, MINUTE, FINE)
        assert (after.phase, after.step, after.percentage, after.step_at) == (Phase.RUNNING, 1, 50, MINUTE)

    @pytest.mark.parametrize(
        ("now", "requests"), [(MINUTE - 1, 10_000), (100 * MINUTE, 19), (100 * MINUTE, 0), (0, 20)]
    )
    def test_nothing_is_concluded_too_early_or_from_too_little(self, now: int, requests: int) -> None:
        assert judged(RUNNING, now, {**FINE, "new": Sample(requests, 0, 10.0)}) == RUNNING

    def test_without_any_answer_it_stays(self) -> None:
        assert judged(RUNNING, 100 * MINUTE, {}) == RUNNING

    def test_after_the_last_step_it_is_completed(self) -> None:
        last = replace(RUNNING, step=2)
        after = judged(last, MINUTE, FINE)
        assert (after.phase, after.percentage) == (Phase.COMPLETED, 100)
        assert after.reason

    def test_every_step_takes_its_time(self) -> None:
        now, seen, rollout = 0, [RUNNING.percentage], RUNNING
        while rollout.phase is Phase.RUNNING:
            now += 30_000
            rollout = judged(rollout, now, FINE)
            if rollout.phase is Phase.RUNNING and rollout.percentage != seen[-1]:
                seen.append(rollout.percentage)
        assert (rollout.phase, seen, now) == (Phase.COMPLETED, [10, 50, 100], 3 * MINUTE)

    def test_errors_take_it_back_at_once_and_say_how_many(self) -> None:
        after = judged(RUNNING, 1, {**FINE, "new": Sample(20, 3, 10.0)})
        assert (after.phase, after.step) == (Phase.ROLLED_BACK, 0)
        assert "3 of 20 answers were errors" in after.reason
        assert "10.0%" in after.reason

    def test_as_many_errors_as_are_allowed_are(self) -> None:
        assert judged(RUNNING, 1, {**FINE, "new": Sample(20, 2, 10.0)}).phase is Phase.RUNNING

    def test_errors_that_the_baseline_has_too_are_not_blamed_on_it(self) -> None:
        """Where callers ask nonsense, they ask everybody."""
        samples = {"old": Sample(1_000, 500, 10.0), "new": Sample(20, 10, 10.0)}
        assert judged(RUNNING, 1, samples).phase is Phase.RUNNING
        worse = {**samples, "new": Sample(20, 11, 10.0)}
        assert judged(RUNNING, 1, worse).phase is Phase.ROLLED_BACK

    def test_a_baseline_that_was_hardly_asked_excuses_nothing(self) -> None:
        samples = {"old": Sample(1, 1, 10.0), "new": Sample(20, 18, 10.0)}
        assert judged(RUNNING, 1, samples).phase is Phase.ROLLED_BACK

    def test_too_few_errors_to_judge_by_take_nothing_back(self) -> None:
        assert judged(RUNNING, 1, {**FINE, "new": Sample(19, 19, 10.0)}) == RUNNING

    @pytest.mark.parametrize(("p95", "phase"), [(20.0, Phase.RUNNING), (20.1, Phase.ROLLED_BACK)])
    def test_slowness_is_measured_by_the_baseline(self, p95: float, phase: Phase) -> None:
        after = judged(RUNNING, 1, {**FINE, "new": Sample(20, 0, p95)})
        assert after.phase is phase
        assert phase is Phase.RUNNING or "95th percentile is 20.1 ms" in after.reason

    def test_a_baseline_that_was_hardly_asked_is_no_measure(self) -> None:
        samples = {"old": Sample(19, 0, 1.0), "new": Sample(20, 0, 500.0)}
        assert judged(RUNNING, 1, samples).phase is Phase.RUNNING

    def test_the_baseline_is_who_had_the_most_before(self) -> None:
        before = (Share("small", 10), Share("large", 90), Share("new", 0))
        samples = {"small": Sample(100, 0, 1.0), "large": Sample(100, 0, 100.0), "new": Sample(20, 0, 150.0)}
        assert judged(replace(RUNNING, before=before), 1, samples).phase is Phase.RUNNING

    def test_an_entity_that_is_alone_is_judged_by_its_errors_only(self) -> None:
        alone = replace(RUNNING, before=(Share("new", 100),))
        assert judged(alone, 1, {"new": Sample(20, 0, 9_999.0)}).phase is Phase.RUNNING
        assert judged(alone, 1, {"new": Sample(20, 20, 1.0)}).phase is Phase.ROLLED_BACK

    @given(
        st.builds(Sample, st.integers(0, 500), st.integers(0, 500), st.floats(0, 1_000)),
        st.builds(Sample, st.integers(0, 500), st.integers(0, 500), st.floats(0, 1_000)),
        st.integers(0, 3 * MINUTE),
        st.integers(0, 2),
    )
    def test_it_never_goes_back_a_step_or_skips_one(self, old: Sample, new: Sample, now: int, step: int) -> None:
        rollout = replace(RUNNING, step=step)
        after = judged(rollout, now, {"old": old, "new": new})
        assert after.step - step in {0, 1}
        assert after.phase is Phase.RUNNING or after.reason
        assert after.phase is not Phase.COMPLETED or step == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": ()},
        {"steps": (0, 100)},
        {"steps": (10, 10)},
        {"steps": (50, 10)},
        {"steps": (10, 101)},
        {"steps": tuple(range(1, MOST_STEPS + 2))},
        {"bake_seconds": -1},
        {"bake_seconds": 10**9},
        {"max_error_rate": 1.5},
        {"max_error_rate": float("nan")},
        {"max_latency_ratio": 0.0},
        {"max_latency_ratio": float("nan")},
        {"min_requests": 0},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        replace(PLAN, **wrong).checked()


def test_a_plan_need_not_end_at_100() -> None:
    assert replace(PLAN, steps=(1, 5)).checked().steps == (1, 5)
