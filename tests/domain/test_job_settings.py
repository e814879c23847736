"""Settings of jobs: everything is kept, defaults are filled in, mistakes are told, changes are merged."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.domain.jobs.changes import cloned, filled, merged
from modelyard.domain.jobs.cloning import moved, sources
from modelyard.domain.jobs.graph import Verdict, leaves, outcome, verdict
from modelyard.domain.jobs.settings import read
from modelyard.domain.jobs.triggers import Change, Condition, next_of
from modelyard.domain.jobs.words import Result, RunIf
from modelyard.errors import Invalid
from tests.house.jobs import condition, task

DAY = 86_400_000


def settings(*tasks: dict[str, Any], **said: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"name": "it", "tasks": list(tasks or (task("a"),)), **said}


def test_what_is_not_acted_on_is_kept_word_for_word() -> None:
    odd = {"new_cluster": {"spark_version": "15.4.x-scala2.12", "num_workers": 0}, "no_such_field": [1, {"x": None}]}
    raw = settings(task("a", **odd), budget_policy_id="b", deployment={"kind": "BUNDLE"}, something_new={"deep": [{}]})
    kept = read(filled(raw)).raw
    assert kept["tasks"][0] == {**filled(settings(task("a")))["tasks"][0], **odd}
    assert {name: kept[name] for name in ("budget_policy_id", "deployment", "something_new")} == {
        "budget_policy_id": "b",
        "deployment": {"kind": "BUNDLE"},
        "something_new": {"deep": [{}]},
    }


def test_defaults_are_those_that_clients_compare() -> None:
    told = filled(settings(task("a"), schedule={"quartz_cron_expression": "0 0 12 * * ?"}, run_as={"user_name": "x"}))
    assert told["tasks"][0] == {
        "task_key": "a",
        "spark_python_task": {"python_file": "/Workspace/it.py", "source": "WORKSPACE"},
        "run_if": "ALL_SUCCESS",
        "timeout_seconds": 0,
        "email_notifications": {},
        "webhook_notifications": {},
    }
    assert (told["format"], told["max_concurrent_runs"], told["timeout_seconds"]) == ("MULTI_TASK", 1, 0)
    assert told["schedule"]["pause_status"] == "UNPAUSED"
    assert "run_as" not in told


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (settings(task("a", "b"), task("b", "a")), "in a circle: a → b|in a circle: b → a"),
        (settings(task("a", "a")), "in a circle"),
        (settings(task("a", "z")), 'depends on "z", which there is no task of'),
        (settings(task("a"), task("a")), 'task_key "a" twice'),
        (settings({"task_key": "a"}), "does not say what it does"),
        (settings(task("a", notebook_task={"notebook_path": "/x"})), "says notebook_task and spark_python_task"),
        (settings({**task("b"), "depends_on": [{"task_key": "a", "outcome": "true"}]}, task("a")), "has an outcome"),
        (settings(task("a", environment_key="e")), 'environment_key "e", which environments does not have'),
        (settings(task("a b")), "is not valid"),
        (settings(task("a", max_retries=-2)), r"tasks\[a\]\.max_retries must be"),
        (settings(task("a", run_if="SOMETIMES")), r"tasks\[a\]\.run_if must be one of"),
        (settings(condition("a", op="LIKE")), r"condition_task\.op must be one of"),
        (settings(schedule={"quartz_cron_expression": "x"}), "not a Quartz cron"),
        (settings(schedule={"quartz_cron_expression": "0 0 12 * * ?"}, trigger={"periodic": {}}), "one of schedule"),
        (settings(trigger={"periodic": {"interval": 0, "unit": "DAYS"}}), "interval must be"),
        (settings(trigger={"file_arrival": {"url": "/x"}}), "does not start runs here"),
        (settings(continuous={}), "does not start runs here"),
        (settings(trigger={"model": {"condition": "MODEL_DELETED"}}), "condition must be one of"),
        (settings(parameters=[{"name": "a b"}]), 'parameter "a b"'),
        (settings(max_concurrent_runs=1001), "max_concurrent_runs must be"),
        (settings(tags={str(number): "" for number in range(26)}), "at most 25"),
        (settings(webhook_notifications={"on_start": [{"id": "x"}] * 4}), "at most 3"),
        (settings(git_source={"git_url": "https://x/y", "git_provider": "cvs", "git_branch": "m"}), "gitHub, "),
        (settings(git_source={"git_url": "file:///x", "git_provider": "gitHub", "git_branch": "m"}), "https://"),
        (settings(git_source={"git_url": "https://u:p@x/y", "git_provider": "gitHub", "git_branch": "m"}), "password"),
        (settings(git_source={"git_url": "https://x/y", "git_provider": "gitHub"}), "exactly one of git_branch"),
        (settings(git_source={"git_url": "https://x", "git_provider": "GITHUB", "git_branch": "--x"}), "git_branch"),
        ({"tasks": "none"}, "tasks must be a list"),
        ({"tasks": [1]}, "list of objects"),
    ],
)
def test_mistakes_are_told_with_the_place(said: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        read(filled(said) if isinstance(said["tasks"], list) else said)


def test_kinds_that_cannot_be_run_here_are_no_mistake() -> None:
    for kind in ("spark_jar_task", "pipeline_task", "dbt_task", "sql_task", "something_new_task"):
        assert read(settings({"task_key": "a", kind: {"x": 1}})).tasks[0].is_known is False


def test_triggers_that_never_fire_here_may_be_kept_paused() -> None:
    assert read(settings(trigger={"file_arrival": {"url": "/x"}, "pause_status": "PAUSED"})).triggers[0].paused


def test_an_update_replaces_fields_merges_lists_by_key_and_removes() -> None:
    raw = settings(task("a"), task("b"), tags={"x": "1"}, parameters=[{"name": "p", "default": "1"}])
    changed = merged(raw, {"tasks": [task("b", timeout_seconds=5), task("c")], "tags": {"y": "2"}}, ["parameters/p"])
    assert [(each["task_key"], each.get("timeout_seconds")) for each in changed["tasks"]] == [
        ("a", None),
        ("b", 5),
        ("c", None),
    ]
    assert (changed["tags"], changed["parameters"]) == ({"y": "2"}, [])
    assert [each["task_key"] for each in merged(raw, {}, ["tasks/a"])["tasks"]] == ["b"]
    assert "tags" not in merged(raw, {}, ["tags"])
    with pytest.raises(Invalid, match="fields_to_remove"):
        merged(raw, {}, ["tags/x"])


def test_another_way_to_start_runs_takes_the_place_of_the_one_before() -> None:
    raw = settings(schedule={"quartz_cron_expression": "0 0 12 * * ?"})
    changed = merged(raw, {"trigger": {"periodic": {"interval": 1, "unit": "DAYS"}}}, [])
    assert "schedule" not in changed
    assert read(filled(changed)).triggers[0].period == DAY


def test_a_clone_starts_nothing_by_itself() -> None:
    raw = filled(settings(schedule={"quartz_cron_expression": "0 0 12 * * ?"}, deployment={}, edit_mode="UI_LOCKED"))
    clone = cloned(raw, "copy")
    assert (clone["name"], clone["schedule"]["pause_status"], raw["schedule"]["pause_status"]) == (
        "copy",
        "PAUSED",
        "UNPAUSED",
    )
    assert "deployment" not in clone
    with pytest.raises(Invalid, match="git repository"):
        cloned(raw, "copy", "main")


# What starts runs


def test_a_model_trigger_wants_what_is_inside_of_what_it_names() -> None:
    said = {"model": {"condition": "MODEL_ALIAS_SET", "securable_name": "Prod.ml", "aliases": ["Champion"]}}
    [trigger] = read(settings(trigger=said)).triggers
    change = Change(Condition.MODEL_ALIAS_SET, "prod.ml.fraud", 3, "champion")
    assert trigger.wants(change)
    assert not trigger.wants(Change(Condition.MODEL_ALIAS_SET, "prod.ml.fraud", 3, "challenger"))
    assert not trigger.wants(Change(Condition.MODEL_ALIAS_SET, "prod.mlops.fraud", 3, "champion"))
    assert not trigger.wants(Change(Condition.MODEL_VERSION_READY, "prod.ml.fraud", 3))
    assert change.told == {"full_name": "prod.ml.fraud", "version": 3, "alias_name": "champion"}


def test_periods_count_from_when_the_job_was_made_and_late_fires_are_left_out_but_for_the_last() -> None:
    [trigger] = read(settings(trigger={"periodic": {"interval": 2, "unit": "MINUTES"}})).triggers
    assert next_of([trigger], 1_000, 1_000) == 121_000
    assert trigger.missed(1_000, 1_000, 120_999) is None
    assert trigger.missed(1_000, 1_000, 121_000) == 121_000
    assert trigger.missed(1_000, 1_000, 10 * DAY) == 10 * DAY - (10 * DAY - 1_000) % 120_000
    [daily] = read(settings(trigger={"periodic": {"interval": 1, "unit": "DAYS"}})).triggers
    assert daily.missed(0, 0, 10 * DAY + 6 * 60_000) is None  # more than five minutes late


# Order

S, F, X, D, C, U = (
    Result.SUCCESS,
    Result.FAILED,
    Result.EXCLUDED,
    Result.DISABLED,
    Result.CANCELED,
    Result.UPSTREAM_FAILED,
)
RUNS, FAILS, OUT, OFF, STOPPED = (
    Verdict.RUNS,
    Verdict.UPSTREAM_FAILED,
    Verdict.EXCLUDED,
    Verdict.DISABLED,
    Verdict.UPSTREAM_CANCELED,
)


@pytest.mark.parametrize(
    ("run_if", "expected"),
    [
        #                          S S   S F    F F    S X   X X  S D  S C      F U    F C
        (RunIf.ALL_SUCCESS, [RUNS, FAILS, FAILS, RUNS, OUT, OFF, STOPPED, FAILS, FAILS]),
        (RunIf.AT_LEAST_ONE_SUCCESS, [RUNS, RUNS, FAILS, RUNS, OUT, RUNS, RUNS, FAILS, FAILS]),
        (RunIf.NONE_FAILED, [RUNS, FAILS, FAILS, RUNS, OUT, RUNS, STOPPED, FAILS, FAILS]),
        (RunIf.ALL_DONE, [RUNS, RUNS, RUNS, RUNS, OUT, RUNS, RUNS, RUNS, RUNS]),
        (RunIf.AT_LEAST_ONE_FAILED, [OUT, RUNS, RUNS, OUT, OUT, OUT, RUNS, RUNS, RUNS]),
        (RunIf.ALL_FAILED, [OUT, OUT, RUNS, OUT, OUT, OUT, OUT, RUNS, RUNS]),
    ],
)
def test_whether_a_task_runs_by_what_became_of_those_before_it(run_if: RunIf, expected: list[Verdict]) -> None:
    parents = [(S, S), (S, F), (F, F), (S, X), (X, X), (S, D), (S, C), (F, U), (F, C)]
    assert [verdict(run_if, pair) for pair in parents] == expected
    assert verdict(run_if, ()) is RUNS


def test_the_leaves_decide_what_becomes_of_a_run() -> None:
    tasks = read(settings(task("a"), task("b", "a"), task("c", "a"))).tasks
    assert leaves(tasks) == {"b", "c"}
    for results, expected in (
        ((S, S, S), Result.SUCCESS),
        ((F, S, S), Result.SUCCESS_WITH_FAILURES),
        ((S, F, S), Result.FAILED),
        ((F, U, X), Result.FAILED),
        ((S, X, X), Result.SUCCESS),
    ):
        assert outcome(leaves(tasks), dict(zip("abc", results, strict=True))) is expected


def test_what_was_copied_is_named_where_it_is_now_and_nothing_else() -> None:
    paths = {
        "/Users/ann/it": "/Shared/it",
        "/Users/ann/it/lib": "/Shared/it/lib",
        "/Users/ann/it/run.py": "/Shared/it/run.py",
    }
    said = {
        "notebook_path": "/Users/ann/it/run",
        "file": "/Workspace/Users/ann/it/run.py",
        "folder": "/Users/ann/it/",
        "lines": ["-r /Workspace/Users/ann/it/lib", "/Users/ann/it/experiment", "/Users/ann/its", 1, None],
    }
    assert moved(said, paths) == {
        "notebook_path": "/Shared/it/run",
        "file": "/Workspace/Shared/it/run.py",
        "folder": "/Shared/it",
        "lines": ["-r /Workspace/Shared/it/lib", "/Users/ann/it/experiment", "/Users/ann/its", 1, None],
    }


def test_the_sources_of_a_job_are_those_in_the_workspace() -> None:
    def of(key: str, path: str, **said: str) -> dict[str, object]:
        return {"task_key": key, "spark_python_task": {"python_file": path, **said}}

    loop = {"task_key": "d", "for_each_task": {"inputs": "[1]", "task": of("e", "/Shared/e.py")}}
    tasks = [of("a", "/Shared/a.py"), of("b", "/Volumes/a/b/c/b.py"), of("c", "/Shared/{{job.parameters.c}}.py"), loop]
    assert sources(read({"tasks": tasks})) == ("/Shared/a.py", "/Shared/e.py")
    git = {"git_url": "https://example.com/it.git", "git_provider": "gitHub", "git_branch": "main"}
    mixed = [of("a", "jobs/a.py"), of("b", "/Shared/b.py", source="WORKSPACE")]
    assert sources(read({"tasks": mixed, "git_source": git})) == ("/Shared/b.py",)
