"""The metastore and its one workspace: shown, and never changed."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain.metastore import Metastore
from modelyard.domain.privileges import Privilege
from modelyard.store import metastore
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class GetMetastore(Query[Look, Metastore]):
    """Show the metastore, by its id or without one."""

    id: str = ""

    open_to = "every principal: it shows the server's own names, which each answer about a catalog holds"

    def run(self, tx: Look) -> Metastore:
        """Show it."""
        return metastore.get(tx).named(self.id)


@dataclass(frozen=True)
class AssignMetastore(Command[Write, Metastore]):
    """Assign the metastore to the workspace that it has; any other assignment is refused."""

    workspace_id: int
    metastore_id: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> Metastore:
        """Leave it where it is."""
        return metastore.get(tx).keeps(self.workspace_id, self.metastore_id)


@dataclass(frozen=True)
class GetBindings(Query[Look, Metastore]):
    """Show which workspaces a catalog is bound to: there is one, and every catalog is."""

    catalog: Ref

    needs = (Need(Privilege.BROWSE, on="catalog", metadata=True),)

    def run(self, tx: Look) -> Metastore:
        """The metastore with its workspace."""
        return metastore.get(tx)


@dataclass(frozen=True)
class ChangeBindings(Command[Write, Metastore]):
    """Bind a catalog to the workspace that it is bound to; other workspaces are refused, and so is taking it away."""

    catalog: Ref
    add: tuple[int, ...] = ()
    remove: tuple[int, ...] = ()

    needs = (Need(Privilege.MANAGE, on="catalog"),)

    def run(self, tx: Write) -> Metastore:
        """Leave it bound."""
        return metastore.get(tx).binds(self.add, self.remove)
