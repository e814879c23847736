"""Stages of versions: looked at as MLflow's flat registry shows them, and changed by transitions.

A transition asks for what moving an alias asks for: MANAGE, and the leave of whoever protects the alias that the stage
is mapped to, or an alias that is called like the stage.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.aliases import check_moves, hold_aliases
from modelyard.actions.models import DeleteAlias, SetAlias
from modelyard.domain.journal import Event
from modelyard.domain.models import RegisteredModel, Version, ready
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.stages import Stage, StageMove, Transition, pointings, touched_aliases, transition
from modelyard.store import catalogs, legacy, models, stages
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class StagedModel:
    """A registered model, and its latest READY version in each stage."""

    model: RegisteredModel
    latest: tuple[Version, ...]


@dataclass(frozen=True)
class GetStagedModel(Query[Look, StagedModel]):
    """Show a registered model with its latest version in each stage."""

    model: Ref

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> StagedModel:
        """Show both."""
        id_ = tx.at(self.model).id
        return StagedModel(models.get(tx, id_), tuple(stages.latest(tx, [id_])))


@dataclass(frozen=True)
class ListLatestVersions(Query[Look, list[Version]]):
    """List the READY version with the highest number in each of some stages that has any."""

    model: Ref
    stages: tuple[Stage, ...] = tuple(Stage)

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> list[Version]:
        """List them."""
        return stages.latest(tx, [tx.at(self.model).id], self.stages)


@dataclass(frozen=True)
class GetLatestVersion(Query[Look, Version]):
    """Show the READY version with the highest number: what the alias `latest` stands for in a flat registry."""

    model: Ref

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> Version:
        """Show it, or `NotFound`."""
        found = stages.latest(tx, [tx.at(self.model).id])
        return found[-1] if found else models.version_by_alias(tx, tx.at(self.model), "latest")


@dataclass(frozen=True)
class ListStageMoves(Query[Look, Page[StageMove]]):
    """List the transitions of a model's versions, or of one version, newest first."""

    model: Ref
    window: Window
    number: int | None = None

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    @property
    def is_brief(self) -> bool:
        """There may be thousands."""
        return False

    def run(self, tx: Look) -> Page[StageMove]:
        """List them."""
        return stages.history(tx, tx.at(self.model).id, self.window, self.number)


@dataclass(frozen=True)
class TransitionVersion(Command[Write, Version]):
    """Bring a READY version into a stage, and the alias that the stage is mapped to, to the highest version there.

    With `archive`, all other versions in the stage are archived.
    """

    model: Ref
    number: int
    stage: Stage
    archive: bool = False

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> Version:
        """Change the stages, keep that in history, and move the aliases."""
        model = tx.at(self.model)
        guarding = hold_aliases(tx, self.model)
        version = ready(models.locked_version(tx, model, self.number), f"go to {self.stage}")
        change = transition(stages.of_model(tx, model.id), self.number, self.stage, archive=self.archive)
        mapped = legacy.mapped(tx, model.id)
        check_moves(tx, guarding, touched_aliases({self.stage, version.stage, *_touched(change)}, mapped))
        models.touch_version(tx, version.id)
        self._keep(tx, change)
        self._point(tx, change, mapped)
        catalogs.touch(tx, model.id)
        return models.version(tx, model, self.number)

    def _keep(self, tx: Write, change: Transition) -> None:
        model = tx.at(self.model)
        ids = stages.ids(tx, model.id)
        for number, (was, becomes) in sorted(change.changed.items()):
            stages.put(tx, ids[number], becomes)
            models.touch_version(tx, ids[number])
            stages.record(tx, model, number, was, becomes)
            told = {"version": number, "was": was.value, "stage": becomes.value}
            tx.announce(Event.MODEL_VERSION_TRANSITIONED, model.full_name, **told)

    def _point(self, tx: Write, change: Transition, mapped: dict[Stage, tuple[str, ...]]) -> None:
        id_ = tx.at(self.model).id
        standing = {alias.name.lower(): alias.version for alias in models.ALIASES.of_owners(tx, [id_]).get(id_, ())}
        reason = f"version {self.number} went to {self.stage}"
        for each in pointings(change, self.stage, mapped, standing):
            if each.version is None:
                DeleteAlias(self.model, each.alias, reason=reason).run(tx)
            else:
                SetAlias(self.model, each.alias, each.version, reason=reason).run(tx)


def _touched(change: Transition) -> set[Stage]:
    return {stage for both in change.changed.values() for stage in both}
