"""Catalogs and schemas."""

from __future__ import annotations

from typing import Final

from modelyard.action import Ref
from modelyard.actions import catalogs
from modelyard.domain import names
from modelyard.domain.catalogs import Container
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.surfaces.unity.words import Changed, Listing, New, One, at, paged, properties
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation, text


def _create_catalog(said: New) -> AnyAction:
    return catalogs.CreateCatalog(names.new_simple(said.name), _about(said))


def _about(said: New) -> catalogs.About:
    return catalogs.About(text(said.comment), properties(said.properties) or {}, said.storage_root or "")


def _update_catalog(said: Changed) -> AnyAction:
    new = names.new_simple(said.new_name) if said.new_name else said.catalog.name
    if new == said.catalog.name:
        return catalogs.UpdateCatalog(said.catalog, said.container)
    return catalogs.RenameCatalog(said.catalog, new, said.container)


def _create_schema(said: New) -> AnyAction:
    catalog = Ref(Kind.CATALOG, names.simple(said.catalog_name))
    return catalogs.CreateSchema(catalog, names.new_simple(said.name), _about(said))


def _update_schema(said: Changed) -> AnyAction:
    catalog, name = names.split(said.schema.name)
    new = names.new_simple(said.new_name) if said.new_name else name
    if new == name:
        return catalogs.UpdateSchema(said.schema, said.container)
    return catalogs.RenameSchema(said.schema, Ref(Kind.CATALOG, catalog), new, said.container)


def _list_schemas(said: Listing) -> AnyAction:
    catalog = names.simple(said.catalog_name or "")
    return catalogs.ListSchemas(catalog, said.window(f"schemas {catalog}"), said.include_browse)


def _container(container: Container, here: Here) -> dict[str, object]:
    catalog, name = names.split(container.full_name)
    common: dict[str, object] = {
        "name": name,
        "full_name": container.full_name,
        "comment": container.comment,
        "properties": container.properties,
        "owner": container.owner,
        "metastore_id": here.metastore_id,
        "catalog_type": "MANAGED_CATALOG",
        "created_at": container.created_at,
        "created_by": container.created_by,
        "updated_at": container.updated_at,
        "updated_by": container.updated_by,
        "browse_only": container.browse_only,
        "enable_predictive_optimization": "INHERIT",
    }
    if container.storage_root:
        common |= {"storage_root": container.storage_root, "storage_location": container.storage_root}
    if catalog:
        return {**common, "catalog_name": catalog, "schema_id": container.id}
    return {**common, "id": container.id, "isolation_mode": "OPEN", "securable_type": "CATALOG"}


def _containers(key: str, page: Page[Container], here: Here) -> dict[str, object]:
    return paged({key: [_container(container, here) for container in page.items]}, page)


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", at("catalogs"), New, _create_catalog, _container),
    Translation(
        "GET",
        at("catalogs"),
        Listing,
        read=lambda said: catalogs.ListCatalogs(said.window("catalogs"), said.include_browse),
        write=lambda page, here: _containers("catalogs", page, here),
    ),
    Translation(
        "GET",
        at("catalogs/{full_name}"),
        One,
        read=lambda said: (catalogs.BrowseCatalog if said.include_browse else catalogs.GetCatalog)(said.catalog),
        write=_container,
    ),
    Translation("PATCH", at("catalogs/{full_name}"), Changed, _update_catalog, _container),
    Translation(
        "DELETE",
        at("catalogs/{full_name}"),
        One,
        read=lambda said: catalogs.DeleteCatalog(said.catalog, said.force),
    ),
    Translation("POST", at("schemas"), New, _create_schema, _container),
    Translation(
        "GET",
        at("schemas"),
        Listing,
        _list_schemas,
        write=lambda page, here: _containers("schemas", page, here),
    ),
    Translation(
        "GET",
        at("schemas/{full_name}"),
        One,
        read=lambda said: (catalogs.BrowseSchema if said.include_browse else catalogs.GetSchema)(said.schema),
        write=_container,
    ),
    Translation("PATCH", at("schemas/{full_name}"), Changed, _update_schema, _container),
    Translation(
        "DELETE",
        at("schemas/{full_name}"),
        One,
        read=lambda said: catalogs.DeleteSchema(said.schema, said.force),
    ),
)
