"""Registered models, with their aliases and tags."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.aliases import check_aliases_of, check_moves, hold_aliases
from modelyard.actions.deployment_jobs import check_connection
from modelyard.actions.tagging import ChangeModelTags
from modelyard.domain import names
from modelyard.domain.journal import Event
from modelyard.domain.models import Alias, AliasOf, RegisteredModel, Tag, TagChange, Version, ready
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.errors import Changed, NotFound
from modelyard.store import access, catalogs, deployment_jobs, models, trash
from modelyard.store.catalogs import SECURABLE_TAGS
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class ModelChange:
    """What an update says; None leaves a thing as it is. `owner` is a principal's name."""

    comment: str | None = None
    owner: str | None = None
    deployment_job_id: str | None = None


@dataclass(frozen=True)
class CreateModel(Command[Write, RegisteredModel]):
    """Make a registered model in a schema, owned by the caller."""

    schema: Ref
    name: str
    comment: str = ""
    tags: tuple[Tag, ...] = ()
    deployment_job_id: str = ""

    needs = (Need(Privilege.CREATE_MODEL, on="schema", naming="name"),)

    def run(self, tx: Write) -> RegisteredModel:
        """Make it, without versions."""
        full_name = f"{self.schema.name}.{self.name}"
        check_connection(tx, self.deployment_job_id)
        id_ = models.add(tx, tx.at(self.schema), full_name, self.comment, self.deployment_job_id)
        for tag in self.tags:
            SECURABLE_TAGS.set(tx, id_, tag, names.MAX_TAGS)
        tx.announce(Event.REGISTERED_MODEL_CREATED, full_name)
        return deployment_jobs.of_model(tx, models.get(tx, id_))


@dataclass(frozen=True)
class GetModel(Query[Look, RegisteredModel]):
    """Show a registered model with its aliases and tags."""

    model: Ref
    with_aliases: bool = True

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> RegisteredModel:
        """Show it."""
        found = models.get(tx, tx.at(self.model).id).shown(aliases=self.with_aliases)
        return deployment_jobs.of_model(tx, found)


@dataclass(frozen=True)
class BrowseModel(Query[Look, RegisteredModel]):
    """Show a registered model also to those who may only browse its catalog."""

    model: Ref
    with_aliases: bool = True

    needs = (Need(Privilege.BROWSE, on="model", metadata=True),)

    def run(self, tx: Look) -> RegisteredModel:
        """Show it, or of it what BROWSE shows."""
        whole = models.get(tx, tx.at(self.model).id).shown(aliases=self.with_aliases)
        may_read = tx.is_admin or tx.may(self.model, Privilege.EXECUTE)
        return deployment_jobs.of_model(tx, whole if may_read else whole.browsed())


@dataclass(frozen=True)
class SearchModels(Query[Look, Page[RegisteredModel]]):
    """List the registered models that the caller may see, in a catalog, in a schema, or everywhere (`inside` "").

    Those that it may only browse are among them where that is asked for.
    """

    window: Window
    inside: str = ""
    browse: bool = False

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[RegisteredModel]:
        """List them by full name."""
        page = models.search(tx, self.window, self.inside, browse=self.browse)
        return replace(page, items=tuple(deployment_jobs.of_model(tx, each) for each in page.items))


@dataclass(frozen=True)
class UpdateModel(Command[Write, RegisteredModel]):
    """Change a registered model's comment, owner or deployment job."""

    model: Ref
    change: ModelChange

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> RegisteredModel:
        """Change it."""
        return _change(tx, tx.at(self.model).id, self.model.name, self.change)


def update(model: Ref, new_name: str | None, change: ModelChange) -> UpdateModel | RenameModel:
    """The action that changes a model, and renames it where the new name (short, or in full) is another one."""
    container, name = names.split(model.name)
    if not new_name:
        return UpdateModel(model, change)
    there, wanted = names.split(names.model(new_name)) if "." in new_name else (container, names.new_simple(new_name))
    names.stays_in(model.name, there)
    if wanted == name:
        return UpdateModel(model, change)
    return RenameModel(model, Ref(Kind.SCHEMA, container), wanted, change)


@dataclass(frozen=True)
class RenameModel(Command[Write, RegisteredModel]):
    """Give a registered model another name in its schema; versions, aliases and grants stay."""

    model: Ref
    schema: Ref
    name: str
    change: ModelChange

    needs = (
        Need(Privilege.MANAGE, on="model"),
        Need(Privilege.CREATE_MODEL, on="schema", naming="name"),
    )

    def run(self, tx: Write) -> RegisteredModel:
        """Rename it."""
        names.stays_in(self.model.name, self.schema.name)
        id_ = tx.at(self.model).id
        check_aliases_of(tx, self.model)
        catalogs.change(tx, id_, full_name=f"{self.schema.name}.{self.name}")
        return _change(tx, id_, self.model.name, self.change)


def _change(tx: Write, model_id: str, was: str, change: ModelChange) -> RegisteredModel:
    owner = access.required(tx, change.owner) if change.owner is not None else None
    catalogs.change(tx, model_id, owner_id=owner.id if owner else None, comment=change.comment)
    if change.deployment_job_id is not None:
        check_connection(tx, change.deployment_job_id)
        models.set_deployment_job(tx, model_id, change.deployment_job_id)
    changed = models.get(tx, model_id)
    tx.announce(Event.REGISTERED_MODEL_UPDATED, changed.full_name, was=was)
    return deployment_jobs.of_model(tx, changed)


@dataclass(frozen=True)
class DeleteModel(Command[Write, None]):
    """Delete a registered model with its versions, aliases, tags and grants."""

    model: Ref

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> None:
        """Delete it, into the trash; bytes that nothing names any more are collected later."""
        check_aliases_of(tx, self.model)
        models.record_farewell(tx, tx.at(self.model))
        trash.discard_models(tx, [tx.at(self.model).id])
        catalogs.remove(tx, tx.at(self.model).id)
        tx.announce(Event.REGISTERED_MODEL_DELETED, self.model.name)


# Tags


@dataclass(frozen=True)
class SetModelTag(Command[Write, None]):
    """Set a tag on a registered model."""

    model: Ref
    tag: Tag

    needs = (Need(Privilege.APPLY_TAG, on="model"),)

    def run(self, tx: Write) -> None:
        """Set it."""
        ChangeModelTags(self.model, TagChange(add=(self.tag,))).run(tx)


@dataclass(frozen=True)
class DeleteModelTag(Command[Write, None]):
    """Take a tag off a registered model; it may be gone already."""

    model: Ref
    key: str

    needs = (Need(Privilege.APPLY_TAG, on="model"),)

    def run(self, tx: Write) -> None:
        """Take it off."""
        ChangeModelTags(self.model, TagChange(remove=(self.key,))).run(tx)


# Aliases


@dataclass(frozen=True)
class SetAlias(Command[Write, AliasOf]):
    """Point an alias at a READY version, wherever it pointed before; `reason` says why, for its history.

    `expected_version` makes it a compare-and-set: `Changed` when the alias points elsewhere (0: nowhere).
    """

    model: Ref
    alias: str
    version: int
    expected_version: int | None = None
    reason: str = ""

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> AliasOf:
        """Move it, and keep the move in the alias's history."""
        model = tx.at(self.model)
        check_moves(tx, hold_aliases(tx, self.model), [self.alias])
        version = ready(models.locked_version(tx, model, self.version), f"take the alias '{self.alias}'")
        before = models.set_alias(tx, model, self.alias, version, self.reason)
        _check_expected(self, before)
        catalogs.touch(tx, model.id)
        tx.announce(Event.ALIAS_SET, model.full_name, alias=self.alias, version=self.version, was=before)
        return AliasOf(model.full_name, Alias(self.alias, self.version))


@dataclass(frozen=True)
class DeleteAlias(Command[Write, None]):
    """Take an alias away, or `NotFound`; `expected_version` and `reason` are as in `SetAlias`."""

    model: Ref
    alias: str
    expected_version: int | None = None
    reason: str = ""

    needs = (Need(Privilege.MANAGE, on="model"),)

    def run(self, tx: Write) -> None:
        """Take it away, and keep that in the alias's history."""
        model = tx.at(self.model)
        check_moves(tx, hold_aliases(tx, self.model), [self.alias])
        before = models.remove_alias(tx, model, self.alias, self.reason)
        _check_expected(self, before)
        if before is None:
            raise NotFound(f"{model} has no alias '{self.alias}'.")
        catalogs.touch(tx, model.id)
        tx.announce(Event.ALIAS_DELETED, model.full_name, alias=self.alias, was=before)


def _check_expected(asked: SetAlias | DeleteAlias, before: int | None) -> None:
    if asked.expected_version is not None and (before or 0) != asked.expected_version:
        where = f"at version {before}" if before else "nowhere"
        raise Changed(f"alias '{asked.alias}' of '{asked.model.name}' points {where}; look again before moving it.")


@dataclass(frozen=True)
class GetVersionByAlias(Query[Look, Version]):
    """Show the version that an alias points at."""

    model: Ref
    alias: str
    with_aliases: bool = True

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> Version:
        """Show it."""
        model = tx.at(self.model)
        found = models.version_by_alias(tx, model, self.alias).shown(aliases=self.with_aliases)
        return deployment_jobs.of_version(tx, model.id, found)
