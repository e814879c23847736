"""Runs: how they go from task to task, are tried again, ended and repaired, and what references in them mean."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modelyard.domain.jobs.changes import filled
from modelyard.domain.jobs.events import told_of
from modelyard.domain.jobs.progress import Progress, compared
from modelyard.domain.jobs.references import Known, resolved
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.settings import read
from modelyard.domain.jobs.sightings import Sighting, Stage, retried, seen
from modelyard.domain.jobs.starts import Again, begun, check_parameters, read_overrides, repaired
from modelyard.domain.jobs.words import Life, Result
from modelyard.errors import Changed, Invalid, WrongState
from tests.house.jobs import condition, task

NOW = 1_767_225_600_000  # 2026-01-01
FAILED = "RUN_EXECUTION_ERROR"


class Play:
    """A run, the time, and what is seen of its tasks."""

    def __init__(self, *tasks: dict[str, Any], only: tuple[str, ...] = (), **said: Any) -> None:  # noqa: ANN401
        self.new_id: Callable[[], int] = itertools.count(100).__next__
        self.now = NOW
        settings = read(filled({"name": "it", "tasks": list(tasks), **said}))
        bare = Run(id=1, job=2, owner_id="o", settings=settings, name="it", started_at=NOW, only=only)
        self.run = begun(bare, NOW, self.new_id)
        self.go_on()

    def go_on(self, seconds: float = 0) -> None:
        self.now += int(seconds * 1000)
        self.run = Progress(self.run, self.now, self.new_id, {"id": "5"}).advance()

    def end(self, key: str, trouble: str = "", iteration: int = -1, **told: Any) -> None:  # noqa: ANN401
        """The last attempt at a task ends."""
        found = [each for each in self.run.current() if each.key == key and each.iteration == iteration]
        one = found[-1]
        spec = self.run.settings.task(key)
        assert spec is not None
        sighting = Sighting(one.id, Stage.ENDED, trouble=trouble, began_at=self.now, ended_at=self.now, **told)
        after = seen(one, spec, sighting, self.now)
        self.run = self.run.having(after)
        if again := retried(after, spec, self.now, self.new_id):
            self.run = self.run.having(again)
        self.go_on()

    @property
    def lives(self) -> dict[str, str]:
        return {key: each.life.value for key, each in self.run.latest.items()}

    @property
    def results(self) -> dict[str, str]:
        return {key: each.result.value if each.result else "" for key, each in self.run.latest.items()}


def test_tasks_begin_when_those_before_them_have_ended() -> None:
    play = Play(task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c"))
    assert play.lives == {"a": "PENDING", "b": "BLOCKED", "c": "BLOCKED", "d": "BLOCKED"}
    assert play.run.life is Life.RUNNING
    play.end("a")
    assert play.lives["b"] == play.lives["c"] == "PENDING"
    play.end("b")
    assert play.lives["d"] == "BLOCKED"
    play.end("c")
    play.end("d")
    assert (play.run.life, play.run.result) == (Life.TERMINATED, Result.SUCCESS)


def test_a_failed_leaf_fails_the_run_with_the_words_that_clients_look_for() -> None:
    play = Play(task("a"), task("b", "a"))
    play.end("a", FAILED)
    assert play.results == {"a": "FAILED", "b": "UPSTREAM_FAILED"}
    assert (play.run.life, play.run.result) == (Life.INTERNAL_ERROR, Result.FAILED)
    assert play.run.message == "Task a failed with message: Workload failed, see run output for details."


def test_conditions_choose_a_branch_and_compare_texts_or_numbers() -> None:
    branches = (
        {**task("yes"), "depends_on": [{"task_key": "c", "outcome": "true"}]},
        {**task("no"), "depends_on": [{"task_key": "c", "outcome": "false"}]},
    )
    play = Play(condition("c", "10", "9", op="GREATER_THAN"), *branches, task("after", "no"))
    assert play.lives == {"c": "TERMINATED", "yes": "PENDING", "no": "SKIPPED", "after": "SKIPPED"}
    assert play.results["no"] == play.results["after"] == "EXCLUDED"
    play.end("yes")
    assert play.run.result is Result.SUCCESS
    assert not compared("EQUAL_TO", "1", "1.0")
    assert compared("LESS_THAN_OR_EQUAL", "1", "1.0")
    with pytest.raises(Invalid, match="compares numbers"):
        compared("LESS_THAN", "a", "1")


def test_what_fails_is_tried_again_counted_from_the_start_of_the_attempt() -> None:
    play = Play(task("a", max_retries=1, min_retry_interval_millis=60_000))
    play.go_on(20)
    play.end("a", FAILED)
    first, second = play.run.tasks
    assert (first.result, second.life, second.attempt) == (Result.FAILED, Life.WAITING_FOR_RETRY, 1)
    assert second.original == first.id
    play.go_on(39)
    assert play.lives == {"a": "WAITING_FOR_RETRY"}
    play.go_on(1)
    assert play.lives == {"a": "PENDING"}
    play.end("a", FAILED)
    assert play.run.result is Result.FAILED


@pytest.mark.parametrize(
    ("trouble", "said", "tries"),
    [
        ("RUN_EXECUTION_TIMEOUT", {"max_retries": 1}, 1),
        ("RUN_EXECUTION_TIMEOUT", {"max_retries": 1, "retry_on_timeout": True}, 2),
        ("USER_CANCELED", {"max_retries": 1}, 1),
        ("UNAUTHORIZED_ERROR", {"max_retries": 1}, 1),
        ("INVALID_RUN_CONFIGURATION", {"max_retries": -1}, 1),
        ("LIBRARY_INSTALLATION_ERROR", {"max_retries": 1}, 2),
        (FAILED, {"max_retries": -1}, 2),
    ],
)
def test_only_what_another_try_may_not_have_is_tried_again(trouble: str, said: dict[str, Any], tries: int) -> None:
    play = Play(task("a", **said))
    play.end("a", trouble)
    assert len(play.run.tasks) == tries


def test_a_lost_attempt_is_a_failure_of_the_server_and_is_tried_again_if_the_task_says_so() -> None:
    for retries, life in ((0, "INTERNAL_ERROR"), (1, "WAITING_FOR_RETRY")):
        play = Play(task("a", max_retries=retries))
        one = play.run.tasks[0]
        spec = play.run.settings.tasks[0]
        after = seen(one, spec, Sighting(one.id, Stage.LOST), play.now)
        play.run = play.run.having(after)
        if again := retried(after, spec, play.now, play.new_id):
            play.run = play.run.having(again)
        assert play.lives == {"a": life}


def test_a_for_each_runs_so_many_at_once_and_fails_if_one_does() -> None:
    nested = {"task_key": "each", "spark_python_task": {"python_file": "/x.py"}}
    play = Play({"task_key": "a", "for_each_task": {"inputs": "[1, 2, 3]", "concurrency": 2, "task": nested}})
    inside = play.run.iterations(play.run.latest["a"].id)
    assert [(each.input, each.life.value) for each in inside.values()] == [
        ("1", "PENDING"),
        ("2", "PENDING"),
        ("3", "BLOCKED"),
    ]
    play.end("each", FAILED, iteration=0)
    play.end("each", iteration=1)
    assert play.run.life is Life.RUNNING
    play.end("each", iteration=2)
    assert play.results == {"a": "FAILED"}
    assert play.run.latest["a"].message.startswith("1 of 3 iterations failed")


@pytest.mark.parametrize("inputs", ["no", "{}", "1", "{{tasks.z.values.v}}", "[" + "0," * 4_000 + "0"])
def test_inputs_that_are_no_list_fail_the_task(inputs: str) -> None:
    play = Play({"task_key": "a", "for_each_task": {"inputs": inputs, "task": task("each")}})
    assert play.run.latest["a"].code == "INVALID_RUN_CONFIGURATION"


def test_a_kind_that_cannot_be_run_fails_when_its_turn_comes() -> None:
    play = Play(task("a"), {"task_key": "b", "dbt_task": {"commands": []}, "depends_on": [{"task_key": "a"}]})
    assert play.lives["b"] == "BLOCKED"
    play.end("a")
    assert play.run.latest["b"].code == "INVALID_RUN_CONFIGURATION"
    assert "dbt_task cannot be run here" in play.run.message


def test_disabled_tasks_and_what_needs_their_success_do_not_run() -> None:
    play = Play(task("a", disabled=True), task("b", "a"), task("c", "a", run_if="ALL_DONE"))
    assert play.results == {"a": "DISABLED", "b": "DISABLED", "c": ""}
    play.end("c")
    assert play.run.result is Result.SUCCESS


def test_only_chosen_tasks_run_without_waiting_for_the_others() -> None:
    play = Play(task("a"), task("b", "a"), task("c", "b"), only=("b", "c"))
    assert play.results == {"a": "DISABLED", "b": "", "c": ""}
    assert play.lives["b"] == "PENDING"
    with pytest.raises(Invalid, match='no task "z"'):
        Play(task("a"), only=("z",))


def test_cancelling_ends_what_waits_at_once_and_what_runs_when_it_has_ended() -> None:
    play = Play(task("a"), task("b", "a"), task("c"))
    play.run = play.run.having(replace(play.run.latest["a"], executor="e", life=Life.RUNNING))
    play.run = replace(play.run, stopped="CANCELED")
    play.go_on()
    assert play.lives == {"a": "TERMINATING", "b": "TERMINATED", "c": "TERMINATED"}
    assert play.run.life is Life.TERMINATING
    play.end("a", "USER_CANCELED")
    assert (play.run.life, play.run.result) == (Life.TERMINATED, Result.CANCELED)
    assert set(play.results.values()) == {"CANCELED"}


def test_a_run_that_takes_longer_than_it_may_is_ended() -> None:
    play = Play(task("a"), timeout_seconds=60)
    play.go_on(59)
    assert play.run.life is Life.RUNNING
    play.go_on(1)
    assert (play.run.life, play.run.result) == (Life.TERMINATED, Result.TIMEDOUT)


def test_a_chain_of_a_thousand_tasks_goes_on_and_skips_in_no_time() -> None:
    play = Play(*(task(str(number), *([str(number - 1)] if number else [])) for number in range(1_000)))
    play.end("0", FAILED)
    assert set(play.results.values()) == {"FAILED", "UPSTREAM_FAILED"}


# Repairs


def test_a_repair_runs_what_failed_and_what_waited_for_it() -> None:
    play = Play(task("a"), task("b", "a"), task("c", "b"))
    play.end("a")
    play.end("b", FAILED)
    before = {key: each.id for key, each in play.run.latest.items()}
    play.run = repaired(play.run, play.run.settings, Again(failed=True), play.now, play.new_id)
    play.go_on()
    after = {key: each.id for key, each in play.run.latest.items()}
    assert [key for key in after if after[key] != before[key]] == ["b", "c"]
    assert (play.run.latest["b"].attempt, play.run.latest["b"].tries) == (1, 0)
    assert play.run.life is Life.RUNNING
    play.end("b")
    play.end("c")
    assert play.run.result is Result.SUCCESS
    assert play.run.repairs[-1].result is Result.SUCCESS


def test_a_repair_takes_the_settings_of_now_and_says_which_repair_it_follows() -> None:
    play = Play(task("a"), task("b"))
    play.end("a", FAILED)
    with pytest.raises(WrongState, match="active"):
        repaired(play.run, play.run.settings, Again(failed=True), play.now, play.new_id)
    play.end("b")
    new = read(filled({"tasks": [task("a", timeout_seconds=9), task("d")]}))
    again = repaired(play.run, new, Again(("a",)), play.now, play.new_id)
    assert (again.latest.keys(), again.settings.tasks[0].timeout_seconds) == ({"a", "d"}, 9)
    ended = replace(again, life=Life.TERMINATED)
    with pytest.raises(Changed, match="latest_repair_id must be"):
        repaired(ended, new, Again(("a",)), play.now, play.new_id)
    assert repaired(ended, new, Again(("a",), latest=again.repairs[-1].id), play.now, play.new_id).repaired == 2
    for wrong in (Again(), Again(("a",), failed=True), Again(("z",))):
        with pytest.raises(Invalid):
            repaired(play.run, new, wrong, play.now, play.new_id)


# What is told


def test_beginnings_and_ends_are_told_of_the_run_and_of_its_tasks() -> None:
    play = Play(task("a", max_retries=1))
    first = play.run
    assert [(each.run_id, each.task_key, each.result) for each in told_of(None, first)] == [(1, "", None)]
    play.end("a", FAILED)
    told = [(each.task_key, each.result) for each in told_of(first, play.run)]
    assert told == [("a", None), ("a", Result.FAILED)]  # the run itself is being tried again, and says nothing
    second = play.run
    play.go_on(1)
    play.end("a")
    told = [(each.task_key, each.result) for each in told_of(second, play.run)]
    assert told == [("a", None), ("a", Result.SUCCESS), ("", Result.SUCCESS)]


def test_a_task_may_say_that_only_its_last_attempt_is_told() -> None:
    play = Play(task("a", max_retries=1, notification_settings={"alert_on_last_attempt": True}))
    first = play.run
    play.end("a", FAILED)
    assert [each.result for each in told_of(first, play.run)] == [None]


# Parameters


KNOWN = Known(
    job={"id": "2", "run_id": "1", "name": "it"},
    parameters={"day": "monday", "odd.name": "x"},
    task={"name": "a", "run_id": "7"},
    tasks={"train": {"run_id": 6, "result_state": "success", "values": {"model": "m", "deep": {"n": [1]}, "odd k": 1}}},
    workspace={"id": "5"},
    started_at=NOW,
    trigger="model",
    updates=({"full_name": "a.b.c", "version": 1},),
    input='{"x": 1}',
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{job.id}}/{{ job.run_id }}", "2/1"),
        ("{{job.parameters.day}}", "monday"),
        ("{{job.parameters.odd.name}}", "x"),
        ("{{task.name}}", "a"),
        ("{{tasks.train.values.model}}", "m"),
        ("{{tasks.train.values.deep}}", '{"n": [1]}'),
        ("{{tasks.train.values.`odd k`}}", "1"),
        ("{{tasks.`train`.result_state}}", "success"),
        (
            "{{job.start_time.iso_date}} {{job.start_time.iso_weekday}} {{job.start_time.is_weekday}}",
            "2026-01-01 4 true",
        ),
        ("{{job.start_time.iso_datetime}}", "2026-01-01T00:00:00.000Z"),
        ("{{job.trigger.type}}", "model"),
        ("{{job.trigger.model.updates}}", '[{"full_name": "a.b.c", "version": 1}]'),
        ("{{input}} {{input.x}}", '{"x": 1} 1'),
        ("{{workspace.id}}", "5"),
        ("{{run_id}} {{parent_run_id}} {{job_id}} {{start_date}}", "7 1 2 2026-01-01"),
        (
            "{{secrets/scope/key}} {{nothing.here}} {{}} {{job.id",
            "{{secrets/scope/key}} {{nothing.here}} {{}} {{job.id",
        ),
    ],
)
def test_references_are_replaced_and_what_is_not_understood_stays(text: str, expected: str) -> None:
    assert resolved(text, KNOWN) == expected


@pytest.mark.parametrize(
    "text", ["{{job.notebook_url}}", "{{tasks.z.values.v}}", "{{tasks.train.values.z}}", "{{task}}"]
)
def test_a_member_that_a_known_namespace_does_not_have_is_an_error(text: str) -> None:
    with pytest.raises(Invalid, match="does not lead to a value"):
        resolved(text, KNOWN)


def test_a_job_with_parameters_takes_no_parameters_for_tasks() -> None:
    with_parameters = read(filled({"tasks": [task()], "parameters": [{"name": "p", "default": "1"}]}))
    check_parameters(with_parameters, {"p": "2"}, read_overrides({}))
    with pytest.raises(Invalid, match="job_parameters instead of notebook_params"):
        check_parameters(with_parameters, {}, read_overrides({"notebook_params": {"p": "2"}}))
    with pytest.raises(Invalid, match='no parameter "q"'):
        check_parameters(with_parameters, {"q": "2"}, read_overrides({}))
