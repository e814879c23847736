"""How many processes are needed, told at made-up times."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.engines.base import Served
from modelyard.engines.local.demand import BUSY, BUSY_SECONDS, CALM_SECONDS, Demand


def _demand(**said: Any) -> Demand:  # noqa: ANN401  whatever a field is
    return Demand(Served("one", "one", "", **said), idle_seconds=100, since=0.0)


def test_it_begins_awake() -> None:
    assert _demand(may_sleep=True).wanted(1) == 1
    assert _demand(least=3, most=2).wanted(1) == 3


def test_what_may_sleep_sleeps_when_nobody_asks() -> None:
    demand = _demand(may_sleep=True, least=2)
    demand.report("a", 1, 50)
    assert demand.wanted(149) == 2
    assert demand.wanted(151) == 0
    demand.report("a", 0, 152)
    assert demand.wanted(153) == 0, "nobody waits"
    demand.wake(160)
    assert demand.wanted(161) == 2


def test_what_may_not_sleep_never_does() -> None:
    assert _demand().wanted(1e9) == 1


def _over(demand: Demand, waiting: int, begin: float, seconds: float) -> int:
    count = 0
    for step in range(int(seconds) + 1):
        demand.report("a", waiting, begin + step)
        count = demand.wanted(begin + step)
    return count


@pytest.mark.parametrize(("waiting", "wanted"), [(BUSY, 1), (BUSY + 1, 2), (9 * BUSY, 2)])
def test_many_that_wait_for_seconds_bring_another(waiting: int, wanted: int) -> None:
    demand = _demand(most=4)
    assert _over(demand, waiting, 10, BUSY_SECONDS - 1) == 1
    assert _over(demand, waiting, 10 + BUSY_SECONDS, 1) == wanted


def test_there_are_never_more_than_the_most() -> None:
    demand = _demand(most=3)
    assert _over(demand, 1_000, 10, 60) == 3


def test_a_moment_is_not_enough() -> None:
    demand = _demand(most=3)
    for second in range(10, 40, 2):
        assert _over(demand, 100, second, 1) == 1
        assert _over(demand, 0, second + 1, 0) == 1


def test_calm_retires_one_after_the_other() -> None:
    demand = _demand(most=3, least=1)
    _over(demand, 1_000, 10, 60)
    assert _over(demand, 0, 100, CALM_SECONDS - 2) == 3
    assert _over(demand, 0, 100 + CALM_SECONDS, 1) == 2
    assert _over(demand, 0, 102 + CALM_SECONDS, 5 * CALM_SECONDS) == 1


def test_reports_of_several_server_processes_add_up_and_age() -> None:
    demand = _demand(most=2)
    for second in range(10, 16):
        demand.report("a", 3, second)
        demand.report("b", 3, second)
        demand.wanted(second)
    assert demand.count == 2
    other = _demand(most=2)
    other.report("gone", 100, 10)
    for second in range(21, 40):
        assert other.wanted(second) == 1
