"""Model versions: registered, finalized, shown, searched, changed and deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.aliases import check_moves, hold_aliases
from modelyard.actions.approvals import check_tags, without_approvals
from modelyard.actions.manifests import uploader
from modelyard.actions.origins import origins
from modelyard.actions.tagging import ChangeVersionTags
from modelyard.domain import files as manifest
from modelyard.domain import names
from modelyard.domain.filters import VersionFilter
from modelyard.domain.journal import Event
from modelyard.domain.lineage import VERSION, Direction, End
from modelyard.domain.models import (
    Announced,
    Registration,
    Tag,
    TagChange,
    Version,
    pending,
    ready,
    referenced_version,
)
from modelyard.domain.names import MAX_TAGS
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.stages import touched_aliases
from modelyard.errors import Invalid
from modelyard.store import catalogs, deployment_jobs, holdings, legacy, lineage, models, trash
from modelyard.store.catalogs import VERSION_TAGS
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class RegisterVersion(Command[Write, Version]):
    """Make the next version of a registered model; it waits for its files."""

    model: Ref
    told: Registration

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Version:
        """Make it PENDING_REGISTRATION, unless it comes from a run or logged model that the caller may not read."""
        check_tags(tx, tx.at(self.model), tx.actor, self.told.tags)
        found = origins(tx, self.told)
        made = enter(tx, self.model, self.told, self.told.model_id, listed(self.told.dependencies))
        lineage.note(tx, made.id, Direction.UPSTREAM, found)
        return made


@dataclass(frozen=True)
class RegisterCopy(Command[Write, Version]):
    """Make the next version of a model from a version of another: how models are promoted between catalogs.

    The client brings the files; what it leaves out (logged model, dependencies) is taken from the origin.
    """

    origin: Ref
    number: int
    model: Ref
    told: Registration

    needs = (
        Need(Privilege.EXECUTE, on="origin"),
        Need(Privilege.CREATE_MODEL_VERSION, on="model"),
    )

    def run(self, tx: Write) -> Version:
        """Make it PENDING_REGISTRATION."""
        origin = ready(models.version(tx, tx.at(self.origin), self.number), "be copied")
        said = [{"type": kind, "name": name} for kind, name in self.told.dependencies]
        dependencies = json.dumps(said or models.dependencies(tx, origin.id))
        told = replace(self.told, tags=without_approvals(tx, tx.at(self.model), self.told.tags))
        made = enter(tx, self.model, told, self.told.model_id or origin.model_id, dependencies)
        lineage.note(tx, made.id, Direction.UPSTREAM, [End(VERSION, f"{origin.model}/{origin.number}")], origin.id)
        return made


def listed(dependencies: tuple[tuple[str, str], ...]) -> str:
    """Dependencies as the JSON list that keeps them."""
    return json.dumps([{"type": kind, "name": name} for kind, name in dependencies])


def register(model: Ref, told: Registration) -> RegisterVersion | RegisterCopy:
    """The action that registers a version: a copy, where the source is a version of ours, needs a leave there too."""
    if not told.source:
        raise Invalid("source must say where the version comes from; it is kept as a label.")
    origin = referenced_version(told.source)
    if origin is None:
        return RegisterVersion(model, told)
    name, number = origin
    return RegisterCopy(Ref(Kind.MODEL, names.model(name)), names.version(number), model, told)


def enter(
    tx: Write, model: Ref, told: Registration, model_id: str, dependencies: str, announced: Announced | None = None
) -> Version:
    """Make a version as it was told, with tags and lineage: the next one, or one that was `announced`."""
    store_id = holdings.store_of(tx, tx.around(model).id)
    made = models.add_version(
        tx,
        tx.at(model),
        told,
        logged_model=model_id,
        dependencies=dependencies,
        store_id=store_id,
        announced=announced,
    )
    for tag in told.tags:
        VERSION_TAGS.set(tx, made.id, tag, MAX_TAGS)
    lineage.note(tx, made.id, Direction.UPSTREAM, told.ends())
    tx.announce(Event.MODEL_VERSION_CREATED, made.model, version=made.number, source=told.source)
    return made


@dataclass(frozen=True)
class GetVersion(Query[Look, Version]):
    """Show a version with its aliases and tags."""

    model: Ref
    number: int
    with_aliases: bool = True

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> Version:
        """Show it."""
        model = tx.at(self.model)
        found = models.version(tx, model, self.number).shown(aliases=self.with_aliases)
        return deployment_jobs.of_version(tx, model.id, found)


@dataclass(frozen=True)
class GetDownloadUri(Query[Look, str]):
    """Say where a version's files are, as clients of the Files API write it."""

    model: Ref
    number: int

    needs = (Need(Privilege.EXECUTE, on="model"),)

    def run(self, tx: Look) -> str:
        """Say it."""
        version = models.version(tx, tx.at(self.model), self.number)
        return str(manifest.Location(version.model, version.number, ""))


@dataclass(frozen=True)
class GetUploadLeave(Query[Look, Version]):
    """Tell an uploader whether the version still takes files."""

    model: Ref
    number: int

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> Version:
        """The version, if it does."""
        return uploader(tx, self.model, pending(models.version(tx, tx.at(self.model), self.number)))


@dataclass(frozen=True)
class SearchVersions(Query[Look, Page[Version]]):
    """List the versions of a model, newest first, or those of a run, that the caller may see."""

    asked: VersionFilter
    window: Window

    open_to = "every principal: rows are filtered by its privileges in the database"

    @property
    def is_brief(self) -> bool:
        """A model has some tens of versions as a rule; a run is looked for in all models."""
        return self.asked.model is not None

    def run(self, tx: Look) -> Page[Version]:
        """List them."""
        return models.search_versions(tx, self.asked, self.window)


@dataclass(frozen=True)
class ListVersions(Query[Look, Page[Version]]):
    """List the versions of a model that the caller may see, newest first."""

    model: Ref
    window: Window

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> Page[Version]:
        """List them."""
        return models.search_versions(tx, VersionFilter(model=tx.at(self.model).full_name), self.window)


@dataclass(frozen=True)
class UpdateVersion(Command[Write, Version]):
    """Change a version's comment."""

    model: Ref
    number: int
    comment: str

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> Version:
        """Change it."""
        model = tx.at(self.model)
        version = models.version(tx, model, self.number)
        models.set_comment(tx, version.id, self.comment)
        tx.announce(Event.MODEL_VERSION_UPDATED, model.full_name, version=self.number)
        return models.version(tx, model, self.number)


@dataclass(frozen=True)
class DeleteVersion(Command[Write, None]):
    """Delete a version with its aliases and tags; its number is never used again."""

    model: Ref
    number: int

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> None:
        """Delete it, into the trash; bytes that nothing names any more are collected later."""
        model = tx.at(self.model)
        guarding = hold_aliases(tx, self.model)
        version = models.locked_version(tx, model, self.number)
        touched = touched_aliases({version.stage}, legacy.mapped(tx, model.id))
        check_moves(tx, guarding, (*(alias.name for alias in version.aliases), *touched))
        trash.discard_version(tx, model, version)
        models.remove_version(tx, model, version)
        catalogs.touch(tx, model.id)
        tx.announce(Event.MODEL_VERSION_DELETED, model.full_name, version=self.number)


@dataclass(frozen=True)
class SetVersionTag(Command[Write, None]):
    """Set a tag on a version."""

    model: Ref
    number: int
    tag: Tag

    needs = (Need(Privilege.APPLY_TAG, on="model"),)

    def run(self, tx: Write) -> None:
        """Set it."""
        ChangeVersionTags(self.model, self.number, TagChange(add=(self.tag,))).run(tx)


@dataclass(frozen=True)
class DeleteVersionTag(Command[Write, None]):
    """Take a tag off a version; it may be gone already."""

    model: Ref
    number: int
    key: str

    needs = (Need(Privilege.APPLY_TAG, on="model"),)

    def run(self, tx: Write) -> None:
        """Take it off."""
        ChangeVersionTags(self.model, self.number, TagChange(remove=(self.key,))).run(tx)
