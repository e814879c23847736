"""Clones of jobs, and what stands between a clone and its first run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modelyard.action import METASTORE, Command, Need, Ref
from modelyard.actions import workspace
from modelyard.actions.jobs.identity import RunAs, chosen
from modelyard.actions.jobs.settings import RUN_CODE, make
from modelyard.domain import workspace as paths
from modelyard.domain.access import Caller
from modelyard.domain.filters import VersionFilter
from modelyard.domain.jobs.changes import cloned, filled
from modelyard.domain.jobs.cloning import Finding, findings, models_in, moved, renamed, sources, texts
from modelyard.domain.jobs.job import Job, Standing
from modelyard.domain.jobs.settings import read
from modelyard.domain.models import Status, Version
from modelyard.domain.names import model, split
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind, Outcome, Privilege, Question, decide, steps
from modelyard.errors import Denied, Failure, Invalid
from modelyard.store import access, cards, jobs, models
from modelyard.store.tx import Look, Write

_LOOKED_AT: Final = 200
"""Versions of a model, the newest ones, whose signatures are asked for."""


@dataclass(frozen=True)
class Missing:
    """A privilege that the principal lacks as which a clone runs, and why it is asked for."""

    model: str
    privilege: str
    reason: str


@dataclass(frozen=True)
class Unsigned:
    """A version of a model, in use or the newest one, that does not say what goes in and what comes out."""

    model: str
    version: int


@dataclass(frozen=True)
class Clone:
    """A clone, and its report: what its principal lacks, and what it still says in the old way.

    `sources` are the notebooks and scripts of the workspace that it runs; nobody has looked into them yet.
    """

    job: Job
    models: tuple[str, ...]
    missing: tuple[Missing, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    unsigned: tuple[Unsigned, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class CloneJob(Command[Write, Clone]):
    """Make a job like another one: with other names for models, another branch, and nothing that starts it by itself.

    With a `folder`, its code in the workspace is copied there, as far as the caller may read it. Permissions are not
    copied, and whom it runs as only if the caller may choose that principal.
    """

    job: Ref
    name: str
    branch: str = ""
    folder: str = ""
    names: tuple[tuple[str, str], ...] = ()
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CAN_VIEW, on="job"), RUN_CODE)

    def run(self, tx: Write) -> Clone:
        """The clone with its report."""
        origin = jobs.get(tx, tx.at(self.job))
        names = {old: model(new) for old, new in self.names}
        gone = self._copied(tx, origin)
        raw = moved(cloned(origin.settings.raw, self.name, self.branch), gone)
        settings = read(filled(renamed(raw, names)))
        run_as_id, notes = _runner(tx, origin)
        made = make(tx, self.metastore, Standing.JOB, settings, run_as_id, ())
        caller = access.caller_by_id(tx, made.runs_as)
        named = tuple(dict.fromkeys((*names.values(), *models_in(settings.raw))))
        told = (each for place, text in texts(settings.raw) for each in findings(place, text))
        return Clone(
            made,
            named,
            tuple(each for one in named for each in _lacks(tx, caller, one)) if caller else (),
            tuple(told),
            (*notes, *_unreadable(tx, caller, sources(settings))) if caller else notes,
            tuple(each for one in named for each in _unsigned(tx, one)),
            sources(settings),
        )

    def _copied(self, tx: Write, origin: Job) -> dict[str, str]:
        """Where the code has gone, by where it was; nothing where it stays."""
        if not self.folder:
            return {}
        if self.branch:
            raise Invalid("code comes from a branch, or from a copy in the workspace: say one of them.")
        found = sources(origin.settings)
        if not found:
            raise Invalid("no code of the job is in the workspace, so there is nothing to copy.")
        return workspace.copy_into(tx, paths.path(self.folder), found)


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


def _unreadable(tx: Look, caller: Caller, found: tuple[str, ...]) -> Iterator[str]:
    """A word for each source that the principal cannot read as which the clone runs."""
    for path in found:
        try:
            workspace.runnable(tx, caller, path)
        except Failure as failure:
            yield failure.message


def _unsigned(tx: Look, name: str) -> Iterator[Unsigned]:
    """The versions without a signature that aliases of a model point at, and the newest one, as far as one may see."""
    chain = access.chain(tx, tx.caller, Ref(Kind.MODEL, name))
    if chain.missing is not None or not decide(Question(Privilege.EXECUTE), chain).allowed:
        return
    newest = models.search_versions(tx, VersionFilter(model=name), Window(_LOOKED_AT)).items
    ready = [each for each in newest if each.status is Status.READY]
    for version in ready:
        if (version is ready[0] or version.aliases) and not _has_signature(tx, version):
            yield Unsigned(name, version.number)


def _has_signature(tx: Look, version: Version) -> bool:
    """Whether its `MLmodel` has one, or was never looked into."""
    facts = cards.get(tx, version.manifest_id).facts
    return not facts or bool(facts.get("signature"))


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
