"""What jobs tell, byte for byte, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.notifications import Happening, Moment, body, checked, destinations, moment_of
from modelyard.errors import Invalid


def test_the_body_of_a_job_is_the_documented_one_byte_for_byte() -> None:
    told = body(123, Happening(Moment.SUCCESS, 7, "train", 42))
    assert told == (
        '{"event_type":"jobs.on_success","workspace_id":123,"run":{"run_id":42},"job":{"job_id":7,"name":"train"}}'
    )


def test_the_body_of_a_task_names_the_task_and_its_run() -> None:
    told = body(123, Happening(Moment.FAILURE, 7, "train", 43, task_key="approval", parent_run_id=42))
    assert told == (
        '{"event_type":"jobs.on_failure","workspace_id":123,"task":{"task_key":"approval"},'
        '"run":{"run_id":43,"parent_run_id":42},"job":{"job_id":7,"name":"train"}}'
    )


@pytest.mark.parametrize(
    ("result", "settings", "moment"),
    [
        ("SUCCESS", {}, Moment.SUCCESS),
        ("SUCCESS_WITH_FAILURES", {}, Moment.SUCCESS),
        ("FAILED", {}, Moment.FAILURE),
        ("TIMEDOUT", None, Moment.FAILURE),
        ("CANCELED", {}, Moment.FAILURE),
        ("CANCELED", {"no_alert_for_canceled_runs": True}, None),
        ("CANCELED", {"no_alert_for_skipped_runs": True}, Moment.FAILURE),
        ("MAXIMUM_CONCURRENT_RUNS_REACHED", {}, Moment.FAILURE),
        ("MAXIMUM_CONCURRENT_RUNS_REACHED", {"no_alert_for_skipped_runs": True}, None),
        ("UPSTREAM_FAILED", {}, None),
        ("EXCLUDED", {}, None),
        ("DISABLED", {}, None),
    ],
)
def test_a_result_is_told_as(result: str, settings: dict[str, object] | None, moment: Moment | None) -> None:
    assert moment_of(result, settings) is moment


def test_each_moment_has_its_own_destinations_and_each_of_them_once() -> None:
    said = {"on_start": [{"id": "a"}], "on_failure": [{"id": "b"}, {"id": "a"}, {"id": "b"}]}
    assert destinations(said, Moment.START) == ("a",)
    assert destinations(said, Moment.FAILURE) == ("b", "a")
    assert destinations(said, Moment.SUCCESS) == ()
    assert destinations(None, Moment.SUCCESS) == ()
    assert checked(said) == {"a", "b"}
    assert checked(None) == checked({}) == frozenset()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"on_start": [{"id": str(number)} for number in range(4)]}, "at most 3"),
        ({"on_start": {"id": "a"}}, "is a list"),
        ({"on_start": [{}]}, "is a list"),
        ({"on_start": ["a"]}, "is a list"),
        ([], "is an object"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_field_in_question(said: Any, why: str) -> None:  # noqa: ANN401
    with pytest.raises(Invalid, match=why):
        checked(said)
