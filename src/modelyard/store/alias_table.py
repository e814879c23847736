"""Aliases, of registered models and of prompts: names that point at one version each and can be moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, select

from modelyard.domain.models import Alias
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Select, Table

    from modelyard.store.tx import Look, Row, Write


class AliasTable:
    """The aliases of one kind of thing that has versions."""

    def __init__(self, table: Table, owners: Table, owner: str, versions: Table) -> None:
        """`owner` is the column of `table` with the id of what has the alias: a row of `owners`."""
        self._owner = owner
        this = and_(table.c[owner] == bindparam("owner"), table.c.folded == bindparam("alias"))
        pointing = table.join(versions, versions.c.id == table.c.version_id)

        def listed(by: ColumnElement[str]) -> Select[Row]:
            shown = select(by, table.c.name, versions.c.number).select_from(pointing)
            return shown.where(is_in(by, "ids")).order_by(table.c.folded)  # pyright: ignore[reportReturnType]

        self._of_owners = listed(table.c[owner])
        self._of_versions = listed(table.c.version_id)
        self._points_at = select(versions.c.number).select_from(pointing).where(this)
        self._lock = select(owners.c.id).where(owners.c.id == bindparam("owner")).with_for_update()
        self._add = inserting(table)
        self._remove = delete(table).where(this)

    def of_owners(self, tx: Look, ids: Iterable[str]) -> dict[str, tuple[Alias, ...]]:
        """All aliases of several models or prompts, by their ids."""
        return _grouped(tx.rows(self._of_owners, ids=texts(ids)))

    def of_versions(self, tx: Look, ids: Iterable[str]) -> dict[str, tuple[Alias, ...]]:
        """All aliases that point at several versions, by their ids."""
        return _grouped(tx.rows(self._of_versions, ids=texts(ids)))

    def points_at(self, tx: Look, owner_id: str, alias: str) -> int | None:
        """The number of the version that an alias points at, if there is the alias."""
        row = tx.row(self._points_at, owner=owner_id, alias=alias.lower())
        return row[0] if row else None

    def lock(self, tx: Write, owner_id: str) -> None:
        """Let the moves of one model's or prompt's aliases go one after the other, until this transaction ends."""
        tx.row(self._lock, owner=owner_id)

    def set(self, tx: Write, owner_id: str, alias: str, version_id: str) -> int | None:
        """Point an alias at a version, wherever it pointed before; returns where that was."""
        before = self.remove(tx, owner_id, alias)
        tx.run(self._add, folded=alias.lower(), name=alias, version_id=version_id, **{self._owner: owner_id})
        return before

    def remove(self, tx: Write, owner_id: str, alias: str) -> int | None:
        """Take an alias away; returns where it pointed, or None when there was none."""
        before = self.points_at(tx, owner_id, alias)
        if before is not None:
            tx.run(self._remove, owner=owner_id, alias=alias.lower())
        return before


def _grouped(rows: Iterable[Row]) -> dict[str, tuple[Alias, ...]]:
    found: dict[str, tuple[Alias, ...]] = {}
    for id_, name, number in rows:
        found[id_] = (*found.get(id_, ()), Alias(name, number))
    return found
