"""Unity Catalog's own surface, `/api/2.1/unity-catalog/*`: catalogs, schemas, registered models, permissions.

Answers are flat objects (protocol notes §1.b). Privileges are understood with blanks and with underscores, and
written with underscores.
"""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import METASTORE, Ref
from modelyard.actions import access, catalogs, models
from modelyard.domain import names, pages
from modelyard.domain.catalogs import Container
from modelyard.domain.models import RegisteredModel
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import GrantChange, Kind, Privilege, parse
from modelyard.errors import Invalid
from modelyard.surfaces.wire import AnyAction, Here, Pair, Row, Translation, short, tag_dicts, tags, text

PREFIX: Final = "/api/2.1/unity-catalog"
_MOST: Final = 1_000
_MOST_MODELS: Final = 10_000
_KINDS: Final = {
    "metastore": Kind.METASTORE,
    "catalog": Kind.CATALOG,
    "schema": Kind.SCHEMA,
    "function": Kind.MODEL,
    "registered_model": Kind.MODEL,
    "model": Kind.MODEL,
}


# What is said


class Listing(msgspec.Struct, frozen=True):
    """A page of catalogs, schemas or models."""

    catalog_name: str | None = None
    schema_name: str | None = None
    max_results: int | None = None
    page_token: str | None = None
    include_browse: bool = False

    def window(self, query: str, most: int = _MOST) -> Window:
        """The page that is asked for."""
        return pages.window(self.max_results, self.page_token, query, default=most, most=most)


class One(msgspec.Struct, frozen=True):
    """A catalog, schema or model by the name in the path."""

    full_name: str = ""
    include_browse: bool = False
    include_aliases: bool = False
    force: bool = False

    @property
    def catalog(self) -> Ref:
        """The catalog."""
        return Ref(Kind.CATALOG, names.simple(self.full_name))

    @property
    def schema(self) -> Ref:
        """The schema."""
        return Ref(Kind.SCHEMA, names.schema(self.full_name))

    @property
    def model(self) -> Ref:
        """The model."""
        return Ref(Kind.MODEL, names.model(self.full_name))


class New(msgspec.Struct, frozen=True):
    """A new catalog, schema or model."""

    name: str = ""
    catalog_name: str = ""
    schema_name: str = ""
    comment: str | None = None
    properties: dict[str, str] | None = None
    storage_root: str | None = None
    storage_location: str | None = None
    tags: list[Pair] | None = None
    deployment_job_id: str | None = None


class Changed(One, frozen=True):
    """Changes to a catalog, schema or model."""

    new_name: str | None = None
    comment: str | None = None
    owner: str | None = None
    properties: dict[str, str] | None = None
    deployment_job_id: str | None = None

    @property
    def container(self) -> catalogs.Change:
        """What changes in a catalog or schema."""
        comment = None if self.comment is None else text(self.comment)
        return catalogs.Change(comment, self.owner, _properties(self.properties))


class PermissionChange(msgspec.Struct, frozen=True):
    """Privileges to add and remove for one principal."""

    principal: str = ""
    add: list[str] | None = None
    remove: list[str] | None = None

    def checked(self) -> GrantChange:
        """The change, with both spellings of privileges understood."""
        return GrantChange(
            self.principal,
            add=frozenset(parse(each) for each in self.add or ()),
            remove=frozenset(parse(each) for each in self.remove or ()),
        )


class Permissions(msgspec.Struct, frozen=True):
    """The permissions of one securable."""

    securable_type: str = ""
    full_name: str = ""
    principal: str = ""
    changes: list[PermissionChange] = []

    @property
    def ref(self) -> Ref:
        """The securable."""
        kind = _KINDS.get(self.securable_type.lower().removeprefix("securabletype."))
        match kind:
            case Kind.METASTORE:
                return METASTORE
            case Kind.CATALOG:
                return Ref(kind, names.simple(self.full_name))
            case Kind.SCHEMA:
                return Ref(kind, names.schema(self.full_name))
            case Kind.MODEL:
                return Ref(kind, names.model(self.full_name))
            case None:
                raise Invalid(f'"{self.securable_type[:60]}" is no securable type here; use {", ".join(_KINDS)}.')


def _properties(given: dict[str, str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    if len(given) > names.MAX_TAGS:
        raise Invalid(f"at most {names.MAX_TAGS} properties are kept.")
    return {text(key): text(value) for key, value in given.items()}


def _no_root(said: New) -> New:
    if said.storage_root or said.storage_location:
        raise Invalid("the server chooses where bytes are kept; leave storage_root and storage_location out.")
    return said


# How it is read


def _create_catalog(said: New) -> AnyAction:
    new = _no_root(said)
    return catalogs.CreateCatalog(names.new_simple(new.name), text(new.comment), _properties(new.properties) or {})


def _update_catalog(said: Changed) -> AnyAction:
    new = names.new_simple(said.new_name) if said.new_name else said.catalog.name
    if new == said.catalog.name:
        return catalogs.UpdateCatalog(said.catalog, said.container)
    return catalogs.RenameCatalog(said.catalog, new, said.container)


def _create_schema(said: New) -> AnyAction:
    new = _no_root(said)
    catalog = Ref(Kind.CATALOG, names.simple(new.catalog_name))
    properties = _properties(new.properties) or {}
    return catalogs.CreateSchema(catalog, names.new_simple(new.name), text(new.comment), properties)


def _update_schema(said: Changed) -> AnyAction:
    catalog, name = names.split(said.schema.name)
    new = names.new_simple(said.new_name) if said.new_name else name
    if new == name:
        return catalogs.UpdateSchema(said.schema, said.container)
    return catalogs.RenameSchema(said.schema, Ref(Kind.CATALOG, catalog), new, said.container)


def _list_schemas(said: Listing) -> AnyAction:
    catalog = names.simple(said.catalog_name or "")
    return catalogs.ListSchemas(catalog, said.window(f"schemas {catalog}"), said.include_browse)


def _create_model(said: New) -> AnyAction:
    new = _no_root(said)
    schema = names.schema(f"{new.catalog_name}.{new.schema_name}")
    return models.CreateModel(
        Ref(Kind.SCHEMA, schema),
        names.new_simple(new.name),
        text(new.comment),
        tags(new.tags),
        short(new.deployment_job_id),
    )


def _list_models(said: Listing) -> AnyAction:
    if bool(said.catalog_name) != bool(said.schema_name):
        raise Invalid("name both catalog_name and schema_name, or neither.")
    inside = names.schema(f"{said.catalog_name}.{said.schema_name}") if said.catalog_name else ""
    return models.SearchModels(said.window(f"models {inside}", _MOST_MODELS if inside else _MOST), inside)


def _update_model(said: Changed) -> AnyAction:
    change = models.ModelChange(
        None if said.comment is None else text(said.comment),
        said.owner,
        None if said.deployment_job_id is None else short(said.deployment_job_id),
    )
    return models.update(said.model, said.new_name, change)


def _change_permissions(said: Permissions) -> AnyAction:
    return access.ChangeGrants(said.ref, tuple(change.checked() for change in said.changes))


# How it is written


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
    if catalog:
        return {**common, "catalog_name": catalog, "schema_id": container.id}
    return {**common, "id": container.id, "isolation_mode": "OPEN", "securable_type": "CATALOG"}


def _containers(key: str, page: Page[Container], here: Here) -> dict[str, object]:
    return _paged({key: [_container(container, here) for container in page.items]}, page)


def _paged(answer: dict[str, object], page: Page[Container] | Page[RegisteredModel]) -> dict[str, object]:
    token = pages.token(page)
    return {**answer, "next_page_token": token} if token else answer


def _model(model: RegisteredModel, here: Here) -> dict[str, object]:
    catalog, schema, name = model.full_name.split(".")
    return {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "full_name": model.full_name,
        "id": model.id,
        "comment": model.comment,
        "owner": model.owner,
        "metastore_id": here.metastore_id,
        "created_at": model.created_at,
        "created_by": model.created_by,
        "updated_at": model.updated_at,
        "updated_by": model.updated_by,
        "browse_only": False,
        "aliases": [{"alias_name": alias.name, "version_num": alias.version} for alias in model.aliases],
        "tags": tag_dicts(model.tags),
        "deployment_job_id": model.deployment_job_id,
    }


def _models(page: Page[RegisteredModel], here: Here) -> object:
    return _paged({"registered_models": [_model(model, here) for model in page.items]}, page)


def _assignments(found: dict[str, list[Privilege]], _here: Here) -> object:
    return {
        "privilege_assignments": [
            {"principal": principal, "privileges": [privilege.value for privilege in privileges]}
            for principal, privileges in found.items()
        ],
    }


def _at(path: str) -> str:
    return f"{PREFIX}/{path}"


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _at("catalogs"), New, _create_catalog, _container),
    Translation(
        "GET",
        _at("catalogs"),
        Listing,
        read=lambda said: catalogs.ListCatalogs(said.window("catalogs"), said.include_browse),
        write=lambda page, here: _containers("catalogs", page, here),
    ),
    Translation(
        "GET",
        _at("catalogs/{full_name}"),
        One,
        read=lambda said: (catalogs.BrowseCatalog if said.include_browse else catalogs.GetCatalog)(said.catalog),
        write=_container,
    ),
    Translation("PATCH", _at("catalogs/{full_name}"), Changed, _update_catalog, _container),
    Translation(
        "DELETE",
        _at("catalogs/{full_name}"),
        One,
        read=lambda said: catalogs.DeleteCatalog(said.catalog, said.force),
    ),
    Translation("POST", _at("schemas"), New, _create_schema, _container),
    Translation(
        "GET",
        _at("schemas"),
        Listing,
        _list_schemas,
        write=lambda page, here: _containers("schemas", page, here),
    ),
    Translation(
        "GET",
        _at("schemas/{full_name}"),
        One,
        read=lambda said: (catalogs.BrowseSchema if said.include_browse else catalogs.GetSchema)(said.schema),
        write=_container,
    ),
    Translation("PATCH", _at("schemas/{full_name}"), Changed, _update_schema, _container),
    Translation(
        "DELETE",
        _at("schemas/{full_name}"),
        One,
        read=lambda said: catalogs.DeleteSchema(said.schema, said.force),
    ),
    Translation("POST", _at("models"), New, _create_model, _model),
    Translation("GET", _at("models"), Listing, _list_models, _models),
    Translation(
        "GET",
        _at("models/{full_name}"),
        One,
        read=lambda said: models.GetModel(said.model),
        write=_model,
    ),
    Translation("PATCH", _at("models/{full_name}"), Changed, _update_model, _model),
    Translation(
        "DELETE",
        _at("models/{full_name}"),
        One,
        read=lambda said: models.DeleteModel(said.model),
    ),
    Translation(
        "GET",
        _at("permissions/{securable_type}/{full_name}"),
        Permissions,
        read=lambda said: access.GetGrants(said.ref, said.principal),
        write=_assignments,
    ),
    Translation(
        "PATCH",
        _at("permissions/{securable_type}/{full_name}"),
        Permissions,
        read=_change_permissions,
        write=_assignments,
    ),
)
