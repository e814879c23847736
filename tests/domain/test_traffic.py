"""Who gets a request: exact shares in the long run, nothing at 0, and for whoever is to stay, always the same one."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain import traffic
from modelyard.domain.endpoints import WHOLE

Shares = list[tuple[str, int]]


@st.composite
def splits(draw: st.DrawFn, least: int = 1) -> Shares:
    """Shares of some entities that add up to 100; some may be 0."""
    count = draw(st.integers(least, 6))
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=count - 1, max_size=count - 1)))
    edges = [0, *cuts, WHOLE]
    return [(f"m{place}", high - low) for place, (low, high) in enumerate(itertools.pairwise(edges))]


KEYS = [f"customer-{number}" for number in range(4_000)]
POINTS = 1_000


@given(splits())
def test_points_that_lie_evenly_are_shared_exactly(shares: Shares) -> None:
    found = Counter(traffic.drawn(shares, (place + 0.5) / POINTS) for place in range(POINTS))
    assert {name: found[name] for name, _ in shares} == {name: share * POINTS // WHOLE for name, share in shares}


@given(splits(), st.floats(0, 1, exclude_max=True))
def test_no_point_and_no_key_leads_to_a_share_of_0(shares: Shares, point: float) -> None:
    nothing = {name for name, share in shares if share == 0}
    assert traffic.drawn(shares, point) not in nothing
    assert traffic.kept(shares, str(point), "salt") not in nothing


def test_the_very_last_point_before_1_has_an_entity() -> None:
    shares = [(f"m{place}", 1) for place in range(3)]
    assert traffic.drawn(shares, math.nextafter(1, 0)) == "m2"


@pytest.mark.parametrize("split", [(90, 10), (99, 1), (50, 50), (34, 33, 33), (100, 0)])
def test_keys_are_shared_as_chance_would(split: tuple[int, ...]) -> None:
    """Within five standard deviations, which chance passes once in two million times; the keys are always the same."""
    shares = [(f"m{place}", share) for place, share in enumerate(split)]
    found = Counter(traffic.kept(shares, key, "endpoint") for key in KEYS)
    for name, share in shares:
        part = share / WHOLE
        bound = 5 * math.sqrt(len(KEYS) * part * (1 - part))
        assert abs(found[name] - len(KEYS) * part) <= bound, (name, found)


@given(splits(), st.text(max_size=20), st.text(max_size=10))
def test_a_key_stays_while_nothing_changes_in_whatever_order_the_entities_stand(
    shares: Shares, key: str, salt: str
) -> None:
    found = traffic.kept(shares, key, salt)
    assert traffic.kept(list(reversed(shares)), key, salt) == found
    assert found in {name for name, share in shares if share}


@given(splits(least=2), st.data())
def test_nobody_is_thrown_back_by_a_share_that_rises(shares: Shares, data: st.DataObject) -> None:
    """One share rises, the others keep their proportions or fall: a key stays there, or moves there."""
    place = data.draw(st.integers(0, len(shares) - 1))
    name, before = shares[place]
    more = data.draw(st.integers(before, WHOLE))
    after = [(each, more if each == name else share) for each, share in shares]
    for key in KEYS[:200]:
        old, new = traffic.kept(shares, key, "endpoint"), traffic.kept(after, key, "endpoint")
        assert new in {old, name}


def test_a_roll_out_in_per_cent_throws_nobody_back_either() -> None:
    seen: set[str] = set()
    for percentage in (1, 5, 25, 50, 100):
        shares = [("champion", WHOLE - percentage), ("challenger", percentage)]
        now = {key for key in KEYS if traffic.kept(shares, key, "endpoint") == "challenger"}
        assert seen < now
        seen = now
    assert seen == set(KEYS)


def test_endpoints_differ_in_whom_they_choose() -> None:
    shares = [("champion", 50), ("challenger", 50)]
    same = sum(traffic.kept(shares, key, "one") == traffic.kept(shares, key, "other") for key in KEYS)
    assert 0.45 < same / len(KEYS) < 0.55


def test_any_text_is_a_key_also_what_is_no_unicode() -> None:
    assert traffic.kept([("a", 100)], "\udcff", "salt") == "a"
    assert traffic.kept([], "key", "salt") == ""


def test_a_header_leads_where_its_value_says() -> None:
    routes = [("x-ring", "beta", "challenger"), ("x-ring", "old", "champion")]
    assert traffic.by_header(routes, {"x-ring": "beta"}) == "challenger"
    assert traffic.by_header(routes, {"x-ring": "old"}) == "champion"
    assert traffic.by_header(routes, {"x-ring": "BETA"}) == ""
    assert traffic.by_header(routes, {}) == ""


def test_draws_by_lot_are_shared_within_a_bound() -> None:
    shares, lot = [("champion", 97), ("challenger", 3)], random.Random(7)  # noqa: S311  a lot that is always the same
    found = Counter(traffic.drawn(shares, lot.random()) for _ in range(100_000))
    assert abs(found["challenger"] - 3_000) < 5 * math.sqrt(100_000 * 0.03 * 0.97)
