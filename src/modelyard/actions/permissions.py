"""Permissions on objects of the metastore, whatever their kind: who has which level, and giving and taking levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain.journal import Event
from modelyard.domain.privileges import APPLICABLE, LEVELS, GrantChange, Kind, Node, Privilege, highest
from modelyard.errors import Invalid
from modelyard.store import access, catalogs, grants
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class Permitted:
    """A principal, and the level that it was permitted."""

    principal: str
    kind: str
    level: Privilege
    inherited: bool = False


@dataclass(frozen=True)
class Permissions:
    """Whom an object is permitted to: its owner and admins first. `id` is how the reference that was asked by names it.

    `name` is its full name.
    """

    id: str
    name: str
    permitted: tuple[Permitted, ...]


@dataclass(frozen=True)
class GetPermissions(Query[Look, Permissions]):
    """Show who may do what with an object, such as an endpoint."""

    target: Ref

    needs = (Need(Privilege.CAN_MANAGE, on="target"),)

    def run(self, tx: Look) -> Permissions:
        """Owner and admins first."""
        return _permissions(tx, tx.at(self.target))


@dataclass(frozen=True)
class ChangePermissions(Command[Write, Permissions]):
    """Permit an object to principals; `replaces` takes it from all others first."""

    target: Ref
    levels: tuple[tuple[str, StrEnum], ...]
    replaces: bool = False

    needs = (Need(Privilege.CAN_MANAGE, on="target"),)

    def run(self, tx: Write) -> Permissions:
        """Who may do what afterwards."""
        node = tx.at(self.target)
        catalogs.lock(tx, node.id)
        applicable = APPLICABLE[node.kind]
        asked = [(access.required(tx, name), _level(node.kind, level)) for name, level in self.levels]
        if self.replaces:
            for principal_id, _ in grants.all_on(tx, node.id):
                grants.change(tx, node.id, principal_id, GrantChange("", remove=applicable))
        for principal, level in asked:
            change = GrantChange(principal.name, add=frozenset({level}), remove=applicable - {level})
            grants.change(tx, node.id, principal.id, change)
        told = [{"principal": principal.name, "level": level.value} for principal, level in asked]
        found = _permissions(tx, node)
        tx.subject = found.name  # it may have been named by its id
        tx.announce(Event.GRANTS_CHANGED, found.name, permissions=told, replaces=self.replaces)
        return found


def _level(kind: Kind, level: StrEnum) -> Privilege:
    if level.value not in LEVELS[kind]:
        allowed = ", ".join(LEVELS[kind])
        raise Invalid(f"{level.value} is not permitted on this kind of object; use one of {allowed}.")
    return Privilege(level.value)


def _permissions(tx: Look, node: Node) -> Permissions:
    held: dict[tuple[str, str], set[Privilege]] = {}
    for name, kind, privilege in grants.permitted(tx, node.id):
        held.setdefault((name, kind), set()).add(Privilege(privilege))
    return Permissions(node.id, catalogs.name_of(tx, node.id), tuple(_shown(tx, node, held.items())))


def _shown(tx: Look, node: Node, held: Iterable[tuple[tuple[str, str], set[Privilege]]]) -> Iterable[Permitted]:
    yield Permitted(*grants.owner_of(tx, node.id), Privilege.CAN_MANAGE)
    yield Permitted("admins", "group", Privilege.CAN_MANAGE, inherited=True)
    for (name, kind), privileges in held:
        yield Permitted(name, kind, highest(frozenset(privileges), node.kind))
