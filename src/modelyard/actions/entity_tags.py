"""Tags of any securable, one by one: catalogs, schemas and models alike."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain import names
from modelyard.domain.journal import Event
from modelyard.domain.models import Tag
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Node, Privilege
from modelyard.errors import AlreadyExists, NotFound
from modelyard.store import catalogs
from modelyard.store.catalogs import SECURABLE_TAGS
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class Tagged:
    """A tag and the securable that it is on."""

    on: Node
    tag: Tag


def _found(tx: Look, on: Node, key: str) -> Tagged | None:
    return next((Tagged(on, tag) for tag in SECURABLE_TAGS.all(tx, on.id) if tag.key == key), None)


def _there(tx: Look, on: Node, key: str) -> Tagged:
    found = _found(tx, on, key)
    if found is None:
        raise NotFound(f"{on} has no tag '{key}'.")
    return found


def _set(tx: Write, on: Node, tag: Tag) -> Tagged:
    SECURABLE_TAGS.set(tx, on.id, tag, names.MAX_TAGS)
    tx.announce(Event.TAG_SET, on.full_name, key=tag.key, value=tag.value)
    return Tagged(on, tag)


@dataclass(frozen=True)
class ListTags(Query[Look, Page[Tagged]]):
    """List the tags of a securable."""

    securable: Ref
    window: Window

    needs = (Need(Privilege.BROWSE, on="securable", metadata=True),)

    def run(self, tx: Look) -> Page[Tagged]:
        """List them by key."""
        on, window = tx.at(self.securable), self.window
        rest = [Tagged(on, tag) for tag in SECURABLE_TAGS.all(tx, on.id) if tag.key > window.after]
        return window.cut(rest, rest[window.limit - 1].tag.key if len(rest) > window.limit else None)


@dataclass(frozen=True)
class GetTag(Query[Look, Tagged]):
    """Show one tag of a securable."""

    securable: Ref
    key: str

    needs = (Need(Privilege.BROWSE, on="securable", metadata=True),)

    def run(self, tx: Look) -> Tagged:
        """The tag, or `NotFound`."""
        return _there(tx, tx.at(self.securable), self.key)


@dataclass(frozen=True)
class AssignTag(Command[Write, Tagged]):
    """Put a new tag on a securable."""

    securable: Ref
    tag: Tag

    needs = (Need(Privilege.APPLY_TAG, on="securable"),)

    def run(self, tx: Write) -> Tagged:
        """Put it there, or `AlreadyExists`."""
        on = tx.at(self.securable)
        catalogs.touch(tx, on.id)  # first, so that tags of one securable are counted one after the other
        if _found(tx, on, self.tag.key):
            raise AlreadyExists(f"{on} has a tag '{self.tag.key}' already; change that one.")
        return _set(tx, on, self.tag)


@dataclass(frozen=True)
class ChangeTag(Command[Write, Tagged]):
    """Give a tag of a securable another value."""

    securable: Ref
    tag: Tag

    needs = (Need(Privilege.APPLY_TAG, on="securable"),)

    def run(self, tx: Write) -> Tagged:
        """Change it, or `NotFound`."""
        on = tx.at(self.securable)
        catalogs.touch(tx, on.id)
        _there(tx, on, self.tag.key)
        return _set(tx, on, self.tag)


@dataclass(frozen=True)
class RemoveTag(Command[Write, None]):
    """Take a tag off a securable; it may be gone already."""

    securable: Ref
    key: str

    needs = (Need(Privilege.APPLY_TAG, on="securable"),)

    def run(self, tx: Write) -> None:
        """Take it off."""
        on = tx.at(self.securable)
        SECURABLE_TAGS.remove(tx, on.id, self.key)
        catalogs.touch(tx, on.id)
        tx.announce(Event.TAG_DELETED, on.full_name, key=self.key)
