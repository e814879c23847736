"""Models with deployment jobs for the tests of the house, and an example of every action on approvals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelyard.action import Action, Ref
from modelyard.actions import approvals, deployment_jobs, models
from modelyard.domain.approvals import Approval, Decision
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind
from modelyard.domain.secrets import Hidden
from tests.house import jobs

if TYPE_CHECKING:
    from tests.house.examples import Stage as At
    from tests.house.world import World

PARAMETERS = [{"name": "model_name", "default": ""}, {"name": "model_version", "default": ""}]
GATED = {"approval.mode": "wait", "approval.four_eyes": "false"}
OURS = "/api/2.0/modelyard/approvals"


def deployed(world: World) -> Ref:
    """A model with a deployment job, which waits for an approval before anything else."""
    job = jobs.make(world, jobs.task("approval"), parameters=PARAMETERS, tags=GATED)
    model = world.model()
    change = models.ModelChange(deployment_job_id=job.name.rpartition("/")[2])
    world.do(models.UpdateModel(model, change), world.owner)
    return model


def asked(world: World) -> Approval:
    """A request for approval of a version of such a model."""
    model = deployed(world)
    number = world.ready(model)
    job = world.do(models.GetModel(model), world.owner).deployment_job_id
    said = (("model_name", model.name), ("model_version", str(number)))
    run = jobs.started(world, Ref(Kind.JOB, f"jobs/{job}"), parameters=said)
    return world.do(approvals.ListApprovals(Window(1), run_id=run.id), world.owner).items[0]


def _on(found: Approval) -> tuple[Ref, Ref, str]:
    return Ref(Kind.MODEL, found.model), jobs.ref(found.run_id), found.id


def _by_token(at: At) -> Action[Any, Any]:
    secret = at.world.do(approvals.CreateDecisionToken(*_on(asked(at.world))), at.world.owner).secret
    return approvals.DecideByToken(Hidden(secret.encode()), Decision.APPROVED)


def _start(at: At) -> Action[Any, Any]:
    at.world.ready(deployed(at.world))
    return deployment_jobs.StartDeployment()


def _list(at: At) -> Action[Any, Any]:
    asked(at.world)
    return approvals.ListApprovals(Window(100))


EXAMPLES: dict[type[Action[Any, Any]], Callable[[At], Action[Any, Any]]] = {
    approvals.ListApprovals: _list,
    approvals.DecideApproval: lambda at: approvals.DecideApproval(*_on(asked(at.world)), Decision.APPROVED),
    approvals.CreateDecisionToken: lambda at: approvals.CreateDecisionToken(*_on(asked(at.world))),
    approvals.DecideByToken: _by_token,
    approvals.AreApprovalsDue: lambda _at: approvals.AreApprovalsDue(),
    approvals.ExpireApprovals: lambda _at: approvals.ExpireApprovals(),
    deployment_jobs.IsDeploymentDue: lambda _at: deployment_jobs.IsDeploymentDue(),
    deployment_jobs.StartDeployment: _start,
}


def _words(said: Any) -> dict[str, Any]:  # noqa: ANN401  an action on a request
    run = int(said.job_run.name.rpartition("/")[2])
    return {"id": said.id, "full_name": said.model.name, "run_id": run, "decision": "approve"}


WORDS = {
    (f"POST {OURS}/{{id}}/decide", approvals.DecideApproval): _words,
    (f"POST {OURS}/{{id}}/token", approvals.CreateDecisionToken): _words,
}
