"""What the tables of Unity Catalog's surface share: its prefix, its requests, its kinds of securable."""

from __future__ import annotations

import uuid
from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import catalogs
from modelyard.domain import names, pages
from modelyard.domain.models import Alias
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Pair, text

PREFIX: Final = "/api/2.1/unity-catalog"
MOST: Final = 1_000


def at(path: str) -> str:
    """A path of this surface."""
    return f"{PREFIX}/{path}"


class Listing(msgspec.Struct, frozen=True):
    """A page of catalogs, schemas or models."""

    catalog_name: str | None = None
    schema_name: str | None = None
    max_results: int | None = None
    page_token: str | None = None
    include_browse: bool = False

    def window(self, query: str, most: int = MOST) -> Window:
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
        return catalogs.Change(comment, self.owner, properties(self.properties))


def properties(given: dict[str, str] | None) -> dict[str, str] | None:
    """Properties, checked."""
    if given is None:
        return None
    if len(given) > names.MAX_TAGS:
        raise Invalid(f"at most {names.MAX_TAGS} properties are kept.")
    return {text(key): text(value) for key, value in given.items()}


def aliases(model: str, given: tuple[Alias, ...]) -> dict[str, object]:
    """The aliases of a model or of one of its versions; the field is left out where there are none."""
    return {"aliases": [alias_info(model, alias) for alias in given]} if given else {}


def alias_info(model: str, alias: Alias) -> dict[str, object]:
    """RegisteredModelAlias. An alias is told apart by its model and name, so its id is made from them."""
    catalog, schema, name = model.split(".")
    return {
        "alias_name": alias.name,
        "version_num": alias.version,
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{model}@{alias.name.lower()}")),
        "model_name": name,
        "catalog_name": catalog,
        "schema_name": schema,
    }


def paged(answer: dict[str, object], page: Page[Any]) -> dict[str, object]:
    """An answer with the token of the page after it."""
    token = pages.token(page)
    return {**answer, "next_page_token": token} if token else answer
