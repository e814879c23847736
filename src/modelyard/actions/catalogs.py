"""Catalogs and schemas: made, shown, listed, changed, renamed and deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.actions.aliases import check_moves_below
from modelyard.domain import names
from modelyard.domain.catalogs import Container
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.errors import Denied, Invalid, WrongState
from modelyard.store import access, aliases, catalogs, trash
from modelyard.store.tx import Look, Write

if TYPE_CHECKING:
    from modelyard.domain.privileges import Node

_CREATED: Final = {Kind.CATALOG: Event.CATALOG_CREATED, Kind.SCHEMA: Event.SCHEMA_CREATED}
_UPDATED: Final = {Kind.CATALOG: Event.CATALOG_UPDATED, Kind.SCHEMA: Event.SCHEMA_UPDATED}
_DELETED: Final = {Kind.CATALOG: Event.CATALOG_DELETED, Kind.SCHEMA: Event.SCHEMA_DELETED}


@dataclass(frozen=True)
class Change:
    """What an update says; None leaves a thing as it is. `owner` is a principal's name."""

    comment: str | None = None
    owner: str | None = None
    properties: dict[str, str] | None = None


@dataclass(frozen=True)
class About:
    """What a new container is told besides its name. `storage_root` is the URL of a store of its own."""

    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict[str, str])
    storage_root: str = ""


def _create(tx: Write, kind: Kind, parent: Node, full_name: str, about: About) -> Container:
    store_id = _store_at(tx, about.storage_root) if about.storage_root else None
    id_ = catalogs.add(tx, kind, parent, full_name, about.comment, about.properties, store_id)
    tx.announce(_CREATED[kind], full_name)
    return catalogs.get(tx, id_)


def _store_at(tx: Write, url: str) -> str:
    """The id of the store at a URL: one of those that the operator has named, for admins to give away."""
    if not tx.is_admin:
        raise Denied("only metastore admins may choose a storage_root; leave it out, or ask one of them.")
    store_id = tx.context.roots.get(url.rstrip("/"))
    if store_id is None:
        known = ", ".join(sorted(tx.context.roots)) or "none yet"
        raise Invalid(f"storage_root must be a place of the server's setting storage_locations ({known}).")
    return store_id


def _change(tx: Write, node: Node, change: Change, full_name: str | None = None) -> Container:
    owner = access.required(tx, change.owner) if change.owner is not None else None
    if full_name:
        check_moves_below(tx, node)
    catalogs.change(
        tx,
        node.id,
        full_name=full_name,
        owner_id=owner.id if owner else None,
        comment=change.comment,
        properties=change.properties,
    )
    tx.announce(_UPDATED[node.kind], full_name or node.full_name, was=node.full_name)
    return catalogs.get(tx, node.id)


def _delete(tx: Write, node: Node, *, force: bool) -> None:
    catalogs.lock(tx, node.id)  # first, so that nothing is put inside once it was found empty
    inside = catalogs.child(tx, node.id)
    if inside and not force:
        raise WrongState(f"{node} is not empty: it holds '{inside}'. Delete what is inside, or set force=true.")
    check_moves_below(tx, node)
    aliases.record_farewell(tx, node.id)
    trash.discard_inside(tx, node)
    catalogs.remove(tx, node.id)
    tx.announce(_DELETED[node.kind], node.full_name)


# Catalogs


@dataclass(frozen=True)
class CreateCatalog(Command[Write, Container]):
    """Make a catalog, owned by the caller."""

    name: str
    about: About = About()
    metastore: Ref = METASTORE

    needs = (Need(Privilege.CREATE_CATALOG, on="metastore", naming="name"),)

    def run(self, tx: Write) -> Container:
        """Make it."""
        return _create(tx, Kind.CATALOG, tx.at(self.metastore), self.name, self.about)


@dataclass(frozen=True)
class GetCatalog(Query[Look, Container]):
    """Show a catalog to those who may use it."""

    catalog: Ref

    needs = (Need(Privilege.USE_CATALOG, on="catalog", metadata=True),)

    def run(self, tx: Look) -> Container:
        """Show it."""
        return catalogs.get(tx, tx.at(self.catalog).id)


@dataclass(frozen=True)
class BrowseCatalog(Query[Look, Container]):
    """Show a catalog also to those who may only browse it."""

    catalog: Ref

    needs = (Need(Privilege.BROWSE, on="catalog", metadata=True),)

    def run(self, tx: Look) -> Container:
        """Show it, and say whether there is more to it than the caller may use."""
        usable = tx.is_admin or tx.may(self.catalog, Privilege.USE_CATALOG)
        return catalogs.get(tx, tx.at(self.catalog).id, browse_only=not usable)


@dataclass(frozen=True)
class ListCatalogs(Query[Look, Page[Container]]):
    """List the catalogs that the caller may use, or browse where that is asked for."""

    window: Window
    browse: bool = False

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Container]:
        """List them by name."""
        return catalogs.catalogs(tx, self.window, browse=self.browse)


@dataclass(frozen=True)
class UpdateCatalog(Command[Write, Container]):
    """Change a catalog's comment, owner or properties."""

    catalog: Ref
    change: Change

    needs = (Need(Privilege.MANAGE, on="catalog"),)

    def run(self, tx: Write) -> Container:
        """Change it."""
        return _change(tx, tx.at(self.catalog), self.change)


@dataclass(frozen=True)
class RenameCatalog(Command[Write, Container]):
    """Give a catalog, and so everything inside, another name; grants stay."""

    catalog: Ref
    name: str
    change: Change
    metastore: Ref = METASTORE

    needs = (
        Need(Privilege.MANAGE, on="catalog"),
        Need(Privilege.CREATE_CATALOG, on="metastore", naming="name"),
    )

    def run(self, tx: Write) -> Container:
        """Rename it."""
        return _change(tx, tx.at(self.catalog), self.change, self.name)


@dataclass(frozen=True)
class DeleteCatalog(Command[Write, None]):
    """Delete a catalog; one that is not empty only with `force`."""

    catalog: Ref
    force: bool = False

    needs = (Need(Privilege.MANAGE, on="catalog"),)

    def run(self, tx: Write) -> None:
        """Delete it."""
        _delete(tx, tx.at(self.catalog), force=self.force)


# Schemas


@dataclass(frozen=True)
class CreateSchema(Command[Write, Container]):
    """Make a schema in a catalog, owned by the caller."""

    catalog: Ref
    name: str
    about: About = About()

    needs = (Need(Privilege.CREATE_SCHEMA, on="catalog", naming="name"),)

    def run(self, tx: Write) -> Container:
        """Make it."""
        full_name = f"{self.catalog.name}.{self.name}"
        return _create(tx, Kind.SCHEMA, tx.at(self.catalog), full_name, self.about)


@dataclass(frozen=True)
class GetSchema(Query[Look, Container]):
    """Show a schema to those who may use it."""

    schema: Ref

    needs = (Need(Privilege.USE_SCHEMA, on="schema", metadata=True),)

    def run(self, tx: Look) -> Container:
        """Show it."""
        return catalogs.get(tx, tx.at(self.schema).id)


@dataclass(frozen=True)
class BrowseSchema(Query[Look, Container]):
    """Show a schema also to those who may only browse its catalog."""

    schema: Ref

    needs = (Need(Privilege.BROWSE, on="schema", metadata=True),)

    def run(self, tx: Look) -> Container:
        """Show it, and say whether there is more to it than the caller may use."""
        usable = tx.is_admin or tx.may(self.schema, Privilege.USE_SCHEMA)
        return catalogs.get(tx, tx.at(self.schema).id, browse_only=not usable)


@dataclass(frozen=True)
class ListSchemas(Query[Look, Page[Container]]):
    """List the schemas of a catalog that the caller may use, or browse where that is asked for."""

    catalog: str
    window: Window
    browse: bool = False

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Container]:
        """List them by name."""
        return catalogs.schemas(tx, self.catalog, self.window, browse=self.browse)


@dataclass(frozen=True)
class UpdateSchema(Command[Write, Container]):
    """Change a schema's comment, owner or properties."""

    schema: Ref
    change: Change

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> Container:
        """Change it."""
        return _change(tx, tx.at(self.schema), self.change)


@dataclass(frozen=True)
class RenameSchema(Command[Write, Container]):
    """Give a schema, and so every model inside, another name in its catalog; grants stay."""

    schema: Ref
    catalog: Ref
    name: str
    change: Change

    needs = (
        Need(Privilege.MANAGE, on="schema"),
        Need(Privilege.CREATE_SCHEMA, on="catalog", naming="name"),
    )

    def run(self, tx: Write) -> Container:
        """Rename it."""
        names.stays_in(self.schema.name, self.catalog.name)
        return _change(tx, tx.at(self.schema), self.change, f"{self.catalog.name}.{self.name}")


@dataclass(frozen=True)
class DeleteSchema(Command[Write, None]):
    """Delete a schema; one that is not empty only with `force`."""

    schema: Ref
    force: bool = False

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> None:
        """Delete it."""
        _delete(tx, tx.at(self.schema), force=self.force)
