"""The flat registry's searches, and versions of models that MLflow's own server has kept until then.

What is found is told by the name that old code knows: the old one, where there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions import versions
from modelyard.actions.origins import origins
from modelyard.actions.stages import StagedModel
from modelyard.domain.cards import Draft
from modelyard.domain.experiments import Artifact
from modelyard.domain.flat_filters import Found, Search
from modelyard.domain.lineage import Direction
from modelyard.domain.models import MODEL_FILE, Registration, Version
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.stages import Stage
from modelyard.errors import Invalid
from modelyard.store import experiments, files, flat, legacy, lineage, models, stages
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class Named:
    """A version, or a model with its latest versions, by the name under which it is shown."""

    name: str
    version: Version | None = None
    model: StagedModel | None = None


@dataclass(frozen=True)
class SearchFlatModels(Query[Look, Page[Named]]):
    """Search the registered models that the caller may see, each by its old name where it has one."""

    search: Search
    window: Window

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Named]:
        """A page of what is found."""
        found = flat.models(tx, self.search)
        page, after = _cut(found, self.window)
        staged = _staged(tx, {each.id for each in page})
        shown = tuple(Named(each.name, model=staged[each.id]) for each in page if each.id in staged)
        return Page(shown, after, self.window.query)


def _cut(found: Sequence[Found], window: Window) -> tuple[Sequence[Found], str | None]:
    """A page of what is found, and where the next one begins."""
    start = window.number_after or 0
    end = start + window.limit
    return found[start:end], str(end) if len(found) > end else None


def _staged(tx: Look, ids: Collection[str]) -> dict[str, StagedModel]:
    """Those of some models that are there, by their ids, each with its latest versions."""
    latest: dict[str, list[Version]] = {}
    for version in stages.latest(tx, ids):
        latest.setdefault(version.model, []).append(version)
    found = models.these(tx, ids)
    return {id_: StagedModel(model, tuple(latest.get(model.full_name, ()))) for id_, model in found.items()}


@dataclass(frozen=True)
class SearchFlatVersions(Query[Look, Page[Named]]):
    """Search the versions that the caller may see, each by the old name of its model where that has one."""

    search: Search
    window: Window

    open_to = "every principal: rows are filtered by its privileges in the database"

    @property
    def is_brief(self) -> bool:
        """A model has some tens of versions as a rule; all models together have many."""
        return self.search.only("name") is not None

    def run(self, tx: Look) -> Page[Named]:
        """A page of what is found; who asks for an old name is remembered."""
        name = self.search.only("name")
        called = legacy.find(tx, name) if name else None
        found = flat.versions(tx, self.search)
        if called:
            tx.context.spoken.append(called)
        if called and found:  # whoever sees nothing of the model does not learn its name, either
            called.check(tx.now)
        page, after = _cut(found, self.window)
        whole = {version.id: version for version in models.versions_of(tx, {each.id for each in page})}
        shown = tuple(Named(each.name, whole[each.id]) for each in page if each.id in whole)
        return Page(shown, after, self.window.query)


@dataclass(frozen=True)
class RegisterFromArtifacts(Command[Write, Draft]):
    """Make the next version of a model from files that a run or a logged model here has: rows, and no bytes.

    It waits to be finalized, as any version whose files are there does.
    """

    experiment: Ref
    path: str
    model: Ref
    told: Registration

    needs = (
        Need(Privilege.CREATE_MODEL_VERSION, on="model"),
        Need(Privilege.CAN_READ, on="experiment"),
    )

    def run(self, tx: Write) -> Draft:
        """The version with its files, PENDING_REGISTRATION; `Invalid` where no MLflow model is there."""
        origin = experiments.get(tx, tx.at(self.experiment).id)
        there = files.get(tx, origin.manifest_id, f"{self.path}/{MODEL_FILE}")
        if there is None or there.is_directory:
            raise Invalid(
                f"no MLflow model is among the artifacts at '{Artifact(origin.number, self.path)}'; log one first."
            )
        told = self.told
        found = origins(tx, told)
        made = versions.enter(tx, self.model, told, told.model_id, versions.listed(told.dependencies))
        lineage.note(tx, made.id, Direction.UPSTREAM, found)
        if told.run_link:
            stages.put(tx, made.id, Stage.NONE, told.run_link)
        files.copy(tx, origin.manifest_id, self.path, made.manifest_id)
        return Draft(replace(made, run_link=told.run_link), tuple(files.all_files(tx, made.manifest_id)))
