"""Experiments: made, renamed, deleted, and used. MLflow's own server does what is asked; here it is decided.

An experiment is kept here before it is made there, under the name that it takes, so that it never has no owner. Runs,
logged models and traces stand for the experiment that they are in, which is noted once and never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import Chore, Command, Invocation, Need, Query, Ref
from modelyard.domain import experiments as rules
from modelyard.domain.experiments import Experiment
from modelyard.domain.journal import Event
from modelyard.domain.privileges import LEVELS, Kind, Privilege, Question, decide
from modelyard.errors import AlreadyExists, NotFound
from modelyard.store import access, catalogs, experiments, uploads
from modelyard.store.tx import Look, Write, new_id

_DAY: Final = 24 * 3_600_000


@dataclass(frozen=True)
class CreateExperiment(Command[Write, Experiment]):
    """Take a name for an experiment, which MLflow's server makes next; whoever makes it manages it.

    Asked again by the same principal before that server has made it, it goes on with the same one.
    """

    name: str

    open_to = "every principal: it becomes the owner, and nobody else sees the experiment before it permits that"

    def run(self, tx: Write) -> Experiment:
        """The experiment, with no number yet."""
        there = experiments.by_name(tx, self.name)
        if there and (there.number or there.owner_id != tx.caller.principal.id):
            raise AlreadyExists(f"Experiment '{self.name}' already exists.")
        if there:
            return there
        id_ = new_id()
        catalogs.add(tx, Kind.EXPERIMENT, None, experiments.unbound(id_), "", {}, id_=id_)
        experiments.add(tx, id_, self.name)
        tx.subject = self.name
        tx.announce(Event.EXPERIMENT_CREATED, self.name)
        return experiments.get(tx, id_)


@dataclass(frozen=True)
class BindExperiment(Chore[Write, None]):
    """Note the number that MLflow's server gave to an experiment: from now on it can be used."""

    experiment_id: str
    number: str

    def run(self, tx: Write) -> None:
        """Note it; again is the same."""
        experiments.bind(tx, self.experiment_id, self.number)


@dataclass(frozen=True)
class DropExperiment(Chore[Write, None]):
    """Give the name of an experiment back that MLflow's server refused to make."""

    experiment_id: str

    def run(self, tx: Write) -> None:
        """Forget it, unless it was made after all."""
        experiments.drop(tx, self.experiment_id)


@dataclass(frozen=True)
class FindExperiment(Query[Look, Experiment]):
    """Find an experiment by its name."""

    name: str

    open_to = "every principal: an experiment that it may not read is not there for it"

    def run(self, tx: Look) -> Experiment:
        """The experiment, or `NotFound`."""
        found = experiments.by_name(tx, self.name)
        if found and found.number:
            chain = access.chain(tx, tx.caller, Ref(Kind.EXPERIMENT, rules.PREFIX + found.number))
            if decide(Question(Privilege.CAN_READ), chain).allowed:
                return found
        raise NotFound(f"Could not find experiment with name '{rules.shown(self.name)}'")


@dataclass(frozen=True)
class ListExperiments(Query[Look, frozenset[str]]):
    """List the numbers of the experiments that the caller may see."""

    open_to = "every principal: rows are filtered by its permissions in the database"

    def run(self, tx: Look) -> frozenset[str]:
        """List them."""
        return experiments.visible(tx)


@dataclass(frozen=True)
class ReadExperiment(Invocation[Look, Experiment]):
    """Look at an experiment, or at a run, logged model or trace in it."""

    experiment: Ref

    needs = (Need(Privilege.CAN_READ, on="experiment"),)

    def run(self, tx: Look) -> Experiment:
        """The experiment."""
        return experiments.get(tx, tx.at(self.experiment).id)


@dataclass(frozen=True)
class LogToExperiment(Invocation[Look, Experiment]):
    """Log into an experiment: make and change its runs, logged models and traces, with all that belongs to them."""

    experiment: Ref

    needs = (Need(Privilege.CAN_EDIT, on="experiment"),)

    def run(self, tx: Look) -> Experiment:
        """The experiment."""
        return experiments.get(tx, tx.at(self.experiment).id)


@dataclass(frozen=True)
class RenameExperiment(Command[Write, Experiment]):
    """Give an experiment another name."""

    experiment: Ref
    name: str

    needs = (Need(Privilege.CAN_MANAGE, on="experiment"),)

    def run(self, tx: Write) -> Experiment:
        """The experiment afterwards; again is the same."""
        found = experiments.get(tx, tx.at(self.experiment).id)
        there = experiments.by_name(tx, self.name)
        if there and there.id != found.id:
            raise AlreadyExists(f"Experiment '{self.name}' already exists.")
        experiments.rename(tx, found.id, self.name)
        catalogs.touch(tx, found.id)
        tx.announce(Event.EXPERIMENT_RENAMED, rules.PREFIX + found.number, name=self.name)
        return experiments.get(tx, found.id)


@dataclass(frozen=True)
class DeleteExperiment(Command[Write, Experiment]):
    """Delete an experiment with its runs; it keeps its name and can be restored."""

    experiment: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="experiment"),)

    def run(self, tx: Write) -> Experiment:
        """The experiment, which MLflow's server marks as deleted."""
        return _told(tx, self.experiment, Event.EXPERIMENT_DELETED)


@dataclass(frozen=True)
class RestoreExperiment(Command[Write, Experiment]):
    """Bring back an experiment that was deleted, with its runs."""

    experiment: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="experiment"),)

    def run(self, tx: Write) -> Experiment:
        """The experiment, which MLflow's server marks as active."""
        return _told(tx, self.experiment, Event.EXPERIMENT_RESTORED)


def _told(tx: Write, experiment: Ref, event: Event) -> Experiment:
    found = experiments.get(tx, tx.at(experiment).id)
    catalogs.touch(tx, found.id)
    tx.announce(event, rules.PREFIX + found.number)
    return found


@dataclass(frozen=True)
class ListExperimentLevels(Query[Look, tuple[Privilege, ...]]):
    """List the levels that may be permitted on an experiment."""

    experiment: Ref

    needs = (Need(Privilege.CAN_READ, on="experiment"),)

    def run(self, tx: Look) -> tuple[Privilege, ...]:  # noqa: ARG002  the same for every experiment that is there
        """List them."""
        return LEVELS[Kind.EXPERIMENT]


@dataclass(frozen=True)
class NoteTracked(Chore[Write, None]):
    """Note which experiment a run, logged model or trace is in, by its reference, for good."""

    name: str
    experiment_id: str

    def run(self, tx: Write) -> None:
        """Note it; `NotFound` where it is in another one: who claims an id learns no more of it."""
        there = experiments.tracked(tx, self.name)
        if there and there != self.experiment_id:
            raise NotFound("It is in another experiment, or does not exist.")
        if not there:
            experiments.track(tx, self.name, self.experiment_id)


@dataclass(frozen=True)
class ForgetArtifactUploads(Chore[Write, None]):
    """Forget multipart uploads of artifacts that began so many days ago; what they had brought is swept by itself."""

    days: int

    def run(self, tx: Write) -> None:
        """Forget them."""
        uploads.forget(tx, tx.now - self.days * _DAY)
