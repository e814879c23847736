"""The audit, as those see it whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import Query, Ref
from modelyard.domain.journal import AuditFilter, Entry
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind
from modelyard.store import access, journal
from modelyard.store.tx import Look

_KINDS: Final = (Kind.CATALOG, Kind.SCHEMA, Kind.ROUTINE)


@dataclass(frozen=True)
class ListAudit(Query[Look, Page[Entry]]):
    """List rows of the audit, newest first: its own to everybody, those about a securable to whoever manages it.

    Metastore admins see all. A securable stands for everything inside; whoever manages a container also sees what was
    done to things that are gone from it. Whoever manages a thing sees what was done to earlier things of its name.
    """

    asked: AuditFilter
    window: Window
    oldest_first: bool = False

    open_to = "every principal: others' rows only where it manages the securable that is asked for, or as an admin"

    def run(self, tx: Look) -> Page[Entry]:
        """List them."""
        asked, own = self.asked, ""
        if not self._sees_all(tx):
            own = tx.caller.principal.id
            asked = replace(asked, principal=asked.principal or tx.actor)  # an index leads there
        elif known := access.principal_by_name(tx, asked.principal):
            asked = replace(asked, principal=known.name)  # in whatever case it was written
        return journal.page(tx, asked, self.window, own=own, oldest_first=self.oldest_first)

    def _sees_all(self, tx: Look) -> bool:
        name = self.asked.securable
        return tx.is_admin or (bool(name) and access.manages(tx, Ref(_KINDS[name.count(".")], name)))
