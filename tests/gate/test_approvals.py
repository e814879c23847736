"""Deployment jobs and the approvals that hold them: who may decide, through which door, and what becomes of the run."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from modelyard.action import Ref
from modelyard.actions import approvals, copies, deployment_jobs, models, tagging, versions
from modelyard.actions.jobs import permissions, runs, settings
from modelyard.actions.jobs.work import AdvanceRun
from modelyard.domain.access import DecisionToken, Server
from modelyard.domain.approvals import Approval, Decision, Source
from modelyard.domain.deployment_jobs import RunState
from modelyard.domain.jobs.runs import Run
from modelyard.domain.jobs.sightings import Sighting, Stage
from modelyard.domain.jobs.starts import Again
from modelyard.domain.jobs.words import PREFIX, RUN_PREFIX, Level, Life, Result
from modelyard.domain.models import Registration, Tag, TagChange
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.secrets import Hidden
from modelyard.errors import Denied, Invalid, NotFound, Unauthenticated, WrongState
from modelyard.errors import Hidden as NotShown
from tests.gate.threads import at_once, persistent
from tests.house.world import Person, World, containers


def script(key: str, *after: str) -> dict[str, Any]:
    depends = [{"task_key": each} for each in after]
    return {"task_key": key, "depends_on": depends, "spark_python_task": {"python_file": f"/Workspace/{key}.py"}}


PARAMETERS = [{"name": "model_name", "default": ""}, {"name": "model_version", "default": ""}]


def start_what_is_due(world: World) -> None:
    """Also what other tests have left."""
    while world.ask(deployment_jobs.IsDeploymentDue(), Server()):
        world.ask(deployment_jobs.StartDeployment(), Server())


@dataclass
class Place:
    """A model with a deployment job: evaluate → approval → deploy; and a reviewer who may decide."""

    world: World
    model: Ref
    job: int
    reviewer: Person

    def version(self) -> tuple[int, Run]:
        """A new READY version, and the run that it has started."""
        number = self.world.ready(self.model)
        start_what_is_due(self.world)
        return number, self.world.do(runs.GetRun(self.of(int(self.state(number).run_id)))).job_run

    def state(self, number: int) -> Any:  # noqa: ANN401  a VersionDeployment
        return self.world.do(versions.GetVersion(self.model, number), self.world.owner).deployment

    @staticmethod
    def of(run_id: int) -> Ref:
        return Ref(Kind.RUN, f"{RUN_PREFIX}{run_id}")

    def see(self, run: Run, key: str, trouble: str = "") -> Run:
        """The run after the last attempt at a task was seen to end."""
        task = run.latest[key]
        assert task.life in {Life.PENDING, Life.RUNNING}, task
        sighting = Sighting(task.id, Stage.ENDED, trouble, error="not approved" if trouble else "")
        return self.world.ask(AdvanceRun(run.id, (sighting,)), Server())

    def look(self, run: Run) -> Run:
        return self.world.do(runs.GetRun(self.of(run.id))).job_run

    def open(self, number: int, who: Person | None = None, *, everything: bool = False) -> list[Approval]:
        asked = approvals.ListApprovals(Window(100), self.model.name, everything=everything)
        return [each for each in self.world.do(asked, who or self.reviewer).items if each.version == number]

    def decide(self, asked: Approval, who: Person | None, decision: Decision, reason: str = "") -> Approval:
        said = approvals.DecideApproval(self.model, self.of(asked.run_id), asked.id, decision, reason)
        return self.world.do(said, who)

    def tag(self, number: int, who: Person | None, value: str, key: str = "approval") -> None:
        self.world.do(tagging.ChangeVersionTags(self.model, number, TagChange(add=(Tag(key, value),))), who)

    def tags(self, number: int) -> dict[str, str]:
        found = self.world.do(versions.GetVersion(self.model, number))
        return {tag.key: tag.value for tag in found.tags}

    def may_review(self, who: Person) -> None:
        """Let somebody see the model, set its tags, and run the job."""
        catalog, schema = containers(self.model)
        for privilege, on in (
            (Privilege.USE_CATALOG, catalog),
            (Privilege.USE_SCHEMA, schema),
            (Privilege.EXECUTE, self.model),
            (Privilege.APPLY_TAG, self.model),
        ):
            self.world.grant(on, who.name, privilege)
        self.permit(who, Level.CAN_MANAGE_RUN)

    def permit(self, who: Person, level: Level) -> None:
        job = Ref(Kind.JOB, f"{PREFIX}{self.job}")
        self.world.do(permissions.ChangeJobPermissions(job, ((who.name, level),)), self.world.owner)


def make_job(world: World, *tasks: dict[str, Any], **more: object) -> int:
    told = {"name": "deploy", "tasks": list(tasks), "parameters": PARAMETERS, **more}
    return world.do(settings.CreateJob(json.dumps(told)), world.owner).number


def place(world: World, **tags: str) -> Place:
    shown = {name.replace("_", ".", 1): value for name, value in tags.items()}
    tasks = (script("evaluate"), script("approval", "evaluate"), script("deploy", "approval"))
    model, job = world.model(), make_job(world, *tasks, tags=shown)
    world.do(models.UpdateModel(model, models.ModelChange(deployment_job_id=str(job))), world.owner)
    made = Place(world, model, job, world.person())
    made.may_review(made.reviewer)
    return made


@contextmanager
def later(world: World, seconds: float) -> Iterator[None]:
    gate = world.inside.gate
    gate.clock = lambda: time.time() + seconds
    yield
    gate.clock = time.time


# Connecting


def test_only_a_job_that_one_may_run_and_that_knows_what_to_deploy_can_be_connected(world: World) -> None:
    model = world.model()
    for written, why in (("7", "no job 7"), ("seven", "no job seven")):
        with pytest.raises(Invalid, match=why):
            world.do(models.UpdateModel(model, models.ModelChange(deployment_job_id=written)), world.owner)
    bare = make_job(world, script("deploy"), parameters=[])
    with pytest.raises(Invalid, match="model_name and model_version"):
        world.do(models.UpdateModel(model, models.ModelChange(deployment_job_id=str(bare))), world.owner)
    other = world.person()
    world.grant(containers(model)[0], other.name, Privilege.USE_CATALOG, Privilege.USE_SCHEMA, Privilege.MANAGE)
    job = make_job(world, script("deploy"))
    with pytest.raises(Invalid, match="that you may run"):
        world.do(models.UpdateModel(model, models.ModelChange(deployment_job_id=str(job))), other)
    change = models.UpdateModel(model, models.ModelChange(deployment_job_id=str(job)))
    assert world.do(change, world.owner).deployment_job_state == "CONNECTED"
    world.do(settings.ResetJob(Ref(Kind.JOB, f"{PREFIX}{job}"), json.dumps({"tasks": [script("deploy")]})), world.owner)
    assert world.do(models.GetModel(model), world.owner).deployment_job_state == "REQUIRED_PARAMETERS_CHANGED"
    world.do(settings.DeleteJob(Ref(Kind.JOB, f"{PREFIX}{job}")), world.owner)
    assert world.do(models.GetModel(model), world.owner).deployment_job_state == "NOT_FOUND"
    number = world.ready(model)
    start_what_is_due(world)
    found = world.do(versions.GetVersion(model, number), world.owner).deployment
    assert (found.job_state, found.run_state) == ("NOT_FOUND", RunState.NO_VALID_DEPLOYMENT_JOB_FOUND)
    world.do(models.UpdateModel(model, models.ModelChange(deployment_job_id="")), world.owner)
    assert world.do(models.GetModel(model), world.owner).deployment_job_state == "NOT_SET_UP"
    assert world.do(versions.GetVersion(model, number), world.owner).deployment is None


def test_a_ready_version_starts_its_run_once_as_whom_the_job_says_and_promotion_does_the_same(world: World) -> None:
    there = place(world)
    number, run = there.version()
    assert run.job_parameters == {"model_name": there.model.name, "model_version": str(number)}
    assert (run.run_as, run.trigger.value) == (world.owner.name, "MODEL")
    assert there.state(number).run_state is RunState.RUNNING
    origin = world.model()
    copied = world.do(copies.CopyVersion(origin, world.ready(origin), there.model), world.owner).number
    assert there.state(copied).run_state is RunState.PENDING
    start_what_is_due(world)
    assert there.state(copied).run_id not in {"", str(run.id)}
    assert not world.ask(deployment_jobs.StartDeployment(), Server())


# By Databricks' convention: fail, tag, repair


def test_an_approval_task_fails_is_approved_by_somebody_else_and_the_run_goes_on(world: World) -> None:
    there = place(world)
    number, run = there.version()
    assert there.open(number) == []
    run = there.see(there.see(run, "evaluate"), "approval", "RUN_EXECUTION_ERROR")
    assert (run.life, run.result) == (Life.INTERNAL_ERROR, Result.FAILED)
    state = there.state(number)
    assert (state.run_state, state.task) == (RunState.APPROVAL, "approval")
    [asked] = there.open(number)
    assert (asked.run_id, asked.task_key, asked.digest != "") == (run.id, "approval", True)
    with pytest.raises(Denied, match="four eyes"):
        there.decide(asked, world.owner, Decision.APPROVED)
    stranger = world.person()
    with pytest.raises((Denied, NotShown)):
        there.decide(asked, stranger, Decision.APPROVED)
    request = uuid.uuid4().hex
    said = approvals.DecideApproval(there.model, there.of(run.id), asked.id, Decision.APPROVED, "looked at it")
    done = world.do(said, there.reviewer, request)
    [row] = world.recorded(request)
    assert (row[1], row[2], "looked at it" in row[6]) == (there.reviewer.name, "decideApproval", True)
    assert done.verdict is not None
    assert (done.verdict.actor, done.verdict.source, done.verdict.reason) == (
        there.reviewer.name,
        Source.API,
        "looked at it",
    )
    assert there.tags(number)["approval"] == "Approved"
    run = there.look(run)
    assert (run.life, run.repaired, run.latest["evaluate"].result) == (Life.RUNNING, 1, Result.SUCCESS)
    run = there.see(there.see(run, "approval"), "deploy")
    assert run.result is Result.SUCCESS
    assert there.state(number).run_state is RunState.SUCCEEDED
    assert there.open(number) == []
    with pytest.raises(WrongState, match="decided before: APPROVED"):
        there.decide(asked, there.reviewer, Decision.REJECTED)


def test_a_rejection_is_kept_with_its_reason_and_the_run_stays_failed(world: World) -> None:
    there = place(world)
    number, run = there.version()
    run = there.see(there.see(run, "evaluate"), "approval", "RUN_EXECUTION_ERROR")
    there.decide(there.open(number)[0], there.reviewer, Decision.REJECTED, "recall is too low")
    assert there.tags(number)["approval"] == "Rejected"
    assert there.look(run).result is Result.FAILED
    assert there.state(number).run_state is RunState.FAILED
    [kept] = there.open(number, everything=True)
    assert kept.verdict is not None
    assert (kept.verdict.decision, kept.verdict.reason) == (Decision.REJECTED, "recall is too low")


def test_a_task_that_fails_for_another_reason_asks_nobody(world: World) -> None:
    there = place(world)
    number, run = there.version()
    there.see(there.see(run, "evaluate"), "approval", "LIBRARY_INSTALLATION_ERROR")
    assert there.open(number, everything=True) == []


def test_a_repair_by_hand_asks_anew_and_the_old_request_is_withdrawn(world: World) -> None:
    there = place(world)
    number, run = there.version()
    run = there.see(there.see(run, "evaluate"), "approval", "RUN_EXECUTION_ERROR")
    run = world.do(runs.RepairRun(there.of(run.id), Again(("approval",))), world.owner)
    there.see(run, "approval", "RUN_EXECUTION_ERROR")
    old, new = sorted(there.open(number, everything=True), key=lambda each: each.requested_at)
    assert old.verdict is not None
    assert (old.verdict.decision, new.verdict) == (Decision.WITHDRAWN, None)


# Tags, through whichever protocol


def test_a_tag_of_who_may_decide_is_a_decision_and_nobody_else_can_set_it(world: World) -> None:
    there = place(world)
    number, run = there.version()
    run = there.see(there.see(run, "evaluate"), "approval", "RUN_EXECUTION_ERROR")
    for value in ("Approved", " APPROVED "):
        with pytest.raises(Denied, match="four eyes"):
            there.tag(number, world.owner, value)
    there.tag(number, world.owner, "maybe")
    there.tag(number, world.owner, "Approved", key="other")
    assert there.look(run).is_ended
    there.tag(number, there.reviewer, "approved")
    run = there.look(run)
    assert not run.is_ended
    [kept] = there.open(number, everything=True)
    assert kept.verdict is not None
    assert (kept.verdict.source, kept.verdict.actor) == (Source.TAG, there.reviewer.name)


def test_whoever_may_tag_but_not_run_the_job_cannot_approve(world: World) -> None:
    there = place(world)
    number, _ = there.version()
    tagger = world.person()
    there.may_review(tagger)
    owner, job = (world.owner.name, Level.IS_OWNER), Ref(Kind.JOB, f"{PREFIX}{there.job}")
    world.do(permissions.ChangeJobPermissions(job, (owner,), replaces=True))
    with pytest.raises(Denied, match="approves deployments"):
        there.tag(number, tagger, "Approved")


def test_nobody_brings_a_version_that_is_approved_already_and_a_copy_leaves_it_behind(world: World) -> None:
    there = place(world, approval_four_eyes="false")
    uploader = world.person()
    told = Registration(source="here", tags=(Tag("approval", "Approved"),))
    with world.uploading(uploader, there.model), pytest.raises(Denied, match="approves deployments"):
        world.do(versions.RegisterVersion(there.model, told), uploader)
    origin = world.model()
    number = world.ready(origin)
    world.do(tagging.ChangeVersionTags(origin, number, TagChange(add=(Tag("approval", "Approved"),))), world.owner)
    copied = world.do(copies.CopyVersion(origin, number, there.model), world.owner)
    assert copied.tags == ()


# A gate that waits


def test_a_waiting_gate_starts_nothing_before_it_is_approved(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    run = there.see(run, "evaluate")
    task = run.latest["approval"]
    assert (run.life, run.message) == (Life.RUNNING, "Waiting for approval: approval")
    assert (task.life, task.executor) == (Life.BLOCKED, "")
    assert there.state(number).run_state is RunState.APPROVAL
    [asked] = there.open(number)
    there.decide(asked, there.reviewer, Decision.APPROVED)
    run = there.look(run)
    assert (run.latest["approval"].life, run.message) == (Life.PENDING, "")
    assert there.tags(number)["approval"] == "Approved"
    run = there.see(there.see(run, "approval"), "deploy")
    assert run.result is Result.SUCCESS
    # the next run of the same version finds its approval there
    parameters = (("model_name", there.model.name), ("model_version", str(number)))
    again = world.do(runs.RunNow(Ref(Kind.JOB, f"{PREFIX}{there.job}"), parameters), world.owner)
    assert there.see(again, "evaluate").latest["approval"].life is Life.PENDING


def test_a_waiting_gate_that_is_rejected_fails_and_says_why(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    run = there.see(run, "evaluate")
    there.decide(there.open(number)[0], there.reviewer, Decision.REJECTED, "recall is too low")
    run = there.look(run)
    assert run.result is Result.FAILED
    assert f"{there.reviewer.name} rejected it: recall is too low" in run.message
    assert run.latest["deploy"].result is Result.UPSTREAM_FAILED


def conclude(world: World) -> None:
    """Do what a server does by itself every few seconds."""
    while world.ask(approvals.AreApprovalsDue(), Server()):
        world.ask(approvals.ExpireApprovals(), Server())


def test_what_nobody_approves_in_time_is_not_approved(world: World) -> None:
    there = place(world, approval_mode="wait", approval_timeout="30m")
    number, run = there.version()
    run = there.see(run, "evaluate")
    [asked] = there.open(number)
    assert asked.expires_at is not None
    with later(world, 1_801):
        with pytest.raises(WrongState, match="time is over"):
            there.decide(asked, there.reviewer, Decision.APPROVED)
        conclude(world)
    run = there.look(run)
    assert (run.is_ended, run.latest["approval"].result) == (True, Result.TIMEDOUT)
    [kept] = there.open(number, everything=True)
    assert kept.verdict is not None
    assert kept.verdict.decision is Decision.TIMED_OUT


def test_canceling_a_run_withdraws_what_it_asks(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    run = there.see(run, "evaluate")
    assert there.open(number)
    world.do(runs.CancelRun(there.of(run.id)), world.owner)
    assert there.look(run).result is Result.CANCELED
    assert there.open(number) == []


def _delete_version(there: Place, number: int, _run: Run) -> None:
    there.world.do(versions.DeleteVersion(there.model, number), there.world.owner)


def _delete_model(there: Place, _number: int, _run: Run) -> None:
    there.world.do(models.DeleteModel(there.model), there.world.owner)


def _disconnect(there: Place, _number: int, _run: Run) -> None:
    there.world.do(models.UpdateModel(there.model, models.ModelChange(deployment_job_id="")), there.world.owner)


def _delete_job(there: Place, _number: int, _run: Run) -> None:
    there.world.do(settings.DeleteJob(Ref(Kind.JOB, f"{PREFIX}{there.job}")), there.world.owner)


def _delete_run(there: Place, _number: int, run: Run) -> None:
    there.world.do(runs.CancelRun(there.of(run.id)), there.world.owner)
    there.world.do(runs.DeleteRun(there.of(run.id)), there.world.owner)


@pytest.mark.parametrize("mode", ["wait", "fail"])
@pytest.mark.parametrize("goes", [_delete_version, _delete_model, _disconnect, _delete_job, _delete_run])
def test_what_nobody_can_decide_any_more_is_not_open(
    world: World, mode: str, goes: Callable[[Place, int, Run], None]
) -> None:
    there = place(world, approval_mode=mode)
    number, run = there.version()
    run = there.see(run, "evaluate")
    if mode == "fail":
        run = there.see(run, "approval", "RUN_EXECUTION_ERROR")
    [asked] = there.open(number)
    goes(there, number, run)
    assert there.open(number) == []
    with pytest.raises((WrongState, NotFound)):
        there.decide(asked, there.reviewer, Decision.APPROVED)
    conclude(world)
    assert not world.ask(approvals.ExpireApprovals(), Server())
    if goes is not _delete_run:
        ended = there.look(run)
        assert (ended.is_ended, ended.latest["deploy"].began_at) == (True, 0)
    if goes is _delete_version:
        [kept] = there.open(number, everything=True)
        assert kept.verdict
        assert (kept.verdict.decision, kept.verdict.reason) == (Decision.WITHDRAWN, "The version was deleted.")


def test_only_the_named_approvers_decide_each_for_their_own_task(world: World) -> None:
    _, risk = world.group((member := world.person()).id)
    tasks = (script("approval_risk"), script("approval_legal", "approval_risk"))
    tags = {"approval.mode": "wait", "approval.approvers.approval_risk": risk, "approval.four_eyes": "false"}
    job, model = make_job(world, *tasks, tags=tags), world.model()
    world.do(models.UpdateModel(model, models.ModelChange(deployment_job_id=str(job))), world.owner)
    there = Place(world, model, job, world.person())
    for each in (there.reviewer, member):
        there.may_review(each)
    number, run = there.version()
    [asked] = there.open(number)
    with pytest.raises(Denied, match=f"only {risk} may decide"):
        there.decide(asked, there.reviewer, Decision.APPROVED)
    there.decide(asked, member, Decision.APPROVED)
    there.see(there.look(run), "approval_risk")
    [legal] = there.open(number)
    assert legal.task_key == "approval_legal"
    there.decide(legal, there.reviewer, Decision.APPROVED)
    assert there.see(there.look(run), "approval_legal").result is Result.SUCCESS


@pytest.mark.parametrize(
    ("tag", "value"), [("approval.mode", "maybe"), ("approval.timeout", "soon"), ("approval.four_eyes", "2")]
)
def test_a_job_whose_tags_make_no_sense_is_refused(world: World, tag: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"the tag {tag}"):
        make_job(world, script("approval"), tags={tag: value})


# Tokens for one decision


def test_a_token_decides_one_request_once_in_the_name_of_who_made_it(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    there.see(run, "evaluate")
    [asked] = there.open(number)
    mint = approvals.CreateDecisionToken(there.model, there.of(run.id), asked.id)
    with pytest.raises(Denied, match="four eyes"):
        world.do(mint, world.owner)
    secret = world.do(mint, there.reviewer).secret
    said = approvals.DecideByToken(Hidden(secret.encode()), Decision.APPROVED, "tests passed", "alice in CI")
    with pytest.raises(Unauthenticated):
        world.ask(said, DecisionToken("myapproval_" + "0" * 64))
    request = uuid.uuid4().hex
    done = world.ask(said, DecisionToken(secret), request)
    assert done.verdict is not None
    assert (done.verdict.actor, done.verdict.on_behalf, done.verdict.source) == (
        there.reviewer.name,
        "alice in CI",
        Source.TOKEN,
    )
    [row] = world.recorded(request)
    assert secret not in str(row)
    assert "alice in CI" in str(row)
    with pytest.raises(Unauthenticated, match="was used"):
        world.ask(said, DecisionToken(secret))


def test_a_token_is_worth_nothing_once_it_has_expired_or_its_maker_lost_the_right(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    there.see(run, "evaluate")
    [asked] = there.open(number)
    mint = approvals.CreateDecisionToken(there.model, there.of(run.id), asked.id, seconds=60)
    first, second = (world.do(mint, there.reviewer).secret for _ in range(2))
    with later(world, 61), pytest.raises(Unauthenticated):
        world.ask(approvals.DecideByToken(Hidden(first.encode()), Decision.APPROVED), DecisionToken(first))
    world.revoke(there.model, there.reviewer.name, Privilege.APPLY_TAG)
    with pytest.raises(Denied, match="APPLY TAG"):
        world.ask(approvals.DecideByToken(Hidden(second.encode()), Decision.APPROVED), DecisionToken(second))
    assert there.open(number)


def test_only_who_sees_the_model_sees_what_waits_for_approval(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    there.see(run, "evaluate")
    assert there.open(number, world.person()) == []
    wrong = approvals.DecideApproval(world.model(), there.of(run.id), there.open(number)[0].id, Decision.APPROVED)
    with pytest.raises(NotFound):
        world.do(wrong, world.owner)


def test_of_many_who_decide_at_once_one_does(world: World) -> None:
    there = place(world, approval_mode="wait")
    number, run = there.version()
    there.see(run, "evaluate")
    [asked] = there.open(number)
    both = (Decision.APPROVED, Decision.REJECTED) * 3
    tried = at_once([persistent(lambda each=each: there.decide(asked, there.reviewer, each)) for each in both])
    assert sum(isinstance(each, WrongState) for each in tried) == len(both) - 1, tried
