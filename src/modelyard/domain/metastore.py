"""The metastore, of which there is one, and the one workspace that it is assigned to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelyard.errors import NotFound, WrongState


@dataclass(frozen=True, slots=True)
class Metastore:
    """The outermost container; times are epoch milliseconds."""

    id: str
    owner: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    workspace_id: int

    def named(self, id_: str) -> Metastore:
        """Itself, if it is meant: by its id, or by none."""
        if id_ not in {"", self.id}:
            raise NotFound(f"there is no metastore with id {id_}; the only one here is {self.id}.")
        return self

    def keeps(self, workspace_id: int, metastore_id: str) -> Metastore:
        """Itself, if the assignment is the one that there is; no other can be made."""
        if (workspace_id, metastore_id) != (self.workspace_id, self.id):
            raise WrongState(
                f"this server has one workspace, {self.workspace_id}, and its metastore, {self.id}; "
                "neither can be assigned elsewhere.",
            )
        return self

    def binds(self, add: Iterable[int], remove: Iterable[int]) -> Metastore:
        """Itself, if catalogs stay bound to its workspace, and to no other."""
        if set(add) - {self.workspace_id} or set(remove) & {self.workspace_id}:
            raise WrongState(
                f"this server has one workspace, {self.workspace_id}, and every catalog is bound to it; "
                "restrict a catalog by its grants instead.",
            )
        return self
