"""Rate limits: how many requests a minute, in all, of each user, of one principal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.endpoints import MOST_RATE_LIMITS, RateLimit, rate_limits
from modelyard.domain.limits import Limiter
from modelyard.errors import Invalid


def admitted(
    limiter: Limiter, limits: tuple[RateLimit, ...], who: str, times: int, now: float = 0.0, *also: str
) -> int:
    return sum(limiter.admit("e", limits, who, {who, *also}, now) == 0 for _ in range(times))


def test_an_endpoint_takes_so_many_a_minute_from_all_together() -> None:
    limiter, limits = Limiter(), (RateLimit(5),)
    assert admitted(limiter, limits, "ann", 3) == 3
    assert admitted(limiter, limits, "bob", 3) == 2
    assert admitted(limiter, limits, "bob", 9, 60.0) == 5


def test_each_user_has_its_own_count() -> None:
    limiter, limits = Limiter(), (RateLimit(2, "user"),)
    assert [admitted(limiter, limits, who, 5) for who in ("ann", "bob")] == [2, 2]


def test_a_limit_of_one_principal_binds_whoever_is_or_is_in_it() -> None:
    limiter, limits = Limiter(), (RateLimit(2, "user_group", "interns"),)
    assert admitted(limiter, limits, "ann", 9, 0.0, "interns") == 2
    assert admitted(limiter, limits, "bob", 9, 0.0, "interns") == 0
    assert admitted(limiter, limits, "eve", 9) == 9


def test_every_limit_counts_and_a_refused_request_is_counted_by_none() -> None:
    limiter, limits = Limiter(), (RateLimit(3), RateLimit(1, "user"))
    assert admitted(limiter, limits, "ann", 10) == 1
    assert admitted(limiter, limits, "bob", 10) == 1
    assert admitted(limiter, limits, "eve", 10) == 1
    assert admitted(limiter, limits, "dan", 10) == 0


def test_nothing_is_let_through_at_0_and_everything_without_limits() -> None:
    assert admitted(Limiter(), (RateLimit(0),), "ann", 3) == 0
    assert admitted(Limiter(), (), "ann", 3) == 3


def test_endpoints_do_not_count_for_each_other() -> None:
    limiter, limits = Limiter(), (RateLimit(1),)
    assert [limiter.admit(each, limits, "ann", {"ann"}, 0.0) for each in ("e", "f")] == [0, 0]


@given(st.floats(0, 10**9))
def test_the_refused_are_told_the_seconds_to_the_next_minute(now: float) -> None:
    limiter, limits = Limiter(), (RateLimit(1),)
    assert limiter.admit("e", limits, "ann", {"ann"}, now) == 0
    left = limiter.admit("e", limits, "ann", {"ann"}, now)
    assert 1 <= left <= 60
    assert limiter.admit("e", limits, "ann", {"ann"}, now + left) == 0


def test_a_limit_that_makes_no_sense_is_refused() -> None:
    for wrong in ((RateLimit(-1),), (RateLimit(1, "planet"),), (RateLimit(1),) * (MOST_RATE_LIMITS + 1)):
        with pytest.raises(Invalid):
            rate_limits(wrong)
