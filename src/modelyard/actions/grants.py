"""Grants: shown, shown with what is inherited, and changed."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain.grants import MOST, Assignment
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import GrantChange, Privilege
from modelyard.store import access, catalogs, grants
from modelyard.store.tx import Look, Write

_WHOLE: Final = Window(10_000)
"""All grants of a securable: more grantees than one can have."""

_PAGE: Final = Window(MOST)


def _seen(tx: Look, securable: Ref, asked: AbstractSet[str] | None) -> AbstractSet[str] | None:
    """Whose grants the caller may see (None: everybody's), of those that are asked for: who manages sees all."""
    if tx.may(securable, Privilege.MANAGE):
        return asked
    mine = tx.caller.identities
    return mine if asked is None else mine & asked


@dataclass(frozen=True)
class GetGrants(Query[Look, Page[Assignment]]):
    """Show who was granted what on a securable: everything to those who manage it, else the caller's own."""

    securable: Ref
    principal: str = ""
    window: Window = _WHOLE

    needs = (Need(Privilege.BROWSE, on="securable", metadata=True),)

    def run(self, tx: Look) -> Page[Assignment]:
        """Privileges by the names of principals; of one alone, if it is named."""
        asked = {access.required(tx, self.principal).id} if self.principal else None
        return grants.assignments(tx, [tx.at(self.securable)], self.window, _seen(tx, self.securable, asked))


@dataclass(frozen=True)
class GetEffectiveGrants(Query[Look, Page[Assignment]]):
    """Show who holds what on a securable, containers included; of one principal also what it holds through groups.

    As with `GetGrants`, those who manage the securable see everything, others their own.
    """

    securable: Ref
    principal: str = ""
    window: Window = _PAGE

    needs = (Need(Privilege.BROWSE, on="securable", metadata=True),)

    def run(self, tx: Look) -> Page[Assignment]:
        """Privileges by the names of principals, with where each is inherited from."""
        levels = tx.context.chains[self.securable].nodes
        if not self.principal:
            return grants.assignments(tx, levels, self.window, _seen(tx, self.securable, None))
        ways = grants.memberships(tx, access.required(tx, self.principal).id)
        found = grants.assignments(tx, levels, self.window, _seen(tx, self.securable, ways.keys()))
        by_name = {way[-1]: way for way in ways.values()}
        return replace(found, items=tuple(replace(each, through=by_name[each.principal]) for each in found.items))


@dataclass(frozen=True)
class ChangeGrants(Command[Write, Page[Assignment] | None]):
    """Grant and revoke privileges on a securable; `silent` leaves out the answer."""

    securable: Ref
    changes: tuple[GrantChange, ...]
    silent: bool = False

    needs = (Need(Privilege.MANAGE, on="securable"),)

    def run(self, tx: Write) -> Page[Assignment] | None:
        """What everybody holds on it afterwards."""
        node = tx.at(self.securable)
        catalogs.lock(tx, node.id)  # first, so that everybody adds to and takes from what the one before has left
        for change in self.changes:
            principal = access.required(tx, change.principal)
            grants.change(tx, node.id, principal.id, change.checked(node.kind))
            tx.announce(
                Event.GRANTS_CHANGED,
                node.full_name,
                principal=principal.name,
                add=sorted(change.add),
                remove=sorted(change.remove),
            )
        return None if self.silent else grants.assignments(tx, [node], _WHOLE)
