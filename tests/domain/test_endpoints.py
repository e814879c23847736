"""The rules of endpoints: what a config may say, and its life: accepted, served or given up, stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from modelyard.domain import endpoints as rules
from modelyard.domain.endpoints import (
    MOST_ENTITIES,
    MOST_VARIABLES,
    Capture,
    Config,
    Deployment,
    Elsewhere,
    Endpoint,
    Entity,
    HeaderRoute,
    Shadow,
    Share,
    Standing,
    Update,
)
from modelyard.domain.updates import ConfigChange, begun, settled, stopped
from modelyard.errors import Invalid

OLD = Entity("old", "a.b.c", 1, digest="1" * 64)
NEW = Entity("new", "a.b.c", 2, digest="2" * 64)
BOTH = Config((OLD, NEW), (Share("old", 90), Share("new", 10)))
MADE = Endpoint("e" * 32, "fraud", "ann", "a" * 32, 0, 0)


def noted(endpoint: Endpoint, state: Deployment, *entities: Entity, message: str = "") -> Endpoint:
    """The endpoint once it is known how it stands with some entities."""
    told = {each.served_id(endpoint.id): Standing(state, message) for each in entities}
    return replace(endpoint, standings={**(endpoint.standings or {}), **told})


def serving(*entities: Entity) -> Endpoint:
    config = Config(entities, (Share(entities[0].name, 100),))
    return settled(noted(begun(MADE, config, 1), Deployment.READY, *entities))


class TestAConfig:
    def test_of_one_entity_gives_it_everything(self) -> None:
        assert Config((OLD,)).checked().shares == (Share("old", 100),)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (Config(), "serves 1 to"),
            (Config(tuple(replace(OLD, name=f"e{n}") for n in range(MOST_ENTITIES + 1))), "serves 1 to"),
            (Config((OLD, OLD)), "two served entities"),
            (Config((OLD, NEW)), "traffic_config is missing"),
            (replace(BOTH, shares=(Share("old", 90), Share("new", 9))), "must add up to 100, not 99"),
            (replace(BOTH, shares=(Share("old", 101), Share("new", -1))), "goes from 0 to 100"),
            (replace(BOTH, shares=(Share("old", 50), Share("old", 50))), "twice"),
            (replace(BOTH, shares=(Share("other", 100),)), "no served entity"),
            (replace(BOTH, shadows=(Shadow("other", 1.0),)), "shadow route"),
            (replace(BOTH, shadows=(Shadow("new", 100.1),)), "shadow route"),
            (replace(BOTH, shadows=(Shadow("new", float("nan")),)), "shadow route"),
            (replace(BOTH, headers=(HeaderRoute("x y", "v", "new"),)), "header route"),
            (replace(BOTH, headers=(HeaderRoute("x", "v" * 256, "new"),)), "header route"),
            (replace(BOTH, sticky="cookie"), "sticky_by"),
            (replace(BOTH, capture=Capture("a", "b", "c", fraction=101.0)), "sampling_fraction"),
        ],
    )
    def test_that_makes_no_sense_is_refused(self, wrong: Config, message: str) -> None:
        with pytest.raises(Invalid, match=message):
            wrong.checked()

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"name": "a b"}, "name of a served entity"),
            ({"name": ""}, "name of a served entity"),
            ({"model": ""}, "either a model"),
            ({"elsewhere": Elsewhere("https://there.example")}, "either a model"),
            ({"workload": "GPU_SMALL"}, "workload_type must be CPU"),
            ({"least": 0}, "concurrency"),
            ({"least": 8, "most": 4}, "concurrency"),
            ({"most": 1025}, "concurrency"),
            ({"variables": (("1A", "x"),)}, "environment variable"),
            ({"variables": (("LD_PRELOAD", "x"),)}, "cannot be the name"),
            ({"variables": (("pythonpath", "x"),)}, "cannot be the name"),
            ({"variables": (("A", "x" * 32_769),)}, "32768"),
            ({"variables": (("A", "\x00"),)}, "environment variable"),
            ({"variables": tuple((f"A{n}", "") for n in range(MOST_VARIABLES + 1))}, "at most"),
        ],
    )
    def test_with_an_entity_that_cannot_be_served_is_refused(self, wrong: dict[str, Any], message: str) -> None:
        with pytest.raises(Invalid, match=message):
            Config((replace(OLD, **wrong),)).checked()

    @pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd", "https://", "https://me:pass@there", "there"])
    def test_a_url_elsewhere_is_one_that_can_be_asked(self, url: str) -> None:
        with pytest.raises(Invalid):
            Elsewhere(url).checked()

    def test_names_of_its_own_are_valid(self) -> None:
        for model, version in (("a.b.fraud", 3), ("a.b." + "x" * 200, 12), ("a.b.ü", "champ.ion"), ("a.b._", 1)):
            assert rules.entity_name(rules.default_name(model, version))
        assert rules.default_name("prod.ml.fraud", 3) == "fraud-3"

    def test_sizes_are_processes(self) -> None:
        assert [rules.concurrency(size) for size in ("Small", "MEDIUM", "large")] == [(4, 4), (8, 16), (16, 64)]
        assert replace(OLD, least=1, most=9).processes == (1, 3)
        with pytest.raises(Invalid):
            rules.concurrency("Huge")


class TestAnId:
    def test_is_another_for_whatever_makes_another_process(self) -> None:
        others: list[dict[str, Any]] = [
            {"name": "x"}, {"model": "a.b.d"}, {"version": 2}, {"most": 8}, {"may_sleep": True},
            {"variables": (("A", "1"),)}, {"row_wise": True},
        ]  # fmt: skip
        ids = {replace(OLD, **other).served_id("e") for other in others} | {OLD.served_id("e"), OLD.served_id("f")}
        assert len(ids) == len(others) + 2

    def test_stays_for_what_does_not(self) -> None:
        same = replace(OLD, alias="champion", follows=True, creator="ann", created_at=9)
        assert same.served_id("e") == OLD.served_id("e")


class TestAChange:
    def test_leaves_what_it_does_not_say(self) -> None:
        before = replace(BOTH, sticky="user", shadows=(Shadow("new", 5.0),), capture=Capture("a", "b", "c"))
        after = ConfigChange(shares=(Share("old", 50), Share("new", 50))).applied(before)
        assert after == replace(before, shares=after.shares)
        assert ConfigChange(sticky="").applied(before).sticky == ""

    def test_of_entities_keeps_shares_as_long_as_they_fit(self) -> None:
        more = ConfigChange(entities=(OLD, NEW, replace(NEW, name="third"))).applied(BOTH)
        assert more.shares == BOTH.shares
        fewer = ConfigChange(entities=(OLD,)).applied(replace(BOTH, shadows=(Shadow("new", 5.0),)))
        assert (fewer.shares, fewer.shadows) == ((), ())
        assert fewer.checked().shares == (Share("old", 100),)


class TestLife:
    def test_a_first_config_comes_up_and_then_serves(self) -> None:
        coming = begun(MADE, Config((OLD,), (Share("old", 100),)), 7)
        assert (coming.update, coming.is_serving, coming.pending_since) == (Update.IN_PROGRESS, False, 7)
        assert settled(coming) == coming
        there = settled(noted(coming, Deployment.READY, OLD))
        assert (there.update, there.is_serving, there.is_ready, there.pending) == (
            Update.NOT_UPDATING,
            True,
            True,
            None,
        )

    def test_a_config_serves_only_when_all_of_it_is_ready(self) -> None:
        coming = begun(serving(OLD), BOTH, 1)
        assert coming.active
        assert [each.name for each in coming.active.entities] == ["old"]
        assert settled(coming) == coming
        after = settled(noted(coming, Deployment.READY, NEW))
        assert after.active
        assert (after.active.entities, after.active.number) == ((OLD, NEW), 2)

    def test_what_serves_goes_on_when_an_update_fails_and_it_says_why(self) -> None:
        coming = begun(serving(OLD), BOTH, 1)
        after = settled(noted(coming, Deployment.FAILED, NEW, message="no module named fraud"))
        assert (after.update, after.is_ready, after.active) == (Update.UPDATE_FAILED, True, coming.active)
        assert after.message == 'served entity "new" cannot be served: no module named fraud'
        assert begun(after, BOTH, 2).message == ""

    def test_shares_change_at_once(self) -> None:
        both = serving(OLD, NEW)
        after = begun(both, replace(BOTH, shares=(Share("new", 100),)), 1)
        assert (after.update, after.pending) == (Update.NOT_UPDATING, None)
        assert after.active
        assert after.active.shares == (Share("new", 100),)

    @pytest.mark.parametrize("state", [Deployment.RECOVERING, Deployment.FAILED])
    def test_shares_change_at_once_also_away_from_an_entity_that_is_down(self, state: Deployment) -> None:
        """As a roll-back does, when a version is bad."""
        down = noted(serving(OLD, NEW), state, NEW)
        for config in (replace(BOTH, shares=(Share("old", 100),)), Config((OLD,), (Share("old", 100),))):
            after = begun(down, config, 1)
            assert (after.update, after.pending) == (Update.NOT_UPDATING, None)
            assert after.active
            assert after.active.shares == (Share("old", 100),)

    def test_stopped_it_serves_nothing(self) -> None:
        after = stopped(serving(OLD))
        assert (after.stopped, after.is_ready, after.update) == (True, False, Update.NOT_UPDATING)
        coming = stopped(begun(serving(OLD), BOTH, 1))
        assert (coming.pending, coming.update) == (None, Update.UPDATE_CANCELED)

    def test_what_another_server_serves_need_not_come_up(self) -> None:
        there = Entity("there", elsewhere=Elsewhere("https://there.example"))
        coming = begun(MADE, Config((there,), (Share("there", 100),)), 1)
        assert settled(coming).is_ready


ENTITIES = [OLD, NEW, replace(NEW, name="third", version=3)]


class Life(RuleBasedStateMachine):
    """Updates, and processes that come up, fail and come back in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = MADE
        self.served: Config | None = None

    @precondition(lambda self: self.endpoint.update is not Update.IN_PROGRESS and not self.endpoint.stopped)
    @rule(entities=st.lists(st.sampled_from(ENTITIES), min_size=1, unique=True))
    def update(self, entities: list[Entity]) -> None:
        config = Config(tuple(entities), (Share(entities[0].name, 100),))
        last = self.endpoint.last_number
        self.endpoint = begun(self.endpoint, config, 1)
        assert self.endpoint.last_number == last + 1
        if self.endpoint.pending is None:
            known = {each.name for each in self.served.entities} if self.served else set[str]()
            ready = {each.name for each in entities if self.endpoint.standing(each).state is Deployment.READY}
            assert {each.name for each in entities} <= known | ready
            self.served = self.endpoint.active

    @rule(entity=st.sampled_from(ENTITIES), state=st.sampled_from(Deployment))
    def note(self, entity: Entity, state: Deployment) -> None:
        pending = self.endpoint.pending
        self.endpoint = settled(noted(self.endpoint, state, entity))
        if pending and self.endpoint.pending is None:
            if self.endpoint.update is Update.NOT_UPDATING:
                assert all(self.endpoint.standing(each).state is Deployment.READY for each in pending.entities)
                self.served = pending
            else:
                assert self.endpoint.update is Update.UPDATE_FAILED
                assert self.endpoint.message

    @precondition(lambda self: self.endpoint.active)
    @rule()
    def stop(self) -> None:
        self.endpoint = stopped(self.endpoint)

    @precondition(lambda self: self.endpoint.stopped)
    @rule()
    def start(self) -> None:
        active = self.endpoint.active
        assert active
        self.endpoint = begun(replace(self.endpoint, stopped=False, is_serving=False), active, 1)
        self.served = None

    @invariant()
    def what_serves_is_what_came_up_last_whatever_failed_since(self) -> None:
        assert self.endpoint.is_serving == (self.served is not None)
        if self.served:
            assert self.endpoint.active == self.served

    @invariant()
    def an_update_is_in_progress_just_while_something_comes_up(self) -> None:
        assert (self.endpoint.update is Update.IN_PROGRESS) == (self.endpoint.pending is not None)
        assert not (self.endpoint.stopped and (self.endpoint.pending or self.endpoint.is_ready))

    @invariant()
    def numbers_only_rise(self) -> None:
        for config in (self.endpoint.active, self.endpoint.pending):
            assert config is None or config.number <= self.endpoint.last_number


TestEveryLife = Life.TestCase
