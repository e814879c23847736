"""The history of aliases, and the protection of those that only some may move.

A protection binds whoever is not named in it: owners, holders of MANAGE and metastore admins alike. It narrows what
privileges allow, and gives none. Admins may change it, which is a step of its own in the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain.aliases import MAX_MOVERS, MAX_PATTERNS, Move, Protection, barrier
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Node, Privilege
from modelyard.errors import Denied, Invalid, NotFound
from modelyard.store import access, aliases, models
from modelyard.store.alias_table import AliasTable
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class ListAliasMoves(Query[Look, Page[Move]]):
    """List the moves of a model's aliases, or of one alias, newest first; with a time, only where each stood then."""

    model: Ref
    window: Window
    alias: str = ""
    at: int | None = None

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    @property
    def is_brief(self) -> bool:
        """An alias may have moved thousands of times."""
        return False

    def run(self, tx: Look) -> Page[Move]:
        """List them."""
        return aliases.history(tx, tx.at(self.model).id, self.window, self.alias, self.at)


# What protections keep from happening


def hold_aliases(tx: Write, holder: Ref, table: AliasTable = models.ALIASES) -> list[Protection]:
    """Let nobody else move an alias of a model or prompt until this ends; what its schema protects."""
    guarding = aliases.protections(tx, tx.around(holder).id)
    table.lock(tx, tx.at(holder).id)
    return guarding


def check_aliases_of(tx: Write, holder: Ref, table: AliasTable = models.ALIASES) -> None:
    """`Denied`, if a model or prompt has a protected alias that the caller may not move; none moves until this ends."""
    guarding = hold_aliases(tx, holder, table)
    id_ = tx.at(holder).id
    check_moves(tx, guarding, (alias.name for alias in table.of_owners(tx, [id_]).get(id_, ())))


def check_moves(tx: Write, guarding: Sequence[Protection], names: Iterable[str]) -> None:
    """`Denied`, if a protection keeps the caller from moving one of these aliases.

    `guarding` is what `store.aliases.protections` gave for the schema, before the aliases themselves were locked.
    """
    for alias in names:
        if found := barrier(guarding, alias, tx.caller.identities):
            raise Denied(
                f"Alias '{alias}' is protected in Schema '{found.schema}' by '{found.pattern}': {found.who}. "
                "This binds owners and admins, too; an admin can change the protection.",
            )


def check_moves_below(tx: Write, container: Node) -> None:
    """`Denied`, if a protected alias that the caller may not move is set anywhere in a schema or catalog."""
    guarding = aliases.protections_below(tx, container.id)
    for schema, alias in aliases.set_below(tx, container.id) if guarding else ():
        check_moves(tx, [each for each in guarding if each.schema == schema], [alias])


# The protections themselves


@dataclass(frozen=True)
class ListProtectedAliases(Query[Look, list[Protection]]):
    """Show which aliases a schema protects, and who may move them."""

    schema: Ref

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Look) -> list[Protection]:
        """Show them by pattern."""
        return aliases.shown(tx, tx.at(self.schema).id)


@dataclass(frozen=True)
class ProtectAlias(Command[Write, list[Protection]]):
    """Let only some principals move aliases of a pattern in a schema; only they and admins may change it later."""

    schema: Ref
    pattern: str
    movers: tuple[str, ...]

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> list[Protection]:
        """Protect it, once no move is under way; what the schema protects then."""
        node = tx.at(self.schema)
        if not 1 <= len(self.movers) <= MAX_MOVERS:
            raise Invalid(f"name the principals who may move such aliases: from 1 to {MAX_MOVERS}.")
        there = _changeable(tx, node.id, self.pattern)
        if len(there) >= MAX_PATTERNS and all(each.pattern != self.pattern for each in there):
            raise Invalid(f"at most {MAX_PATTERNS} patterns are protected in a schema; remove one first.")
        ids = {access.required(tx, name).id: None for name in self.movers}
        aliases.protect(tx, node.id, self.pattern, ids)
        tx.announce(Event.ALIAS_PROTECTED, node.full_name, pattern=self.pattern, principals=sorted(self.movers))
        return aliases.shown(tx, node.id)


@dataclass(frozen=True)
class UnprotectAlias(Command[Write, None]):
    """Protect a pattern of aliases no longer; only for those who may move them, and for admins."""

    schema: Ref
    pattern: str

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> None:
        """Protect it no longer, or `NotFound`."""
        node = tx.at(self.schema)
        if all(each.pattern != self.pattern for each in _changeable(tx, node.id, self.pattern)):
            raise NotFound(f"{node} does not protect '{self.pattern}'.")
        aliases.unprotect(tx, node.id, self.pattern)
        tx.announce(Event.ALIAS_UNPROTECTED, node.full_name, pattern=self.pattern)


def _changeable(tx: Write, schema_id: str, pattern: str) -> list[Protection]:
    """What a schema protects, if the caller may change what it says of a pattern: as a mover, or as an admin."""
    there = aliases.protections(tx, schema_id)
    for each in there:
        if each.pattern == pattern and not tx.is_admin and not each.lets(tx.caller.identities):
            raise Denied(f"The protection of '{pattern}' is changed only by those who may move it, and by admins.")
    return there
