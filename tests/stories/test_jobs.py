"""The story of jobs, through the real Databricks SDK: made, run, waited for, canceled, repaired, permitted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue, NotFound, OperationFailed, PermissionDenied
from databricks.sdk.service.jobs import (
    ConditionTask,
    ConditionTaskOp,
    ForEachTask,
    JobAccessControlRequest,
    JobParameterDefinition,
    JobPermissionLevel,
    JobSettings,
    QueueSettings,
    RunJobTask,
    RunLifeCycleState,
    RunResultState,
    SubmitTask,
    Task,
    TaskDependency,
)

from tests.jobs import SETTINGS, Client, code, ended, post, results, sdk, task, wait_for
from tests.support import SCIM, Server

NAP = "import time; time.sleep(600)"
ODD = {
    "name": "odd",
    "tasks": [
        {
            "task_key": "spark",
            "spark_jar_task": {"main_class_name": "x"},
            "new_cluster": {"spark_version": "15.4.x", "num_workers": 2, "no_such_field": {"a": [1]}},
        }
    ],
    "performance_target": "STANDARD",
    "budget_policy_id": "b",
    "tags": {"team": "ml"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("jobs") / "data", settings=SETTINGS).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return sdk(server)


def _lives(client: Client, run_id: int) -> list[str]:
    """Where each task of a run is in its life."""
    tasks = client.jobs.get_run(run_id).tasks or []
    return [each.state.life_cycle_state.value for each in tasks if each.state and each.state.life_cycle_state]


@pytest.mark.client("databricks-sdk 0.156", "jobs")
def test_tasks_run_one_after_another_with_parameters_and_what_they_print_is_kept(client: Client) -> None:
    first = task("first", "import os, sys; print('host', bool(os.environ['DATABRICKS_TOKEN'])); print(sys.argv[-1])")
    assert first.python_wheel_task
    assert first.python_wheel_task.parameters
    first.python_wheel_task.parameters.append("{{job.parameters.day}}-{{job.id}}")
    made = client.jobs.create(
        name="nightly",
        tasks=[first, task("second", "print('second')", "first")],
        parameters=[JobParameterDefinition(name="day", default="monday")],
    )
    assert made.job_id
    run = client.jobs.run_now(made.job_id, job_parameters={"day": "friday"}, idempotency_token="t1").result()
    assert results(run) == {"first": "SUCCESS", "second": "SUCCESS"}
    assert run.state
    assert run.state.life_cycle_state is RunLifeCycleState.TERMINATED
    assert run.job_parameters
    assert run.job_parameters[0].value == "friday"
    assert run.tasks
    assert run.tasks[0].run_id
    output = client.jobs.get_run_output(run.tasks[0].run_id)
    assert (output.logs or "").splitlines() == ["host True", f"friday-{made.job_id}"]
    listed = next(client.jobs.list_runs(job_id=made.job_id, expand_tasks=True))
    assert (listed.run_id, len(listed.tasks or ())) == (run.run_id, 2)


def test_everything_that_was_said_is_read_back_and_old_versions_understand_it_too(
    server: Server, client: Client
) -> None:
    number = post(server, "create", **ODD)["job_id"]
    with server.client() as http:
        found = http.get("/api/2.1/jobs/get", params={"job_id": number}).json()
        assert http.get("/api/2.0/jobs/list", params={"name": "ODD"}).json()["jobs"][0]["job_id"] == number
    kept = found["settings"]
    assert kept["tasks"][0].items() >= ODD["tasks"][0].items()
    assert kept.items() >= {"performance_target": "STANDARD", "budget_policy_id": "b", "tags": {"team": "ml"}}.items()
    settings = client.jobs.get(number).settings
    assert settings
    client.jobs.reset(number, settings)
    assert client.jobs.get(number).settings == settings
    with pytest.raises(OperationFailed, match="spark_jar_task cannot be run here"):
        client.jobs.run_now(number).result()
    client.jobs.delete(number)
    with pytest.raises(NotFound, match=f"Job {number} does not exist"):
        client.jobs.get(number)


def test_the_waiter_ends_right_on_failure_skip_and_cancel(client: Client) -> None:
    bad = client.jobs.create(name="bad", tasks=[task("a", "raise SystemExit(3)"), task("b", "print(1)", "a")]).job_id
    assert bad
    with pytest.raises(OperationFailed, match="Task a failed with message: Workload failed"):
        client.jobs.run_now(bad).result()
    long = client.jobs.create(name="long", tasks=[task("a", NAP)]).job_id
    assert long
    first = client.jobs.run_now(long)
    second = client.jobs.run_now(long).result()
    assert second.state
    assert second.state.life_cycle_state is RunLifeCycleState.SKIPPED
    assert second.state.result_state is RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED
    wait_for(lambda: _lives(client, first.run_id) == ["RUNNING"])
    canceled = client.jobs.cancel_run(first.run_id).result()
    assert canceled.state
    assert canceled.state.result_state is RunResultState.CANCELED


def test_a_run_waits_in_the_queue_until_the_one_before_it_has_ended(client: Client) -> None:
    queued = QueueSettings(enabled=True)
    job = client.jobs.create(name="queued", tasks=[task("a", "import time; time.sleep(2)")], queue=queued).job_id
    assert job
    one, two = client.jobs.run_now(job), client.jobs.run_now(job)
    waiting = client.jobs.get_run(two.run_id)
    assert waiting.state
    assert waiting.state.life_cycle_state is RunLifeCycleState.QUEUED
    assert waiting.status
    assert waiting.status.queue_details
    assert waiting.status.queue_details.code
    first, second = ended(client, one.run_id), ended(client, two.run_id)
    began: Any = (second.tasks or [])[0].start_time
    assert (first.end_time or 0) <= began


def test_branches_loops_and_other_jobs(client: Client) -> None:
    other = client.jobs.create(name="other", tasks=[task("inner", "print('inner')")]).job_id
    assert other
    loop = ForEachTask(inputs='["x", "y"]', concurrency=2, task=Task("each", python_wheel_task=code("print(1)")))
    tasks = [
        Task("if", condition_task=ConditionTask(ConditionTaskOp.GREATER_THAN, "{{job.id}}", "1")),
        Task("loop", for_each_task=loop, depends_on=[TaskDependency("if", "true")]),
        Task("never", python_wheel_task=code("print(2)"), depends_on=[TaskDependency("if", "false")]),
        Task("child", run_job_task=RunJobTask(other), depends_on=[TaskDependency("loop")]),
    ]
    job = client.jobs.create(name="outer", tasks=tasks).job_id
    assert job
    run = client.jobs.run_now(job).result()
    assert results(run) == {"if": "SUCCESS", "loop": "SUCCESS", "never": "EXCLUDED", "child": "SUCCESS"}
    by_key = {each.task_key: each for each in run.tasks or ()}
    iterated = client.jobs.get_run(by_key["loop"].run_id or 0)
    assert [each.task_key for each in iterated.iterations or ()] == ["each", "each"]
    assert by_key["if"].condition_task
    assert by_key["if"].condition_task.outcome == "true"
    below = client.jobs.get_run_output(by_key["child"].run_id or 0).run_job_output
    assert below
    assert below.run_id
    child = client.jobs.get_run(below.run_id)
    assert (child.job_id, child.trigger and child.trigger.value) == (other, "RUN_JOB_TASK")
    assert child.trigger_info
    assert child.trigger_info.run_id == run.run_id


def test_what_failed_is_repaired_under_the_settings_of_now(client: Client) -> None:
    job = client.jobs.create(name="fixed", tasks=[task("a", "print(1)"), task("b", "raise SystemExit(1)", "a")]).job_id
    assert job
    run = ended(client, client.jobs.run_now(job).run_id)
    assert results(run) == {"a": "SUCCESS", "b": "FAILED"}
    client.jobs.update(job, new_settings=JobSettings(tasks=[task("b", "print(2)", "a")]))
    repaired = client.jobs.repair_run(run.run_id or 0, rerun_all_failed_tasks=True).result()
    assert (repaired.run_id, results(repaired)) == (run.run_id, {"a": "SUCCESS", "b": "SUCCESS"})
    history = client.jobs.get_run(run.run_id or 0, include_history=True).repair_history or []
    assert [each.type and each.type.value for each in history] == ["ORIGINAL", "REPAIR"]
    before = {each.task_key: each.run_id for each in run.tasks or ()}
    after = {each.task_key: each.run_id for each in repaired.tasks or ()}
    assert (before["a"] == after["a"], before["b"] == after["b"]) == (True, False)


def test_more_tasks_than_one_answer_holds_are_read_in_pages(client: Client) -> None:
    alike = ConditionTask(ConditionTaskOp.EQUAL_TO, "1", "1")
    tasks = [Task(f"t{number}", condition_task=alike) for number in range(230)]
    job = client.jobs.create(name="wide", tasks=tasks).job_id
    assert job
    settings = client.jobs.get(job).settings
    assert settings
    assert len(settings.tasks or ()) == 230
    listed = next(client.jobs.list(name="wide", expand_tasks=True))
    assert listed.settings
    assert len(listed.settings.tasks or ()) == 230
    run = client.jobs.run_now(job).result()
    assert len({each.task_key for each in run.tasks or ()}) == 230


def test_fifty_threads_with_one_token_start_one_run(server: Server, client: Client) -> None:
    job = client.jobs.create(
        name="once", tasks=[Task("c", condition_task=ConditionTask(ConditionTaskOp.EQUAL_TO, "1", "1"))]
    ).job_id
    found: set[int] = set()

    def ask() -> None:
        found.add(post(server, "run-now", job_id=job, idempotency_token="the same")["run_id"])

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert len(list(client.jobs.list_runs(job_id=job))) == 1


def test_a_run_is_submitted_without_a_job(client: Client) -> None:
    run = client.jobs.submit(
        run_name="alone", tasks=[SubmitTask("a", python_wheel_task=code("print('alone')"))]
    ).result()
    assert (run.run_name, run.run_type and run.run_type.value) == ("alone", "SUBMIT_RUN")
    assert "alone" not in {job.settings.name for job in client.jobs.list() if job.settings}
    with pytest.raises(NotFound):
        client.jobs.get(run.job_id or 0)
    client.jobs.delete_run(run.run_id or 0)
    with pytest.raises(NotFound, match=f"Run {run.run_id} does not exist"):
        client.jobs.get_run(run.run_id or 0)


def test_levels_let_others_look_start_and_change_and_only_admins_move_the_owner(server: Server, client: Client) -> None:
    ann = sdk(server, server.make_user("ann@example.com"))
    made = client.jobs.create(name="shared", tasks=[task("a", "print(1)")])
    job = made.job_id
    assert job
    with pytest.raises(NotFound):
        ann.jobs.get(job)
    assert [each.job_id for each in ann.jobs.list()] == []

    def permit(level: JobPermissionLevel) -> None:
        item = JobAccessControlRequest(user_name="ann@example.com", permission_level=level)
        client.jobs.update_permissions(str(job), access_control_list=[item])

    permit(JobPermissionLevel.CAN_VIEW)
    assert ann.jobs.get(job).settings
    with pytest.raises(PermissionDenied, match="CAN MANAGE RUN on Job"):
        ann.jobs.run_now(job)
    permit(JobPermissionLevel.CAN_MANAGE_RUN)
    run = ended(ann, ann.jobs.run_now(job).run_id)
    assert (run.creator_user_name, run.state and run.state.result_state) == ("ann@example.com", RunResultState.SUCCESS)
    with pytest.raises(PermissionDenied, match="CAN MANAGE on Job"):
        ann.jobs.update(job, new_settings=JobSettings(name="hers"))
    permit(JobPermissionLevel.CAN_MANAGE)
    with pytest.raises(PermissionDenied, match="ALLOW CLUSTER CREATE"):
        ann.jobs.update(job, new_settings=JobSettings(name="hers"))
    told = client.jobs.get_permissions(str(job)).access_control_list or []
    assert [(each.user_name or each.group_name, (each.all_permissions or [])[0].permission_level) for each in told] == [
        ("admin", JobPermissionLevel.IS_OWNER),
        ("admins", JobPermissionLevel.CAN_MANAGE),
        ("ann@example.com", JobPermissionLevel.CAN_MANAGE),
    ]
    hers = [JobAccessControlRequest(user_name="ann@example.com", permission_level=JobPermissionLevel.IS_OWNER)]
    with pytest.raises(PermissionDenied, match="Only admins"):
        ann.jobs.set_permissions(str(job), access_control_list=hers)
    with pytest.raises(InvalidParameterValue, match="exactly one owner"):
        client.jobs.set_permissions(str(job), access_control_list=[])
    client.jobs.set_permissions(str(job), access_control_list=hers)
    assert ann.jobs.get(job).run_as_user_name == "ann@example.com"


def test_code_runs_as_the_owner_with_just_its_privileges_or_not_at_all(server: Server, client: Client) -> None:
    ben = sdk(server, server.make_user("ben@example.com"))
    with pytest.raises(PermissionDenied, match="ALLOW CLUSTER CREATE"):
        ben.jobs.create(name="his", tasks=[])
    found = ben.current_user.me()
    entitled = {"Operations": [{"op": "add", "path": "entitlements", "value": [{"value": "allow-cluster-create"}]}]}
    with server.client() as admin:
        admin.patch(f"{SCIM}/Users/{found.id}", json=entitled).raise_for_status()
    who = "from databricks.sdk import WorkspaceClient as W; print(W().current_user.me().user_name)"
    job = ben.jobs.create(name="his", tasks=[task("a", who)]).job_id
    assert job
    run = ended(ben, client.jobs.run_now(job).run_id)
    assert (run.tasks or [])[0].run_id
    printed = ben.jobs.get_run_output((run.tasks or [])[0].run_id or 0)
    assert (printed.logs or "").strip() == "ben@example.com", printed
    with pytest.raises(PermissionDenied, match="may not run code as"):
        ben.jobs.update(job, new_settings=JobSettings.from_dict({"run_as": {"user_name": "admin"}}))
    taken = {"Operations": [{"op": "remove", "path": 'entitlements[value eq "allow-cluster-create"]'}]}
    with server.client() as admin:
        admin.patch(f"{SCIM}/Users/{found.id}", json=taken).raise_for_status()
    refused = ended(client, client.jobs.run_now(job).run_id)
    assert refused.status
    assert refused.status.termination_details
    assert refused.status.termination_details.code
    assert refused.status.termination_details.code.value == ("UNAUTHORIZED_ERROR")
    assert "may not run code" in ((refused.state and refused.state.state_message) or "")
