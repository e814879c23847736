"""Old names: which flat name stands for which model, how its stages are mapped, and who still calls by it.

The flat names are one space for everybody, so admins say what a name stands for: whoever could take a name would serve
all old code that speaks it. How the stages of a model are mapped, and whether calls by its old name are refused, is for
whoever manages the model; a mapping to a protected alias changes only with the leave of those who may move it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import METASTORE, Chore, Command, Need, Query, Ref
from modelyard.actions.aliases import check_moves, hold_aliases
from modelyard.actions.models import CreateModel
from modelyard.domain import legacy as rules
from modelyard.domain import names
from modelyard.domain.journal import Event
from modelyard.domain.legacy import ANY, OTHERS, NameChange, OldName, Sighting
from modelyard.domain.models import RegisteredModel, Tag
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.stages import Stage
from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.store import access, legacy
from modelyard.store.tx import Look, Write

_MOST_KINDS: Final = 1_000
"""How many sightings of a name are told apart; further clients are counted together."""


@dataclass(frozen=True)
class Seen:
    """An old name, and when somebody called by it last."""

    name: OldName
    last_at: int | None
    now: int


@dataclass(frozen=True)
class AddOldName(Command[Write, OldName]):
    """Let a flat name stand for a model, or `*` for the schema in which models of new flat names are made."""

    name: str
    target: str
    aliases: tuple[tuple[Stage, str], ...] = ()
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> OldName:
        """Keep it; the same again changes nothing, and another target is `AlreadyExists`."""
        kind = Kind.SCHEMA if self.name == ANY else Kind.MODEL
        found = access.chain(tx, tx.caller, Ref(kind, self.target))
        if found.missing:
            raise NotFound(f"{found.missing} does not exist.")
        there = legacy.find(tx, self.name)
        if there and there.target == self.target:
            return there
        if there:
            raise AlreadyExists(f"'{self.name}' stands for something else already; remove that first.")
        legacy.add(tx, self.name, found.target.id, self.aliases)
        tx.subject = self.target
        tx.announce(Event.OLD_NAME_ADDED, self.target, name=self.name)
        return _required(tx, self.name)


@dataclass(frozen=True)
class RemoveOldName(Command[Write, None]):
    """Let a name stand for nothing any more; who called by it stays known."""

    name: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> None:
        """Remove it, or `NotFound`."""
        there = _required(tx, self.name)
        legacy.remove(tx, self.name)
        tx.subject = there.target
        tx.announce(Event.OLD_NAME_REMOVED, there.target, name=self.name)


def _required(tx: Look, name: str) -> OldName:
    found = legacy.find(tx, name)
    if found is None:
        raise NotFound(f"'{name}' stands for nothing here.")
    return found


@dataclass(frozen=True)
class UpdateOldName(Command[Write, OldName]):
    """Change how the stages of a model are mapped, or refuse calls by its old name: for a while, or for good."""

    model: Ref
    name: str
    change: NameChange

    needs = (Need(Privilege.MANAGE, on="model"),)
    by_old_name = False

    def run(self, tx: Write) -> OldName:
        """Change it; no alias moves by that."""
        model = tx.at(self.model)
        guarding = hold_aliases(tx, self.model)
        legacy.hold(tx, self.name)
        there = _of_model(tx, self.model, self.name)
        changed = self._changed(there, tx.now)
        check_moves(tx, guarding, _affected(there.aliases, changed.aliases))
        legacy.change(tx, changed)
        tx.announce(Event.OLD_NAME_UPDATED, model.full_name, name=self.name)
        return _required(tx, self.name)

    def _changed(self, there: OldName, now: int) -> OldName:
        change = self.change
        if change.aliases is not None:
            there = replace(there, aliases=change.aliases)
        if change.retired is not None:
            there = replace(there, retired_at=(there.retired_at or now) if change.retired else None)
        if change.refused is not None:
            begin, end = change.refused
            there = replace(there, refused_from=begin or None, refused_until=end or None)
        return there


def _of_model(tx: Look, model: Ref, name: str) -> OldName:
    """An old name of just this model."""
    there = legacy.find(tx, name)
    if there is None or there.target != tx.at(model).full_name:
        raise NotFound(f"'{name}' is no old name of '{tx.at(model).full_name}'.")
    return there


def _affected(before: Iterable[tuple[Stage, str]], after: Iterable[tuple[Stage, str]]) -> list[str]:
    """The aliases whose stage is another one afterwards."""
    return sorted({alias for _, alias in set(before) ^ set(after)})


@dataclass(frozen=True)
class GetOldName(Query[Look, Seen]):
    """Show what an old name stands for, and when somebody called by it last."""

    model: Ref
    name: str

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)
    by_old_name = False

    def run(self, tx: Look) -> Seen:
        """Show it."""
        there = _of_model(tx, self.model, self.name)
        return Seen(there, legacy.last_seen(tx, [self.name]).get(self.name), tx.now)


@dataclass(frozen=True)
class ListOldNames(Query[Look, Page[Seen]]):
    """List the old names of models that the caller may see."""

    window: Window

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Seen]:
        """List them by name."""
        page = legacy.listing(tx, self.window)
        last = legacy.last_seen(tx, [each.name for each in page.items])
        seen = tuple(Seen(each, last.get(each.name), tx.now) for each in page.items)
        return Page(seen, page.after, page.query)


@dataclass(frozen=True)
class ListSightings(Query[Look, Page[Sighting]]):
    """List who called by an old name, with which client, for what and when, the latest first."""

    model: Ref
    name: str
    window: Window

    needs = (Need(Privilege.MANAGE, on="model"),)
    by_old_name = False

    @property
    def is_brief(self) -> bool:
        """There may be hundreds."""
        return False

    def run(self, tx: Look) -> Page[Sighting]:
        """List them."""
        return legacy.sightings(tx, _of_model(tx, self.model, self.name).name, self.window)


@dataclass(frozen=True)
class NoteSightings(Chore[Write, None]):
    """Write down who called by old names."""

    seen: tuple[Sighting, ...]

    def run(self, tx: Write) -> None:
        """Write it down; clients of a name that has very many are counted together."""
        full = {name for name in {each.name for each in self.seen} if legacy.kinds_of_sightings(tx, name) > _MOST_KINDS}
        for each in self.seen:
            legacy.note(tx, replace(each, client=OTHERS) if each.name in full else each)


# New models of flat names


@dataclass(frozen=True)
class Place:
    """Where a model of a flat name is to be made: a schema, and its name there."""

    schema: str
    name: str


@dataclass(frozen=True)
class FindPlace(Query[Look, Place]):
    """Find out where a model of a name is to be made: what an old name stands for, or else the schema of all others."""

    name: str

    open_to = "every principal: nothing is told but by making the model there, which is decided by itself"

    def run(self, tx: Look) -> Place:
        """The place, or `Invalid` for a flat name that has none."""
        if not rules.is_flat(self.name):
            return Place(*names.split(names.model(self.name)))
        there = legacy.find(tx, rules.old_name(self.name))
        if there and there.kind is Kind.MODEL and there.target:
            return Place(*names.split(there.target))
        home = legacy.home(tx)
        if (there and there.target) or not home:
            raise Invalid(
                f"'{self.name}' has one level. Please specify all three levels of the model name in the form "
                "`<catalog_name>.<schema_name>.<model_name>`; an admin can also name a schema for models of flat "
                "names with `modelyard legacy add '*' CATALOG.SCHEMA`.",
            )
        return Place(home, names.new_simple(self.name))


@dataclass(frozen=True)
class CreateFlatModel(Command[Write, RegisteredModel]):
    """Make a registered model in a schema, and let its flat name, if it has one, stand for it."""

    schema: Ref
    name: str
    called: str
    comment: str = ""
    tags: tuple[Tag, ...] = ()

    needs = (Need(Privilege.CREATE_MODEL, on="schema", naming="name"),)

    def run(self, tx: Write) -> RegisteredModel:
        """Make it, without versions."""
        made = CreateModel(self.schema, self.name, self.comment, self.tags).run(tx)
        if rules.is_flat(self.called):
            self._call(tx, made)
        return made

    def _call(self, tx: Write, made: RegisteredModel) -> None:
        there = legacy.find(tx, self.called)
        if legacy.home(tx) != self.schema.name or (there and there.target):
            raise AlreadyExists(f"'{self.called}' stands for something else by now; ask again.")
        if there:  # the model that it stood for was deleted
            legacy.remove(tx, self.called)
        legacy.add(tx, self.called, made.id, rules.aliases(rules.ALIASES))
        tx.announce(Event.OLD_NAME_ADDED, made.full_name, name=self.called)
