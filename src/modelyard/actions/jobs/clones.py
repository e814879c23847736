"""Clones of jobs, and what stands between a clone and its first run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.action import METASTORE, Command, Need, Ref
from modelyard.actions.jobs.identity import RunAs, chosen
from modelyard.actions.jobs.settings import RUN_CODE, make
from modelyard.domain.access import Caller
from modelyard.domain.jobs.changes import cloned, filled
from modelyard.domain.jobs.cloning import Finding, findings, models_in, renamed, texts
from modelyard.domain.jobs.job import Job, Standing
from modelyard.domain.jobs.settings import read
from modelyard.domain.names import model, split
from modelyard.domain.privileges import Kind, Outcome, Privilege, Question, steps
from modelyard.errors import Denied, Failure
from modelyard.store import access, jobs
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class Missing:
    """A privilege that the principal lacks as which a clone runs, and why it is asked for."""

    model: str
    privilege: str
    reason: str


@dataclass(frozen=True)
class Clone:
    """A clone, and its report: what its principal lacks, and what it still says in the old way."""

    job: Job
    models: tuple[str, ...]
    missing: tuple[Missing, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CloneJob(Command[Write, Clone]):
    """Make a job like another one: with other names for models, another branch, and nothing that starts it by itself.

    Permissions are not copied, and whom it runs as only if the caller may choose that principal.
    """

    job: Ref
    name: str
    branch: str = ""
    names: tuple[tuple[str, str], ...] = ()
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CAN_VIEW, on="job"), RUN_CODE)

    def run(self, tx: Write) -> Clone:
        """The clone with its report."""
        origin = jobs.get(tx, tx.at(self.job))
        names = {old: model(new) for old, new in self.names}
        settings = read(filled(renamed(cloned(origin.settings.raw, self.name, self.branch), names)))
        run_as_id, notes = _runner(tx, origin)
        made = make(tx, self.metastore, Standing.JOB, settings, run_as_id, ())
        caller = access.caller_by_id(tx, made.runs_as)
        named = tuple(dict.fromkeys((*names.values(), *models_in(settings.raw))))
        lacking = tuple(each for one in named for each in _lacks(tx, caller, one)) if caller else ()
        told = (each for place, text in texts(settings.raw) for each in findings(place, text))
        return Clone(made, named, lacking, tuple(told), notes)


def _runner(tx: Look, origin: Job) -> tuple[str, tuple[str, ...]]:
    """Whom a clone runs as, and a word where that is not whom its origin runs as."""
    if origin.runs_as == tx.caller.principal.id:
        return "", ()
    principal = access.principal_by_id(tx, origin.runs_as)
    if principal is not None:
        try:
            return chosen(tx, RunAs(principal.name, principal.kind)), ()
        except Denied:
            pass
    told = f"It runs as you: you may not choose {origin.run_as or 'the principal'}, as which the other one runs."
    return "", (told,)


def _lacks(tx: Look, caller: Caller, name: str) -> Iterator[Missing]:
    """What is missing so that a model can be read and registered; of one that is not there, so that it can be made."""
    ref = Ref(Kind.MODEL, name)
    chain = access.chain(tx, caller, ref)
    if chain.missing is not None and chain.missing.full_name == name:
        schema = Ref(Kind.SCHEMA, split(name)[0])
        asked = [(Question(Privilege.CREATE_MODEL, inside=True), schema)]
    else:
        asked = [(Question(each), ref) for each in (Privilege.EXECUTE, Privilege.CREATE_MODEL_VERSION)]
    for question, on in asked:
        try:
            taken = steps(question, access.chain(tx, caller, on))
        except Failure as failure:
            yield Missing(name, question.privilege.value, failure.message)
            continue
        refused = next((step for step in taken if not step.passed), None)
        if refused and refused.outcome is not Outcome.TAKEN:
            yield Missing(name, refused.privilege.value, refused.reason)
