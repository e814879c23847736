"""What an attempt is given right before it starts, if the principal that it runs as may still run code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import Chore
from modelyard.actions.git_credentials import login
from modelyard.actions.jobs.code import with_code
from modelyard.actions.jobs.identity import runner
from modelyard.actions.jobs.running import facts
from modelyard.actions.secrets import resolved
from modelyard.actions.tokens import new_secret
from modelyard.domain import experiments
from modelyard.domain.access import Caller, Token, TokenKind
from modelyard.domain.jobs.duties import Duty, duty
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.tasks import Task
from modelyard.errors import NotFound, WrongState
from modelyard.store import runs, tokens
from modelyard.store.tx import Look, Write, new_id

_GRACE: Final = 10 * 60
"""Seconds that a token lives longer than its attempt may."""
_LONGEST: Final = 30 * 24 * 3600
"""Seconds that the token of an attempt lives that may take as long as it likes."""


@dataclass(frozen=True)
class ReadDuty(Chore[Look, Duty]):
    """Find what an attempt is to do, and the files that it needs; a `Failure` says why it may not start.

    Nothing is locked meanwhile: a project may have thousands of files.
    """

    task_id: int
    url: str
    """Where code reaches this server."""

    is_change = False

    def run(self, tx: Look) -> Duty:
        """Find it, as the principal may read it that the code runs as."""
        run = runs.get(tx, runs.run_of(tx, self.task_id))
        task, spec = _wanted(run, self.task_id)
        caller = runner(tx, run.run_as_id, run.run_as)
        found = with_code(tx, caller, duty(run, task, spec, _workspace(tx, self.url)))
        return replace(found, login=login(tx, run.run_as_id, found.git.provider) if found.git else None)


@dataclass(frozen=True)
class BriefAttempt(Chore[Write, Duty]):
    """Give out what an attempt is to do, with a token that ends with it; a `Failure` says why it may not start.

    Its files are not in it: they were found before, and what they are does not depend on the token.
    """

    task_id: int
    url: str
    """Where code reaches this server."""
    commit: str = ""
    """What the run's branch or tag has turned out to be; it stays so for the whole run."""

    def run(self, tx: Write) -> Duty:
        """Look at everything anew: much may have changed since the run began."""
        before = runs.locked(tx, runs.run_of(tx, self.task_id))
        run = replace(before, commit=before.commit or self.commit)
        task, spec = _wanted(run, self.task_id)
        caller = runner(tx, run.run_as_id, run.run_as)
        found = duty(run, task, spec, _workspace(tx, self.url))
        secret, token_id = _door(tx, caller, run, task, spec.timeout_seconds)
        runs.save(tx, before, run.having(replace(task, token_id=token_id)))
        said = {name: value.text() for name, value in resolved(tx, caller, dict(found.variables)).items()}
        default = {"MLFLOW_EXPERIMENT_NAME": experiments.of_job(caller.principal.name, run.name)}
        ours = {
            "DATABRICKS_HOST": self.url,
            "DATABRICKS_TOKEN": secret,
            "MLFLOW_TRACKING_URI": "databricks",
            "MLFLOW_REGISTRY_URI": "databricks-uc",
        }
        return replace(found, variables={**default, **said, **ours}, commit=run.commit)


def _wanted(run: Run, task_id: int) -> tuple[TaskRun, Task]:
    """An attempt that is still to be run, and its task."""
    task = run.task(task_id)
    spec = run.settings.task(task.key) if task else None
    if task is None or spec is None:
        raise NotFound(f"Run {task_id} does not exist.")
    if task.is_ended or task.stopped or run.stopped:
        raise WrongState("it is not to be run any more.")
    return task, spec


def _workspace(tx: Look, url: str) -> dict[str, str]:
    return {**facts(tx), "url": url}


def _door(tx: Write, caller: Caller, run: Run, task: TaskRun, seconds: int) -> tuple[str, str]:
    """A token for the principal of a run, instead of one that an earlier start of the attempt has got."""
    if task.token_id:
        tokens.remove(tx, task.token_id)
    bounds = [each for each in (seconds, run.settings.timeout_seconds) if each]
    life = min(bounds) + _GRACE if bounds else _LONGEST
    who = caller.principal
    comment = f"for run {task.id} of job {run.job}"
    token = Token(new_id(), who.name, comment, tx.now, tx.now + life * 1000, tx.actor, who.id)
    secret = new_secret()
    tokens.add(tx, token, who.id, secret, TokenKind.JOB)
    return secret, token.id
