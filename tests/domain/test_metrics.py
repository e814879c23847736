"""What served entities did: percentiles as numpy has them, within a bucket, and minutes that pass."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.metrics import BOUNDS, MINUTES, Histogram, Meter, Meters, Tally, together
from modelyard.domain.rollouts import Sample

VALUES = st.lists(st.floats(0, 400_000, allow_nan=False), min_size=1, max_size=200)
FRACTIONS = (0.01, 0.5, 0.9, 0.95, 0.99, 1.0)


def histogram(values: list[float]) -> Histogram:
    found = Histogram()
    for value in values:
        found.note(value)
    return found


@given(VALUES, st.sampled_from(FRACTIONS))
def test_a_percentile_is_in_the_bucket_of_the_true_one(values: list[float], fraction: float) -> None:
    true = float(np.percentile(values, fraction * 100, method="inverted_cdf"))
    place = bisect_left(BOUNDS, true)
    low = BOUNDS[place - 1] if place else 0.0
    high = BOUNDS[place] if place < len(BOUNDS) else BOUNDS[-1]
    assert low <= histogram(values).percentile(fraction) <= high + 1e-9


@given(VALUES)
def test_percentiles_rise(values: list[float]) -> None:
    found = [histogram(values).percentile(fraction) for fraction in FRACTIONS]
    assert found == sorted(found)


@given(VALUES, VALUES)
def test_two_histograms_together_are_that_of_all_values(some: list[float], others: list[float]) -> None:
    whole = histogram(some)
    whole.add(histogram(others))
    assert whole.counts == histogram([*some, *others]).counts
    assert whole.count == len(some) + len(others)
    assert whole.total == pytest.approx(sum(some) + sum(others))


def test_a_value_on_a_bound_belongs_to_the_bucket_below_it() -> None:
    """As Prometheus has it: `le` is less or equal."""
    assert histogram([BOUNDS[3]]).counts[3] == 1
    assert histogram([0.0]).counts[0] == 1
    assert histogram([BOUNDS[-1] + 1]).counts[-1] == 1


def test_without_values_there_is_no_percentile() -> None:
    assert Histogram().percentile(0.95) == 0.0


def test_bounds_rise() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))


@pytest.mark.parametrize(
    ("status", "told"),
    [(200, (1, 0, 0)), (204, (1, 0, 0)), (400, (1, 1, 0)), (429, (1, 1, 0)), (500, (1, 0, 1)), (503, (1, 0, 1))],
)
def test_errors_are_the_callers_or_the_servers(status: int, told: tuple[int, int, int]) -> None:
    tally = Tally()
    tally.note(status, 1.0)
    assert (tally.requests, tally.client_errors, tally.server_errors) == told


def test_a_roll_out_sees_both_kinds_of_errors() -> None:
    tally = Tally()
    for status in (200, 400, 500, 200):
        tally.note(status, 10.0)
    assert (tally.sample.requests, tally.sample.errors, tally.sample.error_rate) == (4, 2, 0.5)
    assert 7.5 <= tally.sample.p95 <= 10.0
    assert Sample().error_rate == 0.0


def asked(meter: Meter, at: float, times: int = 1, status: int = 200) -> None:
    for _ in range(times):
        meter.note(at, status, 10.0, 8.0, 1.0)


class TestMinutes:
    def test_each_minute_has_its_own_and_the_whole_has_all(self) -> None:
        meter = Meter()
        asked(meter, 59.9, 2)
        asked(meter, 60.0, 3)
        assert {at: tally.requests for at, tally in meter.by_minute(60).items()} == {0: 2, 60: 3}
        assert (meter.whole.requests, meter.model.count, meter.queue.count) == (5, 5, 5)

    def test_the_last_minute_is_the_last_whole_one_or_else_the_one_that_runs(self) -> None:
        meter = Meter()
        asked(meter, 30, 2)
        assert meter.last_minute(45).requests == 2
        asked(meter, 61, 5)
        assert meter.last_minute(62).requests == 2
        assert meter.last_minute(121).requests == 5
        assert meter.last_minute(600).requests == 0

    def test_what_is_older_than_an_hour_is_forgotten(self) -> None:
        meter = Meter()
        for minute in range(3 * MINUTES):
            asked(meter, minute * 60)
        now = (3 * MINUTES - 1) * 60
        assert meter.last_hour(now).requests == MINUTES
        assert len(meter.by_minute(now)) == MINUTES
        assert meter.last_hour(now + 3600).requests == 0
        assert meter.whole.requests == 3 * MINUTES

    def test_a_stretch_begins_anew(self) -> None:
        meter = Meter()
        asked(meter, 0, 3, status=500)
        meter.begin_stretch()
        asked(meter, 1, 2)
        assert (meter.stretch.requests, meter.stretch.server_errors) == (2, 0)
        assert meter.whole.requests == 5


class TestMeters:
    def test_each_entity_of_each_endpoint_has_its_own(self) -> None:
        meters = Meters()
        asked(meters.of("one", "champion"), 0)
        asked(meters.of("two", "champion"), 0, 2)
        assert meters.of("one", "champion").whole.requests == 1
        assert meters.of_endpoint("two").keys() == {"champion"}
        assert meters.of_endpoint("three") == {}

    def test_stretches_begin_anew_for_one_endpoint(self) -> None:
        meters = Meters()
        for name in ("one", "two"):
            asked(meters.of(name, "champion"), 0)
        meters.begin_stretch("one")
        assert meters.of("one", "champion").stretch.requests == 0
        assert meters.of("two", "champion").stretch.requests == 1

    def test_what_is_gone_is_forgotten(self) -> None:
        meters = Meters()
        for name in ("one", "two"):
            asked(meters.of(name, "champion"), 0)
        meters.keep(frozenset({"two"}))
        assert meters.of_endpoint("one") == {}
        assert meters.of("two", "champion").whole.requests == 1


def test_tallies_together_are_their_sum() -> None:
    one, other = Tally(), Tally()
    one.note(200, 1.0)
    other.note(404, 2.0)
    whole = together([one, other])
    assert (whole.requests, whole.client_errors, whole.latency.total) == (2, 1, 3.0)
    assert together([]).requests == 0
