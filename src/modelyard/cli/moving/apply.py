"""Carries a plan out: models, versions in parallel, aliases, grants, and in the end the old names.

Old code sees a model by its old name once all of its versions are there, and not before.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelyard.cli.arriving import READY, Place
from modelyard.cli.moving.access import bring_grants, compared
from modelyard.cli.moving.bring import Carrier, Coming, Way
from modelyard.cli.moving.target import Target, standing
from modelyard.cli.progress import bytes_bar
from modelyard.domain import legacy
from modelyard.errors import Failure
from modelyard.upgrade import plan as words
from modelyard.upgrade.moving.inventory import stopping
from modelyard.upgrade.moving.registry import FlatModel, Source, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelyard.upgrade.moving.ledger import Ledger
    from modelyard.upgrade.moving.moves import MovePlan, PlannedModel


@dataclass
class Report:
    """What became of everything: `lines` say what was refused, or failed, with the model and version."""

    versions: list[Coming] = field(default_factory=list[Coming])
    access: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def say(self, old: str, why: str, version: int | None = None) -> None:
        """Add a line."""
        self.lines.append({"model": shown(old), "version": version, "why": why})

    def document(self) -> dict[str, Any]:
        """Everything for machines."""
        return {"versions": [each.shown() for each in self.versions], "access": self.access, "refused": self.lines}


@dataclass
class _Model:
    """A model of the plan, as the source tells it now."""

    old: str
    full_name: str
    planned: PlannedModel
    told: FlatModel
    coming: list[Coming]

    @property
    def is_whole(self) -> bool:
        """Whether every version that was planned is there."""
        return len(self.coming) == len(self.planned.versions) and all(each.status == READY for each in self.coming)


class Move:
    """One plan on its way."""

    def __init__(self, plan: MovePlan, source: Source, target: Target, ledger: Ledger) -> None:
        self._plan = plan
        self._source = source
        self._target = target
        self._ledger = ledger
        self.report = Report()

    def run(self, way: Way) -> Report:
        """Do all that is not done; asked again, it goes on where it stopped."""
        for each in self._plan.refused:
            self.report.say(each.model, each.why, each.version)
        models = [model for old in sorted(self._plan.names) if (model := self._begun(old))]
        self._bring(models, way)
        for model in models:
            self.report.versions += model.coming
            self._tell(model)
            self._finish(model)
        return self.report

    def _begun(self, old: str) -> _Model | None:
        """A model that is there, ready for versions; None, with a line, if it cannot be."""
        full_name, planned = self._plan.names[old], self._plan.models[old]
        try:
            self._ledger.standing(old, full_name)
            told = self._source.model(old)
            versions = {each.number: each for each in self._source.versions(old)}
            self._make(old, full_name, told)
        except Failure as failure:
            self.report.say(old, failure.message)
            return None
        for number in sorted(planned.versions.keys() - versions.keys()):
            self.report.say(old, "the registry does not have it any more", number)
        there = sorted(planned.versions.keys() & versions.keys())
        coming = [Coming(old, Place(full_name, number), versions[number]) for number in there]
        return _Model(old, full_name, planned, told, coming)

    def _make(self, old: str, full_name: str, told: FlatModel) -> None:
        """Make the model; the ledger says beforehand that it will be ours, and who made it says so, too."""
        there = self._target.model(full_name)
        if there is not None:
            ours = str(there.get("created_by", "")).endswith(self._target.mark)
            if self._ledger.models[old].made and not ours:
                self._ledger.note("model", old, full_name, made=False)
            return
        self._ledger.note("model", old, full_name, made=True)
        for line in self._target.make_model(full_name, told):
            self.report.say(old, line)

    def _bring(self, models: list[_Model], way: Way) -> None:
        sizes = [line.size or 0 for model in models for line in model.planned.versions.values()]
        with bytes_bar(sum(sizes)) as advance, ThreadPoolExecutor(way.jobs) as pool:
            carrier = Carrier(self._source, self._target, self._ledger, way, advance)
            with stopping(pool):
                list(pool.map(carrier.bring, [each for model in models for each in model.coming]))

    def _tell(self, model: _Model) -> None:
        for each in model.coming:
            if each.status != READY:
                self.report.say(model.old, f"{each.status}: {each.says}", each.place.number)
            for line in each.lost:
                self.report.say(model.old, line, each.place.number)

    # Once the versions are there

    def _finish(self, model: _Model) -> None:
        """Set aliases and grants, then the old name, of a model that is whole."""
        try:
            self._set_aliases(model)
            bring_grants(self._plan, model.planned, model.old, self._target, self._ledger, self.report.say)
            self._compare_access(model)
            if model.is_whole:
                self._set_name(model)
            else:
                self.report.say(
                    model.old,
                    "its old name stands for nothing yet, as not all of its versions are there: apply again, or take "
                    "them out of the plan",
                )
        except Failure as failure:
            self.report.say(model.old, failure.message)

    def _compare_access(self, model: _Model) -> None:
        rows = compared(self._plan, model.planned, model.full_name, self._target)
        self.report.access += rows
        for row in rows:
            if row["change"] == "gained":
                self.report.say(model.old, f"{row['principal']} may read it here, and could not there: {row['why']}")

    def _set_aliases(self, model: _Model) -> None:
        standing_at = standing(self._target.model(model.full_name))
        done = self._ledger.models[model.old]
        ready = {each.place.number for each in model.coming if each.status == READY}
        for alias, number in _wanted(model, self._plan.stages).items():
            if number not in ready or (alias in done.aliases and done.named):  # it may have moved since
                continue
            at = standing_at.get(alias.lower())
            if at is None:
                self._ledger.note("alias", model.old, model.full_name, alias=alias, version=number)
                self._target.set_alias(model.full_name, alias, number)
            elif at != number:
                self.report.say(model.old, f"the alias {alias} is at version {at} already, and stays there", number)

    def _set_name(self, model: _Model) -> None:
        if words.is_full(model.old):
            return
        there = self._target.old_name(legacy.old_name(model.old))
        if there and there["full_name"] == model.full_name:
            return
        if not there:
            self._ledger.note("named", model.old, model.full_name)
        self._target.add_old_name(model.old, model.full_name, self._plan.stages)


def _wanted(model: _Model, stages: Mapping[str, str]) -> dict[str, int]:
    """Where aliases go: as they are there; and where a stage has no alias yet, at the highest version in it."""
    found = dict(model.planned.aliases)
    taken = {alias.lower() for alias in found}
    for stage, alias in stages.items():
        highest = max((each.place.number for each in model.coming if each.told.stage == stage), default=None)
        if highest is not None and alias.lower() not in taken:
            found[alias] = highest
    return found
