"""Prompts and their versions, with aliases, tags and links.

A prompt is governed as a registered model is: EXECUTE reads it, CREATE MODEL VERSION adds to it. Templates are content,
not metadata: like the files of a model, metastore admins read them only with a grant.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.aliases import check_aliases_of, check_moves, hold_aliases
from modelyard.domain import names
from modelyard.domain.filters import Term
from modelyard.domain.journal import Event
from modelyard.domain.models import Tag
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.prompts import Draft, Link, LinkKind, Prompt, PromptVersion
from modelyard.errors import NotFound
from modelyard.store import access, catalogs, prompts
from modelyard.store.catalogs import PROMPT_VERSION_TAGS, SECURABLE_TAGS
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class PromptChange:
    """What an update says; None leaves a thing as it is. `owner` is a principal's name."""

    comment: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class CreatePrompt(Command[Write, Prompt]):
    """Make a prompt in a schema, owned by the caller."""

    schema: Ref
    name: str
    comment: str = ""
    tags: tuple[Tag, ...] = ()

    needs = (Need(Privilege.CREATE_MODEL, on="schema", naming="name"),)

    def run(self, tx: Write) -> Prompt:
        """Make it, without versions."""
        full_name = f"{self.schema.name}.{self.name}"
        id_ = prompts.add(tx, tx.at(self.schema), full_name, self.comment)
        for tag in self.tags:
            SECURABLE_TAGS.set(tx, id_, tag, names.MAX_TAGS)
        tx.announce(Event.PROMPT_CREATED, full_name)
        return prompts.get(tx, id_)


@dataclass(frozen=True)
class GetPrompt(Query[Look, Prompt]):
    """Show a prompt with its aliases and tags."""

    prompt: Ref

    needs = (Need(Privilege.EXECUTE, on="prompt", metadata=True),)

    def run(self, tx: Look) -> Prompt:
        """Show it."""
        return prompts.get(tx, tx.at(self.prompt).id)


@dataclass(frozen=True)
class SearchPrompts(Query[Look, Page[Prompt]]):
    """List the prompts that match all terms and that the caller may see, in a schema or everywhere (`inside` "")."""

    terms: tuple[Term, ...]
    window: Window
    inside: str = ""

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Prompt]:
        """List them by full name."""
        return prompts.search(tx, self.terms, self.window, self.inside)


@dataclass(frozen=True)
class UpdatePrompt(Command[Write, Prompt]):
    """Change a prompt's comment or owner."""

    prompt: Ref
    change: PromptChange

    needs = (Need(Privilege.MANAGE, on="prompt"),)

    def run(self, tx: Write) -> Prompt:
        """Change it."""
        id_ = tx.at(self.prompt).id
        owner = access.required(tx, self.change.owner) if self.change.owner is not None else None
        catalogs.change(tx, id_, owner_id=owner.id if owner else None, comment=self.change.comment)
        tx.announce(Event.PROMPT_UPDATED, self.prompt.name)
        return prompts.get(tx, id_)


@dataclass(frozen=True)
class DeletePrompt(Command[Write, None]):
    """Delete a prompt with its versions, aliases, tags, links and grants."""

    prompt: Ref

    needs = (Need(Privilege.MANAGE, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Delete it, unless it has a protected alias."""
        check_aliases_of(tx, self.prompt, prompts.ALIASES)
        catalogs.remove(tx, tx.at(self.prompt).id)
        tx.announce(Event.PROMPT_DELETED, self.prompt.name)


# Versions


@dataclass(frozen=True)
class CreatePromptVersion(Command[Write, PromptVersion]):
    """Make the next version of a prompt; its template never changes."""

    prompt: Ref
    draft: Draft

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="prompt"),)

    def run(self, tx: Write) -> PromptVersion:
        """Make it."""
        prompt = tx.at(self.prompt)
        made = prompts.add_version(tx, prompt, self.draft)
        for tag in self.draft.tags:
            PROMPT_VERSION_TAGS.set(tx, made.id, tag, names.MAX_TAGS)
        tx.announce(Event.PROMPT_VERSION_CREATED, prompt.full_name, version=made.number)
        return made


@dataclass(frozen=True)
class GetPromptVersion(Query[Look, PromptVersion]):
    """Show a version with its template, aliases and tags."""

    prompt: Ref
    number: int

    needs = (Need(Privilege.EXECUTE, on="prompt"),)

    def run(self, tx: Look) -> PromptVersion:
        """Show it."""
        return prompts.version(tx, tx.at(self.prompt), self.number)


@dataclass(frozen=True)
class GetPromptVersionByAlias(Query[Look, PromptVersion]):
    """Show the version that an alias points at; `latest` is the highest version, without anybody setting it."""

    prompt: Ref
    alias: str

    needs = (Need(Privilege.EXECUTE, on="prompt"),)

    def run(self, tx: Look) -> PromptVersion:
        """Show it."""
        prompt = tx.at(self.prompt)
        is_latest = self.alias.lower() == names.LATEST
        number = prompts.latest(tx, prompt) if is_latest else prompts.ALIASES.points_at(tx, prompt.id, self.alias)
        if number is None:
            raise NotFound(f"{prompt} has no versions yet." if is_latest else _no_alias(self))
        return prompts.version(tx, prompt, number)


@dataclass(frozen=True)
class ListPromptVersions(Query[Look, Page[PromptVersion]]):
    """List the versions of a prompt, newest first."""

    prompt: Ref
    window: Window

    needs = (Need(Privilege.EXECUTE, on="prompt"),)

    @property
    def is_brief(self) -> bool:
        """Templates of a whole page may be megabytes."""
        return False

    def run(self, tx: Look) -> Page[PromptVersion]:
        """List them."""
        return prompts.list_versions(tx, tx.at(self.prompt), self.window)


@dataclass(frozen=True)
class UpdatePromptVersion(Command[Write, PromptVersion]):
    """Change a version's comment."""

    prompt: Ref
    number: int
    comment: str

    needs = (Need(Privilege.MANAGE, on="prompt"),)

    def run(self, tx: Write) -> PromptVersion:
        """Change it."""
        prompt = tx.at(self.prompt)
        version = prompts.locked_version(tx, prompt, self.number)
        prompts.set_comment(tx, version.id, self.comment)
        tx.announce(Event.PROMPT_VERSION_UPDATED, prompt.full_name, version=self.number)
        return prompts.version(tx, prompt, self.number)


@dataclass(frozen=True)
class DeletePromptVersion(Command[Write, None]):
    """Delete a version with its aliases, tags and links; its number is never used again."""

    prompt: Ref
    number: int

    needs = (Need(Privilege.MANAGE, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Delete it."""
        prompt = tx.at(self.prompt)
        guarding = hold_aliases(tx, self.prompt, prompts.ALIASES)
        version = prompts.locked_version(tx, prompt, self.number)
        check_moves(tx, guarding, (alias.name for alias in version.aliases))
        prompts.remove_version(tx, version.id)
        catalogs.touch(tx, prompt.id)
        for alias in version.aliases:
            tx.announce(Event.PROMPT_ALIAS_DELETED, prompt.full_name, alias=alias.name, was=self.number)
        tx.announce(Event.PROMPT_VERSION_DELETED, prompt.full_name, version=self.number)


# Tags


@dataclass(frozen=True)
class SetPromptTag(Command[Write, None]):
    """Set a tag on a prompt."""

    prompt: Ref
    tag: Tag

    needs = (Need(Privilege.APPLY_TAG, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Set it."""
        id_ = tx.at(self.prompt).id
        catalogs.touch(tx, id_)  # first, so that tags of one prompt are counted one after the other
        SECURABLE_TAGS.set(tx, id_, self.tag, names.MAX_TAGS)
        tx.announce(Event.PROMPT_TAG_SET, self.prompt.name, key=self.tag.key, value=self.tag.value)


@dataclass(frozen=True)
class DeletePromptTag(Command[Write, None]):
    """Take a tag off a prompt; it may be gone already."""

    prompt: Ref
    key: str

    needs = (Need(Privilege.APPLY_TAG, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Take it off."""
        id_ = tx.at(self.prompt).id
        SECURABLE_TAGS.remove(tx, id_, self.key)
        catalogs.touch(tx, id_)
        tx.announce(Event.PROMPT_TAG_DELETED, self.prompt.name, key=self.key)


@dataclass(frozen=True)
class SetPromptVersionTag(Command[Write, None]):
    """Set a tag on a version of a prompt."""

    prompt: Ref
    number: int
    tag: Tag

    needs = (Need(Privilege.APPLY_TAG, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Set it."""
        version = prompts.locked_version(tx, tx.at(self.prompt), self.number)
        PROMPT_VERSION_TAGS.set(tx, version.id, self.tag, names.MAX_TAGS)
        prompts.touch_version(tx, version.id)
        told = {"version": self.number, "key": self.tag.key, "value": self.tag.value}
        tx.announce(Event.PROMPT_TAG_SET, self.prompt.name, **told)


@dataclass(frozen=True)
class DeletePromptVersionTag(Command[Write, None]):
    """Take a tag off a version of a prompt; it may be gone already."""

    prompt: Ref
    number: int
    key: str

    needs = (Need(Privilege.APPLY_TAG, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Take it off."""
        version = prompts.locked_version(tx, tx.at(self.prompt), self.number)
        PROMPT_VERSION_TAGS.remove(tx, version.id, self.key)
        prompts.touch_version(tx, version.id)
        tx.announce(Event.PROMPT_TAG_DELETED, self.prompt.name, version=self.number, key=self.key)


# Aliases


@dataclass(frozen=True)
class SetPromptAlias(Command[Write, None]):
    """Point an alias at a version of a prompt, wherever it pointed before."""

    prompt: Ref
    alias: str
    version: int

    needs = (Need(Privilege.MANAGE, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Move it."""
        prompt = tx.at(self.prompt)
        check_moves(tx, hold_aliases(tx, self.prompt, prompts.ALIASES), [self.alias])
        version = prompts.locked_version(tx, prompt, self.version)
        before = prompts.ALIASES.set(tx, prompt.id, self.alias, version.id)
        catalogs.touch(tx, prompt.id)
        tx.announce(Event.PROMPT_ALIAS_SET, prompt.full_name, alias=self.alias, version=self.version, was=before)


@dataclass(frozen=True)
class DeletePromptAlias(Command[Write, None]):
    """Take an alias of a prompt away, or `NotFound`."""

    prompt: Ref
    alias: str

    needs = (Need(Privilege.MANAGE, on="prompt"),)

    def run(self, tx: Write) -> None:
        """Take it away."""
        prompt = tx.at(self.prompt)
        check_moves(tx, hold_aliases(tx, self.prompt, prompts.ALIASES), [self.alias])
        before = prompts.ALIASES.remove(tx, prompt.id, self.alias)
        if before is None:
            raise NotFound(_no_alias(self))
        catalogs.touch(tx, prompt.id)
        tx.announce(Event.PROMPT_ALIAS_DELETED, prompt.full_name, alias=self.alias, was=before)


def _no_alias(asked: GetPromptVersionByAlias | DeletePromptAlias) -> str:
    return f"{asked.prompt.kind.noun} '{asked.prompt.name}' has no alias '{asked.alias}'."


# Links


@dataclass(frozen=True)
class LinkPromptVersions(Command[Write, None]):
    """Note that models, traces or runs used versions of prompts, which are given by full name and number."""

    versions: tuple[tuple[str, int], ...]
    links: tuple[Link, ...]

    open_to = "every principal: only versions that it may read are linked; others are answered as unknown"

    def run(self, tx: Write) -> None:
        """Note all of it, or nothing."""
        for name, number in self.versions:
            version_id = prompts.visible_version(tx, name, number)
            if version_id is None:
                raise NotFound(f"Version {number} of prompt '{name}' does not exist, or you may not read it.")
            for link in self.links:
                prompts.link(tx, version_id, link)
            told = [{"kind": link.kind.value, "id": link.target} for link in self.links]
            tx.announce(Event.PROMPT_VERSION_LINKED, name, version=number, links=told)


@dataclass(frozen=True)
class ListPromptLinks(Query[Look, Page[Link]]):
    """List the models, the traces or the runs that are known to have used a version of a prompt."""

    prompt: Ref
    number: int
    kind: LinkKind
    window: Window

    needs = (Need(Privilege.EXECUTE, on="prompt", metadata=True),)

    @property
    def is_brief(self) -> bool:
        """A version that is in use has many runs and traces."""
        return False

    def run(self, tx: Look) -> Page[Link]:
        """List them by id."""
        version = prompts.version(tx, tx.at(self.prompt), self.number)
        return prompts.links(tx, version.id, self.kind, self.window)
