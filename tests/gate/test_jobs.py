"""Jobs behind the gate: what starts them, once; who they run as; what their tokens open; what clones report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from modelyard.action import Ref
from modelyard.actions import access, models, tokens, workspace
from modelyard.actions.git_credentials import CreateGitCredential
from modelyard.actions.jobs import briefing, clones, results, runs, settings, work
from modelyard.domain.access import Bearer, PrincipalKind, Server
from modelyard.domain.git_credentials import GitCredential, Login
from modelyard.domain.jobs.git import Git
from modelyard.domain.jobs.job import Asked
from modelyard.domain.jobs.runs import MOST_LOG, Run
from modelyard.domain.jobs.sightings import Sighting, Stage
from modelyard.domain.jobs.words import PREFIX, Life, Result
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.secrets import Hidden as Secret
from modelyard.domain.workspace import Draft, Level, ObjectType
from modelyard.errors import Denied, Hidden, Invalid, NotFound, TooLarge, Unauthenticated, WrongState
from modelyard.workers.site import Lead, LocalSite
from tests.house.jobs import EXECUTOR, condition, ended, make, ref, see, started, taken, task, wheel
from tests.house.world import MLMODEL, World, containers

MINUTE = 60_000
DAILY = {"quartz_cron_expression": "0 0 12 * * ?", "timezone_id": "Europe/Berlin"}


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> Iterator[World]:
    """One with a clock that tests set: what happens in months to come would confuse the journal of the shared one."""
    made = make_world(request.param, "of jobs")
    yield made
    made.inside.gate.clock = time.time


def at(world: World, milliseconds: float) -> None:
    world.inside.gate.clock = lambda: milliseconds / 1000


def job_id(world: World, job: Ref) -> str:
    return world.do(settings.GetJob(job)).job.id


def of(world: World, job: Ref) -> list[Run]:
    number = int(job.name.partition("/")[2])
    return list(world.do(runs.ListRuns(Asked(job=number, with_tasks=True), Window(20))).page.items)


def chore(world: World, asked: Any) -> Any:  # noqa: ANN401  a chore, and its result
    return world.ask(asked, Server())


# What starts runs by itself


def test_a_clock_fires_once_however_many_servers_look(world: World) -> None:
    job = make(world, trigger={"periodic": {"interval": 1, "unit": "MINUTES"}}, max_concurrent_runs=9)
    now = time.time() * 1000
    at(world, now + 59_000)
    for _ in range(2):
        chore(world, work.FireClock(job_id(world, job)))
    assert of(world, job) == []
    at(world, now + 61_000)
    assert job_id(world, job) in chore(world, work.ListWork()).clocks
    for _ in range(3):
        chore(world, work.FireClock(job_id(world, job)))
    [run] = of(world, job)
    due = world.do(settings.GetJob(job)).job.anchor_at + MINUTE
    assert (run.trigger.value, run.creator, run.triggered_at) == ("PERIODIC", world.owner.name, due)


def test_of_missed_fires_only_the_last_one_runs_and_none_that_is_late_by_more_than_minutes(world: World) -> None:
    often = make(world, trigger={"periodic": {"interval": 1, "unit": "MINUTES"}}, max_concurrent_runs=9)
    daily = make(world, schedule=DAILY)
    noon = world.do(settings.GetJob(daily)).job.next_fire_at
    at(world, noon + 6 * MINUTE)
    for job in (often, daily):
        chore(world, work.FireClock(job_id(world, job)))
    assert (len(of(world, often)), len(of(world, daily))) == (1, 0)
    assert world.do(settings.GetJob(daily)).job.next_fire_at > noon


def test_a_paused_clock_does_not_fire_and_makes_up_for_nothing(world: World) -> None:
    job = make(world, schedule={**DAILY, "pause_status": "PAUSED"})
    shown = world.do(settings.GetJob(job)).job
    assert shown.next_fire_at is None
    now = time.time() * 1000
    at(world, now + 3 * 24 * 60 * MINUTE)
    world.do(settings.UpdateJob(job, json.dumps({"schedule": DAILY})), world.owner)
    assert world.do(settings.GetJob(job)).job.next_fire_at > now + 3 * 24 * 60 * MINUTE


def test_another_change_of_settings_does_not_put_a_fire_off(world: World) -> None:
    job = make(world, trigger={"periodic": {"interval": 1, "unit": "HOURS"}})
    before = world.do(settings.GetJob(job)).job.next_fire_at
    at(world, before - MINUTE)
    world.do(settings.UpdateJob(job, '{"timeout_seconds":5}'), world.owner)
    assert world.do(settings.GetJob(job)).job.next_fire_at == before


def test_moving_an_alias_starts_a_job_that_waits_for_it_with_what_has_happened(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    said = {"model": {"condition": "MODEL_ALIAS_SET", "securable_name": model.name, "aliases": ["Champion"]}}
    job = make(world, trigger=said, max_concurrent_runs=9)
    world.do(models.SetAlias(model, "challenger", number), world.owner)
    world.do(models.SetAlias(model, "champion", number), world.owner)
    id_ = job_id(world, job)
    assert id_ in chore(world, work.ListWork()).changed
    for _ in range(2):
        chore(world, work.FireChanges(id_))
    [run] = of(world, job)
    assert run.trigger.value == "MODEL"
    assert run.updates == ({"full_name": model.name, "version": number, "alias_name": "champion"},)
    assert id_ not in chore(world, work.ListWork()).changed


def test_what_happens_to_models_that_the_job_may_not_see_starts_nothing(world: World) -> None:
    stranger, model = world.person(), world.model()
    world.entitle(stranger.id)
    job = make(world, who=stranger, trigger={"model": {"condition": "MODEL_VERSION_READY"}})
    world.ready(model)
    chore(world, work.FireChanges(job_id(world, job)))
    assert of(world, job) == []
    catalog, schema = containers(model)
    world.grant(catalog, stranger.name, Privilege.USE_CATALOG)
    world.grant(schema, stranger.name, Privilege.USE_SCHEMA, Privilege.EXECUTE)
    number = world.ready(model)
    chore(world, work.FireChanges(job_id(world, job)))
    assert [run.updates[0]["version"] for run in of(world, job)] == [number]


def test_changes_that_belong_together_start_one_run_once_it_is_quiet(world: World) -> None:
    schema = world.schema()
    said = {"condition": "MODEL_CREATED", "securable_name": schema.name, "wait_after_last_change_seconds": 60}
    job = make(world, trigger={"model": said})
    names = {world.model(schema).name, world.model(schema).name}
    chore(world, work.FireChanges(job_id(world, job)))
    assert of(world, job) == []
    at(world, time.time() * 1000 + 61_000)
    chore(world, work.FireChanges(job_id(world, job)))
    [run] = of(world, job)
    assert {each["full_name"] for each in run.updates} == names


# Queue


def test_runs_wait_for_room_and_are_let_in_in_order(world: World) -> None:
    job = make(world, queue={"enabled": True})
    first, second, third = started(world, job), started(world, job), started(world, job)
    assert [run.life for run in (first, second, third)] == [Life.RUNNING, Life.QUEUED, Life.QUEUED]
    assert started(world, job, queue=False).result is Result.MAXIMUM_CONCURRENT_RUNS_REACHED
    chore(world, work.AdmitRuns(first.owner_id))
    assert {run.life for run in of(world, job) if not run.is_ended} == {Life.RUNNING, Life.QUEUED}
    ended(world, first)
    assert first.owner_id in chore(world, work.ListWork()).admitting
    chore(world, work.AdmitRuns(first.owner_id))
    found = {run.id: run.life for run in of(world, job)}
    assert (found[second.id], found[third.id]) == (Life.RUNNING, Life.QUEUED)
    world.do(runs.CancelAllRuns(job, only_queued=True), world.owner)
    assert {run.id: run.result for run in of(world, job)}[third.id] is Result.CANCELED
    at(world, time.time() * 1000 + 49 * 60 * MINUTE)
    chore(world, work.AdvanceRun(second.id))


def test_a_job_that_may_have_no_run_skips_all(world: World) -> None:
    job = make(world, max_concurrent_runs=0, queue={"enabled": True})
    assert started(world, job).life is Life.SKIPPED


# Attempts


def test_an_attempt_is_taken_by_one_executor_and_fails_when_that_is_not_seen_any_more(world: World) -> None:
    run = started(world)
    id_ = taken(world, run)
    assert chore(world, work.TakeAttempts(run.id, (id_,), "another")) == ()
    [held] = [held for held in chore(world, work.ListWork(EXECUTOR)).held if held.task.id == id_]
    assert (held.run_id, held.is_ended) == (run.id, False)
    assert (run.id, id_) not in chore(world, work.ListWork()).stranded
    at(world, time.time() * 1000 + work.ABSENT_MILLISECONDS + 1_000)
    assert (run.id, id_) in chore(world, work.ListWork()).stranded
    after = see(world, run, Sighting(id_, Stage.LOST))
    assert (after.life, after.result, after.code) == (Life.INTERNAL_ERROR, Result.FAILED, "INTERNAL_ERROR")


def test_a_late_word_about_an_attempt_that_has_ended_changes_nothing(world: World) -> None:
    run = started(world)
    id_ = taken(world, run)
    after = see(world, run, Sighting(id_, Stage.ENDED, trouble="RUN_EXECUTION_ERROR", error="ValueError: no"))
    assert see(world, run, Sighting(id_, Stage.ENDED)) == after
    assert world.do(results.GetRunOutput(ref(run))).task.error == "ValueError: no"


def test_the_token_of_an_attempt_speaks_for_the_run_as_principal_and_ends_with_it(world: World) -> None:
    run = started(world, make(world, wheel()))
    id_ = taken(world, run)
    first = chore(world, briefing.BriefAttempt(id_, "http://127.0.0.1:1"))
    told = chore(world, briefing.BriefAttempt(id_, "http://127.0.0.1:1"))
    secrets = [Bearer(each.variables["DATABRICKS_TOKEN"]) for each in (first, told)]
    assert told.variables["MLFLOW_REGISTRY_URI"] == "databricks-uc"
    assert (told.context["jobRunId"], told.context["userName"]) == (str(run.id), world.owner.name)
    assert secrets[0].secret not in repr(told)
    with pytest.raises(Unauthenticated):
        world.ask(access.WhoAmI(), secrets[0])
    assert world.ask(access.WhoAmI(), secrets[1]).principal.id == world.owner.id
    assert not [each for each in world.do(tokens.ListTokens(), world.owner) if str(run.id) in each.comment]
    see(world, run, Sighting(id_, Stage.ENDED))
    with pytest.raises(Unauthenticated):
        world.ask(access.WhoAmI(), secrets[1])
    with pytest.raises(WrongState, match="not to be run any more"):
        chore(world, briefing.BriefAttempt(id_, "http://127.0.0.1:1"))
    with pytest.raises(WrongState, match="not to be run any more"):
        chore(world, briefing.ReadDuty(id_, "http://127.0.0.1:1"))


def test_a_run_from_git_stays_at_the_commit_that_its_first_attempt_has_found(world: World, tmp_path: Path) -> None:
    git = {"git_url": "https://git.example.com/it.git", "git_provider": "gitHub", "git_branch": "main"}
    scripts = [task(key, spark_python_task={"python_file": "jobs/main.py"}) for key in ("one", "two")]
    run = started(world, make(world, *scripts, git_source=git))
    heads = iter(("1" * 40, "2" * 40))
    site = LocalSite(
        Lead(tmp_path / "lead"),
        pytest.fail,  # nothing is started
        1,
        lambda asked: chore(world, asked),
        lambda: "http://127.0.0.1:1",
        lambda _git, _login: next(heads),
    )
    ids = [each.id for each in run.tasks]
    chore(world, work.TakeAttempts(run.id, tuple(ids), EXECUTOR))
    briefs = [site.brief(str(id_)) for id_ in ids]
    assert [each.checkout and each.checkout.commit for each in briefs] == ["1" * 40] * 2
    assert world.ask(access.WhoAmI(), Bearer(briefs[0].variables["DATABRICKS_TOKEN"]))
    site.close()


def test_code_comes_with_the_credential_of_the_principal_that_it_runs_as(world: World, tmp_path: Path) -> None:
    git = {"git_url": "https://github.com/it/it.git", "git_provider": "github", "git_branch": "main"}
    world.do(CreateGitCredential(GitCredential(0, "gitHub", "admin"), Secret(b"the-admin-s")))
    robot = world.robot()
    world.entitle(robot.id, PrincipalKind.SERVICE_PRINCIPAL)
    world.do(CreateGitCredential(GitCredential(0, "gitHub", "robot"), Secret(b"the-robot-s"), robot.id))
    script = task(spark_python_task={"python_file": "jobs/main.py"})
    told = json.dumps({"name": "job", "tasks": [script], "git_source": git})
    job = world.do(settings.CreateJob(told, settings.RunAs(robot.name, PrincipalKind.SERVICE_PRINCIPAL)))
    id_ = taken(world, world.do(runs.RunNow(Ref(Kind.JOB, f"{PREFIX}{job.number}"))))
    shown: list[Login | None] = []

    def commit(_git: Git, login: Login | None) -> str:
        shown.append(login)
        return "1" * 40

    ask = partial(chore, world)
    site = LocalSite(Lead(tmp_path / "lead"), pytest.fail, 1, ask, lambda: "http://127.0.0.1:1", commit)
    checkout = site.brief(str(id_)).checkout
    assert checkout
    assert checkout.login == shown[0]
    assert (shown[0] and shown[0].token.reveal(), shown[0] and shown[0].holder) == (b"the-robot-s", robot.id)
    site.close()


def test_code_that_the_principal_cannot_read_is_told_to_be_missing(world: World) -> None:
    told = task(spark_python_task={"python_file": "/Users/nobody@example.com/train.py"})
    with pytest.raises(NotFound, match=r"/Users/nobody@example\.com/train\.py"):
        chore(world, briefing.ReadDuty(taken(world, started(world, make(world, told))), "http://127.0.0.1:1"))


def test_a_token_of_code_makes_no_token_that_outlives_it(world: World) -> None:
    run = started(world, make(world, wheel()))
    told = chore(world, briefing.BriefAttempt(taken(world, run), "http://127.0.0.1:1"))
    with pytest.raises(Denied, match="ends with it"):
        world.ask(tokens.CreateToken(), Bearer(told.variables["DATABRICKS_TOKEN"]))


def test_nothing_starts_for_a_principal_that_may_not_run_code_any_more(world: World) -> None:
    person = world.person()
    world.entitle(person.id)
    run = world.do(runs.RunNow(make(world, who=person)), person)
    id_ = taken(world, run)
    world.shut_out(person.id)
    for asked in (briefing.ReadDuty, briefing.BriefAttempt):
        with pytest.raises(Denied, match="may not run code"):
            chore(world, asked(id_, "http://127.0.0.1:1"))


def test_of_what_is_printed_the_last_bytes_are_kept_once(world: World) -> None:
    run = started(world)
    id_ = run.tasks[0].id
    assert chore(world, work.KeepPrints(id_, 0, b"hello ")) == 6
    assert chore(world, work.KeepPrints(id_, 0, b"hello world")) == 11
    found = world.do(results.ReadRunLog(ref(id_), 6))
    assert (found.start, found.content, found.is_over) == (6, b"world", False)
    many = b"x" * MOST_LOG
    end = chore(world, work.KeepPrints(id_, 11, many))
    assert chore(world, work.FindLogEnd(id_)) == end
    chore(world, work.KeepPrints(id_, end, b"the end"))
    told = world.do(results.GetRunOutput(ref(id_)))
    assert (len(told.log), told.log[-7:], told.is_cut) == (MOST_LOG, b"the end", True)


# Starting, and starting once


def test_a_token_of_a_client_starts_one_run_of_a_job(world: World) -> None:
    job, other = make(world), make(world)
    first = started(world, job, token="t")
    assert started(world, job, token="t").id == first.id
    assert started(world, other, token="t").id != first.id
    ended(world, first)
    world.do(runs.DeleteRun(ref(first)), world.owner)
    with pytest.raises(Invalid, match="was deleted"):
        started(world, job, token="t")
    with pytest.raises(Invalid, match="at most 64"):
        started(world, job, token="t" * 65)


def test_code_runs_as_others_only_where_that_was_allowed(world: World) -> None:
    robot, person = world.robot(), world.person()
    world.entitle(person.id)
    told = json.dumps({"name": "it", "tasks": [task()]})
    as_robot = settings.RunAs(robot.name, PrincipalKind.SERVICE_PRINCIPAL)
    with pytest.raises(Denied, match=r"servicePrincipal\.user"):
        world.do(settings.CreateJob(told, as_robot), person)
    with pytest.raises(Denied, match="may not run code as"):
        world.do(settings.CreateJob(told, settings.RunAs(world.owner.name, PrincipalKind.USER)), person)
    made = world.do(settings.CreateJob(told, as_robot))
    assert made.run_as == robot.name
    with pytest.raises(Invalid, match="a group cannot"):
        world.do(settings.CreateJob(told, settings.RunAs("admins", PrincipalKind.GROUP)))


def test_a_run_of_another_job_takes_the_right_to_start_it(world: World) -> None:
    hidden = make(world)
    person = world.person()
    world.entitle(person.id)
    number = int(hidden.name.partition("/")[2])
    outer = make(world, {"task_key": "a", "run_job_task": {"job_id": number}}, who=person)
    run = world.do(runs.RunNow(outer), person)
    assert (run.is_ended, run.latest["a"].code) == (True, "INVALID_RUN_CONFIGURATION")
    assert "does not exist" in run.message
    world.permit_job(hidden, (person.name, settings.Level.CAN_MANAGE_RUN))
    run = world.do(runs.RunNow(outer), person)
    below = world.do(runs.GetRun(ref(run.latest["a"].child))).job_run
    assert (below.run_as, below.parent_run, run.life) == (world.owner.name, run.id, Life.RUNNING)
    world.do(runs.CancelRun(ref(run)), person)
    assert world.do(runs.GetRun(ref(below))).job_run.result is Result.CANCELED
    assert world.do(runs.GetRun(ref(run))).job_run.result is Result.CANCELED
    assert run.id not in chore(world, work.ListWork()).due


def test_a_run_hears_of_the_end_of_a_run_below_it(world: World) -> None:
    inner = make(world)
    number = int(inner.name.partition("/")[2])
    outer = make(world, {"task_key": "a", "run_job_task": {"job_id": number}}, task("b", "a"))
    run = started(world, outer)
    ended(world, world.do(runs.GetRun(ref(run.latest["a"].child))).job_run)
    assert run.id in chore(world, work.ListWork()).due
    after = chore(world, work.AdvanceRun(run.id))
    assert (after.latest["a"].result, after.latest["b"].life) == (Result.SUCCESS, Life.PENDING)
    assert run.id not in chore(world, work.ListWork()).due


def test_jobs_that_start_each_other_in_a_circle_stop(world: World) -> None:
    job = make(world, max_concurrent_runs=100)
    told = {"tasks": [{"task_key": "a", "run_job_task": {"job_id": int(job.name.partition("/")[2])}}]}
    world.do(settings.ResetJob(job, json.dumps({**told, "max_concurrent_runs": 100})), world.owner)
    started(world, job)
    for _ in range(10):
        for run_id in chore(world, work.ListWork()).due:
            chore(world, work.AdvanceRun(run_id))
    found = of(world, job)
    assert (len(found), all(run.is_ended for run in found)) == (4, True)
    assert "in a circle" in min(found, key=lambda run: -run.depth).message


def test_deleting_a_job_ends_its_runs_which_can_still_be_looked_at(world: World) -> None:
    job = make(world)
    run = started(world, job)
    world.do(settings.DeleteJob(job), world.owner)
    with pytest.raises(NotFound, match=r"Job \d+ does not exist"):
        world.do(settings.GetJob(job), world.owner)
    assert world.do(runs.GetRun(ref(run)), world.owner).job_run.result is Result.CANCELED
    with pytest.raises(Hidden):
        world.do(runs.GetRun(ref(run)), world.person())


def test_runs_are_forgotten_after_their_days_and_the_jobs_behind_them(world: World) -> None:
    kept, submitted = started(world), world.do(runs.SubmitRun(json.dumps({"tasks": [condition("a")]})), world.owner)
    assert submitted.is_ended
    at(world, time.time() * 1000 + 61 * 24 * 3_600_000)
    chore(world, work.ForgetRuns(60))
    with pytest.raises(NotFound):
        world.do(runs.GetRun(ref(submitted)), world.owner)
    assert world.do(runs.GetRun(ref(kept)), world.owner).job_run.id == kept.id  # it is active


def test_nothing_of_a_job_is_too_large_for_the_database(world: World) -> None:
    name = "n" * 4_096
    job = make(world, name=name, description="d" * 27_700)
    assert [found.settings.name for found in world.do(settings.ListJobs(Window(5), name.upper())).page.items] == [name]
    assert world.do(settings.GetJob(job)).job.settings.name == name
    with pytest.raises((Invalid, TooLarge)):
        make(world, name="n" * 4_097)


# Clones


def test_a_clone_speaks_of_other_models_and_reports_what_stands_in_its_way(world: World) -> None:
    model, person = world.model(), world.person()
    world.entitle(person.id)
    script = {"python_file": "/Workspace/it.py", "parameters": ["fraud", "models:/fraud/Production", "not-fraud"]}
    job = make(world, {"task_key": "a", "spark_python_task": script}, schedule=DAILY, name="old")
    with pytest.raises(NotFound):
        world.do(clones.CloneJob(job, "new"), person)
    world.permit_job(job, (person.name, settings.Level.CAN_VIEW))
    made = world.do(clones.CloneJob(job, "new", names=(("fraud", model.name),)), person)
    assert made.job.settings.tasks[0].spec["parameters"] == [
        model.name,
        f"models:/{model.name}/Production",
        "not-fraud",
    ]
    assert made.job.settings.raw["schedule"]["pause_status"] == "PAUSED"
    assert (made.job.run_as, made.job.owner) == (person.name, person.name)
    assert [each.partition(":")[0] for each in made.notes] == [
        "It runs as you",
        f"Path (/it.py) doesn't exist, or {person.name} may not read it.",
    ]
    assert {each.privilege for each in made.missing} == {"USE_CATALOG"}
    assert [each.text for each in made.findings] == [f"models:/{model.name}/Production"]
    assert made.findings[0].place == "tasks[0].spark_python_task.parameters[1]:1"


def test_a_clone_copies_the_code_that_its_maker_may_read(world: World) -> None:
    person, home = world.person(), f"/Users/{world.owner.name}"
    world.entitle(person.id)
    project = f"{home}/{world.new_name('project')}"
    world.do(workspace.MakeDirectories(f"{project}/lib"), world.owner)
    for path in ("train.py", "lib/more.py"):
        draft = Draft(f"{project}/{path}", ObjectType.FILE)
        world.do(workspace.KeepObject(draft, world.blob(path.encode())), world.owner)
    script = {"python_file": f"/Workspace{project}/train.py", "parameters": [f"{project}/lib", f"{project}/elsewhere"]}
    job = make(world, {"task_key": "a", "spark_python_task": script})
    world.permit_job(job, (person.name, settings.Level.CAN_VIEW))
    folder = f"/Users/{person.name}/mine"
    with pytest.raises(NotFound):
        world.do(clones.CloneJob(job, "new", folder=folder), person)
    assert world.do(workspace.ListObjects("/Users"), person) == []
    there = world.do(workspace.GetObject(project), world.owner)
    world.do(workspace.ChangeObjectAccess(there.id, ((person.name, Level.CAN_READ),)), world.owner)
    with pytest.raises((Denied, NotFound)):
        world.do(clones.CloneJob(job, "new", folder=f"{home}/theirs"), person)
    made = world.do(clones.CloneJob(job, "new", folder=folder), person)
    assert made.job.settings.tasks[0].spec["python_file"] == f"/Workspace{folder}/train.py"
    assert made.job.settings.tasks[0].spec["parameters"] == [f"{folder}/lib", f"{project}/elsewhere"]
    assert world.do(workspace.ReadObject(f"{folder}/lib/more.py"), person).owner_id == person.id
    assert not [each for each in made.notes if "Path" in each]


def test_a_clone_is_told_of_models_without_a_signature(world: World) -> None:
    model = world.model()
    for mlmodel in (b"flavors: {}\nrun_id: a\n", MLMODEL, MLMODEL, b"flavors: {}\nrun_id: b\n"):
        world.ready(model, mlmodel)
    script = {"python_file": "/Workspace/it.py", "parameters": [f"models:/{model.name}@champion"]}
    job = make(world, {"task_key": "a", "spark_python_task": script})
    world.do(models.SetAlias(model, "champion", 1), world.owner)
    made = world.do(clones.CloneJob(job, "new"), world.owner)
    assert [(each.model, each.version) for each in made.unsigned] == [(model.name, 4), (model.name, 1)]
